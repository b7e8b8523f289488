# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a world, and the way back to one: objects, members, logs, files of machines and controller, what listens, who has the VIP.

Runs that are still there are killed before, as on a controller that loses its power.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import now

if TYPE_CHECKING:
    from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.world import World

Json = dict[str, Any]

TOPS = ("etc", "var", "opt", "root", "run", "tmp", "programs")
# Ansible's own: differs from run to run, and is of no use to the next.
_PASSING = re.compile(r"(^|/)(\.ansible|ansible-local-[^/]*|k8srcp-[^/]*)(/|$)")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*Z")


class Entry(NamedTuple):
    """A file, a link or a folder. `mark` tells cheaply whether a file was written since."""

    mode: int
    content: bytes
    mark: tuple[int, int, int]


Tree = dict[str, Entry]


class Snapshot(NamedTuple):
    """`state` is pickled, so that nothing later changes it; `digest` is the same for worlds that a run can't tell from each other."""

    state: bytes
    trees: dict[str, Tree]
    listening: list[str]
    vip: list[str]
    digest: str


class Snapshots:
    """All that were taken of a world, by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: dict[str, Snapshot] = {}
        self._last: dict[str, Tree] = {}
        self._own = _processes()

    def settle(self) -> None:
        """Whatever runs now belongs to the world, and is never killed."""
        self._own = _processes()

    def take(self, name: str) -> str:
        """Keep the world as it is. Its digest."""
        cluster = self.world.cluster
        with cluster.store.lock:
            state = {
                "objects": cluster.store.objects,
                "version": cluster.store.version,
                "log": cluster.store.log,
                "acts": cluster.acts,
                "unsafe": cluster.unsafe,
                "alarm": cluster.alarm,
                "unready": cluster.unready,
                "secrets": cluster.secrets,
                "members": cluster.members,
                "revision": cluster.revision,
                "calls": {key: item.calls for key, item in self.world.programs.items()},
                "seen": {key: item.seen for key, item in cluster.machines.items()},
            }
            trees = {key: _tree(root, tops, self._last.get(key, {})) for key, (root, tops) in self._roots().items()}
            self._last = trees
            self.taken[name] = Snapshot(
                pickle.dumps(state),
                trees,
                sorted(self.world.listening),
                [key for key, item in cluster.machines.items() if item.vip],
                _digest(state, trees),
            )
        return self.taken[name].digest

    def restore(self, name: str) -> None:
        """Back to a snapshot."""
        with self.world.cluster.store.lock:
            # The world's own helpers run under the lock alone.
            self._end_runs()
        cluster, taken = self.world.cluster, self.taken[name]
        with cluster.store.lock:
            state = pickle.loads(taken.state)
            store = cluster.store
            store.objects, store.version, store.log = state["objects"], state["version"], state["log"]
            cluster.acts[:], cluster.unsafe[:] = state["acts"], state["unsafe"]
            cluster.secrets[:], cluster.members[:] = state["secrets"], state["members"]
            cluster.alarm, cluster.revision, cluster.unready = state["alarm"], state["revision"], state["unready"]
            for key, calls in state["calls"].items():
                self.world.programs[key].calls[:] = calls
            for key, (root, tops) in self._roots().items():
                _put_back(root, tops, taken.trees[key])
            self._last = taken.trees
            for lease in store.all("Lease"):
                # A lock is as fresh as right after its run was killed.
                if lease["metadata"]["namespace"] == "kube-system" and lease["spec"].get("renewTime"):
                    lease["spec"]["renewTime"] = now(fraction=True)
        for key, machine in cluster.machines.items():
            if (key in taken.listening) != (key in self.world.listening):
                (self.world.start if key in taken.listening else self.world.stop)(machine)
            elif not machine.on:
                # Its ports may have been opened again.
                self.world.stop(machine)
        with store.lock:
            for key, machine in sorted(cluster.machines.items(), key=lambda item: item[0] in taken.vip):
                machine.settled(state["seen"][key])
                if machine.on:
                    machine.carry(key in taken.vip)
        self.world.api.requests, self.world.api.fault, self.world.api.faults = 0, None, 0
        self.world.leaks.clear()
        self.world.controllers.renew()

    def _roots(self) -> dict[str, tuple[Path, tuple[str, ...]]]:
        found: dict[str, tuple[Path, tuple[str, ...]]] = {
            key: (item.folder, TOPS) for key, item in self.world.cluster.machines.items()
        }
        found["controller"] = (self.world.folder / "controller", ("",))
        return found

    def _end_runs(self) -> None:
        """Kill all processes that are not the world's, until there is none."""
        for _ in range(200):
            others = _processes() - self._own
            for number in others:
                try:
                    os.kill(number, signal.SIGKILL)
                except OSError:
                    continue
            if not others:
                return
            time.sleep(0.02)
        raise RuntimeError("processes of a run can't be ended: {0}".format(others))


def _processes() -> set[int]:
    """Those that live. A zombie can do nothing."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z":
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def _tree(root: Path, tops: tuple[str, ...], last: Tree) -> Tree:
    found: Tree = {}
    for top in tops:
        for folder, folders, files in os.walk(root / top):
            folders[:] = [name for name in folders if not _PASSING.search(name)]
            for name in [*folders, *files]:
                path = os.path.join(folder, name)
                text = os.path.relpath(path, root)
                try:
                    entry = _entry(path, last.get(text))
                except OSError:
                    continue
                if entry is not None and not _PASSING.search(name):
                    found[text] = entry
    return found


def _entry(path: str, last: Entry | None) -> Entry | None:
    made = os.lstat(path)
    mark = (made.st_mtime_ns, made.st_size, made.st_ino)
    if stat.S_ISLNK(made.st_mode):
        return Entry(made.st_mode, os.fsencode(os.readlink(path)), (0, 0, 0))
    if stat.S_ISDIR(made.st_mode):
        return Entry(made.st_mode, b"", (0, 0, 0))
    if not stat.S_ISREG(made.st_mode):
        return None
    if last is not None and last.mark == mark:
        return last._replace(mode=made.st_mode)
    with open(path, "rb") as stream:
        return Entry(made.st_mode, stream.read(), mark)


def _put_back(root: Path, tops: tuple[str, ...], wanted: Tree) -> None:
    there = _tree(root, tops, wanted)
    for text in sorted(there, reverse=True):
        if text not in wanted or stat.S_IFMT(there[text].mode) != stat.S_IFMT(wanted[text].mode):
            path = root / text
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for text, entry in sorted(wanted.items()):
        path, former = root / text, there.get(text)
        if stat.S_ISDIR(entry.mode):
            path.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISLNK(entry.mode):
            if former is None or former.content != entry.content:
                path.unlink(missing_ok=True)
                path.symlink_to(os.fsdecode(entry.content))
            continue
        elif former is None or former.content != entry.content:
            path.write_bytes(entry.content)
        path.chmod(stat.S_IMODE(entry.mode))


def _digest(state: Json, trees: dict[str, Tree]) -> str:
    """Of what a run can see, but times and versions."""
    made = hashlib.sha256()

    def plain(item: Json) -> Json:
        meta = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
        return {**item, "metadata": meta}

    objects = [plain(item) for _key, item in sorted(state["objects"].items())]
    text = json.dumps([objects, state["members"], state["alarm"]], sort_keys=True)
    made.update(_TIMES.sub("", text).encode())
    for name, tree in sorted(trees.items()):
        for path, entry in sorted(tree.items()):
            if stat.S_ISDIR(entry.mode):
                continue
            made.update(repr((name, path, entry.mode)).encode())
            made.update(hashlib.sha256(entry.content).digest())
    return made.hexdigest()[:16]
