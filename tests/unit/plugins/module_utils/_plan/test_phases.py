# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phases a plan holds, which of them a run is to carry out, and who may act."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Phase, Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import phases
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster

ACTING = ["etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery"]
WHOLE = ["prepare", "backup", *ACTING, "verify", "report"]
TAGS = [*ACTING, "backup", "prepare", "verify", "report", "ocboot", "discovery"]


def names(found: tuple[Phase, ...]) -> list[str]:
    return [phase.name for phase in found]


def chosen(made: Plan, *run: str, skip: tuple[str, ...] = (), check_mode: bool = False) -> list[str]:
    choice = phases.choose(
        made.state, made.phases, made.refused_text, run_tags=run or ("all",), skip_tags=skip, check_mode=check_mode
    )
    assert choice.refusal == ""
    return names(choice.phases)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return StandInCluster().plan()


@pytest.fixture(scope="module")
def refused() -> Plan:
    cluster = StandInCluster()
    cluster.set_ready(cluster.lost, True)
    made = cluster.plan()
    assert made.state == "refused"
    return made


def test_a_whole_plan_holds_every_phase_in_order(plan: Plan) -> None:
    assert names(plan.phases) == WHOLE


def test_k3s_deletes_the_node_before_the_member_is_looked_at() -> None:
    found = names(StandInCluster(provider="k3s").plan().phases)
    assert found.index("node_removal") < found.index("etcd_cleanup")


def test_a_finished_replacement_is_proven_again_and_its_journal_is_left_alone() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    (verify,) = cluster.plan().phases
    assert (verify.name, verify.acts, verify.closes) == ("verify", False, False)


def test_every_phase_that_acts_has_the_backup_before_it() -> None:
    for provider in ("kubeadm", "k3s"):
        for name in ACTING:
            held = names(phases.held(provider, [name], refused=False))
            assert held.index("backup") < held.index(name)


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
def test_every_phase_that_writes_in_the_cluster_asks_for_the_lock_again(provider: str) -> None:
    held = phases.held(provider, [*ACTING, "verify"], refused=False)
    assert [phase.name for phase in held if phase.locks] == [
        name for name in names(held) if name in (*ACTING, "backup", "verify")
    ]


def test_a_step_that_only_proves_needs_no_backup() -> None:
    assert names(phases.held("kubeadm", ["verify"], refused=False)) == ["verify", "report"]


@pytest.mark.parametrize("tag", TAGS)
def test_a_refused_plan_runs_nothing_whatever_is_asked_for(refused: Plan, tag: str) -> None:
    for run, skip in (([tag], []), (["all"], [tag]), (["all"], []), (["all"], ["always"])):
        choice = phases.choose(refused.state, refused.phases, refused.refused_text, run_tags=run, skip_tags=skip)
        assert choice.phases == ()
        assert choice.refusal == ("" if run == ["discovery"] else refused.refused_text)


@pytest.mark.parametrize("tag", ACTING)
def test_a_phase_asked_for_alone_brings_preparation_and_backup(plan: Plan, tag: str) -> None:
    assert chosen(plan, tag) == ["prepare", "backup", tag]


def test_the_backup_can_not_be_skipped_before_an_act(plan: Plan) -> None:
    assert chosen(plan, skip=("backup", "prepare")) == WHOLE
    assert chosen(plan, "verify", "backup", skip=("backup",)) == ["verify"]


def test_phases_are_left_out_by_skip_tags(plan: Plan) -> None:
    assert chosen(plan, skip=("etcd_cleanup", "report")) == [
        name for name in WHOLE if name not in ("etcd_cleanup", "report")
    ]


def test_looking_runs_no_phase(plan: Plan) -> None:
    assert chosen(plan, "discovery") == []
    assert chosen(plan, check_mode=True) == []
    assert chosen(plan, "join", check_mode=True) == []


def test_the_file_of_ocboot_is_written_only_when_its_tag_is_given(plan: Plan) -> None:
    assert chosen(plan, "ocboot") == ["ocboot"]
    assert "ocboot" not in chosen(plan)


@pytest.mark.parametrize("where", ["run_tags", "skip_tags"])
def test_a_tag_that_names_nothing_is_refused(plan: Plan, where: str) -> None:
    given: dict[str, Any] = {"run_tags": ["all"], "skip_tags": [], where: ["etcd-cleanup"]}
    choice = phases.choose(plan.state, plan.phases, plan.refused_text, **given)
    assert choice.phases == ()
    assert choice.refusal.startswith("The tag etcd-cleanup does not exist.")


def test_tags_that_a_tool_skips_are_none_of_ours(plan: Plan) -> None:
    assert chosen(plan, skip=("molecule-notest", "notest")) == WHOLE


def backup_of(plan: Plan) -> dict[str, Any]:
    assert plan.lost is not None
    return {"sha256": "1" * 64, "controller_path": "/x.db", "lost": {"name": plan.lost.name, "uid": plan.lost.uid}}


def agreed(plan: Plan) -> dict[str, Any]:
    return {**to_json(plan), "consent": plan.id}


@pytest.mark.parametrize("consent", ["", "another", None])
def test_without_consent_to_this_very_plan_nobody_acts(plan: Plan, consent: Any) -> None:
    for name in ACTING:
        assert "CONSENT_MISSING" in phases.permit({**to_json(plan), "consent": consent}, name, backup_of(plan))
    assert "CONSENT_MISSING" in phases.permit({**agreed(plan), "id": "", "consent": ""}, "join", backup_of(plan))
    assert "CONSENT_MISSING" in phases.permit({**agreed(plan), "id": None, "consent": None}, "join", backup_of(plan))


def test_a_role_may_act_with_a_plan_for_its_phase_and_a_proven_backup(plan: Plan) -> None:
    for name in ACTING:
        assert phases.permit(agreed(plan), name, backup_of(plan)) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": ""}, "no proven backup"),
        ({"controller_path": ""}, "no proven backup"),
        ({"lost": {"name": "master-1", "uid": "another"}}, "was not made for master-1"),
        ({"lost": {"name": "master-9", "uid": "x"}}, "was not made for master-1"),
        ({"lost": None}, "was not made for master-1"),
    ],
)
def test_without_a_proven_backup_of_this_loss_nobody_acts(plan: Plan, changes: dict[str, Any], words: str) -> None:
    assert words in phases.permit(agreed(plan), "join", {**backup_of(plan), **changes})


def test_nobody_acts_on_a_plan_that_is_refused_finished_or_no_plan(plan: Plan, refused: Plan) -> None:
    backup = backup_of(plan)
    assert phases.permit(to_json(refused), "node_removal", backup) == refused.refused_text
    for made in ({}, {"state": "nothing_to_do"}, {"state": "Needed"}):
        assert "plan does not allow node_removal" in phases.permit(made, "node_removal", backup)


def test_nobody_acts_in_a_phase_that_the_plan_does_not_hold(plan: Plan) -> None:
    made = {**to_json(plan), "phases": [item for item in to_json(plan)["phases"] if item["name"] != "vip"]}
    assert "no step in the phase vip" in phases.permit(made, "vip", backup_of(plan))
    assert "has no step in the phase join" in phases.permit({**made, "phases": None}, "join", backup_of(plan))
