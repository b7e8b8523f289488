# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files on the controller that only their owner can read, without a module's process for each."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import stat
import tempfile
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

_FOLDER = 0o700
_FILE = 0o600
_SPEC = {
    "folders": {"type": "list", "elements": "path", "required": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            # As "str", a mapping that ansible-core 2.16 made of text which looks like one would be written in Python's notation.
            "text": {"type": "raw"},
            "data": {"type": "raw"},
        },
        "mutually_exclusive": [("text", "data")],
        "required_one_of": [("text", "data")],
    },
}


class ActionModule(ActionBase):
    """Runs on the controller only. No result, diff or error holds what is written."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(_SPEC)  # type: ignore[no-untyped-call]
        changed: t.List[str] = []
        try:
            # Before anything is written.
            contents = {_name(item): _content(item) for item in given["files"]}
            for path in written(given["folders"], contents, check_mode=self._task.check_mode):
                changed.append(path)
        except HaError as exc:
            return {"failed": True, "changed": bool(changed), "msg": str(exc), "paths": changed}
        return {"changed": bool(changed), "paths": changed}


def written(folders: t.Iterable[str], contents: t.Mapping[str, bytes], *, check_mode: bool = False) -> t.Iterator[str]:
    """Make the folders, write the files into each, and yield each path that was changed, or would be. Raises HaError."""
    for folder in map(pathlib.Path, folders):
        with _told("{0} can't be made a private folder".format(folder)):
            if _folder(folder, check_mode=check_mode):
                yield str(folder)
        for name, content in contents.items():
            with _told("{0} can't be written".format(folder / name)):
                if _file(folder / name, content, check_mode=check_mode):
                    yield str(folder / name)


def _name(item: t.Mapping[str, t.Any]) -> str:
    name = str(item["name"])
    if name in ("", ".", "..") or "/" in name:
        raise HaError("{0!r} is no name of a file in a folder. Nothing was written.".format(name))
    return name


def _content(item: t.Mapping[str, t.Any]) -> bytes:
    """What is written. An error does not quote it."""
    if item["data"] is not None:
        try:
            text = json.dumps(item["data"], indent=4, sort_keys=True, ensure_ascii=False) + "\n"
        except (TypeError, ValueError):
            raise HaError(
                "The data of {0} can't be written as JSON. Nothing was written.".format(item["name"])
            ) from None
    elif isinstance(item["text"], str):
        text = item["text"]
    else:
        raise HaError("The text of {0} is no text; give a value as data. Nothing was written.".format(item["name"]))
    # A server may send half a letter.
    return text.encode("utf-8", "replace")


@contextlib.contextmanager
def _told(what: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise HaError("{0}: {1}".format(what, exc.strerror or exc)) from exc


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _folder(path: pathlib.Path, *, check_mode: bool) -> bool:
    """Make the folder, those above it too, or correct its mode. Returns whether that is needed."""
    if path.is_dir() and stat.S_IMODE(path.stat().st_mode) == _FOLDER:
        return False
    for folder in (*reversed(path.parents), path):
        if os.path.lexists(folder) and not folder.is_dir():
            raise _error(errno.ENOTDIR)
        if not check_mode:
            # Another run may make it at this moment.
            folder.mkdir(mode=_FOLDER, exist_ok=True)
    if not check_mode:
        path.chmod(_FOLDER)
    return True


def _file(path: pathlib.Path, content: bytes, *, check_mode: bool) -> bool:
    """Write the file in one step: it is there whole, or as it was. A link is replaced, not followed. Returns whether that is needed."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode):
            raise _error(errno.EISDIR)
        if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == _FILE and path.read_bytes() == content:
            return False
    if check_mode:
        return True
    # Only its owner can open it from the start, and nothing that has its name is opened.
    number, new = tempfile.mkstemp(prefix=".{0}.".format(path.name), dir=str(path.parent))
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, str(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    return True
