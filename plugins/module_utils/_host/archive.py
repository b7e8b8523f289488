"""Archives files and folders, so that no program reads them and they can be restored."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import errno
import os
import shutil
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

PRIVATE = 0o700


def set_aside(path: str, destination: str, *, check_mode: bool = False) -> t.List[t.Tuple[str, str]]:
    """Move a file or folder; return (from, to) for each move, nothing if `path` does not exist.

    A mount point stays: its content goes into a folder in it, so that nothing is copied
    to another disk. New folders and moved folders are accessible to their owner only.
    Raises HaError if the destination exists or the move fails; the rest stays in place.
    """
    if not os.path.lexists(path):
        return []
    if os.path.ismount(path):
        inside = os.path.join(path, os.path.basename(destination))
        names = [name for name in sorted(os.listdir(path)) if not _was_set_aside(name, destination)]
        return [
            moved
            for name in names
            for moved in set_aside(os.path.join(path, name), os.path.join(inside, name), check_mode=check_mode)
        ]
    if os.path.lexists(destination):
        raise HaError("{0} can't be moved to {1}, which already exists".format(path, destination))
    if check_mode:
        return [(path, destination)]
    try:
        _make_private(os.path.dirname(destination))
        _move(path, destination)
    except OSError as exc:
        raise HaError("{0} can't be moved to {1}: {2}".format(path, destination, exc.strerror or exc)) from exc
    return [(path, destination)]


def _make_private(folder: str) -> None:
    if not os.path.isdir(folder):
        _make_private(os.path.dirname(folder))
        os.mkdir(folder, PRIVATE)


def _move(path: str, destination: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, PRIVATE)
    try:
        os.rename(path, destination)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        # To another disk: copy under a temporary name first, so that the destination is never incomplete.
        partial = destination + ".partial"
        if os.path.isdir(partial):
            shutil.rmtree(partial)
        shutil.move(path, partial)
        os.rename(partial, destination)


def _was_set_aside(name: str, destination: str) -> bool:
    """Whether this is a folder of an earlier run, `NAME-STAMP` with another stamp, or one of the file system."""
    if name == "lost+found":
        return True
    stem = os.path.basename(destination).rpartition("-")[0]
    return name.startswith(stem + "-") if stem else name == os.path.basename(destination)
