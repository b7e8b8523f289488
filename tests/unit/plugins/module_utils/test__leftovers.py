# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._claims import LostNode, Volume
from ansible_collections.cloudpods.ha.plugins.module_utils._leftovers import (
    HelperPod,
    judge_left_volume,
    stale_helper_pods,
)

LOST = LostNode("master-1", "n", "host-1")
RELEASED = Volume("pv", "pv-uid", "claim", phase="Released", hostnames=("host-1",), annotated_node="master-1")
POD = HelperPod("local-path-storage", "helper-pod-delete-pv", "u", "master-1", "Pending")


@pytest.mark.parametrize(
    ("change", "facts", "act"),
    [
        ({}, {}, "delete"),
        ({"phase": "Failed"}, {}, "delete"),
        ({"annotated_node": ""}, {}, "delete"),
        ({"phase": "Bound"}, {}, "wait"),
        ({"terminating": True}, {}, "wait"),
        ({"policy": "Retain"}, {}, "keep"),
        ({}, {"old_claim_present": True}, "wait"),
        ({}, {"node_present": True}, "wait"),
        ({"uid": "another"}, {}, "refuse"),
        ({"claim_uid": "another"}, {}, "refuse"),
        ({"hostnames": ("host-2",)}, {}, "refuse"),
        ({"hostnames": ("host-1", "host-2")}, {}, "refuse"),
        ({"annotated_node": "master-2"}, {}, "refuse"),
    ],
)
def test_a_volume_is_deleted_only_when_claim_and_node_are_gone(change: dict, facts: dict, act: str) -> None:
    given = {"old_claim_present": False, "node_present": False, **facts}
    volume = dataclasses.replace(RELEASED, **change)
    verdict = judge_left_volume(volume=volume, planned_uid="pv-uid", claim_uid="claim", lost=LOST, **given)
    assert verdict.act == act
    assert verdict.reason


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
