# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement at the end: it holds on a replaced master and falls for each thing that does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.verification import verdict
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    CLAIMS,
    NODES,
    PODS,
    VOLUMES,
    StandInCluster,
    claim_object,
    keepalived,
    node_object,
    pod_object,
    volume_object,
)

Change = Callable[[StandInCluster], Any]


def replaced() -> StandInCluster:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    return cluster


def failed(
    cluster: StandInCluster, *, vip_answers: bool = True, minio: Any = None, left_alone: Sequence[str] = ()
) -> dict[str, str]:
    told = view.minio(cluster.minio()) if minio is None else minio
    return {
        check.name: check.observed
        for check in verdict(cluster.cluster(), vip_answers=vip_answers, minio=told, left_alone=left_alone)
        if not check.ok
    }


def test_a_replaced_master_passes_every_check() -> None:
    cluster = replaced()
    checks = verdict(cluster.cluster(), vip_answers=True, minio=view.minio(cluster.minio()))
    assert [check.name for check in checks if not check.ok] == []
    assert [check.name for check in checks] == [
        "nodes",
        "lost node",
        "etcd",
        "API servers",
        "VIP",
        "volumes",
        "claims",
        "pods",
        "cordons",
        "MinIO",
    ]
    assert "master-2, master-3, master-4" in checks[0].observed


def test_a_claim_whose_volume_is_gone_is_no_success_unless_it_is_left_alone() -> None:
    cluster = replaced()
    claim = claim_object("prod", "data-0", "c-gone", volume="pvc-gone")
    claim["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "master-1"}
    claim["status"]["phase"] = "Lost"
    cluster.lists[CLAIMS].append(claim)
    found = cluster.cluster()
    told = {check.name: check for check in verdict(found, vip_answers=True, minio=())}["claims"]
    assert (told.ok, "prod/data-0" in told.observed) == (False, True)
    alone = verdict(found, vip_answers=True, minio=(), left_alone=["prod/data-0"])
    assert {check.name: check.ok for check in alone}["claims"]


def test_before_the_replacement_hardly_anything_holds() -> None:
    found = failed(StandInCluster())
    assert {"nodes", "lost node", "etcd", "API servers", "pods", "VIP"} == set(found)
    assert "still a member: master-1" in found["etcd"]


def stray_volume(cluster: StandInCluster) -> None:
    cluster.lists[VOLUMES].append(volume_object("pvc-stale", "u", node="master-1"))


def stray_pod(name: str, **fields: Any) -> Change:
    return lambda cluster: cluster.lists[PODS].append(pod_object("kube-system", name, "u", **fields))


def uncovered(cluster: StandInCluster) -> None:
    cluster.lists[NODES].append(node_object("master-9", "192.0.2.99", "u9"))


def returned(cluster: StandInCluster) -> None:
    cluster.lists[NODES].append(node_object("master-1", "192.0.2.11", "u1", control_plane=False))


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        (lambda c: c.set_ready("master-3", False), "nodes", "not Ready: master-3"),
        (uncovered, "nodes", "not in the inventory: master-9"),
        (
            lambda c: c.node("master-4")["metadata"]["labels"].pop("node-role.kubernetes.io/control-plane"),
            "nodes",
            "not a control-plane node: master-4.example.org",
        ),
        (returned, "lost node", "still there: master-1"),
        (lambda c: c.change_member("master-3", healthy=False), "etcd", "not healthy"),
        (lambda c: c.change_member("master-4", learner=True), "etcd", "2 voters for 3 hosts"),
        (lambda c: c.members.remove(c.member("master-3")), "etcd", "2 voters for 3 hosts"),
        (lambda c: c.change_host("master-4", api_ready=""), "API servers", "master-4.example.org has none"),
        (lambda c: c.change_host("master-3", reachable=False, error="gone"), "API servers", "gone"),
        (lambda c: c.change_host("master-2", addresses=("192.0.2.12",)), "VIP", "held by no host"),
        (
            lambda c: c.change_host("master-4", addresses=("192.0.2.14", c.vip)),
            "VIP",
            "master-2.example.org and master-4",
        ),
        (
            lambda c: c.change_host("master-4", keepalived=keepalived("192.0.2.14", state="MASTER", priority=100)),
            "VIP",
            "2 hosts are MASTER",
        ),
        (stray_volume, "volumes", "left of the lost node: pvc-stale"),
        (stray_pod("helper-pod-delete-x", node="master-1"), "volumes", "kube-system/helper-pod-delete-x"),
        (stray_pod("kube-proxy-y", node="master-1"), "pods", "still on it: kube-proxy-y"),
        (lambda c: c.cordon(), "cordons", "still cordoned: master-2, master-3"),
    ],
)
def test_what_does_not_hold_is_named(change: Change, check: str, words: str) -> None:
    cluster = replaced()
    change(cluster)
    assert words in failed(cluster)[check]


def test_a_volume_that_is_to_be_retained_is_no_fault() -> None:
    cluster = replaced()
    cluster.lists[VOLUMES].append(volume_object("kept", "u", node="master-1", policy="Retain"))
    assert failed(cluster) == {}


@pytest.mark.parametrize(
    ("mounted", "left_alone", "is_fault"),
    [
        (["ignored"], ["ns/ignored"], False),
        (["ignored"], [], True),
        (["ignored"], ["other/ignored"], True),
        (["ignored", "wanted"], ["ns/ignored"], True),
        (["ignored", "elsewhere"], ["ns/ignored", "ns/elsewhere"], False),
    ],
)
def test_a_pod_that_waits_for_ignored_claims_alone_is_no_fault(
    mounted: list[str], left_alone: list[str], is_fault: bool
) -> None:
    cluster = replaced()
    for name in mounted:
        cluster.add_volume_and_claim("ns", name, "master-1")
    cluster.lists[PODS].append(pod_object("ns", "reader", "u", claims=mounted))
    expected = {"pods": "still need a volume of the lost node: ns/reader"} if is_fault else {}
    assert failed(cluster, left_alone=left_alone) == expected


def test_a_silent_vip_is_a_fault_and_no_vip_is_none() -> None:
    cluster = replaced()
    assert failed(cluster, vip_answers=False) == {"VIP": "no API server answers there"}
    for name in cluster.hosts:
        cluster.change_host(name, keepalived=None)
    assert failed(cluster, vip_answers=False) == {}


def test_a_minio_that_has_not_converged_is_a_fault() -> None:
    item = {"namespace": "n", "name": "m", "converged": False, "summary": "one drive heals"}
    assert failed(replaced(), minio=[item]) == {"MinIO": "one drive heals"}


def test_an_api_that_does_not_answer_is_the_only_thing_told() -> None:
    found = dataclasses.replace(replaced().cluster(), api_error="refused")
    (check,) = verdict(found, vip_answers=True, minio=[])
    assert (check.name, check.ok, check.observed) == ("API", False, "refused")
