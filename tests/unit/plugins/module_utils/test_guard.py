# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard outlives the process that it guards, whatever kills that process, and knows it from another one of the same number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils import _guard


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def appears(path: Path) -> bool:
    for _time in range(300):
        if path.exists():
            return True
        time.sleep(0.1)
    return False


def test_a_process_that_runs_has_not_ended_and_one_that_was_killed_has() -> None:
    process = sleeper()
    known = _guard.identity(process.pid)
    assert not _guard.ended(known)
    process.kill()
    process.wait()
    assert _guard.ended(known)


def test_another_process_of_the_same_number_is_another_one() -> None:
    boot, namespace, number, start = _guard.identity(os.getpid()).split("/")
    assert not _guard.ended("/".join((boot, namespace, number, start)))
    assert _guard.ended("/".join((boot, namespace, number, "1")))


@pytest.mark.parametrize("known", ["", "x", "a/b/c/d", "a/b/1/2", "a/b/1/2/3"])
def test_of_processes_elsewhere_nothing_is_known(known: str) -> None:
    assert not _guard.ended(known)


def test_nothing_is_known_of_another_boot_or_container() -> None:
    boot, namespace, number, _start = _guard.identity(os.getpid()).split("/")
    assert not _guard.ended("/".join(("other", namespace, number, "1")))
    assert not _guard.ended("/".join((boot, "1", number, "1")))


def test_the_guard_cleans_when_the_process_is_killed_and_beats_until_then(tmp_path: Path) -> None:
    cleaned, beats = tmp_path / "cleaned", tmp_path / "beats"

    def beat() -> bool:
        beats.write_text("x", encoding="utf-8")
        return True

    process = sleeper()
    _guard.guard(process.pid, clean=cleaned.touch, beat=beat, every=0.1)
    assert appears(beats)
    assert not cleaned.exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert appears(cleaned)


def test_a_guard_whose_beat_says_so_ends_without_cleaning(tmp_path: Path) -> None:
    cleaned, beaten = tmp_path / "cleaned", tmp_path / "beaten"

    def beat() -> bool:
        beaten.touch()
        return False

    process = sleeper()
    _guard.guard(process.pid, clean=cleaned.touch, beat=beat, every=0.1)
    assert appears(beaten)
    process.kill()
    process.wait()
    time.sleep(3)
    assert not cleaned.exists()
