# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for the terminal are printed as they are, without what would control it."""

from __future__ import annotations

import types

import pytest
from ansible_collections.cloudpods.ha.plugins.action import show_text as action


def test_no_control_character_reaches_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(action, "Display", lambda: types.SimpleNamespace(display=shown.append))
    lines = ["a pl\u00e4n", "red \x1b[31mtext\x07", "one\rtwo\nthree"]
    task = types.SimpleNamespace(args={"lines": lines}, check_mode=False, async_val=0, action="x", diff=False)
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
    plugin = action.ActionModule(task, connection, types.SimpleNamespace(), None, None, None)
    assert plugin.run(task_vars={}) == {"changed": False, "lines": lines}
    assert shown == ["", "a pl\u00e4n", "red ?[31mtext?", "one?two?three", ""]
