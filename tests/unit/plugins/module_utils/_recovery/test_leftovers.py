# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import HOSTNAME_LABEL, Place, Requirement, Site
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Pod, Volume
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.leftovers import (
    judge_left_volume,
    stale_helper_pods,
)


def place(*hosts: str, annotated: str = "") -> Place:
    terms = tuple((Requirement(HOSTNAME_LABEL, "In", (host,)),) for host in hosts)
    return Place("hostPath", terms, annotated, may_be_local=True)


LOST = Lost("master-1", (), "host-1", uid="n")
RELEASED = Volume("pv", "pv-uid", "Released", "Delete", "ns/data", "claim")
HERE = place("host-1", annotated="master-1")
POD = Pod("local-path-storage", "helper-pod-delete-pv", "u", "Pending", "master-1", deleting=False)


@pytest.mark.parametrize(
    ("change", "facts", "act"),
    [
        ({}, {}, "delete"),
        ({"phase": "Failed"}, {}, "delete"),
        ({}, {"place": place("host-1")}, "delete"),
        ({"phase": "Bound"}, {}, "wait"),
        ({"deleting": True}, {}, "wait"),
        ({"reclaim_policy": "Retain"}, {}, "keep"),
        ({}, {"old_claim_present": True}, "wait"),
        ({}, {"nodes": (Site("master-2", "host-2"), Site("master-1", "host-1"))}, "wait"),
        # Whatever the other node is: it may use the volume.
        ({}, {"nodes": (Site("master-2", "host-1"),)}, "refuse"),
        ({"uid": "another"}, {}, "refuse"),
        ({"claim_uid": "another"}, {}, "refuse"),
        ({}, {"place": place("host-2")}, "refuse"),
        ({}, {"place": place("host-1", "host-2")}, "refuse"),
        ({}, {"place": place("host-1", annotated="master-2")}, "refuse"),
        ({}, {"place": place(annotated="master-1")}, "refuse"),
    ],
)
def test_a_volume_is_deleted_only_when_claim_and_node_are_gone(change: dict, facts: dict, act: str) -> None:
    given = {"place": HERE, "old_claim_present": False, "nodes": (Site("master-2", "host-2"),), **facts}
    volume = dataclasses.replace(RELEASED, **change)
    verdict = judge_left_volume(volume=volume, planned_uid="pv-uid", claim_uid="claim", lost=LOST, **given)
    assert verdict.act == act
    assert verdict.reason


def test_what_holds_a_volume_is_named_and_stays() -> None:
    for change, act in (({}, "delete"), ({"deleting": True}, "wait")):
        held = dataclasses.replace(RELEASED, finalizers=("kubernetes.io/pv-protection", "example.org/x"), **change)
        verdict = judge_left_volume(
            volume=held,
            place=HERE,
            planned_uid="pv-uid",
            claim_uid="claim",
            lost=LOST,
            old_claim_present=False,
            nodes=(),
        )
        assert verdict.act == act
        assert "example.org/x" in verdict.reason
        assert "pv-protection" not in verdict.reason


def test_helper_pods_are_those_of_the_planned_volumes_on_the_vanished_node() -> None:
    other = [
        dataclasses.replace(POD, name="helper-pod-delete-other"),
        dataclasses.replace(POD, name="helper-pod-create-pv"),
        dataclasses.replace(POD, node="master-2"),
        dataclasses.replace(POD, node=""),
    ]
    assert stale_helper_pods(pods=[POD, *other], volumes=["pv"], lost=LOST, node_present=False) == (POD,)


def test_no_helper_pod_is_stale_while_a_node_has_the_name() -> None:
    assert stale_helper_pods(pods=[POD], volumes=["pv"], lost=LOST, node_present=True) == ()
