"""Looks at what the surviving drives of a MinIO hold, through exec in their pods."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import threading
import time
import typing as t
from urllib.parse import urlsplit

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import walk
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import OK, Drive, host_of
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.parts import File, Parts, Place, folder_of

# Runs a command in a pod, and yields the lines of its output: pod, command, deadline.
Execute = t.Callable[[str, t.Sequence[str], float], t.Iterator[str]]
# Told of news: what was done, and how often.
Progress = t.Callable[[str, int], None]

_WHOLE = 16 * 1024 * 1024
_FOLDERS = 20
_ROUNDS = 3
# An object that is written or deleted at the moment is incomplete.
_PAUSE = 3.0


class Looked(t.NamedTuple):
    """A surviving drive: its pod and path, its set, how many files were seen there, and why it could not be looked at, or nothing."""

    pod: str
    path: str
    place: Place
    files: int = 0
    error: str = ""


class Survivors:
    """The surviving drives, and what they hold."""

    def __init__(
        self,
        drives: t.Sequence[Drive],
        *,
        pods: t.Sequence[str],
        lost: t.Collection[str],
        execute: Execute,
        progress: Progress,
        deadline: float,
        max_objects: int,
    ) -> None:
        self.parts = Parts()
        self.looked: t.List[Looked] = []
        self._execute, self._progress = execute, progress
        self._deadline, self._max = deadline, max_objects
        self._lock, self._seen = threading.Lock(), 0
        self._targets, self._away = _targets(drives, pods, lost)

    @property
    def complete(self) -> bool:
        """Whether every surviving drive was looked at."""
        return bool(self.looked) and all(not item.error for item in self.looked)

    def look(self) -> None:
        """List every drive, all pods at once. A drive that can't be listed is kept with its error; nothing is raised for it."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(self._targets))) as pool:
            self.looked = [*pool.map(self._look_at, self._targets), *self._away]
        for _ in range(_ROUNDS):
            if not self.parts.again:
                return
            self.look_again(list(self.parts.again), pause=0.0)
        if self.parts.again:
            names = ", ".join("/".join(key) for key in sorted(self.parts.again)[:3])
            raise HaError("the metadata of {0} objects could not be read ({1})".format(len(self.parts.again), names))

    def look_again(self, keys: t.Sequence[t.Tuple[str, str]], *, pause: float = _PAUSE) -> None:
        """Look at these objects anew. Raises HaError when a drive that was listed can't be asked again."""
        time.sleep(pause if keys else 0.0)
        found = [item for item in self.looked if not item.error]
        self.parts.forget(keys)
        for at in range(0, len(keys), _FOLDERS):
            some = keys[at : at + _FOLDERS]
            for item in found:
                root = item.path.rstrip("/")
                folders = ["{0}/{1}".format(root, folder_of(*key)) for key in some]
                asked = walk.command(folders, whole=False, first_bytes=_WHOLE)
                lines = self._execute(item.pod, asked, self._deadline)
                # Other objects below these folders are added twice, which changes nothing.
                self.parts.add(
                    item.place,
                    root,
                    [File(entry) for batch in walk.entries(lines, first_bytes=_WHOLE) for entry in batch],
                )

    def _look_at(self, target: Looked) -> Looked:
        found: t.List[File] = []
        try:
            lines = self._execute(target.pod, walk.command([target.path], whole=True), self._deadline)
            for batch in walk.entries(lines):
                found.extend(map(File, batch))
                self._count(target, sum(1 for entry in batch if walk.is_metadata(entry.path)), len(found))
        except HaError as exc:
            return target._replace(error=str(exc))
        with self._lock:
            self.parts.add(target.place, target.path, found)
            self.parts.drives[target.place] += 1
        return target._replace(files=len(found))

    def _count(self, target: Looked, objects: int, files: int) -> None:
        with self._lock:
            self._seen += objects
            seen = self._seen
        # Each object is on every drive.
        if seen > self._max * max(1, len(self._targets)):
            raise HaError("there are more than the limit of {0} objects".format(self._max))
        self._progress("files on {0}:{1}".format(target.pod, target.path), files)


def _targets(
    drives: t.Sequence[Drive], pods: t.Sequence[str], lost: t.Collection[str]
) -> t.Tuple[t.List[Looked], t.List[Looked]]:
    """The drives that can be looked at, and those that can't."""
    there, away = [], []
    for drive in drives:
        # A single server lists its drives as paths.
        pod = host_of(drive.endpoint) if "//" in drive.endpoint else next(iter(pods), "")
        if pod in lost:
            continue
        path = urlsplit(drive.endpoint).path
        item = Looked(pod, path, (drive.pool, drive.set_))
        if drive.state == OK:
            there.append(item)
        else:
            away.append(item._replace(error="the drive is {0}".format(drive.state or "in an unknown state")))
    return there, away
