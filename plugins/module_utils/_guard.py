"""Who owns what a run leaves behind: the identity of a process of the controller, and a guard that outlives that process and cleans up after it."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
import time
import typing as t

# Seconds between two looks at the process.
_LOOK = 1.0


def identity(pid: int) -> str:
    """BOOT/NAMESPACE/PID/START of a running process: no other process of this or another machine ever has the same. Empty where /proc does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            boot = stream.read().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
        return "/".join((boot, namespace, str(pid), _started(pid)))
    except OSError:
        return ""


def ended(known: str) -> bool:
    """Whether the process with this identity is known to have ended. False for processes of other machines, containers and boots: nothing is known of them."""
    parts = known.split("/")
    if len(parts) != 4 or not parts[2].isdigit():
        return False
    mine = identity(os.getpid()).split("/")
    if parts[:2] != mine[:2]:
        return False
    try:
        return _started(int(parts[2])) != parts[3]
    except OSError:
        return True


def guard(
    pid: int, *, clean: t.Callable[[], None], beat: t.Optional[t.Callable[[], bool]] = None, every: float = 0
) -> None:
    """Start a process that outlives `pid`, and every signal sent to its group, and calls `clean` when `pid` has ended.

    Until then it calls `beat` every `every` seconds; once that returns False, the guard ends without cleaning.
    Errors of both are no concern of anyone any more: the next run finds what was left.
    """
    known = identity(pid)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _detach()
            _watch(pid, known, clean, beat, every)
    except BaseException:  # noqa: BLE001, S110  nobody listens here, and nothing of the parent may run twice
        pass
    finally:
        os._exit(0)


def _watch(
    pid: int, known: str, clean: t.Callable[[], None], beat: t.Optional[t.Callable[[], bool]], every: float
) -> None:
    due = time.monotonic() + every
    while not (ended(known) if known else not os.path.exists("/proc/{0}".format(pid)) and not _answers(pid)):
        time.sleep(_LOOK)
        if beat is not None and time.monotonic() >= due:
            due = time.monotonic() + every
            if not beat():
                return
    clean()


def _started(pid: int) -> str:
    """When a process started, in clock ticks since the boot. Raises OSError if there is no such process, or only its zombie."""
    with open("/proc/{0}/stat".format(pid), encoding="ascii", errors="replace") as stream:
        fields = stream.read().rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        raise ProcessLookupError(pid)
    return fields[19]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _detach() -> None:
    """Let go of everything that is the parent's: standard streams, pipes to the run, its working folder."""
    sys.stdin = sys.stdout = sys.stderr = None
    os.chdir("/")
    os.closerange(0, 4096)
    for number in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
