# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording holds what a command showed on its terminal, in order, and how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RECORD = Path(__file__).resolve().parents[2] / "tools" / "record.py"


def recorded(tmp_path: Path, *command: str) -> tuple[int, dict[str, Any], list[list[Any]]]:
    cast = tmp_path / "a.cast"
    done = subprocess.run([sys.executable, str(RECORD), str(cast), *command], capture_output=True, timeout=60)
    header, *events = (json.loads(line) for line in cast.read_text(encoding="utf-8").splitlines())
    return done.returncode, header, events


def test_a_recording_is_an_asciicast_of_what_was_shown(tmp_path: Path) -> None:
    code, header, events = recorded(tmp_path, "sh", "-c", r"printf 'a\303\244\033[1mb\n'; stty size; exit 3")
    assert (code, header["version"], header["width"], header["height"]) == (3, 2, 100, 30)
    assert "".join(text for _seconds, _kind, text in events) == "a\u00e4\x1b[1mb\r\n30 100\r\n"
    assert {kind for _seconds, kind, _text in events} == {"o"}
    times = [seconds for seconds, _kind, _text in events]
    assert times == sorted(times)


def test_a_character_in_two_pieces_is_one(tmp_path: Path) -> None:
    _code, _header, events = recorded(tmp_path, "sh", "-c", r"printf '\303'; sleep 0.2; printf '\244'")
    assert "".join(text for _seconds, _kind, text in events) == "\u00e4"


@pytest.mark.parametrize("command", ["no-such-command-here"])
def test_a_command_that_is_not_there_fails(tmp_path: Path, command: str) -> None:
    code, _header, events = recorded(tmp_path, command)
    assert code == 127
    assert command in "".join(text for _seconds, _kind, text in events)
