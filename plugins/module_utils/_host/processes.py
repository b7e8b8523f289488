"""Finds and terminates the processes of pods on this host by their control group, without a container runtime."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import re
import signal
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

# A component of the path: kubepods (cgroupfs driver), kubepods.slice (systemd driver), or kubelet-kubepods.slice where
# kubelet has a root of its own.
_KUBEPODS = re.compile(r"/(?:[^/\n]*-)?kubepods(?=[-./:]|$)", re.MULTILINE)
_POLL_SECONDS = 0.2


class Process(t.NamedTuple):
    """A process of a pod."""

    pid: int
    program: str

    def __str__(self) -> str:
        return "{0} {1}".format(self.pid, self.program)


def in_pod(cgroups: str) -> bool:
    """Whether /proc/PID/cgroup (of version 1 or 2) names the control group of a pod."""
    return bool(_KUBEPODS.search(cgroups))


def pod_processes(proc: str = "/proc") -> t.List[Process]:
    """Return the processes of pods. Raises HaError if this host is itself a pod, since all processes would match."""
    if any(in_pod(_read(os.path.join(proc, pid, "cgroup"))) for pid in ("1", "self")):
        raise HaError("this machine is itself a pod: the processes of its pods cannot be distinguished from its own")
    found = []
    for pid in sorted(filter(str.isdigit, os.listdir(proc)), key=int):
        if in_pod(_read(os.path.join(proc, pid, "cgroup"))) and not _is_zombie(_read(os.path.join(proc, pid, "stat"))):
            found.append(Process(int(pid), _read(os.path.join(proc, pid, "comm")).strip()))
    return found


def end_pod_processes(
    *,
    grace_seconds: float,
    find: t.Callable[[], t.List[Process]] = pod_processes,
    kill: t.Callable[[int, int], None] = os.kill,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> t.List[Process]:
    """Terminate the processes of pods, kill the rest after the grace period, and return all that were found.

    Raises HaError if some survive, which only a process that is stuck in the kernel does.
    """
    met: t.Dict[int, Process] = {}
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 10.0)):
        deadline = clock() + seconds
        asked: t.Set[int] = set()
        left = find()
        while left and (clock() < deadline or not asked):
            for process in left:
                met[process.pid] = process
                if process.pid not in asked:
                    _send(kill, process.pid, number)
                    asked.add(process.pid)
            sleep(_POLL_SECONDS)
            left = find()
        if not left:
            return list(met.values())
    raise HaError("processes of pods can't be killed: {0}; reboot the machine".format(", ".join(map(str, left))))


def _send(kill: t.Callable[[int, int], None], pid: int, number: int) -> None:
    try:
        kill(pid, number)
    except ProcessLookupError:  # the process ended meanwhile
        return


def _is_zombie(stat: str) -> bool:
    # PID (PROGRAM) STATE ...; the program's name may contain any character, even a parenthesis.
    return stat.rpartition(")")[2].strip().startswith("Z")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:  # the process ended meanwhile
        return ""
