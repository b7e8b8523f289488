# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from bedlib import hosts, images

LDD = """\
\tlinux-vdso.so.1 (0x00007ffd)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f11)
\tlibgone.so => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f12)
"""


def read(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: handle.read() for m in tar if (handle := tar.extractfile(m))}


def test_archive_names_its_layer_by_its_hash() -> None:
    layer = images.Layer()
    layer.file("opt/tool/run", b"#!/bin/sh\n", 0o755)
    raw = layer.tar()
    parts = read(images.archive("registry.example/a:1", raw, entrypoint=("/opt/tool/run",), arch="arm64"))
    (manifest,) = json.loads(parts["manifest.json"])
    assert manifest["RepoTags"] == ["registry.example/a:1"]
    assert manifest["Layers"] == ["layer.tar"]
    assert parts["layer.tar"] == raw
    config = json.loads(parts[manifest["Config"]])
    assert manifest["Config"] == hashlib.sha256(parts[manifest["Config"]]).hexdigest() + ".json"
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(raw).hexdigest()]
    assert config["config"]["Entrypoint"] == ["/opt/tool/run"]
    assert config["architecture"] == "arm64"


def test_layer_has_parents_before_files_and_is_the_same_each_time() -> None:
    def made(order: list[str]) -> bytes:
        layer = images.Layer()
        for name in order:
            layer.file(name, name.encode())
        return layer.tar()

    assert made(["a/b/c", "d"]) == made(["d", "a/b/c"])
    with tarfile.open(fileobj=io.BytesIO(made(["a/b/c", "d"]))) as tar:
        names = tar.getnames()
        assert names.index("a") < names.index("a/b") < names.index("a/b/c")
        assert tar.getmember("bin").linkname == "usr/bin"
        assert {m.mtime for m in tar} == {0}


def test_libraries_takes_the_paths_and_leaves_what_was_not_found() -> None:
    assert images.libraries(LDD) == ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]


@pytest.mark.parametrize(("path", "where"), [("/lib/x", "usr/lib/x"), ("/usr/lib/x", "usr/lib/x"), ("/bin", "bin")])
def test_merged(path: str, where: str) -> None:
    assert images.merged(path) == where


def test_image_references_are_unique() -> None:
    references = [image.reference for image in images.every()]
    assert len(set(references)) == len(references)


def test_link_tree_shares_blobs_and_copies_databases(tmp_path: Path) -> None:
    source, target = tmp_path / "store", tmp_path / "host" / "containerd"
    (source / "content").mkdir(parents=True)
    (source / "content" / "blob").write_bytes(b"blob")
    (source / "content" / "meta.db").write_bytes(b"database")
    (source / "content" / "uuid").write_bytes(b"one machine's")
    target.mkdir(parents=True)
    hosts.link_tree(source, target)
    assert os.path.samefile(source / "content/blob", target / "content/blob")
    assert not os.path.samefile(source / "content/meta.db", target / "content/meta.db")
    assert (target / "content/meta.db").read_bytes() == b"database"
    assert not (target / "content/uuid").exists()
    assert (source / "content/uuid").exists()
