# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import walk

SHELLS = [name for name in ("bash", "dash", "busybox") if shutil.which(name)]


def listed(*paths: Path, shell: str = "sh", whole: bool = True, first_bytes: int = 100) -> list[walk.Entry]:
    asked = walk.command([str(path) for path in paths], whole=whole, first_bytes=first_bytes)
    argv = (["busybox", "sh"] if shell == "busybox" else [shell]) + asked[1:]
    done = subprocess.run(argv, capture_output=True, check=False)
    if done.returncode:
        raise HaError(done.stderr.decode())
    lines = done.stdout.decode().splitlines()
    return [entry for batch in walk.entries(lines, first_bytes=first_bytes) for entry in batch]


def drive(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in {".minio.sys/format.json": b"{}", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


ODD = "b/with space/$(id) `id` 'x' \"y\" \\ *?[a] \u00e4\n-n/xl.meta"


@pytest.mark.parametrize("shell", SHELLS)
def test_each_file_is_told_with_its_size_and_metadata_with_its_begin(tmp_path: Path, shell: str) -> None:
    files = {"b/a/xl.meta": b"1" * 300, "b/a/id/part.1": b"2" * 70, ODD: b"3" * 50, "c/.hidden/xl.json": b""}
    found = {entry.path: entry for entry in listed(drive(tmp_path, files), shell=shell)}
    assert {path: entry.size for path, entry in found.items()} == {
        str(tmp_path / name): len(content) for name, content in files.items()
    }
    assert found[str(tmp_path / "b/a/xl.meta")].content == b"1" * 100
    assert found[str(tmp_path / ODD)].content == b"3" * 50
    assert not any(entry.torn for entry in found.values())


@pytest.mark.parametrize("shell", SHELLS)
def test_more_files_than_a_batch_come_in_several(tmp_path: Path, shell: str) -> None:
    count = walk.BATCH + 7
    found = listed(drive(tmp_path, {f"b/o{n}/xl.meta": b"%d" % n for n in range(count)}), shell=shell)
    assert len(found) == count
    assert all(entry.content == entry.path.split("/o")[-1].split("/")[0].encode() for entry in found)


def test_of_minio_s_own_folder_only_the_configuration_is_listed(tmp_path: Path) -> None:
    files = {
        ".minio.sys/tmp/x/xl.meta": b"",
        ".minio.sys/multipart/x/xl.meta": b"",
        ".minio.sys/buckets/.usage.json/xl.meta": b"",
        "lost+found/x": b"",
    }
    kept = {".minio.sys/config/config.json/xl.meta": b"", ".minio.sys/buckets/b/.metadata.bin/xl.meta": b""}
    found = listed(drive(tmp_path, {**files, **kept}))
    assert {entry.path for entry in found} == {str(tmp_path / name) for name in kept}


def test_links_are_not_followed(tmp_path: Path) -> None:
    drive(tmp_path / "d", {"b/a/xl.meta": b"1"})
    (tmp_path / "d/b/link").symlink_to(tmp_path)
    assert len(listed(tmp_path / "d")) == 1


def test_given_folders_are_listed_and_one_that_is_not_there_is_empty(tmp_path: Path) -> None:
    drive(tmp_path, {"b/a/xl.meta": b"1", "b/c/xl.meta": b"2"})
    found = listed(tmp_path / "b/c", tmp_path / "b/none", whole=False)
    assert [entry.content for entry in found] == [b"2"]


def test_a_folder_that_is_no_drive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HaError, match="holds no drive of MinIO"):
        listed(tmp_path)


def frame(kind: str, data: bytes) -> list[str]:
    return [kind, *base64.encodebytes(data).decode().splitlines(), "."]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], "ended early"),
        (frame("+", b"0\n"), "ended early"),
        (frame("+", b"0\n")[:-1], "ended early"),
        (["sh: not found", "end"], "not in its form"),
        ([*frame("+", b"x\n"), "end"], "not in its form"),
        ([*frame("+", b"2\n1\n1\na\0"), "end"], "not in its form"),
        (["+", "%%%", ".", "end"], "not in its form"),
        ([*frame("!", b"/export/b"), "end"], "/export/b can't be read"),
    ],
)
def test_what_is_not_whole_is_an_error(lines: list[str], error: str) -> None:
    with pytest.raises(HaError, match=error):
        list(walk.entries(lines))


def test_a_file_that_changes_meanwhile_makes_its_batch_torn() -> None:
    paths = b"/d/b/a/xl.meta\0/d/b/c/xl.meta\0/d/b/c/part.1\0"
    (batch,) = walk.entries([*frame("+", b"3\n5\n5\n9\n" + paths + b"XL2 ."), "end"])
    assert [(entry.torn, entry.content) for entry in batch] == [(True, b""), (True, b""), (False, b"")]


def test_a_file_that_is_gone_is_left_out() -> None:
    (batch,) = walk.entries([*frame("+", b"2\n-1\n3\n/d/b/a/xl.meta\0/d/b/c/xl.meta\0abc"), "end"])
    assert [(entry.path, entry.content) for entry in batch] == [("/d/b/c/xl.meta", b"abc")]
