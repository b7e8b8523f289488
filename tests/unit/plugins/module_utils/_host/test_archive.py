# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import pathlib
import stat

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host import archive


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_goes_into_folders_nobody_else_can_enter(tmp_path: pathlib.Path) -> None:
    source, target = tmp_path / "a.yaml", tmp_path / "backups" / "retired-1" / "manifests" / "a.yaml"
    source.write_text("kept")
    assert archive.set_aside(str(source), str(target)) == [(str(source), str(target))]
    assert target.read_text() == "kept"
    assert not source.exists()
    assert {mode(target.parents[number]) for number in range(3)} == {0o700}


def test_again_there_is_nothing_to_move(tmp_path: pathlib.Path) -> None:
    assert archive.set_aside(str(tmp_path / "gone"), str(tmp_path / "x")) == []
    assert not (tmp_path / "x").exists()


def test_a_folder_is_closed(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "etcd"
    (source / "member").mkdir(parents=True)
    source.chmod(0o755)
    target = tmp_path / "etcd.retired-1"
    archive.set_aside(str(source), str(target))
    assert (target / "member").is_dir()
    assert mode(target) == 0o700


def test_check_mode_moves_nothing(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "a"
    source.write_text("kept")
    assert archive.set_aside(str(source), str(tmp_path / "n" / "b"), check_mode=True)
    assert source.exists()
    assert not (tmp_path / "n").exists()


def test_a_destination_that_is_taken_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(HaError, match="which already exists"):
        archive.set_aside(str(tmp_path / "a"), str(tmp_path / "b"))
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("a", "b")


def test_the_content_of_a_mount_stays_on_its_disk(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "etcd"
    for name in ("member", "etcd.retired-1", "lost+found"):
        (source / name).mkdir(parents=True)
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(source))
    moved = archive.set_aside(str(source), str(source) + ".retired-2")
    assert moved == [(str(source / "member"), str(source / "etcd.retired-2" / "member"))]
    assert sorted(item.name for item in source.iterdir()) == ["etcd.retired-1", "etcd.retired-2", "lost+found"]
    assert archive.set_aside(str(source), str(source) + ".retired-3") == []


def test_another_disk(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.rename
    source, target = tmp_path / "d", tmp_path / "far" / "d"
    source.mkdir()
    (source / "f").write_text("kept")
    (tmp_path / "far" / "d.partial").mkdir(parents=True)  # of a run that was cut short

    def rename(old: str, new: str) -> None:
        if str(old) == str(source):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    archive.set_aside(str(source), str(target))
    assert (target / "f").read_text() == "kept"
    assert not source.exists()
    assert [item.name for item in (tmp_path / "far").iterdir()] == ["d"]


def test_why_it_failed_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "file").write_text("")
    with pytest.raises(HaError, match="can't be moved"):
        archive.set_aside(str(tmp_path / "a"), str(tmp_path / "file" / "b"))
