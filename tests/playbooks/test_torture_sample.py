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
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, kept

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


@pytest.mark.parametrize("words", [("from cloudpods.ha.join",), ("from cloudpods.ha.stateful_recovery",)])
def test_after_a_run_that_was_killed_with_its_guards_the_next_one_ends_the_same(
    bench: rows.Bench, words: tuple[str]
) -> None:
    verdict, case = judged(bench, "kills", *words)
    assert verdict.ok, (case.name, verdict)


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_a_mistyped_name_while_a_master_is_down_is_told(bench: rows.Bench) -> None:
    verdict, _case = judged(bench, "command lines", "the name is mistyped: -")
    assert verdict.ok, verdict


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_after_a_controller_that_was_killed_alone_the_next_run_ends_the_same(bench: rows.Bench) -> None:
    verdict, case = judged(bench, "kills", "the controller alone")
    assert verdict.ok, (case.name, verdict)


def test_an_ssh_cut_in_the_join_leaves_no_credentials_and_the_next_run_goes_on(bench: rows.Bench) -> None:
    known = bench.known()
    spare = [number for number, machine in enumerate(known.connections, 1) if machine == SPARE]
    verdict, case = judged(bench, "cuts", "connection {0}, to {1}".format(spare[len(spare) // 2], SPARE))
    assert verdict.ok, (case.name, verdict)


@pytest.mark.parametrize("change", ["node_ready", "node_replaced"])
def test_a_node_that_is_another_or_ready_since_the_plan_is_kept(bench: rows.Bench, change: str) -> None:
    verdict, case = judged(bench, "changes", change + " before", "act | Cordon " + LOST)
    assert verdict.ok, (case.name, verdict)
    made = bench.world()
    assert LOST in [item["metadata"]["name"] for item in made.state()["objects"] if item["kind"] == "Node"]


@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_a_second_run_does_nothing_while_the_first_one_has_the_lock(bench: rows.Bench) -> None:
    verdict, case = judged(bench, "two runs", "act | Cordon " + LOST)
    assert verdict.ok, (case.name, verdict)


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
    "line", ["-", "--skip-tags backup,etcd_cleanup", "--tags node_removal", "--start-at-task act | Cordon " + LOST]
)
@pytest.mark.parametrize(
    ("kind", "code"), [("the lost Node is Ready", "NODE_READY"), ("the lost machine answers", "NODE_ANSWERS")]
)
@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_a_refused_plan_is_not_carried_out_whatever_the_command_line(
    bench: rows.Bench, kind: str, code: str, line: str
) -> None:
    assert cases.REFUSED[kind][2] == code
    verdict, case = judged(bench, "command lines", "{0}: {1}".format(kind, line))
    assert verdict.ok, (case.name, verdict)
