"""Folders and files that only their owner can read, written in one step. For what runs on the controller."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import stat
import tempfile
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

_FOLDER = 0o700
_FILE = 0o600


def write(
    folders: t.Iterable[str],
    contents: t.Mapping[str, bytes],
    *,
    check_mode: bool = False,
    changed: t.Optional[t.List[str]] = None,
) -> None:
    """Make the folders and write the files, content by name, into each. Each path that was changed, or would be, is added to `changed`. Raises HaError."""
    paths = [] if changed is None else changed
    for folder in map(pathlib.Path, folders):
        with _told("{0} can't be made a private folder".format(folder)):
            if _folder(folder, check_mode=check_mode):
                paths.append(str(folder))
        for name, content in contents.items():
            with _told("{0} can't be written".format(folder / name)):
                if _file(folder / name, content, check_mode=check_mode):
                    paths.append(str(folder / name))


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
