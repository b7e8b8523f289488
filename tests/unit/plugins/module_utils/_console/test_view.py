# SPDX-License-Identifier: GPL-3.0-or-later
"""What the console shows of recorded runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._console.view import Line, View

RECORDED = Path(__file__).resolve().parents[3] / "fixtures" / "console"
PODS = "cloudpods.ha.join : preflight | Wait until the pods of the lost node are deleted (40 to 60 s are normal)"
HEAL = "cloudpods.ha.stateful_recovery : heal | Wait until all drives except the lost ones have healed"


def play(events: list[dict[str, Any]], *, terminal: bool = False) -> list[Line]:
    """The lines of a recorded run: each event is {at, event, ...} with the arguments of a method of View."""
    view = View(terminal=terminal)
    lines: list[Line] = []
    for event in events:
        given = {key: value for key, value in event.items() if key != "event"}
        lines += getattr(view, event["event"])(**given) or []
    return lines


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def wait(task: str, times: range, result: dict[str, Any]) -> list[dict[str, Any]]:
    retries = [{"event": "retry", "result": result, "at": float(at)} for at in times]
    return [{"event": "task", "name": task, "at": 0.0}, *retries]


def test_a_phase_is_a_heading_with_the_time_since_the_start() -> None:
    lines = play(
        [
            {"event": "begin", "playbook": "replace_master", "at": 100.0},
            {"event": "task", "name": "cloudpods.ha.discovery : start | Record the start time", "at": 100.5},
            {"event": "task", "name": "phase | Record the start time of node_removal", "at": 192.0},
            {"event": "task", "name": "cloudpods.ha.node_removal : act | Cordon master-1", "at": 193.0},
            {"event": "result", "result": {"changed": True}, "at": 194.0},
            {"event": "task", "name": "phase | Record the start time of join", "at": 100.0 + 3700},
        ]
    )
    assert texts(lines) == [
        "replace_master",
        "   0:00  discovery",
        "   1:32  node_removal",
        "         ok Cordon master-1",
        "1:01:40  join",
    ]


def test_what_changed_nothing_and_the_journal_are_not_shown() -> None:
    lines = play(
        [
            {"event": "task", "name": "cloudpods.ha.journal : Write the journal of master-1", "at": 0.0},
            {"event": "result", "result": {"changed": True}, "at": 1.0},
            {"event": "task", "name": "cloudpods.ha.backup : preflight | Look", "at": 1.0},
            {"event": "result", "result": {"changed": False}, "at": 2.0},
        ]
    )
    assert lines == []


def test_a_thing_done_has_its_object() -> None:
    lines = play(
        [
            {"event": "task", "name": "cloudpods.ha.x : cordon | Cordon every node", "at": 0.0},
            {"event": "result", "result": {"changed": True}, "at": 1.0, "item": "master-2"},
            {"event": "result", "result": {"changed": True}, "at": 1.0, "item": "master-3"},
        ]
    )
    assert texts(lines) == ["         ok Cordon every node (master-2)", "         ok Cordon every node (master-3)"]


def test_on_a_terminal_a_wait_renews_its_line_with_what_is_left() -> None:
    events = wait(PODS, range(5, 46, 5), {"resources": [{}] * 3})
    lines = play([*events, {"event": "result", "result": {"changed": False}, "at": 47.0}], terminal=True)
    waits = [line for line in lines if line.live and "waiting" in line.text]
    assert len(waits) == 9
    expected = "         .. waiting for the pod collector to delete the lost Node's pods: 45 s, usually 40 to 60 s; 3 pods left"
    assert waits[-1].text == expected
    assert lines[-1] == Line("done", "         ok waited 47 s for the pod collector to delete the lost Node's pods")


def test_elsewhere_a_wait_is_told_after_five_seconds_and_then_every_half_minute() -> None:
    lines = play(wait(PODS, range(1, 121), {"resources": [{}]}))
    assert [text.split(": ")[1].split(",")[0] for text in texts(lines)] == ["5 s", "35 s", "65 s", "1 min 35 s"]
    assert "FAILED" not in " ".join(texts(lines))


def test_a_wait_that_was_over_at_once_is_no_line() -> None:
    lines = play([*wait(PODS, range(1, 4), {}), {"event": "result", "result": {}, "at": 4.0}])
    assert lines == []


def test_a_heal_tells_percent_objects_rate_and_time_left() -> None:
    told = "m/minio: healing d1 75 %, 30 of 40 objects, 768.0 MiB of 1.0 GiB, 25.6 MiB/s, about 10 s left"
    events = [{"event": "task", "name": HEAL, "at": 0.0}, {"event": "said", "text": told, "at": 12.0}]
    for terminal in (True, False):
        line = play(events, terminal=terminal)[-1]
        assert line.text == "         .. waiting for MinIO to heal: 12 s; " + told
    again = [*events, {"event": "said", "text": told, "at": 14.0}]
    assert len(play(again)) == 1


def test_a_message_outside_of_a_wait_is_none_of_ours() -> None:
    view = View(terminal=False)
    view.task("cloudpods.ha.discovery : plan | Show the plan", 0.0)
    assert view.said("PLAN", 1.0) is None


REFUSED = {
    "ansible_facts": {
        "discovery_plan": {
            "refusals": [
                {"code": "NODE_READY", "observed": "The Node is Ready.", "remedy": "Power it off."},
                {"code": "QUORUM_LOST", "observed": "None answers.", "remedy": "Repair etcd."},
            ]
        }
    }
}
REASON = "[NODE_READY] The Node is Ready. Power it off. [QUORUM_LOST] None answers. Repair etcd. Nothing was changed."


def test_a_refusal_is_a_block_with_code_what_was_seen_and_what_to_do() -> None:
    lines = play(
        [
            {"event": "task", "name": "cloudpods.ha.discovery : plan | Publish", "at": 0.0},
            {"event": "result", "result": REFUSED, "at": 0.0},
            {"event": "task", "name": "Assert that the plan is not refused", "at": 1.0},
            {"event": "failed", "reason": REASON},
            {"event": "warned", "text": "[WARNING]: an old   option\n is used"},
            {"event": "warned", "text": "[WARNING]: an old option is used"},
            {"event": "end", "at": 2.0, "failed": True},
        ]
    )
    assert texts(lines) == [
        "   0:00  discovery",
        "  warning: an old option is used",
        "  REFUSED [NODE_READY]",
        "    seen:  The Node is Ready.",
        "    to do: Power it off.",
        "  REFUSED [QUORUM_LOST]",
        "    seen:  None answers.",
        "    to do: Repair etcd.",
        "   0:02  stopped, 0 changes",
    ]


def test_a_refusal_of_a_role_is_a_block_too_and_a_failure_names_its_task() -> None:
    for reason, first in (
        ("[PLAN_CHANGED] The plan made now is another. Look again.", "  REFUSED [PLAN_CHANGED]"),
        ("no space left", "  STOPPED at: Take a snapshot"),
        ("[x] y", "  STOPPED at: Take a snapshot"),
    ):
        lines = play(
            [
                {"event": "task", "name": "cloudpods.ha.backup : act | Take a snapshot", "at": 0.0},
                {"event": "failed", "reason": reason},
                {"event": "end", "at": 2.0, "failed": True},
            ]
        )
        assert lines[-3].text == first


def test_a_failure_that_was_mended_is_not_shown() -> None:
    lines = play(
        [
            {
                "event": "task",
                "name": "cloudpods.ha.etcd_cleanup : act | Wait until K3s has removed the member of x",
                "at": 0.0,
            },
            {"event": "failed", "reason": "still there"},
            {"event": "end", "at": 2.0, "failed": False},
        ]
    )
    assert texts(lines) == ["   0:02  finished, 0 changes"]


def test_no_control_character_and_no_long_line_gets_through() -> None:
    lines = play(
        [
            {"event": "task", "name": "x : Do", "at": 0.0},
            {"event": "failed", "reason": "red \x1b[31m " + "word " * 60},
            {"event": "end", "at": 2.0, "failed": True},
        ]
    )
    assert "\x1b" not in "".join(texts(lines))
    assert max(map(len, texts(lines))) <= 100


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_run_is_told_in_few_lines(path: Path, terminal: bool) -> None:
    events = json.loads(path.read_text(encoding="utf-8"))
    lines = [line for line in play(events, terminal=terminal) if not (terminal and line.live)]
    told = "\n".join(texts(lines))
    phases = ["discovery", "backup", "etcd_cleanup", "node_removal", "join", "stateful_recovery", "verify"]
    headings = [line.text.split()[-1] for line in lines if line.kind == "heading"]
    assert [name for name in headings if name in phases] == phases
    assert "FAILED" not in told
    assert "skipping" not in told
    assert lines[-1].text.split()[1].rstrip(",") == "finished"
    assert len(lines) < 120


def test_there_are_recorded_runs() -> None:
    assert list(RECORDED.glob("*.json"))
