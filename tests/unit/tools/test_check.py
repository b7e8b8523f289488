# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of the checks, on targets of a Makefile made for the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECK = Path(__file__).resolve().parents[2] / "tools" / "check.py"
MAKEFILE = "good:\n\t@echo fine\nvaried:\n\t@test '$(WORD)' = said\nbad:\n\t@echo 'what went wrong'; exit 3\n"


def check(folder: Path, *lanes: str) -> tuple[int, str]:
    (folder / "Makefile").write_text(MAKEFILE)
    done = subprocess.run(
        [sys.executable, CHECK, folder, *lanes], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


def row(told: str, part: str) -> str:
    return next(line for line in told.splitlines() if line.startswith(part + " "))


def test_passed_parts_and_what_was_not_run(tmp_path: Path) -> None:
    code, told = check(tmp_path, "good", "varied:WORD=said", "--not-run", "kind=no docker here")
    assert code == 0
    assert "passed" in row(told, "good")
    assert "passed" in row(told, "varied")
    assert row(told, "kind").endswith("not run  no docker here")


def test_a_failed_part_fails_the_check_and_shows_its_end(tmp_path: Path) -> None:
    for lanes in (["good,bad"], ["good", "bad"]):
        code, told = check(tmp_path, *lanes)
        assert code == 1
        assert "what went wrong" in told
        assert "FAILED" in row(told, "bad")
        assert "passed" in row(told, "good")
