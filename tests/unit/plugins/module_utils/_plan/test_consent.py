# SPDX-License-Identifier: GPL-3.0-or-later
"""The ID of a plan, and who agreed to it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan, Recovery
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import consent
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import NODES, PODS, StandInCluster


@pytest.fixture(scope="module")
def plan() -> Plan:
    return StandInCluster().plan()


def id_of(plan: Plan) -> str:
    return consent.identifier(consent.acts(plan))


@pytest.mark.parametrize("kind", [{}, {"provider": "k3s"}, {"provider": "k3s", "same_name": True}])
def test_equal_clusters_have_equal_plans(kind: Any) -> None:
    first = StandInCluster(**kind).plan()
    assert first.id == StandInCluster(**kind).plan().id == id_of(first)
    assert len(first.id) == 12


def test_what_does_not_change_the_acts_does_not_change_the_plan(plan: Plan) -> None:
    cluster = StandInCluster()
    # Time went by, the lists come in another order, a pod that was only waited for is gone.
    cluster.lists[NODES].reverse()
    cluster.lists[PODS] = [item for item in cluster.lists[PODS] if "kube-proxy" not in item["metadata"]["name"]]
    assert cluster.plan().id == plan.id
    assert cluster.plan(minimum_down_seconds=61).id == plan.id


def steps_with(plan: Plan, change: Callable[[ObjectRef], ObjectRef], at: tuple[int, int]) -> Plan:
    step = plan.steps[at[0]]
    objects = [change(ref) if number == at[1] else ref for number, ref in enumerate(step.objects)]
    steps = [
        dataclasses.replace(step, objects=tuple(objects)) if number == at[0] else item
        for number, item in enumerate(plan.steps)
    ]
    return dataclasses.replace(plan, steps=tuple(steps))


def test_every_object_and_every_uid_changes_the_id(plan: Plan) -> None:
    places = [
        (number, at) for number, step in enumerate(plan.steps) if not step.waits for at in range(len(step.objects))
    ]
    assert len(places) > 10
    changes: list[Callable[[ObjectRef], ObjectRef]] = [
        lambda ref: dataclasses.replace(ref, uid=ref.uid + "x"),
        lambda ref: dataclasses.replace(ref, name=ref.name + "x"),
        lambda ref: dataclasses.replace(ref, namespace=ref.namespace + "x"),
        lambda ref: dataclasses.replace(ref, kind=ref.kind + "x"),
    ]
    ids = [id_of(steps_with(plan, change, at)) for at in places for change in changes]
    assert plan.id not in ids
    assert len(set(ids)) == len(ids)


def test_every_act_and_every_claim_changes_the_id(plan: Plan) -> None:
    seen = {plan.id}
    for number, step in enumerate(plan.steps):
        other = [*plan.steps]
        other[number] = dataclasses.replace(step, act=step.act + " twice")
        seen.add(id_of(dataclasses.replace(plan, steps=tuple(other))))
        seen.add(id_of(dataclasses.replace(plan, steps=(*plan.steps[:number], *plan.steps[number + 1 :]))))
    assert len(seen) == 2 * len(plan.steps) + 1
    for field, value in {
        "policy": "hook",
        "uid": "x",
        "pv_uid": "x",
        "tasks": "/x.yml",
        "reclaim_policy": "Retain",
    }.items():
        first = plan.recovery[0]
        claim = dataclasses.replace(first.batches[0][0], **{field: value})
        recovery = Recovery(first.group, first.heals, ((claim, *first.batches[0][1:]), *first.batches[1:]))
        assert id_of(dataclasses.replace(plan, recovery=(recovery, *plan.recovery[1:]))) != plan.id
    for accepted in ({"given_up": ("a/b/c/d",)}, {"accept_unproven": True}):
        other = dataclasses.replace(plan.recovery[0], **accepted)
        assert id_of(dataclasses.replace(plan, recovery=(other, *plan.recovery[1:]))) != plan.id
    together = Recovery(plan.recovery[0].group, True, (tuple(c for batch in plan.recovery[0].batches for c in batch),))
    assert id_of(dataclasses.replace(plan, recovery=(together, *plan.recovery[1:]))) != plan.id


def test_another_machine_another_way_to_join_and_another_loss_change_the_id(plan: Plan) -> None:
    assert plan.lost
    others = [
        dataclasses.replace(plan, joining={**plan.joining, "machine_id": "other"}),
        dataclasses.replace(plan, lost=dataclasses.replace(plan.lost, uid="other")),
        dataclasses.replace(plan, replacement=dataclasses.replace(plan.replacement, ip="192.0.2.99")),
        dataclasses.replace(plan, reset=True),
        StandInCluster().plan(join_method="manual"),
        StandInCluster().plan(join_method="ocboot"),
    ]
    ids = {id_of(other) for other in others}
    assert len(ids) == len(others)
    assert plan.id not in ids


def test_a_refused_plan_has_no_id_and_nobody_can_agree_to_it() -> None:
    cluster = StandInCluster()
    cluster.answers = [22]
    made = cluster.plan()
    assert (made.id, made.acts) == ("", ())
    assert consent.decide(made, acting=True, confirm=False) == consent.Decision()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"wanted": "ID"}, consent.Decision(consent="ID")),
        ({"wanted": "ID", "confirm": False}, consent.Decision(consent="ID")),
        ({"confirm": False}, consent.Decision(consent="ID")),
        ({}, consent.Decision(ask=True)),
    ],
)
def test_consent_is_an_id_a_setting_or_an_answer(plan: Plan, given: Any, expected: consent.Decision) -> None:
    given = {**given, **({"wanted": plan.id} if "wanted" in given else {})}
    consent_id = plan.id if expected.consent else ""
    assert consent.decide(plan, acting=True, **given) == dataclasses.replace(expected, consent=consent_id)
    assert consent.decide(plan, acting=False, **given) == consent.Decision()


@pytest.mark.parametrize("confirm", [True, False])
def test_another_plan_is_refused_with_what_changed(plan: Plan, confirm: bool) -> None:
    cluster = StandInCluster()
    cluster.node("master-1")["metadata"]["uid"] = "another-node"
    now = cluster.plan()
    found = consent.decide(now, acting=True, wanted=plan.id, confirm=confirm, known=plan.acts)
    assert found.consent == ""
    assert not found.ask
    assert "PLAN_CHANGED" in found.refusal
    assert now.id in found.refusal
    assert "+  Node master-1 [another-node]" in found.difference
    assert [line for line in found.difference if line.startswith("-  Node master-1 [")]
    assert [line for line in found.difference if line[0] in "+-"] == [
        line for line in found.difference if "master-1" in line and line[0] in "+-"
    ]
    unknown = consent.decide(now, acting=True, wanted=plan.id, confirm=confirm)
    assert "does not know what was in that plan" in unknown.refusal


def test_the_rest_of_a_plan_is_another_plan() -> None:
    cluster = StandInCluster()
    first = cluster.plan()
    cluster.run(first, acts=4)
    again = cluster.plan()
    assert again.state == "resume"
    assert "PLAN_CHANGED" in consent.decide(again, acting=True, wanted=first.id, known=first.acts).refusal


@pytest.mark.parametrize("answer", ["yes", " YES\n", "Yes"])
def test_yes_is_consent(plan: Plan, answer: str) -> None:
    assert consent.answered(plan, answer) == consent.Decision(consent=plan.id)


@pytest.mark.parametrize("answer", ["", "y", "no", "yes please", "ja", "\x03"])
def test_anything_else_is_not(plan: Plan, answer: str) -> None:
    found = consent.answered(plan, answer)
    assert found.consent == ""
    assert "Nothing was changed." in found.refusal


def test_without_a_terminal_nobody_agreed(plan: Plan) -> None:
    found = consent.answered(plan, None)
    assert found.consent == ""
    assert "replace_master_confirm=false" in found.refusal


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "ansible-playbook cloudpods.ha.inspect_master -i inv.yml -e replace_master_lost=master-1",
            "ansible-playbook cloudpods.ha.replace_master -i inv.yml -e replace_master_lost=master-1 -e replace_master_plan=ID",
        ),
        (
            "/opt/venv/bin/ansible-playbook -i 'a b' /x/playbooks/inspect_master.yml --check -e @vars.yml --vault-id p@prompt",
            "ansible-playbook -i 'a b' /x/playbooks/replace_master.yml -e @vars.yml --vault-id p@prompt -e replace_master_plan=ID",
        ),
        (
            "ansible-playbook cloudpods.ha.inspect_master -ereplace_master_plan=0123456789ab --extra-vars=replace_master_lost=m",
            "ansible-playbook cloudpods.ha.replace_master -e replace_master_lost=m -e replace_master_plan=ID",
        ),
        (
            "ansible-playbook converge.yml --inventory=x -e y=1",
            "ansible-playbook cloudpods.ha.replace_master -i /inv -e replace_master_lost=master-1 -e replace_master_plan=ID",
        ),
    ],
)
def test_the_command_is_the_one_that_looked_but_acts(line: str, expected: str) -> None:
    assert consent.command(shlex.split(line), inventory=["/inv"], lost="master-1", plan_id="ID") == expected


@pytest.mark.parametrize(
    "value",
    [
        "replace_master_ocboot_user_password=hunter2",
        '{"replace_master_ocboot_user_password": "hunter2"}',
        "a=1 my_token=hunter2",
        "ansible_become_pass=hunter2",
    ],
)
def test_a_secret_is_not_shown_again(value: str) -> None:
    argv = ["ansible-playbook", "cloudpods.ha.inspect_master", "-e", value]
    assert "hunter2" not in consent.command(argv, inventory=[], lost="m", plan_id="ID")
