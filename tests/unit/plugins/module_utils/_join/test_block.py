# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices in the place of lost volumes' folders: what may stand there, and what must not be touched."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._join import block as blocking

CLAIM = "onecloud/default-data"


def volume(path: Path | str, claim: str = CLAIM) -> dict[str, str]:
    return {"path": str(path), "claim": claim}


def test_a_notice_stands_where_the_folder_would_be_and_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "made" / "too" / "data"
    assert blocking.block([volume(path)], check_mode=True) == [str(path)]
    assert not path.parent.exists()
    assert blocking.block([volume(path)]) == [str(path)]
    assert CLAIM in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o444 & ~_umask()
    assert blocking.block([volume(path)]) == []
    # Another volume of ours at the same path.
    assert blocking.block([volume(path, "other/claim")]) == []


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _folder(path: Path) -> None:
    path.mkdir()


def _file(path: Path) -> None:
    path.write_text("data\n", encoding="utf-8")


def _empty(path: Path) -> None:
    path.touch()


def _large(path: Path) -> None:
    path.write_text("cloudpods.ha: the volume of x" + "y" * 5000, encoding="utf-8")


def _link_to_folder(path: Path) -> None:
    path.symlink_to(path.parent)


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "not there")


def _link_to_notice(path: Path) -> None:
    blocking.block([volume(path.parent / "notice")])
    path.symlink_to(path.parent / "notice")


def _hard_link_to_notice(path: Path) -> None:
    blocking.block([volume(path.parent / "notice")])
    os.link(path.parent / "notice", path)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (_folder, "a folder"),
        (_file, "a file"),
        (_empty, "a file"),
        (_large, "a file"),
        (_link_to_folder, "a symbolic link"),
        (_broken_link, "a symbolic link"),
        (_link_to_notice, "a symbolic link"),
        (_hard_link_to_notice, "a file"),
        (_pipe, "a named pipe"),
        (_socket, "a socket"),
    ],
)
def test_whatever_else_stands_there_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, kind: str
) -> None:
    # The name of a socket must be short.
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data"
    make(Path("data").absolute() if make is not _socket else Path("data"))
    before = os.lstat(path)
    for spelling in (str(path), str(path) + "/", str(path) + "//./"):
        with pytest.raises(Unsafe, match="^REPLACEMENT_HAS_DATA: .*/data is {0}[.,]".format(kind)):
            blocking.block([volume(tmp_path / "another"), volume(spelling)])
    assert not (tmp_path / "another").exists()
    after = os.lstat(path)
    assert (after.st_ino, after.st_mode, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_mode,
        before.st_size,
        before.st_mtime_ns,
    )


@pytest.mark.parametrize("kind", [stat.S_IFBLK, stat.S_IFCHR])
def test_a_device_is_refused(monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    found = os.stat_result((kind | 0o660, 1, 1, 1, 0, 0, 0, 0, 0, 0))
    monkeypatch.setattr(blocking.os, "lstat", lambda _path: found)
    assert blocking.kind_at("/dev/x").endswith(" device")


def test_a_path_below_a_file_is_refused_and_one_below_another_volume_is_blocked_with_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("data", encoding="utf-8")
    with pytest.raises(Unsafe, match="below a file"):
        blocking.block([volume(tmp_path / "file" / "data")])
    volumes = [volume(tmp_path / "a" / "b"), volume(tmp_path / "a")]
    assert blocking.block(volumes) == [str(tmp_path / "a")]
    assert blocking.block(volumes) == []


def test_a_trailing_slash_makes_no_folder(tmp_path: Path) -> None:
    assert blocking.block([volume(str(tmp_path / "data") + "/")]) == [str(tmp_path / "data")]
    assert (tmp_path / "data").is_file()


@pytest.mark.parametrize("path", ["", "/", "/data", "//data/", "data/x", "./data/x", "/opt/../etc", "/a/b\0c"])
def test_a_path_that_is_no_volume_s_is_refused(path: str) -> None:
    with pytest.raises(HaError, match="can't be the folder"):
        blocking.block([volume(path)], check_mode=True)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cron.d/x",
        "//etc/./ssh/x",
        "/root/.ssh/authorized_keys",
        "/var/lib/kubelet/pods/x",
        "/usr/lib/x",
        "/dev/sdb1",
        "/var/lib/etcd/member",
        "/var/lib/rancher/k3s/server/manifests/x.yaml",
        "/var/lib/rancher/k3s",
        "/var/spool/cron/root",
        "/run/x/y",
    ],
)
def test_a_path_in_a_folder_of_the_system_is_refused(path: str) -> None:
    with pytest.raises(HaError, match="folder of the system") as found:
        blocking.block([volume(path)], check_mode=True)
    assert CLAIM in str(found.value)


@pytest.mark.parametrize(
    "path", ["/var/lib/rancher/k3s/storage/pvc-1/x", "/etcd-data/x", "/var/lib/etcd2/x", "/opt/etc/x", "/mnt/disk/root"]
)
def test_a_path_beside_a_folder_of_the_system_is_a_volume_s(path: str) -> None:
    assert blocking.block([volume(path)], check_mode=True) == [path]


def test_a_link_that_leads_into_a_folder_of_the_system_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(HaError, match="which is /etc/made/data, is a folder of the system"):
        blocking.block([volume(tmp_path / "link" / "made" / "data")])
    (tmp_path / "disk").mkdir()
    (tmp_path / "storage").symlink_to("disk")
    assert blocking.block([volume(tmp_path / "storage" / "data")])
    assert (tmp_path / "disk" / "data").is_file()


def test_what_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, secret = tmp_path / "data", tmp_path / "secret"
    path.symlink_to(secret)
    monkeypatch.setattr(blocking, "kind_at", lambda _path: "")
    with pytest.raises(HaError, match="can't be written"):
        blocking.block([volume(path)])
    assert not secret.exists()
