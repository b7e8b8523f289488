# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbooks and roles replace a master of a stand-in cluster, whole and disturbed: of each row of `make torture` what shows its kind.

The cluster and the programs of its machines are stand-ins (tests/playbooks/stand_in); Ansible, roles and modules are the real ones. A disturbed run
begins at a snapshot of the first, undisturbed one. MinIO is left out: it would have to be healed. The bed and the unit tests have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ansible_collections.cloudpods.ha.tests.playbooks import cases, invariants, rows
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, kept, world

SEED = 1


@pytest.fixture(scope="module", params=cases.PROVIDERS)
def bench(request: pytest.FixtureRequest) -> Iterator[rows.Bench]:
    made = rows.Bench(request.param, kept(), real=True)
    yield made
    made.end()


def judged(bench: rows.Bench, row: str, *words: str) -> tuple[rows.Verdict, cases.Case]:
    """The verdict on the first case of a row whose name has these words."""
    known = bench.known()
    every = cases.every(bench.provider, known.trace, known.connections, known.requests, SEED)
    case = next(item for item in every if item.row == row and all(word in item.name for word in words))
    return rows.attempt(case, bench), case


def refused(bench: rows.Bench, kind: str, line: list[str]) -> rows.Verdict:
    """The verdict on a command line with a plan that is refused."""
    return rows.attempt(cases.Case("command lines", bench.provider, "", {"refused": kind, "line": line}), bench)


def test_a_whole_replacement_is_safe_shows_no_secret_and_a_second_run_changes_nothing(bench: rows.Bench) -> None:
    # The undisturbed run asserts its own safety, and looks for the secrets.
    known = bench.known()
    made, allowed = bench.at(str(sum("number" in item for item in known.trace.tasks)))
    end = known.end
    assert [item[0] for item in end["nodes"]] == ["master-2", "master-3", SPARE]
    assert [item[0] for item in end["members"]] == ["master-2", "master-3", SPARE]
    assert {node for _claim, node, _phase in end["volumes"]} == {"master-2", SPARE}
    assert not any(item["metadata"]["uid"] in allowed for item in made.state()["objects"])
    assert end["journals"] == [["kube-system/cloudpods-ha-" + LOST, True]]
    assert end["locks"] == []
    assert json.loads((made.reports / LOST / "report.json").read_text(encoding="utf-8"))
    second = made.play()
    assert second.code == 0, second.output[-8000:]
    assert second.changed == 0
    assert invariants.end_state(made) == end
    assert invariants.unsafe(made.state(), allowed) == []


@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_after_a_run_that_was_killed_in_the_join_with_its_guards_the_next_one_ends_the_same(bench: rows.Bench) -> None:
    verdict, case = judged(bench, "kills", "from cloudpods.ha.join")
    assert verdict.ok, (case.name, verdict)


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_a_mistyped_name_while_a_master_is_down_is_told(bench: rows.Bench) -> None:
    assert refused(bench, "the name is mistyped", []) == rows.Verdict()


def test_a_machine_that_comes_back_after_the_plan_keeps_its_node() -> None:
    with world(provider="kubeadm") as made:
        allowed = invariants.lost_objects(made.state(), made)
        done = made.play(at="act | Cordon " + LOST + ":change:node_ready")
        assert any(item.get("asked") for item in done.tasks)
        assert done.code != 0
        assert "NODE_READY" in done.output
        state = made.state()
        assert LOST in [item["metadata"]["name"] for item in state["objects"] if item["kind"] == "Node"]
        assert invariants.unsafe(state, allowed) == []


@pytest.mark.parametrize("fault", ["html", "429", "deep", "items"])
def test_an_api_server_that_answers_wrong_ends_no_run_without_a_reason(bench: rows.Bench, fault: str) -> None:
    made, _allowed = bench.at("start")
    made.ask("fault", kind=fault, first=1, count=3)
    done = made.play()
    verdict = rows.Verdict()
    rows.judge_reason(done, verdict)
    assert done.code != 0
    assert verdict.ok, verdict
    state = made.state()
    assert invariants.writes(state) == []
    assert state["acts"] == []


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["--skip-tags", "backup,etcd_cleanup"],
        ["--tags", "node_removal"],
        ["--start-at-task", "act | Cordon " + LOST],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("kind", "code"), [("the lost Node is Ready", "NODE_READY"), ("the lost machine answers", "NODE_ANSWERS")]
)
@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_a_refused_plan_is_not_carried_out_whatever_the_command_line(
    bench: rows.Bench, kind: str, code: str, line: list[str]
) -> None:
    assert cases.REFUSED[kind][2] == code
    assert refused(bench, kind, line) == rows.Verdict()
