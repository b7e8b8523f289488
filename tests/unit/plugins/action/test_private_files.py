# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller are whole, their owner's alone, and nothing of them is told."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import types
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.cloudpods.ha.plugins.action import private_files as action

SECRET = "marked-secret"
TEXT: dict[str, Any] = {"name": "a.txt", "text": SECRET + " ä\n"}


def run(*folders: Path, files: Any = (TEXT,), check_mode: bool = False) -> dict[str, Any]:
    arguments = {"folders": [str(folder) for folder in folders], "files": list(files)}
    task = types.SimpleNamespace(args=arguments, check_mode=check_mode, async_val=0, action="x", diff=True)
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
    found = action.ActionModule(task, connection, types.SimpleNamespace(), None, None, None).run(task_vars={})
    assert SECRET not in str(found)
    assert set(found) <= {"changed", "paths", "failed", "msg"}
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(folder: Path) -> list[str]:
    """All that is there, anything temporary too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_each_file_is_in_each_folder_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    first, second = tmp_path / "home" / "master-1", tmp_path / "home" / "master-1" / "reports" / "now"
    before = os.umask(0)
    try:
        found = run(first, second, files=[TEXT, {"name": "b.json", "data": {"z": "ä", "a": [1, None, True]}}])
    finally:
        os.umask(before)
    made = [first, first / "a.txt", first / "b.json", second, second / "a.txt", second / "b.json"]
    assert found == {"changed": True, "paths": [str(path) for path in made]}
    assert names(first) == ["a.txt", "b.json", "reports", "reports/now", "reports/now/a.txt", "reports/now/b.json"]
    for folder in (first, second):
        assert (folder / "a.txt").read_bytes() == "marked-secret ä\n".encode()
        assert (
            folder / "b.json"
        ).read_bytes() == '{\n    "a": [\n        1,\n        null,\n        true\n    ],\n    "z": "ä"\n}\n'.encode()
        assert {mode(folder / name) for name in ("a.txt", "b.json")} == {0o600}
    assert {mode(path) for path in (first.parent, first, second.parent, second)} == {0o700}


def test_a_second_time_nothing_changes_and_a_wrong_mode_or_content_is_corrected(tmp_path: Path) -> None:
    folder = tmp_path / "master-1"
    run(folder)
    inode = (folder / "a.txt").stat().st_ino
    assert run(folder) == {"changed": False, "paths": []}
    assert (folder / "a.txt").stat().st_ino == inode
    (folder / "a.txt").chmod(0o644)
    folder.chmod(0o755)
    assert run(folder)["paths"] == [str(folder), str(folder / "a.txt")]
    assert (mode(folder), mode(folder / "a.txt")) == (0o700, 0o600)
    (folder / "a.txt").write_text("another")
    assert run(folder)["paths"] == [str(folder / "a.txt")]
    assert (folder / "a.txt").read_text(encoding="utf-8") == TEXT["text"]
    assert mode(tmp_path) != 0o755


def test_check_mode_writes_nothing_and_tells_what_it_would_write(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "master-1"
    assert run(folder, check_mode=True) == {"changed": True, "paths": [str(folder), str(folder / "a.txt")]}
    assert names(tmp_path) == []
    run(folder)
    assert run(folder, check_mode=True) == {"changed": False, "paths": []}
    folder.chmod(0o755)
    (folder / "a.txt").write_text("another")
    assert run(folder, check_mode=True)["paths"] == [str(folder), str(folder / "a.txt")]
    assert (mode(folder), (folder / "a.txt").read_text()) == (0o755, "another")


def test_a_link_is_replaced_and_what_it_names_is_untouched(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text(TEXT["text"], encoding="utf-8")
    own.chmod(0o600)
    folder = tmp_path / "master-1"
    folder.mkdir()
    (folder / "a.txt").symlink_to(own)
    (folder / "b.txt").symlink_to(tmp_path / "nowhere")
    run(folder, files=[{**TEXT, "text": "x"}, {"name": "b.txt", "text": "x"}])
    assert own.read_text(encoding="utf-8") == TEXT["text"]
    for name in ("a.txt", "b.txt"):
        assert stat.S_ISREG((folder / name).lstat().st_mode)
        assert (folder / name).read_text() == "x"
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(own)
    # Also where it names the same content.
    assert run(folder)["changed"]
    assert not (folder / "a.txt").is_symlink()
    assert not (tmp_path / "nowhere").exists()


def test_what_can_not_be_read_in_the_place_of_a_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its path would be too long for a socket.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as own:
        own.bind("a.txt")
        Path("a.txt").chmod(0o600)
        assert run(tmp_path)["changed"]
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == TEXT["text"]

    def refuse(_path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert run(tmp_path) == {"changed": True, "paths": [str(tmp_path / "a.txt")]}


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_folder_in_the_place_of_a_file_and_a_file_in_that_of_a_folder_are_told(
    tmp_path: Path, check_mode: bool
) -> None:
    (tmp_path / "a.txt").mkdir()
    tmp_path.chmod(0o700)
    found = run(tmp_path, check_mode=check_mode)
    assert found["failed"]
    assert found["msg"] == "{0}/a.txt can't be written: Is a directory".format(tmp_path)
    assert names(tmp_path) == ["a.txt"]
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "sub", tmp_path / "file"):
        found = run(folder, check_mode=check_mode)
        assert found["failed"]
        assert found["msg"] == "{0} can't be made a private folder: Not a directory".format(folder)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_told_and_the_former_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    run(tmp_path, files=[{"name": "b.txt", "text": "former"}])
    real, calls = getattr(os, call), []

    def full(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*given)

    monkeypatch.setattr(os, call, full)
    found = run(tmp_path, files=[TEXT, {"name": "b.txt", "text": SECRET}])
    assert found == {
        "failed": True,
        "changed": True,
        "msg": "{0}/b.txt can't be written: No space left on device".format(tmp_path),
        "paths": [str(tmp_path / "a.txt")],
    }
    assert names(tmp_path) == ["a.txt", "b.txt"]
    assert (tmp_path / "b.txt").read_text() == "former"


def test_a_file_has_its_mode_and_is_flushed_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = os.fsync

    def look(number: int) -> None:
        (path,) = tmp_path.glob(".a.txt.*")
        seen.append((mode(path), path.read_text(encoding="utf-8"), (tmp_path / "a.txt").exists()))
        real(number)

    monkeypatch.setattr(os, "fsync", look)
    before = os.umask(0)
    try:
        run(tmp_path)
    finally:
        os.umask(before)
    assert seen == [(0o600, TEXT["text"], False)]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        # What ansible-core 2.16 makes of text that looks like a mapping.
        ([TEXT, {"name": "b", "text": {"a": SECRET}}], "The text of b is no text; give a value as data."),
        ([TEXT, {"name": "b", "text": True}], "The text of b is no text; give a value as data."),
        ([TEXT, {"name": "b", "text": None}], "The text of b is no text; give a value as data."),
        ([TEXT, {"name": "b", "data": {"a": {SECRET}}}], "The data of b can't be written as JSON."),
        ([TEXT, {"name": "b", "data": {"a": SECRET, 1: SECRET}}], "The data of b can't be written as JSON."),
        ([TEXT, {"name": "../b", "text": SECRET}], "'../b' is no name of a file in a folder."),
        ([TEXT, {"name": "..", "text": SECRET}], "'..' is no name of a file in a folder."),
        ([TEXT, {"name": "", "text": SECRET}], "'' is no name of a file in a folder."),
    ],
)
def test_what_can_not_be_written_is_told_before_anything_is(tmp_path: Path, files: Any, words: str) -> None:
    found = run(tmp_path / "master-1", files=files)
    assert found == {"failed": True, "changed": False, "msg": words + " Nothing was written.", "paths": []}
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "item", [{"name": "b"}, {"text": SECRET}, {"name": "b", "text": SECRET, "data": SECRET}, {**TEXT, "mode": SECRET}]
)
def test_a_file_without_name_or_one_content_is_refused_without_quoting_it(tmp_path: Path, item: Any) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        run(tmp_path / "master-1", files=[item])
    assert SECRET not in str(caught.value)
    assert names(tmp_path) == []


def test_data_is_written_as_the_filter_of_ansible_writes_it(tmp_path: Path) -> None:
    from ansible.plugins.filter.core import to_nice_json

    data = {"b": [], "a": {}, "c": [{"y": 1.5, "x": '\u2028 " \\ ä'}], "d": 10**20, "e": "", "f": -0.0}
    run(tmp_path, files=[{"name": "a", "data": data}])
    assert (tmp_path / "a").read_text(encoding="utf-8") == to_nice_json(data, ensure_ascii=False) + "\n"
    assert json.loads((tmp_path / "a").read_text(encoding="utf-8")) == data


def test_half_a_letter_that_a_machine_sent_ends_no_run(tmp_path: Path) -> None:
    run(tmp_path, files=[{"name": "a", "text": "a\udcff"}, {"name": "b", "data": ["\ud800"]}])
    assert (tmp_path / "a").read_text(encoding="utf-8") == "a?"
    assert json.loads((tmp_path / "b").read_text(encoding="utf-8")) == ["?"]


def test_what_would_control_a_terminal_is_escaped_in_data(tmp_path: Path) -> None:
    data = {"\x9b2J": "\x1b[2J\x7f\u202eä中"}
    run(tmp_path, files=[{"name": "a", "data": data}])
    told = (tmp_path / "a").read_text(encoding="utf-8")
    assert json.loads(told) == data
    assert "ä中" in told
    assert all(line.isprintable() for line in told.splitlines())
