# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods of DaemonSets: for which Node each is, and why it is not Ready."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.daemons import pod_on
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import DaemonPod
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import pod_object

MASTERS = ["master-2", "master-4"]
FIELD = {"key": "metadata.name", "operator": "In", "values": ["master-4"]}


def pod(node: str = "master-4", owner: str = "DaemonSet/calico-node", **status: Any) -> dict[str, Any]:
    made = pod_object("kube-system", "calico-node-x", "u", node=node, owner=owner)
    made["status"].update(status)
    return made


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"nodeAffinity": required}


def ready(status: str, message: str = "") -> list[dict[str, str]]:
    return [{"type": "Ready", "status": status, "message": message}]


def told(obj: dict[str, Any]) -> DaemonPod:
    found = pod_on(obj, MASTERS)
    assert found is not None
    return found


def test_a_pod_that_runs_is_told_with_its_daemonset_and_its_node() -> None:
    found = told(pod(conditions=ready("True")))
    assert found == DaemonPod("kube-system", "calico-node-x", "calico-node", "master-4", ready=True)


@pytest.mark.parametrize(
    "other",
    [
        pod(owner="ReplicaSet/coredns-1"),
        pod(owner=""),
        pod(owner="Node/master-4"),
        pod(node="worker-1"),
        pod(node=""),
    ],
    ids=["of a Deployment", "of nobody", "static", "on a worker", "nowhere"],
)
def test_every_other_pod_is_passed_over(other: dict[str, Any]) -> None:
    assert pod_on(other, MASTERS) is None


def test_a_pod_that_waits_to_be_scheduled_is_for_the_node_that_it_names() -> None:
    said = {"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available: 1 Insufficient cpu."}
    waiting = pod(node="", conditions=[said])
    waiting["spec"]["affinity"] = affinity({"matchFields": [FIELD]})
    found = told(waiting)
    assert (found.node, found.ready, found.hint) == ("master-4", False, said["message"])


WAITING = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ({"containerStatuses": [WAITING]}, "ImagePullBackOff Back-off pulling image"),
        ({"conditions": ready("False", "containers with unready status: [x]")}, "containers with unready status: [x]"),
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}, "low on memory"),
        ({"phase": "Pending"}, "Pending"),
        ({"phase": ""}, "no reason given"),
        ({"conditions": ready("False", "a\x1b[31mb\nc")}, "a?[31mb?c"),
        ({"conditions": ready("False", None)}, "Running"),  # type: ignore[arg-type]
    ],
)
def test_what_keeps_a_pod_from_being_ready_is_told(status: dict[str, Any], hint: str) -> None:
    found = told(pod(**status))
    assert not found.ready
    assert hint in found.hint
    assert found.hint.isprintable()


def test_a_long_reason_is_cut() -> None:
    assert len(told(pod(conditions=ready("False", "x" * 5000))).hint) == 200


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    going = pod(conditions=ready("True"))
    going["metadata"]["deletionTimestamp"] = "2026-03-01T12:05:00Z"
    assert (told(going).ready, told(going).hint) == (False, "it is being deleted")


def test_a_pod_in_the_network_of_its_host_is_known() -> None:
    there = pod()
    assert not told(there).host_network
    there["spec"]["hostNetwork"] = True
    assert told(there).host_network
