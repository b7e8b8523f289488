# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement at the end: it holds on a replaced master and falls for each thing that does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.verification import Check, pods_run, verdict
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
        (stray_pod("kube-proxy-y", node="master-1"), "pods", "still on it: kube-system/kube-proxy-y"),
        (lambda c: c.cordon(), "cordons", "still cordoned: master-2, master-3"),
    ],
)
def test_what_does_not_hold_is_named(change: Change, check: str, words: str) -> None:
    cluster = replaced()
    change(cluster)
    assert words in failed(cluster)[check]


def test_the_node_of_a_host_that_cannot_be_read_is_not_told_as_one_that_is_missing() -> None:
    cluster = replaced()
    cluster.change_host("master-4", reachable=False, error="the connection broke", addresses=())
    told = failed(cluster)
    assert told["nodes"] == "could not be read over SSH: master-4.example.org"
    assert told["API servers"] == "master-4.example.org the connection broke"


def test_the_cordon_of_another_replacement_is_no_fault_of_this_one() -> None:
    cluster = replaced()
    for name in ("master-2", "master-4"):
        cluster.node(name)["metadata"].setdefault("annotations", {})["ha.cloudpods.org/cordoned-for"] = "master-9"
    assert failed(cluster) == {}


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


def daemons(*missing: str, name: str = "calico-node", **spec: Any) -> StandInCluster:
    """A replaced master; a DaemonSet has a Ready pod on each master but the `missing`, where it is not Ready."""
    cluster = replaced()
    add_daemons(cluster, *missing, name=name, **spec)
    return cluster


def add_daemons(cluster: StandInCluster, *missing: str, name: str, absent: Sequence[str] = (), **spec: Any) -> None:
    for node in ("master-2", "master-3", "master-4"):
        if node not in absent:
            made = cluster.add_daemon_pod(name, node, ready=node not in missing, **spec)
            if node in missing:
                waiting = {"reason": "ContainerCreating", "message": "no\x1b[2Jsandbox"}
                made["status"]["containerStatuses"] = [{"state": {"waiting": waiting}}]


def pods_there(cluster: StandInCluster) -> Check:
    read = cluster.cluster(replacement=cluster.heir)
    found = {check.name: check for check in verdict(read, vip_answers=True, minio=())}["pods there"]
    assert found.ok or not pods_run(read)
    assert found.observed.isprintable()
    return found


def waits(cluster: StandInCluster) -> bool:
    return not pods_run(cluster.cluster(replacement=cluster.heir))


def test_pods_that_run_on_the_replacement_are_counted() -> None:
    cluster = daemons()
    assert pods_there(cluster) == Check("pods there", True, "1 DaemonSet pod runs on master-4")
    add_daemons(cluster, name="kube-proxy")
    assert pods_there(cluster).observed == "2 DaemonSet pods run on master-4"
    assert not waits(cluster)


def test_without_a_question_for_them_the_pods_are_not_judged() -> None:
    cluster = daemons("master-4").cluster()
    assert pods_run(cluster)
    assert "pods there" not in {check.name for check in verdict(cluster, vip_answers=True, minio=())}


def test_a_replacement_on_which_no_pod_starts_is_not_proven() -> None:
    cluster = daemons("master-4")
    # In the network of its host a pod starts all the same.
    add_daemons(cluster, name="kube-proxy", hostNetwork=True)
    found = pods_there(cluster)
    assert not found.ok
    assert "no pod in the network of pods starts on master-4" in found.observed
    assert "kube-system/calico-node-master-4 (ContainerCreating no?[2Jsandbox)" in found.observed
    assert "kubectl -n kube-system describe pod calico-node-master-4" in found.observed
    assert "on master-4 at the CNI and the log of containerd" in found.observed


@pytest.mark.parametrize("host_network", [False, True])
def test_an_application_that_has_trouble_where_pods_start_is_waited_for_and_told(host_network: bool) -> None:
    cluster = daemons()
    add_daemons(cluster, "master-4", name="agent", hostNetwork=host_network)
    found = pods_there(cluster)
    assert found.ok
    assert found.observed.startswith("1 DaemonSet pod runs on master-4; not Ready there, but on every other master: ")
    assert "kube-system/agent-master-4 (ContainerCreating" in found.observed
    assert waits(cluster)


def test_where_no_pod_is_in_the_network_of_pods_nothing_is_proven_and_trouble_is_told() -> None:
    cluster = daemons("master-4", hostNetwork=True)
    assert pods_there(cluster).ok
    assert "calico-node-master-4" in pods_there(cluster).observed


@pytest.mark.parametrize("missing", [["master-3", "master-4"], ["master-2", "master-3", "master-4"], ["master-3"]])
def test_what_is_not_ready_on_another_master_either_is_no_fault_and_not_waited_for(missing: list[str]) -> None:
    cluster = daemons(*missing)
    assert pods_there(cluster).ok
    assert not waits(cluster)


def test_a_master_that_is_not_ready_itself_excuses_nothing() -> None:
    cluster = daemons("master-3", "master-4")
    cluster.set_ready("master-3", False)
    assert not pods_there(cluster).ok


def test_without_another_ready_master_nothing_can_be_compared() -> None:
    cluster = daemons("master-4")
    for name in ("master-2", "master-3"):
        cluster.set_ready(name, False)
    assert pods_there(cluster).ok


def test_a_daemonset_without_a_pod_there_is_told_if_every_other_master_has_one() -> None:
    cluster = daemons()
    add_daemons(cluster, name="some", absent=["master-4"])
    add_daemons(cluster, name="few", absent=["master-3", "master-4"])
    found = pods_there(cluster)
    assert found.ok
    assert found.observed.endswith("without a pod there, perhaps by a node selector or a taint: kube-system/some")
    assert not waits(cluster)


def test_of_many_pods_some_are_named() -> None:
    cluster = replaced()
    for number in range(12):
        add_daemons(cluster, "master-4", name="set-{0:02d}".format(number))
    observed = pods_there(cluster).observed
    assert "and 7 more" in observed
    assert "set-04" in observed
    assert "set-05" not in observed


def test_a_replacement_with_the_name_of_the_lost_node_is_judged_by_its_own_pods() -> None:
    cluster = StandInCluster(same_name=True)
    cluster.run(cluster.plan())
    for node in ("master-1", "master-2", "master-3"):
        cluster.add_daemon_pod("calico-node", node, ready=node != "master-1")
    found = pods_there(cluster)
    assert not found.ok
    assert "calico-node-master-1" in found.observed
