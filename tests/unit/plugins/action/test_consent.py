# SPDX-License-Identifier: GPL-3.0-or-later
"""The question at the terminal, and what is kept of each plan that was shown."""

from __future__ import annotations

import errno
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible_collections.cloudpods.ha.plugins.action import consent as action
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster


class StandInTerminal:
    """`answer` is what a person types, or an error of the terminal; `asked` and `shown` are what was displayed."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.shown: list[str] = []

    def display(self, line: str) -> None:
        self.shown.append(line)

    def prompt_until(self, question: str, **_how: Any) -> bytes:
        self.asked.append(question)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, plan: Plan, answer: Any = b"yes", **given: Any
) -> tuple[dict[str, Any], StandInTerminal]:
    terminal = StandInTerminal(answer)
    monkeypatch.setattr(action, "Display", lambda: terminal)
    arguments = {"plan": to_json(plan), "directory": str(folder), "acting": True, **given}
    task = types.SimpleNamespace(args=arguments, check_mode=False, async_val=0, action="x", diff=False)
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
    plugin = action.ActionModule(task, connection, types.SimpleNamespace(), None, None, None)
    return plugin.run(task_vars={"ansible_inventory_sources": ["/inv"]}), terminal


def test_without_an_id_a_person_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = StandInCluster().plan()
    found, terminal = run(monkeypatch, tmp_path, plan)
    assert found == {"changed": False, "consent": plan.id}
    assert len(terminal.asked) == 1
    assert plan.id in terminal.asked[0]


@pytest.mark.parametrize("given", [{"wanted": "ID"}, {"confirm": False}, {"acting": False}])
def test_nobody_is_asked_without_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: Any) -> None:
    plan = StandInCluster().plan()
    given = {key: plan.id if value == "ID" else value for key, value in given.items()}
    found, terminal = run(monkeypatch, tmp_path, plan, **given)
    assert found["consent"] == ("" if "acting" in given else plan.id)
    assert terminal.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"no", "was not agreed to"),
        (b"", "was not agreed to"),
        (b"\xff", "was not agreed to"),
        (AnsiblePromptInterrupt("x"), "was not agreed to"),
        (AnsiblePromptNoninteractive("x"), "no terminal to ask at"),
    ],
)
def test_what_is_not_yes_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: Any, words: str) -> None:
    found, _terminal = run(monkeypatch, tmp_path, StandInCluster().plan(), answer)
    assert found["failed"]
    assert words in found["msg"]
    assert "consent" not in found


def test_a_changed_plan_is_shown_as_a_difference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cluster = StandInCluster()
    first = cluster.plan()
    run(monkeypatch, tmp_path, first, acting=False)
    (kept,) = (tmp_path / "plans").iterdir()
    assert (kept.name, kept.stat().st_mode & 0o777) == (first.id + ".txt", 0o600)
    cluster.node("master-1")["metadata"]["uid"] = "another"
    now = cluster.plan()
    found, terminal = run(monkeypatch, tmp_path, now, wanted=first.id, confirm=False)
    assert found["failed"]
    assert "+  Node master-1 [another]" in terminal.shown
    assert terminal.asked == []
    kept.write_text("forged\n", encoding="utf-8")
    found, _terminal = run(monkeypatch, tmp_path, now, wanted=first.id)
    assert "does not know what was in that plan" in found["msg"]
    for wanted in ("../../etc/passwd", "", "x" * 12):
        assert run(monkeypatch, tmp_path, now, wanted=wanted, answer=b"no")[0]["failed"]


def test_a_plan_that_can_not_be_kept_is_told_and_one_that_was_cut_off_is_put_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = StandInCluster().plan()
    path = tmp_path / "plans" / (plan.id + ".txt")
    with monkeypatch.context() as full:
        full.setattr(
            os, "fsync", lambda _number: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device"))
        )
        found, terminal = run(full, tmp_path, plan, acting=False, show_command=True)
    assert found["failed"]
    assert found["msg"] == "{0} can't be written: No space left on device".format(path)
    assert list(path.parent.iterdir()) == []
    assert terminal.shown == []
    path.write_text("lost master-1", encoding="utf-8")
    assert "failed" not in run(monkeypatch, tmp_path, plan, acting=False)[0]
    assert path.read_text(encoding="utf-8").split("\n")[:-1] == list(plan.acts)


def test_the_command_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = StandInCluster().plan()
    monkeypatch.setattr(sys, "argv", ["/bin/ansible-playbook", "cloudpods.ha.inspect_master", "-i", "inv"])
    _found, terminal = run(monkeypatch, tmp_path, plan, acting=False, show_command=True)
    assert "  ansible-playbook cloudpods.ha.replace_master -i inv -e replace_master_plan=" + plan.id in terminal.shown
