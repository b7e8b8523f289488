# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason not to replace a node: that it is given when it should be, and that nothing is refused otherwise."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._format import human
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import Compared, Failure, verdict
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import claims, etcd, hosts, lost, vip
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import k3s as k3s_checks
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    CLAIMS,
    CLUSTER_INFO,
    DEPLOYMENTS,
    DISCARD,
    LEASES,
    MEBIBYTE,
    NODES,
    PODS,
    POLICIES,
    STATEFULSETS,
    STORAGE,
    VOLUMES,
    StandInCluster,
    claim_object,
    keepalived,
    node_object,
    volume_object,
)

Change = Callable[[StandInCluster], Any]
Json = dict[str, Any]

BOTH_DOWN = "9: connection refused"


def no_survivors(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        del cluster.hosts[name]


def unreachable(name: str) -> Change:
    return lambda cluster: cluster.change_host(name, reachable=False, error="Connection timed out.")


def all_alarmed(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        cluster.change_host(name, etcd_health="ALARM NOSPACE")


def one_alarmed_one_sick(cluster: StandInCluster) -> None:
    all_alarmed(cluster)
    cluster.change_host(cluster.survivors[0], etcd_health=BOTH_DOWN)


def all_sick(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        cluster.change_host(name, etcd_health=BOTH_DOWN)


def lost_in_survivors(cluster: StandInCluster) -> None:
    mine = cluster.address[cluster.lost]
    cluster.change_host("master-2", addresses=(mine,))
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-2"]


def no_role_label(cluster: StandInCluster) -> None:
    cluster.node("master-1")["metadata"]["labels"].pop("node-role.kubernetes.io/control-plane")


def uncovered_master(cluster: StandInCluster) -> None:
    cluster.lists[NODES].append(node_object("master-9", "192.0.2.99", "node-9"))


def returned(cluster: StandInCluster) -> None:
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.node("master-1")["metadata"]["uid"] = "another"


def unprobed(cluster: StandInCluster) -> None:
    cluster.node("master-1")["status"]["addresses"] = []
    cluster._probe = lambda: {"addresses": [], "open": [], "closed": []}  # type: ignore[method-assign]


def answering(cluster: StandInCluster) -> None:
    cluster.answers = [22, 10250]


def just_down(cluster: StandInCluster) -> None:
    cluster.set_ready("master-1", False, since="2026-03-01T12:09:01Z")


def its_kubelet_says_not_ready(cluster: StandInCluster) -> None:
    # Behind a firewall no port answers, and the machine's clock is wrong; it was not Ready for long.
    clock_of_the_lost_is_ahead(cluster)
    cluster.set_ready("master-1", False)
    cluster.node("master-1")["status"]["conditions"][0]["status"] = "False"


def its_lease_is_renewed(cluster: StandInCluster) -> None:
    cluster.heartbeat("master-1", "2026-03-01T12:09:21.000000Z")


def its_lease_ran_out(cluster: StandInCluster) -> None:
    cluster.heartbeat("master-1", "2026-03-01T12:09:20.000000Z")


def in_two_clusters(cluster: StandInCluster) -> None:
    cluster.change_member("master-3", cluster_id="c2")


def second_loss(cluster: StandInCluster) -> None:
    cluster.set_ready("master-3", False)


def second_member(cluster: StandInCluster) -> None:
    cluster.change_member("master-3", healthy=False)


def no_replacement(cluster: StandInCluster) -> None:
    del cluster.hosts["master-4"]


def replacement_is_lost(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", hostname="master-1")


def replacement_has_address_of_the_lost_without_a_node(cluster: StandInCluster) -> None:
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    cluster.change_host("master-4", addresses=("192.0.2.11",))


def replacement_is_node(cluster: StandInCluster) -> None:
    cluster.lists[NODES].append(node_object("master-4", "192.0.2.14", "node-4", control_plane=False))


def replacement_is_member(cluster: StandInCluster) -> None:
    cluster.add_member(learner=True)
    cluster.start_member()


def wrong_version(program: str, version: str) -> Change:
    return lambda cluster: cluster.change_host("master-4", **{program + "_version": version})


def no_room(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", free_bytes={STORAGE: 60 * MEBIBYTE})


def nobody_named_it(cluster: StandInCluster) -> None:
    cluster.add_volume_and_claim("shop", "orders", "master-1")


def ambiguous(cluster: StandInCluster) -> None:
    cluster.lists[VOLUMES][0]["metadata"]["annotations"]["local.path.provisioner/selected-node"] = "master-3"


def no_affinity(cluster: StandInCluster) -> None:
    del cluster.lists[VOLUMES][0]["spec"]["nodeAffinity"]


def held(cluster: StandInCluster) -> None:
    finalizers = ["kubernetes.io/pvc-protection", "backup.example.org/keep"]
    cluster.lists[CLAIMS][0]["metadata"]["finalizers"] = finalizers
    read = cluster.api_json
    # As the API's answer will be read.
    cluster.api_json = lambda **options: with_finalizers(read(**options), finalizers)  # type: ignore[method-assign]


def with_finalizers(api: Any, finalizers: list[str]) -> Any:
    first, *rest = api["claims"]
    return {**api, "claims": [{**first, "finalizers": finalizers}, *rest]}


def unapproved(cluster: StandInCluster) -> None:
    ask = cluster.request
    cluster.request = lambda **fields: ask(**{**fields, "discard": ("onecloud/default-influxdb",)})  # type: ignore[method-assign]


def minio_says_no(cluster: StandInCluster) -> None:
    cluster.minio_gate = {"ok": False, "codes": ["below_read_quorum"], "sentences": ["one drive too few is left"]}


def proof(**more: t.Any) -> dict:
    """The record that minio_health_info makes."""
    return verdict(group="onecloud-minio/minio", drives=[], **more)


LOST_OBJECT = Compared([Failure(("onecloud-images", "a", ""), "1 of the 2 parts are left", 7, 1, 2)], [], [], [], 9)


def minio_proves(**more: t.Any) -> Change:
    def change(cluster: StandInCluster) -> None:
        cluster.minio_proof = proof(**more)

    return change


def minio_proof_breaks(cluster: StandInCluster) -> None:
    cluster.minio_proof = {}


def minio_is_not_asked(cluster: StandInCluster) -> None:
    cluster.minio = lambda **_options: {}  # type: ignore[method-assign]


def keepalived_differs(cluster: StandInCluster) -> None:
    mine = keepalived("192.0.2.13", state="BACKUP", priority=90)._replace(identity="another")
    cluster.change_host("master-3", keepalived=mine)


def two_masters(cluster: StandInCluster) -> None:
    cluster.promote("master-2.example.org")
    cluster.promote("master-3.example.org")


def same_priority(cluster: StandInCluster) -> None:
    cluster.change_host("master-3", keepalived=keepalived("192.0.2.13", state="BACKUP", priority=100))
    cluster.change_host("master-2", keepalived=keepalived("192.0.2.12", state="MASTER", priority=100))


def vip_twice(cluster: StandInCluster) -> None:
    cluster.change_host("master-3", addresses=("192.0.2.13", cluster.vip))


def nobody_makes_it_again(cluster: StandInCluster) -> None:
    for item in cluster.lists[DEPLOYMENTS]:
        if item["metadata"]["name"] == "default-influxdb":
            del item["metadata"]["ownerReferences"]


def down_since_nobody_knows_when(cluster: StandInCluster) -> None:
    cluster.node("master-1")["status"]["conditions"] = []


def dead_cluster_info(cluster: StandInCluster) -> None:
    text = "clusters:\n- cluster:\n    server: https://192.0.2.11:6443\n"
    cluster.objects[CLUSTER_INFO] = {"data": {"kubeconfig": text}}


def k3s(**fields: Any) -> Callable[[str], Change]:
    """A change of what one host says of its K3s."""
    return lambda name: lambda cluster: cluster.change_host(name, k3s=cluster.k3s._replace(**fields))


def no_etcdctl(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        cluster.change_host(name, etcdctl="")
    cluster._report = without_members(cluster._report)  # type: ignore[method-assign]


def without_members(report: Callable[[str], Any]) -> Callable[[str], Any]:
    """Who has no etcdctl can't be asked for members."""

    def changed(name: str) -> Any:
        found = report(name)
        return {**found, "members": {"etcd": {"error": "etcdctl: not found"}}} if found["members"] else found

    return changed


def without_annotation(name: str, *, finalizer: bool = True) -> Change:
    def change(cluster: StandInCluster) -> None:
        del cluster.node("master-1")["metadata"]["annotations"][name]
        if not finalizer:
            cluster.node("master-1")["metadata"]["finalizers"] = ["wrangler.cattle.io/node"]

    return change


def same_machine(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", machine_id="machine-of-master-1")


def no_api(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        cluster.change_host(name, api_ready="not ready: etcd")


def external_etcd(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        cluster.change_host(name, foreign_etcd="https://192.0.2.200:2379", etcd_health="", provider="")


def other_datastore(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        cluster.change_host(
            name, error="this K3s server has no etcd data in /x", unsupported=True, etcd_health="", provider=""
        )


def only_ipv6(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", addresses=("2001:db8::14",), interfaces={"2001:db8::14": "eth0"})


def only_a_bridge(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", addresses=("192.168.122.1",), interfaces={"192.168.122.1": "virbr0"})


def dual_stack(cluster: StandInCluster) -> None:
    for number, name in enumerate(("master-1", "master-2", "master-3")):
        address = {"type": "InternalIP", "address": "2001:db8::{0}".format(11 + number)}
        cluster.node(name)["status"]["addresses"].append(address)


def peers_are_listed(cluster: StandInCluster) -> None:
    for name in cluster.survivors:
        known = cluster.hosts[name].keepalived
        assert known is not None
        cluster.change_host(name, keepalived=known._replace(copy_error="it lists its peers"))


def cluster_info(server: str) -> Change:
    def change(cluster: StandInCluster) -> None:
        text = "clusters:\n- cluster:\n    server: {0}\n".format(server)
        cluster.objects[CLUSTER_INFO] = {"data": {"kubeconfig": text}}

    return change


def kubeadm_config(text: str) -> Change:
    def change(cluster: StandInCluster) -> None:
        path = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
        cluster.objects[path] = {"data": {"ClusterConfiguration": text}}

    return change


def release(version: str) -> Change:
    def change(cluster: StandInCluster) -> None:
        cluster.objects["/version"] = {"gitVersion": version}

    return change


def clock_of_the_lost_is_ahead(cluster: StandInCluster) -> None:
    # The lost machine's clock is a day ahead; by the survivors', it went down five seconds ago.
    cluster.set_ready("master-1", False, since="2026-03-01T12:09:55Z")
    cluster.heartbeat("master-1", "2026-03-02T12:09:50.000000Z")


def clock_of_a_worker_is_ahead(cluster: StandInCluster) -> None:
    cluster.set_ready("master-1", False, since="2026-03-01T12:09:55Z")
    cluster.lists[NODES].append(node_object("worker-1", "192.0.2.50", "w1", control_plane=False))
    lease = {"metadata": {"name": "worker-1"}, "spec": {"renewTime": "2026-03-02T12:09:50.000000Z"}}
    cluster.lists[LEASES].append(lease)


def tied(*expressions: Json, others: Json | None = None) -> Change:
    """One volume is bound by labels; master-1 has the disk ssd-7 and is in z1, all have amd64."""

    def change(cluster: StandInCluster) -> None:
        for node in cluster.lists[NODES]:
            node["metadata"]["labels"].update({"kubernetes.io/arch": "amd64", **(others or {})})
        own = {"example.org/disk": "ssd-7", "topology.kubernetes.io/zone": "z1"}
        cluster.node("master-1")["metadata"]["labels"].update(own)
        volume = next(item for item in cluster.lists[VOLUMES] if item["spec"]["claimRef"]["name"] == "export-minio-0")
        volume["metadata"]["annotations"] = {}
        term = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]
        term["matchExpressions"] = list(expressions)

    return change


def has(key: str, *values: str) -> Json:
    return {"key": key, "operator": "In", "values": list(values)} if values else {"key": key, "operator": "Exists"}


# What is changed in a cluster whose lost master can be replaced, and all that is refused then.
CASES: list[tuple[Change, list[str]]] = [
    (no_survivors, ["NO_SURVIVORS"]),
    (unreachable("master-2"), ["SURVIVOR_UNREACHABLE"]),
    (unreachable("master-4"), ["REPLACEMENT_UNREACHABLE"]),
    (lambda cluster: cluster.change_host("master-3", error="the keepalived manifest is damaged"), ["HOST_UNREADABLE"]),
    (all_sick, ["QUORUM_LOST"]),
    (all_alarmed, ["ETCD_ALARM"]),
    (one_alarmed_one_sick, ["QUORUM_LOST"]),
    (lost_in_survivors, ["LOST_IS_SURVIVOR"]),
    (no_role_label, ["NOT_A_MASTER"]),
    (uncovered_master, ["SURVIVOR_MISSING"]),
    (returned, ["LOST_NODE_RETURNED"]),
    (unprobed, ["NODE_UNPROBED"]),
    (answering, ["NODE_ANSWERS"]),
    (lambda cluster: cluster.set_ready("master-1", True), ["NODE_READY"]),
    (its_kubelet_says_not_ready, ["NODE_READY"]),
    (its_lease_is_renewed, ["NODE_READY"]),
    (just_down, ["NODE_DOWN_TOO_SHORT"]),
    (down_since_nobody_knows_when, ["NODE_DOWN_TOO_SHORT"]),
    (lambda cluster: cluster.members.clear(), ["ETCD_UNREADABLE"]),
    (in_two_clusters, ["ETCD_SPLIT"]),
    (second_loss, ["MORE_THAN_ONE_LOST"]),
    (second_member, ["MORE_THAN_ONE_LOST", "QUORUM_UNSAFE"]),
    (lambda cluster: cluster.change_member("master-1", healthy=True, cluster_id="c1"), ["MEMBER_HEALTHY"]),
    (lambda cluster: cluster.change_member("master-1", learner=True), ["MEMBER_LEARNER"]),
    (no_replacement, ["NO_REPLACEMENT"]),
    (lambda cluster: cluster.change_host("master-4", join_running=True), ["JOIN_RUNNING"]),
    (replacement_is_lost, ["REPLACEMENT_IS_LOST"]),
    (replacement_has_address_of_the_lost_without_a_node, ["REPLACEMENT_IS_LOST"]),
    (replacement_is_node, ["REPLACEMENT_IS_NODE"]),
    (replacement_is_member, ["REPLACEMENT_IS_MEMBER", "REPLACEMENT_NOT_CLEAN"]),
    (lambda cluster: cluster.change_host("master-4", joined=True), ["REPLACEMENT_NOT_CLEAN"]),
    (lambda cluster: cluster.change_host("master-4", etcd_data=True), ["REPLACEMENT_NOT_CLEAN"]),
    (wrong_version("kubelet", "v1.30.5"), ["VERSION_MISMATCH"]),
    (wrong_version("kubeadm", ""), ["VERSION_MISMATCH"]),
    (lambda cluster: cluster.change_host("master-4", skew_seconds=5.1), ["CLOCK_SKEW"]),
    (lambda cluster: cluster.change_host("master-4", skew_seconds=-5.1), ["CLOCK_SKEW"]),
    (lambda cluster: cluster.change_host("master-3", skew_seconds=5.1), ["CLOCK_SKEW"]),
    (no_room, ["DISK_SPACE"]),
    (nobody_named_it, ["CLAIM_UNDECIDED"]),
    (nobody_makes_it_again, ["CLAIM_UNDECIDED"]),
    (ambiguous, ["VOLUME_AMBIGUOUS"]),
    (no_affinity, ["VOLUME_AMBIGUOUS"]),
    (held, ["CLAIM_HELD"]),
    (unapproved, ["DISCARD_UNAPPROVED"]),
    (minio_says_no, ["MINIO_UNSAFE"]),
    (minio_is_not_asked, ["MINIO_UNREADABLE"]),
    (minio_proof_breaks, ["MINIO_UNPROVEN"]),
    (minio_proves(compared=LOST_OBJECT), ["MINIO_UNPROVEN"]),
    (minio_proves(error="there are more than the limit of 9 objects"), ["MINIO_UNPROVEN"]),
    (minio_proves(compared=LOST_OBJECT, error="403", accept_unproven=True), ["MINIO_UNPROVEN"]),
    (keepalived_differs, ["VIP_IDENTITY_DIFFERS"]),
    (two_masters, ["VIP_TWO_MASTERS"]),
    (same_priority, ["VIP_PRIORITY"]),
    (lambda cluster: cluster.change_host("master-3", keepalived=None), ["VIP_MANIFEST"]),
    (vip_twice, ["VIP_DUPLICATE"]),
    (dead_cluster_info, ["CLUSTER_INFO_DEAD"]),
    (no_api, ["NO_EXECUTOR"]),
    (external_etcd, ["ETCD_EXTERNAL"]),
    (other_datastore, ["HOST_UNREADABLE"]),
    (only_ipv6, ["REPLACEMENT_NO_ADDRESS"]),
    (only_a_bridge, ["REPLACEMENT_NO_ADDRESS"]),
    (dual_stack, ["REPLACEMENT_NO_ADDRESS"]),
    (peers_are_listed, ["VIP_COPY"]),
    *(
        (cluster_info(server), ["CLUSTER_INFO_DEAD"])
        for server in (
            *("https://master-1:6443", "https://master-1.example.org:6443", "https://MASTER-1.:6443"),
            *('"https://192.0.2.11:6443"', "https://192.0.2.11", "'https://master-1'"),
            *("master-1:6443", "192.0.2.11:6443", "MASTER-1.example.org:6443", "192.0.2.11"),
        )
    ),
    *(
        (kubeadm_config(text), ["KUBEADM_CONFIG_DEAD"])
        for text in (
            "apiServer: {extraArgs: {advertise-address: 192.0.2.11}}",
            "apiServer: {extraArgs: [{name: etcd-servers, value: 'https://192.0.2.11:2379'}]}",
            "apiServer: {extraArgs: [{name: etcd-servers, value: 'https://192.0.2.11:2379'}, {name: etcd-servers, value: 'https://192.0.2.12:2379'}]}",
            "etcd: {external: {endpoints: ['https://192.0.2.11:2379', 'https://192.0.2.12:2379']}}",
            "controlPlaneEndpoint: master-1:6443",
            "etcd: {local: {extraArgs: {initial-cluster: 'master-1=https://192.0.2.99:2380'}}}",
        )
    ),
    (release("v1.38.0"), ["KUBEADM_UNKNOWN"]),
    (release("v2.0.1"), ["KUBEADM_UNKNOWN"]),
    (clock_of_the_lost_is_ahead, ["NODE_DOWN_TOO_SHORT"]),
    (clock_of_a_worker_is_ahead, ["NODE_DOWN_TOO_SHORT"]),
    (tied(has("example.org/disk", "ssd-7")), ["VOLUME_AMBIGUOUS"]),
    (tied(has("example.org/disk", "ssd-7"), has("kubernetes.io/arch", "amd64")), ["VOLUME_AMBIGUOUS"]),
    (tied(has("example.org/disk")), ["VOLUME_AMBIGUOUS"]),
    (tied(has("example.org/disk", "ssd-7", "nvme")), ["VOLUME_AMBIGUOUS"]),
    (tied(has("topology.kubernetes.io/zone", "z1")), ["VOLUME_AMBIGUOUS"]),
]
ETCD_NAME, ETCD_ADDRESS = "etcd.k3s.cattle.io/node-name", "etcd.k3s.cattle.io/node-address"
# The same for K3s.
K3S_CASES: list[tuple[Change, list[str]]] = [
    (no_etcdctl, ["ETCDCTL_MISSING"]),
    (k3s(ca="c2", token_ca="c2")("master-3"), ["K3S_CA_MISMATCH"]),
    (k3s(token_ca="c2")("master-3"), ["K3S_CA_MISMATCH"]),
    (k3s(token_ca="")("master-3"), []),
    (k3s(ca="", token_ca="c2")("master-3"), []),
    (without_annotation(ETCD_NAME), ["K3S_NODE_HELD"]),
    (without_annotation(ETCD_ADDRESS), ["K3S_NODE_HELD"]),
    (without_annotation(ETCD_NAME, finalizer=False), []),
    (k3s(version="v1.28.6+k3s1")("master-3"), ["VERSION_MISMATCH"]),
    (k3s()("master-4"), []),
    (k3s(version="v1.28.6+k3s1")("master-4"), ["VERSION_MISMATCH"]),
    (k3s(binary="b2")("master-4"), ["VERSION_MISMATCH"]),
    (k3s(version="")("master-4"), ["VERSION_MISMATCH"]),
    (lambda cluster: cluster.change_host("master-4", architecture="aarch64"), ["VERSION_MISMATCH"]),
    (lambda cluster: cluster.change_host("master-4", architecture=""), []),
    (lambda cluster: cluster.change_host("master-4", join_running=True), ["JOIN_RUNNING"]),
    (lambda cluster: cluster.change_host("master-4", joined=True), ["REPLACEMENT_NOT_CLEAN"]),
    (lambda cluster: cluster.change_host("master-4", kubelet_version="v9", kubeadm_version="v9"), []),
    (same_machine, []),
]
# Told with other records than those of the cluster; each has its own test below.
ELSEWHERE = {"API_UNREACHABLE", "PROVIDER_MISMATCH", "NODE_UNKNOWN"}


def test_nothing_is_refused_when_one_master_is_lost_and_all_else_is_well() -> None:
    assert StandInCluster().plan().refusals == ()


def test_a_label_that_all_share_makes_no_doubt_about_a_volume() -> None:
    cluster = StandInCluster()
    tied(has("example.org/node", "master-1"), has("kubernetes.io/arch", "amd64"))(cluster)
    assert "export-minio-0" in [item.name for item in cluster.plan().claims]
    cluster = StandInCluster()
    zone = "topology.kubernetes.io/zone"
    tied(has(zone, "z1"), others={zone: "z1"})(cluster)
    assert cluster.plan().refusals == ()


def assert_nothing_to_act_on(made: Plan) -> None:
    told = {
        "state",
        "provider",
        "lost",
        "replacement",
        "executor",
        "refusals",
        "warnings",
        "before",
        "refused_text",
        "text",
    }
    left = {field.name: getattr(made, field.name) for field in dataclasses.fields(made) if field.name not in told}
    assert {name: value for name, value in left.items() if value} == {}
    assert made.lost is None or (made.lost.uid, made.lost.member_id) == ("", None)


@pytest.mark.parametrize(("change", "codes"), CASES, ids=["+".join(codes) for _change, codes in CASES])
def test_this_and_nothing_else_is_refused(change: Change, codes: list[str]) -> None:
    cluster = StandInCluster()
    change(cluster)
    made = cluster.plan()
    assert sorted({item.code for item in made.refusals}) == sorted(codes)
    assert made.state == "refused"
    assert_nothing_to_act_on(made)
    for item in made.refusals:
        assert item.observed.strip()
        assert item.remedy.endswith(".")
        assert ".." not in item.observed
        assert "[{0}] {1}".format(item.code, item.observed) in " ".join(" ".join(made.text).split())


@pytest.mark.parametrize(
    ("change", "codes"),
    K3S_CASES,
    ids=["{0}-{1}".format(number, "+".join(codes)) for number, (_change, codes) in enumerate(K3S_CASES)],
)
def test_where_k3s_runs_this_and_nothing_else_is_refused(change: Change, codes: list[str]) -> None:
    cluster = StandInCluster(provider="k3s")
    change(cluster)
    made = cluster.plan()
    assert sorted({item.code for item in made.refusals}) == sorted(codes)
    assert made.state == ("refused" if codes else "needed")
    for item in made.refusals:
        assert item.observed.endswith(".")
        assert ".." not in item.observed


@pytest.mark.parametrize(
    "change",
    [
        *(
            cluster_info(server)
            for server in ("https://192.0.2.100:6443", "https://master-10:6443", "https://my-master-1:1")
        ),
        kubeadm_config("apiServer: {certSANs: [192.0.2.11, master-1], extraArgs: {a: 192.0.2.110, b: my-master-1}}"),
        kubeadm_config("controlPlaneEndpoint: 192.0.2.100:6443"),
        its_lease_ran_out,
        *(release(version) for version in ("v1.15.12", "v1.31.0", "v1.37.2")),
    ],
)
def test_what_does_not_name_the_lost_node_is_no_reason(change: Change) -> None:
    cluster = StandInCluster()
    change(cluster)
    assert cluster.plan().refusals == ()


@pytest.mark.parametrize("name", ["etcd", "pki", "kubernetes", "kubeadm", "audit", "cluster"])
def test_a_node_whose_name_is_a_word_of_kubeadm_is_not_named_by_its_settings(name: str) -> None:
    text = """
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer: {extraVolumes: [{name: audit, hostPath: /etc/etcd}], extraArgs: {audit-log-path: /var/log/audit}}
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
etcd: {local: {dataDir: /var/lib/etcd}}
networking: {dnsDomain: cluster.local}
controlPlaneEndpoint: 192.0.2.100:6443
"""
    cluster = StandInCluster((name, "master-2", "master-3"), lost=name)
    kubeadm_config(text)(cluster)
    assert "KUBEADM_CONFIG_DEAD" not in cluster.codes()
    kubeadm_config(text.replace("192.0.2.100", name))(cluster)
    assert "KUBEADM_CONFIG_DEAD" in cluster.codes()


def test_a_server_by_an_ipv6_address_is_known_in_any_form() -> None:
    addresses = ["2001:db8::1", "2001:db8::10", "2001:db8::11", "2001:db8::12"]
    for server in ("https://[2001:db8::1]:6443", "https://[2001:0DB8:0:0::1]:6443"):
        cluster = StandInCluster(addresses=addresses, vip="2001:db8::100")
        cluster_info(server)(cluster)
        assert cluster.codes() == ["CLUSTER_INFO_DEAD"]
    cluster = StandInCluster(addresses=addresses, vip="2001:db8::100")
    kubeadm_config("apiServer: {extraArgs: {advertise-address: '2001:db8:0::1'}}")(cluster)
    assert cluster.codes() == ["KUBEADM_CONFIG_DEAD"]


def with_domain(*others: str) -> StandInCluster:
    """The lost Node has a domain in its name, and an outer address."""
    cluster = StandInCluster(
        names=("master-1.example.org", *(others or ("master-2", "master-3"))), lost="master-1.example.org"
    )
    cluster.node("master-1.example.org")["status"]["addresses"].append(
        {"type": "ExternalIP", "address": "198.51.100.7"}
    )
    return cluster


@pytest.mark.parametrize("name", ["master-1", "MASTER-1", "master-1.example.org", "198.51.100.7"])
def test_a_lost_node_is_named_without_its_domain_or_by_its_outer_address(name: str) -> None:
    for change, code in (
        (cluster_info("https://{0}:6443".format(name)), "CLUSTER_INFO_DEAD"),
        (kubeadm_config("controlPlaneEndpoint: {0}:6443".format(name)), "KUBEADM_CONFIG_DEAD"),
    ):
        cluster = with_domain()
        change(cluster)
        assert cluster.codes() == [code]


@pytest.mark.parametrize("name", ["master", "master-10", "master-1.example.com", "example.org", "198.51.100.70"])
def test_another_name_or_address_is_not_the_lost_nodes(name: str) -> None:
    cluster = with_domain()
    cluster_info("https://{0}:6443".format(name))(cluster)
    kubeadm_config("controlPlaneEndpoint: {0}:6443".format(name))(cluster)
    assert cluster.codes() == []


def test_a_first_label_that_another_node_has_too_names_that_one() -> None:
    cluster = with_domain("master-1.example.com", "master-3")
    cluster_info("https://master-1:6443")(cluster)
    assert cluster.codes() == []
    # Nor is an outer address of the lost one a dead server where the replacement takes its place.
    cluster = with_domain()
    cluster.change_host("master-4", addresses=("192.0.2.11",), machine_id="new")
    cluster.node("master-1.example.org")["status"]["nodeInfo"]["machineID"] = "old"
    cluster_info("https://198.51.100.7:6443")(cluster)
    assert "CLUSTER_INFO_DEAD" not in cluster.codes()


def test_a_release_that_is_not_known_is_joined_by_hand() -> None:
    cluster = StandInCluster()
    release("v1.38.0")(cluster)
    assert cluster.codes(join_method="manual") == []


@pytest.mark.parametrize(
    ("version", "phase", "has"),
    [
        ("v1.30.4", "etcd-join", False),
        ("v1.30.4", "kubelet-wait-bootstrap", False),
        ("v1.31.0", "etcd-join", True),
        ("v1.29.9", "wait-control-plane", False),
        ("v1.30.0", "wait-control-plane", True),
        ("v1.30.4", "control-plane-join/update-status", True),
        ("v1.31.0", "control-plane-join/update-status", False),
        ("v1.15.12", "check-etcd", True),
        ("v1.34.0", "control-plane-prepare/certs", True),
    ],
)
def test_a_phase_to_skip_must_be_one_of_this_release(version: str, phase: str, has: bool) -> None:
    cluster = StandInCluster()
    release(version)(cluster)
    assert cluster.codes(join_skip_phases=("preflight", phase)) == ([] if has else ["KUBEADM_UNKNOWN"])
    # Who joins by hand names the phases on the command line.
    assert cluster.codes(join_skip_phases=(phase,), join_method="manual") == []
    assert StandInCluster(provider="k3s").codes(join_skip_phases=(phase,)) == []


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
@pytest.mark.parametrize("masters", [2, 3])
def test_a_worker_of_which_only_volumes_are_left_is_not_replaced_by_a_further_master(
    provider: str, masters: int
) -> None:
    cluster = StandInCluster(provider=provider)
    cluster.lists[CLAIMS], cluster.lists[VOLUMES], cluster.lists[PODS] = [], [], []
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != cluster.lost]
    claim = claim_object("tools", "data-x", "claim-x")
    claim["spec"]["volumeName"], claim["status"]["phase"] = "pvc-x", "Bound"
    cluster.lists[CLAIMS].append(claim)
    cluster.lists[VOLUMES].append(volume_object("pvc-x", "pv-x", node="worker-9", claim=claim))
    found = cluster.cluster(lost="worker-9")
    members = tuple(item for item in found.etcd.members if not item.name.startswith(cluster.lost))
    third = [members[0]._replace(id="f3", name="master-5")] if masters == 3 else []
    found = dataclasses.replace(found, etcd=found.etcd._replace(members=(*members, *third)))
    codes = [item.code for item in lost.identity(found, cluster.request(lost="worker-9"))]
    assert codes == (["NOT_A_MASTER"] if masters == 3 else [])


def test_a_node_with_etcd_alone_is_no_worker() -> None:
    cluster = StandInCluster(provider="k3s")
    no_role_label(cluster)
    (found,) = cluster.plan().refusals
    assert found.code == "NOT_A_MASTER"
    assert "holds etcd: the member master-1-" in found.observed
    assert "kubectl delete node" not in found.remedy
    del cluster.node("master-1")["metadata"]["annotations"][ETCD_NAME]
    cluster.members = [item for item in cluster.members if not cluster._is_at(item, "master-1")]
    assert "kubectl delete node" in cluster.plan().refusals[0].remedy
    cluster.node("master-1")["metadata"]["labels"]["node-role.kubernetes.io/etcd"] = "true"
    assert "holds etcd, which counts" in cluster.plan().refusals[0].observed


@pytest.mark.parametrize("annotated", [False, True])
@pytest.mark.parametrize("unread", ["timed out.", "no members", ""])
def test_a_node_that_may_hold_etcd_is_not_told_to_be_deleted(annotated: bool, unread: str) -> None:
    cluster = StandInCluster(provider="k3s")
    no_role_label(cluster)
    if not annotated:
        del cluster.node("master-1")["metadata"]["annotations"][ETCD_NAME]
    cluster.members = [item for item in cluster.members if not cluster._is_at(item, "master-1")]
    found = cluster.cluster()
    if unread:
        found = dataclasses.replace(found, etcd=Etcd(error=unread if "." in unread else ""))
    (refusal,) = lost.identity(found, cluster.request())
    assert refusal.code == "NOT_A_MASTER"
    assert ("kubectl delete node" in refusal.remedy) == (not annotated and not unread)
    if annotated:
        assert "it holds etcd, which counts" in refusal.observed
    elif unread:
        assert (
            "is not known: {0}.".format("timed out" if "." in unread else "etcd listed no members") in refusal.observed
        )


def test_what_to_do_about_a_host_is_told_by_what_is_wrong_with_it() -> None:
    for fields, words in (
        ({"error": "the keepalived manifest is damaged"}, "Repair the file"),
        ({"error": "no data in /x", "unsupported": True}, "external datastore or another data-dir is not supported"),
        ({"error": "it lacks it", "address_given": True, "node_ip": "192.0.2.99"}, "Correct replace_master_addresses"),
        ({"error": "damaged", "address_given": True, "node_ip": "192.0.2.12"}, "Repair the file"),
    ):
        cluster = StandInCluster()
        cluster.change_host("master-2", **fields)
        (refusal,) = cluster.plan().refusals
        assert refusal.code == "HOST_UNREADABLE"
        assert words in refusal.remedy


def test_an_address_that_is_known_and_was_not_probed_is_named() -> None:
    cluster = StandInCluster()
    cluster._probe = lambda: {}  # type: ignore[method-assign]
    (refusal,) = cluster.plan().refusals
    assert (refusal.code, "addresses of the lost node master-1 (192.0.2.11) could" in refusal.observed) == (
        "NODE_UNPROBED",
        True,
    )
    unprobed(cluster)
    assert [item.observed for item in cluster.plan().refusals] == [
        "No address of the lost node master-1 is known, so it may still run."
    ]


def test_a_host_is_known_by_the_name_of_its_node() -> None:
    cluster = StandInCluster()
    # The survivor's host name is that of the lost Node; its own Node has another one.
    cluster.change_host("master-2", hostname="master-1", node_name="master-2")
    assert cluster.plan().refusals == ()
    cluster.change_host("master-2", node_name="master-1")
    assert "LOST_IS_SURVIVOR" in cluster.codes()


@pytest.mark.parametrize("change", [its_kubelet_says_not_ready, its_lease_is_renewed])
def test_a_kubelet_that_still_reports_is_waited_for_unless_the_machine_is_fenced(change: Change) -> None:
    cluster = StandInCluster()
    change(cluster)
    (refusal,) = cluster.plan().refusals
    assert "not Ready, but its kubelet still reports" in refusal.observed
    assert "until its condition Ready is Unknown" in refusal.remedy
    assert cluster.codes(fenced=True) == []


def test_a_lease_may_be_as_young_as_the_silence_that_is_asked_for() -> None:
    cluster = StandInCluster()
    its_lease_is_renewed(cluster)
    assert cluster.codes(minimum_down_seconds=20) == []
    assert cluster.codes(minimum_down_seconds=40) == ["NODE_READY"]
    cluster.heartbeat("master-1", "2026-03-01T12:09:50.000000Z")
    assert cluster.codes(minimum_down_seconds=20) == ["NODE_READY"]


def test_a_dead_lease_from_a_wrong_clock_does_not_keep_a_lost_node_alive() -> None:
    cluster = StandInCluster()
    cluster.heartbeat("master-1", "2026-03-02T12:09:50.000000Z")
    made = cluster.plan()
    assert made.refusals == ()
    node = next(item for item in cluster.cluster().nodes if item.name == "master-1")
    assert (node.down_seconds, node.lease_age_seconds) == (300, None)


def test_what_only_k3s_asks_for_is_not_asked_of_kubeadm() -> None:
    cluster = StandInCluster(provider="k3s")
    for change in (without_annotation(ETCD_NAME), k3s(ca="c2")("master-3")):
        change(cluster)
    found = cluster.cluster()
    node = next(node for node in found.nodes if node.name == "master-1")
    assert [item.code for item in k3s_checks.k3s(found, node, None)] == [
        "K3S_CA_MISMATCH",
        "K3S_CA_MISMATCH",
        "K3S_NODE_HELD",
    ]
    other = dataclasses.replace(found, provider="kubeadm")
    assert list(k3s_checks.k3s(other, node, None)) == []
    assert k3s_checks.other_member(other, node, found.etcd.members[0]) == ""


def test_one_survivor_with_an_etcdctl_is_enough() -> None:
    cluster = StandInCluster(provider="k3s")
    cluster.change_host("master-2", etcdctl="")
    made = cluster.plan()
    assert (made.refusals, made.executor.name) == ((), "master-3")


def test_an_etcd_that_does_not_answer_an_etcdctl_that_is_there_is_another_matter() -> None:
    cluster = StandInCluster(provider="k3s")
    cluster._report = without_members(cluster._report)  # type: ignore[method-assign]
    assert cluster.codes() == ["ETCD_UNREADABLE"]


RECORDED = Path(__file__).parents[4] / "fixtures" / "k3s" / "node"


def recorded(name: str) -> Node:
    obj = json.loads((RECORDED / (name + ".json")).read_text(encoding="utf-8"))
    return parse.node(obj, leases=[], now="2024-01-15T09:00:00Z")


RUNBOOKS_MEMBER = Member(
    id="5dec6fd3a5b2d9eb",
    name="lzx-ha-env-6b5275f6",
    peer_urls=("https://192.168.0.254:2380",),
    client_urls=("https://192.168.0.254:2379",),
)


@pytest.mark.parametrize(
    ("name", "held", "warned"),
    [
        ("lost", False, False),
        ("deleting", False, False),
        ("deleting-without-annotations", True, False),
        ("address-mismatch", False, True),
        # Its member was removed on request before.
        ("removed-by-annotation", False, False),
    ],
)
def test_what_k3s_will_do_with_a_node_is_told_from_its_annotations(name: str, held: bool, warned: bool) -> None:
    node, cluster = recorded(name), Cluster(provider="k3s")
    assert [item.code for item in k3s_checks.k3s(cluster, node, RUNBOOKS_MEMBER)] == ["K3S_NODE_HELD"] * held
    assert bool(k3s_checks.other_member(cluster, node, RUNBOOKS_MEMBER)) == warned
    assert k3s_checks.other_member(cluster, node, None) == ""
    assert k3s_checks.other_member(cluster, None, RUNBOOKS_MEMBER) == ""


def test_a_node_that_hangs_is_told_with_the_command_that_frees_it() -> None:
    node = recorded("deleting-without-annotations")
    (held,) = k3s_checks.k3s(Cluster(provider="k3s"), node, RUNBOOKS_MEMBER)
    assert "The Node lzx-ha-env hangs in deletion" in held.observed
    assert (
        "kubectl annotate node lzx-ha-env etcd.k3s.cattle.io/node-name=lzx-ha-env-6b5275f6 "
        "etcd.k3s.cattle.io/node-address=192.168.0.254, then"
    ) in held.remedy
    bare = dataclasses.replace(node, deleting=False)
    (held,) = k3s_checks.k3s(Cluster(provider="k3s"), bare, None)
    assert "would hang in deletion" in held.observed


def test_a_member_that_is_not_the_one_the_node_names_is_warned_about_and_removed_by_its_id() -> None:
    said = k3s_checks.other_member(Cluster(provider="k3s"), recorded("address-mismatch"), RUNBOOKS_MEMBER)
    assert "the member is lzx-ha-env-6b5275f6 at 192.168.0.254. It is removed by its ID." in said
    cluster = StandInCluster(provider="k3s")
    cluster.node("master-1")["metadata"]["annotations"][ETCD_ADDRESS] = "192.0.2.99"
    cluster.k3s_removes = False
    made = cluster.plan()
    assert made.refusals == ()
    assert [text for text in made.warnings if text.startswith("K3s will not remove the etcd member by itself")]
    cluster.run(made)
    assert cluster.plan().state == "nothing_to_do"


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
@pytest.mark.parametrize("same_address", [False, True])
def test_a_replacement_of_the_lost_ones_name_must_be_another_machine(provider: str, same_address: bool) -> None:
    def made(**ids: str) -> StandInCluster:
        cluster = StandInCluster(provider=provider, same_name=True, same_address=same_address)
        cluster.node("master-1")["status"]["nodeInfo"]["machineID"] = ids.get("lost", "a")
        cluster.change_host("master-4", machine_id=ids.get("new", "b"))
        return cluster

    assert made().codes() == []
    same = made(new="a")
    assert "REPLACEMENT_IS_LOST" in same.codes()
    # No operator's word makes one machine two.
    assert "REPLACEMENT_IS_LOST" in same.codes(fenced=True)
    assert "both have the machine ID a" in str(same.plan().refused_text)
    for unknown in ({"lost": ""}, {"new": ""}):
        assert "REPLACEMENT_IS_LOST" in made(**unknown).codes()
        assert "REPLACEMENT_IS_LOST" not in made(**unknown).codes(fenced=True)


def test_an_id_that_clones_share_tells_no_machines_apart() -> None:
    cluster = StandInCluster(same_name=True)
    cluster.node("master-2")["status"]["nodeInfo"]["machineID"] = "machine-of-master-1"
    for machine_id in ("machine-of-master-1", "machine-of-master-4"):
        cluster.change_host("master-4", machine_id=machine_id)
        assert cluster.codes() == ["REPLACEMENT_IS_LOST"]
        assert cluster.codes(fenced=True) == []


def test_what_answers_at_the_lost_address_may_be_the_replacement_that_has_it() -> None:
    cluster = StandInCluster(same_name=True, same_address=True)
    cluster.answers = [22, 10250]
    assert cluster.codes() == []
    found = cluster.cluster()
    assert found.lost is not None
    assert lost.taken_over(found, found.lost)
    # With an address of its own, it is not the replacement that answers.
    other = StandInCluster(same_name=True)
    other.answers = [22]
    assert other.codes() == ["NODE_ANSWERS"]
    cluster.change_host("master-4", machine_id="")
    assert sorted(cluster.codes()) == ["NODE_ANSWERS", "REPLACEMENT_IS_LOST"]


@pytest.mark.parametrize(("provider", "codes"), [("k3s", []), ("kubeadm", ["JOIN_RUNNING"])])
def test_a_k3s_of_our_own_join_that_goes_on_starting_is_reset_and_not_waited_for(
    provider: str, codes: list[str]
) -> None:
    cluster = StandInCluster(provider=provider)
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("the member is added") + 1)
    cluster.change_host("master-4", join_running=True)
    assert cluster.codes() == codes
    cluster.write_journal({"joining": {"host": "another.example.org"}})
    assert "JOIN_RUNNING" in cluster.codes()


def test_a_replacement_needs_room_in_the_folder_each_lost_volume_was_in() -> None:
    cluster = StandInCluster()
    other = "/data/volumes"
    for volume in cluster.lists[VOLUMES]:
        if volume["spec"]["claimRef"]["name"] == "export-minio-1":
            volume["spec"]["hostPath"]["path"] = other + "/x"
    for here, there, said in (
        (33, 33, []),
        (32, 33, [STORAGE]),
        (33, 32, [other]),
        (32, 32, [other, STORAGE]),
        (33, None, [other]),
    ):
        free = {STORAGE: here * MEBIBYTE, **({} if there is None else {other: there * MEBIBYTE})}
        cluster.change_host("master-4", free_bytes=free)
        refused = cluster.plan(storage_path="").refusals
        assert {item.code for item in refused} <= {"DISK_SPACE"}
        assert [name for item in refused for name in (other, STORAGE) if name in item.observed] == said
    # An operator who names one folder has all of them there.
    cluster.change_host("master-4", free_bytes={STORAGE: 66 * MEBIBYTE})
    assert cluster.codes() == []


def test_an_api_that_does_not_answer_is_refused_before_anything_is_judged_by_it() -> None:
    cluster = dataclasses.replace(StandInCluster().cluster(), nodes=(), api_error="connection refused.")
    assert [item.code for item in hosts.reachability(cluster)] == ["API_UNREACHABLE"]
    assert "connection refused." in next(hosts.reachability(cluster)).observed


@pytest.mark.parametrize(("provider", "codes"), [("", []), ("kubeadm", []), ("k3s", ["PROVIDER_MISMATCH"])])
def test_a_provider_that_was_asked_for_must_be_the_one_that_was_found(provider: str, codes: list[str]) -> None:
    assert sorted(set(StandInCluster().codes(provider=provider))) == codes


def test_a_name_nobody_knows_is_told_with_the_names_that_there_are() -> None:
    made = StandInCluster().plan(lost="master-10")
    assert [item.code for item in made.refusals] == ["NODE_UNKNOWN"]
    assert "master-1, master-2, master-3" in made.refusals[0].observed


@pytest.mark.parametrize(
    "change",
    [
        answering,
        unprobed,
        just_down,
        down_since_nobody_knows_when,
        lambda cluster: cluster.set_ready("master-1", True),
    ],
)
def test_a_fenced_node_may_look_alive(change: Change) -> None:
    cluster = StandInCluster()
    change(cluster)
    assert cluster.codes() != []
    assert cluster.codes(fenced=True) == []


def test_no_fence_helps_against_a_member_that_answers_or_a_machine_that_came_back() -> None:
    cluster = StandInCluster()
    cluster.change_member("master-1", healthy=True, cluster_id="c1")
    assert cluster.codes(fenced=True) == ["MEMBER_HEALTHY"]
    cluster = StandInCluster()
    returned(cluster)
    assert cluster.codes(fenced=True) == ["LOST_NODE_RETURNED"]


@pytest.mark.parametrize(("since", "codes"), [("12:09:00Z", []), ("12:09:01Z", ["NODE_DOWN_TOO_SHORT"])])
def test_a_node_must_have_been_down_for_the_minimum(since: str, codes: list[str]) -> None:
    cluster = StandInCluster()
    cluster.set_ready("master-1", False, since="2026-03-01T" + since)
    assert cluster.codes() == codes


def test_how_long_a_node_is_down_is_told_as_far_as_it_is_known() -> None:
    cluster = StandInCluster()
    just_down(cluster)
    assert "has been down for 59 s only" in cluster.plan().refusals[0].observed
    down_since_nobody_knows_when(cluster)
    assert "has been down for an unknown time" in cluster.plan().refusals[0].observed


def test_what_is_not_judged_without_reaching_everybody() -> None:
    cluster = StandInCluster()
    unreachable("master-2")(cluster)
    cluster.answers = [22]
    made = cluster.plan()
    assert [item.code for item in made.refusals] == ["SURVIVOR_UNREACHABLE"]
    assert "master-2.example.org could not be read over SSH: Connection timed out." in made.refusals[0].observed
    assert made.steps == ()


def test_what_a_slow_answer_took_is_no_difference_of_clocks() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-4", skew_seconds=12.0, answer_seconds=11.9)
    assert "CLOCK_SKEW" not in cluster.codes()
    cluster.change_host("master-4", skew_seconds=12.0, answer_seconds=6.0)
    assert "CLOCK_SKEW" in cluster.codes()
    # A clock that is behind is not excused by it.
    cluster.change_host("master-4", skew_seconds=-6.0, answer_seconds=11.0)
    assert "CLOCK_SKEW" in cluster.codes()


@pytest.mark.parametrize("skew", [5.0, -5.0])
def test_a_clock_may_differ_by_the_maximum(skew: float) -> None:
    cluster = StandInCluster()
    cluster.change_host("master-4", skew_seconds=skew)
    assert cluster.codes() == []


def test_a_clock_is_compared_with_the_survivors_and_not_with_the_controller() -> None:
    cluster = StandInCluster()
    for name in ("master-2", "master-3", "master-4"):
        cluster.change_host(name, skew_seconds=3600.0)
    assert cluster.codes() == []


def test_the_two_clocks_farthest_apart_are_named() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", skew_seconds=-3.0)
    cluster.change_host("master-3", skew_seconds=4.0)
    (refusal,) = cluster.plan().refusals
    assert refusal.code == "CLOCK_SKEW"
    assert refusal.observed == "The clocks of master-2.example.org and master-3.example.org differ by at least 7.0 s."


def test_the_survivors_clocks_count_also_when_the_replacement_has_joined() -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("the member starts") + 1)
    assert cluster.codes() == []
    cluster.change_host("master-2", skew_seconds=-6.0)
    assert cluster.codes() == ["CLOCK_SKEW"]


def test_the_clock_of_a_host_that_was_not_reached_is_not_compared() -> None:
    found = StandInCluster().cluster()
    far = [item._replace(skew_seconds=100.0, reachable=False) for item in found.hosts[:1]]
    found = dataclasses.replace(found, hosts=(*far, *found.hosts[1:]))
    assert list(hosts.clocks(found, Request("x", 60, 5.0, 1))) == []
    assert list(hosts.clocks(dataclasses.replace(found, hosts=()), Request("x", 60, 5.0, 1))) == []


def test_a_plane_without_a_vip_needs_no_keepalived() -> None:
    cluster = StandInCluster()
    for name in cluster.survivors:
        cluster.change_host(name, keepalived=None)
    assert cluster.codes() == []


def test_a_survivor_without_the_manifest_is_named_with_the_vip() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-3", keepalived=None)
    (refusal,) = cluster.plan().refusals
    assert refusal.observed == "master-3.example.org has no keepalived manifest, although the VIP is 192.0.2.100."


def test_a_version_the_survivors_do_not_share_is_no_version_to_install() -> None:
    cluster = StandInCluster()
    cluster.node("master-3")["status"]["nodeInfo"]["kubeletVersion"] = "v1.29.9"
    refusal = next(item for item in cluster.plan().refusals)
    assert refusal.code == "VERSION_MISMATCH"
    assert "v1.29.9 and v1.30.4" in refusal.observed


def test_the_lost_node_s_own_version_does_not_matter() -> None:
    cluster = StandInCluster()
    cluster.node("master-1")["status"]["nodeInfo"]["kubeletVersion"] = "v1.29.9"
    assert cluster.codes() == []


def test_a_drive_that_heals_needs_what_its_peers_hold_and_a_discarded_volume_nothing() -> None:
    cluster = StandInCluster()
    # Two of the four shards are data: a drive holds half of the objects' size, here 30 MiB, and a tenth more.
    for free, codes in ((65 * MEBIBYTE, ["DISK_SPACE"]), (66 * MEBIBYTE, [])):
        cluster.change_host("master-4", free_bytes={STORAGE: free})
        assert cluster.codes() == codes
    cluster.change_host("master-4", free_bytes={})
    assert cluster.codes() == ["DISK_SPACE"]
    cluster.minio_bytes = 0
    assert cluster.codes() == []


def test_a_healing_drive_is_ours_only_in_a_run_that_is_resumed() -> None:
    cluster = StandInCluster()
    cluster.minio_gate = {"ok": False, "codes": ["healing", "drives_missing"], "sentences": ["a drive is healing"]}
    assert cluster.codes() == ["MINIO_UNSAFE"]
    cluster.run(cluster_plan_without_minio(cluster), acts=2)
    assert cluster.codes() == []
    cluster.minio_gate["codes"].append("below_read_quorum")
    assert cluster.codes() == ["MINIO_UNSAFE"]
    cluster.minio_gate["codes"].pop()
    cluster.write_journal({"finished": "2026-03-01T12:20:00Z"})
    assert cluster.codes() == ["MINIO_UNSAFE"]


def cluster_plan_without_minio(cluster: StandInCluster) -> Any:
    gate, cluster.minio_gate = cluster.minio_gate, {"ok": True, "codes": [], "sentences": []}
    made = cluster.plan()
    cluster.minio_gate = gate
    return made


def test_a_claim_that_two_workloads_mount_is_undecided() -> None:
    cluster = StandInCluster()
    again = dict(cluster.lists[STATEFULSETS][0])
    again["metadata"] = {**again["metadata"], "name": "minio", "uid": "sts-other"}
    cluster.lists[STATEFULSETS].append(again)
    assert set(cluster.codes()) == {"CLAIM_UNDECIDED"}


def test_etcd_that_cannot_be_read_is_refused_once() -> None:
    cluster = dataclasses.replace(StandInCluster().cluster(), etcd=Etcd(error="nobody could be asked."))
    assert [item.code for item in etcd.membership(cluster, None, None)] == ["ETCD_UNREADABLE"]


def test_an_empty_cluster_is_refused_and_not_a_crash() -> None:
    nothing = Cluster(provider="kubeadm")
    assert [item.code for item in hosts.reachability(nothing)] == ["NO_SURVIVORS"]
    assert [item.code for item in lost.identity(nothing, Request("x", 60, 5.0, 1))] == ["NODE_UNKNOWN"]
    assert list(lost.liveness(nothing, Request("x", 60, 5.0, 1))) == []
    assert list(vip.virtual_address(nothing)) == []
    assert list(claims.volumes([], Request("x", 60, 5.0, 1))) == []
    assert list(claims.drives([], [], resuming=False)) == []


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (100 * 2**30, "100.0 GiB"),
        (3 * 2**40, "3.0 TiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_sizes_are_told_in_powers_of_1024(size: int, text: str) -> None:
    assert human(size) == text


def test_the_advice_for_a_loss_approves_all_that_wait_and_all_that_were_approved_in_one_argument() -> None:
    cluster = StandInCluster()
    cluster.policies = tuple({**item, "only": {}} for item in POLICIES)
    for approved in ((), ("onecloud/default-influxdb",)):
        (refusal,) = cluster.plan(discard=approved).refusals
        assert refusal.code == "DISCARD_UNAPPROVED"
        (argument,) = re.findall(r"-e '([^']*)'", refusal.remedy)
        told = json.loads(argument)
        assert told == {"replace_master_discard": ["onecloud/default-influxdb", "onecloud/default-victoria-metrics"]}
        assert cluster.codes(discard=tuple(told["replace_master_discard"])) == []


def test_what_is_lost_stands_in_the_refusal() -> None:
    (refusal,) = StandInCluster().plan(discard=("onecloud/default-influxdb",)).refusals
    assert "onecloud/default-victoria-metrics: all metrics collected so far" in refusal.observed


def test_a_minio_without_peers_starts_empty_when_the_loss_of_all_its_drives_is_approved() -> None:
    cluster = StandInCluster()
    cluster.minio_gate = {"ok": False, "codes": ["standalone"], "sentences": ["a single plain drive"]}
    names = ["onecloud-minio/export-minio-0", "onecloud-minio/export-minio-1"]
    for some in ((), (names[0],)):
        made = cluster.plan(discard=(*DISCARD, *some))
        (refusal,) = made.refusals
        assert refusal.code == "MINIO_UNSAFE"
        (argument,) = re.findall(r"-e '([^']*)'", refusal.remedy)
        assert json.loads(argument)["replace_master_discard"] == sorted([*DISCARD, *names])
    made = cluster.plan(discard=(*DISCARD, *names))
    assert made.refusals == ()
    assert {item.policy for item in made.claims} == {"discard"}
    assert (
        "The data of onecloud-minio/export-minio-0 is lost: every object of the MinIO onecloud-minio/minio."
        in made.warnings
    )


def test_an_object_with_too_few_parts_is_refused_with_the_name_that_gives_it_up() -> None:
    cluster = StandInCluster()
    minio_proves(compared=LOST_OBJECT)(cluster)
    (refusal,) = cluster.plan().refusals
    assert "onecloud-images/a (7 B, 1 of the 2 parts are left)" in refusal.observed
    assert "replace_master_give_up_objects: [onecloud-minio/minio/onecloud-images/a]" in refusal.remedy


def test_what_is_given_up_or_accepted_is_shown_as_a_loss() -> None:
    cluster = StandInCluster()
    name = "onecloud-minio/minio/onecloud-images/a"
    minio_proves(compared=LOST_OBJECT, error="a limit", given_up=[name], accept_unproven=True)(cluster)
    made = cluster.plan()
    assert made.refusals == ()
    told = "\n".join(made.text)
    assert "lost: the objects that were given up: " + name in " ".join(told.split())
    assert "accepted without proof" in told
    assert {item.loses for item in made.claims if item.policy == "heal"} != {""}


def test_what_was_proven_and_how_stands_in_the_plan() -> None:
    cluster = StandInCluster()
    minio_proves(compared=Compared([], [], [], [], 212), listed=212)(cluster)
    made = cluster.plan()
    assert any("onecloud-minio/minio: all 212 objects are readable" in line for line in made.text)
    assert made.proofs
    assert all(item.loses == "" for item in made.claims if item.policy == "heal")


def reached(cluster: StandInCluster, **changes: Any) -> list[Refusal]:
    found = cluster.cluster()
    return list(hosts.reachability(dataclasses.replace(found, etcd=found.etcd._replace(**changes))))


def test_an_etcd_that_gives_no_reason_at_health_is_judged_by_its_list_of_alarms() -> None:
    """etcd 3.4."""
    cluster = StandInCluster()
    for name in cluster.survivors:
        cluster.change_host(name, etcd_health="not healthy")
    (refusal,) = reached(cluster, alarms=("NOSPACE on 8e9e05c52164694d",))
    assert (refusal.code, "NOSPACE on 8e9e05c52164694d" in refusal.observed) == ("ETCD_ALARM", True)
    assert [item.code for item in reached(cluster)] == ["QUORUM_LOST"]
    assert [item.code for item in reached(cluster, error="x", alarms=("NOSPACE on a",))] == ["QUORUM_LOST"]


def test_of_five_masters_a_quorum_with_an_alarm_is_no_lost_quorum() -> None:
    cluster = StandInCluster(names=["master-{0}".format(number) for number in (1, 2, 3, 4, 5)], spare="master-6")
    for name in cluster.survivors:
        cluster.change_host(name, etcd_health="ALARM NOSPACE")
    cluster.change_host("master-5", etcd_health="")
    (refusal,) = reached(cluster)
    assert (refusal.code, "no etcd answers on it" in refusal.observed) == ("ETCD_ALARM", True)
    cluster.change_host("master-4", etcd_health="RAFT NO LEADER")
    assert [item.code for item in reached(cluster)] == ["QUORUM_LOST"]


@pytest.mark.parametrize("alarm", ["CORRUPT", "UNKNOWN", "NOSPACE,CORRUPT"])
def test_only_a_lack_of_space_is_disarmed(alarm: str) -> None:
    cluster = StandInCluster()
    for name in cluster.survivors:
        cluster.change_host(name, etcd_health="ALARM " + alarm)
    (refusal,) = reached(cluster)
    assert refusal.code == "ETCD_ALARM"
    assert refusal.remedy.startswith("Don't disarm it")
    all_alarmed(cluster)
    assert reached(cluster)[0].remedy.startswith("Compact and defragment etcd")
