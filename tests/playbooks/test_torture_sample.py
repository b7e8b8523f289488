# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of what `make torture` does in full: each of its rows once or twice."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.tests.playbooks import invariants, rows
from ansible_collections.cloudpods.ha.tests.playbooks.cases import REFUSED, Case
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, Replacing, world

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


def test_killed_and_cut_the_third_run_ends_like_an_undisturbed_one() -> None:
    with world(provider="k3s") as made:
        allowed = invariants.lost_objects(made.state(), made)
        killed = made.play(at="150:kill")
        assert killed.code < 0
        cut = made.play(cut=30)
        assert "the stand-in cut connection 30" in cut.output
        last = made.play()
        assert last.code == 0, last.output[-6000:]
        assert_replaced(made)
        assert invariants.unsafe(made.state(), allowed) == []


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


def test_a_second_run_does_nothing_unsafe_while_the_first_one_acts() -> None:
    known = rows.Reference({}, rows.Done(0, "", []), [], 0)
    verdict = rows.run(Case("two runs", "kubeadm", "", {"task": CORDON}), known)
    assert verdict == rows.Verdict()


def assert_replaced(made: Replacing) -> None:
    """The end that each replacement has."""
    end = invariants.end_state(made)
    assert [item[0] for item in end["nodes"]] == ["master-2", "master-3", SPARE]
    assert [item[0] for item in end["members"]] == ["master-2", "master-3", SPARE]
    assert not any(cordoned for *_rest, cordoned in end["nodes"])
    assert end["attachments"] == []
    assert end["journals"] == [["kube-system/cloudpods-ha-" + LOST, True]]
    assert end["locks"] == []
    assert not [item for item in end["controller"] if "kubeconfig" in item]
    assert not [item for name in end["files"].values() for item in name if "join" in item]
