# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of what `make torture` does in full: the rows that can be shown in a short run."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.tests.playbooks import invariants, rows
from ansible_collections.cloudpods.ha.tests.playbooks.cases import REFUSED
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, world

SKIPPED = ["--skip-tags", "etcd_cleanup,backup"]
CORDON = "act | Cordon " + LOST


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("the lost Node is Ready", "NODE_READY"),
        ("the lost machine answers", "NODE_ANSWERS"),
        ("a loss is not approved", "DISCARD_UNAPPROVED"),
    ],
)
def test_command_lines_with_a_refused_plan_write_nothing(kind: str, code: str) -> None:
    shape, settings, _code = REFUSED[kind]
    with world(provider="kubeadm", **shape) as made:
        for line in ([], SKIPPED):
            done = made.play("replace_master", *line, settings=settings)
            assert done.code != 0
            assert code in done.output
        state = made.state()
        assert invariants.writes(state) == []
        assert state["acts"] == []


def test_a_machine_that_comes_back_after_the_plan_keeps_its_node() -> None:
    with world(provider="kubeadm") as made:
        allowed = invariants.lost_objects(made.state(), made)
        done = made.play(at=CORDON + ":change:node_ready")
        assert any(item.get("asked") for item in done.tasks)
        assert done.code != 0
        assert "NODE_READY" in done.output
        state = made.state()
        assert LOST in [item["metadata"]["name"] for item in state["objects"] if item["kind"] == "Node"]
        assert invariants.unsafe(state, allowed) == []


def test_an_api_server_that_answers_wrong_ends_no_run_without_a_reason() -> None:
    with world(provider="kubeadm") as made:
        for kind in ("html", "429"):
            made.ask("fault", kind=kind, first=1, count=3)
            done = made.play()
            made.ask("no fault")
            verdict = rows.Verdict()
            rows.judge_reason(done, verdict)
            assert done.code != 0
            assert verdict.wrong == []
        state = made.state()
        assert invariants.writes(state) == []
        assert state["acts"] == []
