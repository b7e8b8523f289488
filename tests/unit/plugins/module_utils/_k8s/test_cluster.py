# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a cluster through the API: whose loss it is, and what was lost with the node."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import cluster as k8s_cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node, ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    CLAIMS,
    CLUSTER_INFO,
    CONFIGMAPS,
    LISTS,
    NODES,
    PODS,
    SECRETS,
    VOLUMES,
    StandInApi,
    StandInCluster,
    claim_object,
    node_object,
    pod_object,
    volume_object,
)


def read(cluster: StandInCluster, lost: str = "master-1") -> Cluster:
    return k8s_cluster.read(cluster.api(), provider=cluster.provider.name, lost_name=lost)  # type: ignore[arg-type]


def proof(cluster: StandInCluster) -> Cluster:
    """As the proof at the end reads it."""
    return from_json(Cluster, cluster.api_json(replacement="master-4"))


def names(items: Any) -> list[str]:
    return sorted(item.name for item in items)


def test_what_was_lost_with_a_node_is_found() -> None:
    found = read(StandInCluster())
    assert found.lost is not None
    assert (found.lost.name, found.lost.addresses, found.lost.seen_in) == ("master-1", ("192.0.2.11",), ("node",))
    assert names(found.claims) == ["default-influxdb", "default-victoria-metrics", "export-minio-0", "export-minio-1"]
    assert names(found.pending_claims) == ["default-baremetal-agent"]
    assert names(found.attachments) == ["attachment-of-master-1"]
    assert {pod.node for pod in found.pods} == {"master-1"}
    assert (found.kubernetes_version, found.cluster_info_server) == ("v1.30.4", "https://192.0.2.100:6443")
    assert (found.server, found.journal, found.api_error) == ("https://192.0.2.12:6443", None, "")
    owners = {claim.name: [(owner.kind, owner.name) for owner in claim.mounted_by] for claim in found.claims}
    assert owners["export-minio-0"] == [("StatefulSet", "minio")]
    assert owners["default-influxdb"] == [("Deployment", "default-influxdb")]


def test_pods_that_wait_for_a_lost_claim_are_stranded_wherever_they_are() -> None:
    found = read(StandInCluster())
    waiting = [pod for pod in found.stranded_pods if not pod.node]
    assert {pod.owner for pod in waiting} == {"ReplicaSet/default-influxdb", "ReplicaSet/default-victoria-metrics"}
    assert not [pod for pod in found.stranded_pods if pod.name in ("minio-2", "minio-3", "kube-proxy-x")]


def test_a_claim_of_the_same_name_in_another_namespace_strands_nobody() -> None:
    cluster = StandInCluster()
    cluster.lists[PODS].append(pod_object("elsewhere", "reader", "u", claims=["export-minio-0"]))
    assert not [pod for pod in read(cluster).stranded_pods if pod.namespace == "elsewhere"]


@pytest.mark.parametrize("wanted", ["master-1", "192.0.2.11"])
def test_the_node_is_found_by_name_or_address(wanted: str) -> None:
    lost = read(StandInCluster(), wanted).lost
    assert lost is not None
    assert lost.name == "master-1"


@pytest.mark.parametrize("wanted", ["master", "master-10", "192.0.2.1", "192.0.2", "", "MASTER-1"])
def test_nothing_but_the_whole_name_or_address_is_the_node(wanted: str) -> None:
    found = read(StandInCluster(), wanted)
    assert found.lost is None
    assert (found.claims, found.pods, found.volumes) == ((), (), ())


def test_a_node_at_an_ipv6_address_is_found_by_it() -> None:
    addresses = ["2001:db8::11", "2001:db8::12", "2001:db8::13", "2001:db8::14"]
    lost = read(StandInCluster(addresses=addresses, vip="2001:db8::100"), "2001:db8::11").lost
    assert lost is not None
    assert lost.name == "master-1"


def test_a_node_that_is_gone_is_known_from_the_journal_with_the_uid_it_had() -> None:
    cluster = StandInCluster()
    uid = cluster.node("master-1")["metadata"]["uid"]
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    for wanted in ("master-1", "192.0.2.11"):
        lost = read(cluster, wanted).lost
        assert lost is not None
        assert (lost.name, lost.uid, lost.seen_in) == ("master-1", uid, ("journal",))


def test_the_journal_wins_over_a_machine_that_came_back() -> None:
    cluster = StandInCluster()
    uid = cluster.node("master-1")["metadata"]["uid"]
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.node("master-1")["metadata"]["uid"] = "returned"
    lost = read(cluster).lost
    assert lost is not None
    assert (lost.uid, lost.seen_in) == (uid, ("journal", "node"))


def test_a_finished_journal_is_forgotten_only_when_a_new_master_has_the_name() -> None:
    cluster = StandInCluster()
    cluster.write_journal({**cluster.plan().journal, "finished": "2026-03-01T12:20:00Z"})
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    assert read(cluster).journal is not None
    cluster.lists[NODES].append(node_object("master-1", "192.0.2.11", "kubelet-came-back", control_plane=False))
    assert read(cluster).journal is not None
    cluster.lists[NODES][-1] = node_object("master-1", "192.0.2.11", "new-master")
    found = read(cluster)
    assert found.journal is None
    assert found.lost is not None
    assert found.lost.uid == "new-master"


@pytest.mark.parametrize(
    ("finished", "heir", "ready", "ours"),
    [
        (True, "master-4", False, False),
        # The machine that replaced it has its address, and is lost in turn, or lives.
        (True, "master-9", False, False),
        (True, "master-9", True, True),
        (False, "master-4", False, True),
    ],
)
def test_an_address_that_another_master_has_since_finds_no_earlier_loss(
    finished: bool, heir: str, ready: bool, ours: bool
) -> None:
    cluster = StandInCluster()
    ended = "2026-03-01T12:20:00Z" if finished else ""
    cluster.write_journal({**cluster.plan().journal, "finished": ended, "node": heir})
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    cluster.lists[NODES].append(node_object("master-9", "192.0.2.11", "new-master"))
    cluster.set_ready("master-9", ready)
    by_address = read(cluster, "192.0.2.11")
    assert (by_address.journal is not None) == ours
    assert by_address.lost is not None
    assert by_address.lost.name == ("master-1" if ours else "master-9")
    # By its name the earlier loss is found all the same.
    assert read(cluster, "master-1").journal is not None


def test_of_two_losses_of_one_address_the_unfinished_one_goes_on() -> None:
    cluster = StandInCluster()
    journal = dict(cluster.plan().journal)
    earlier = {**journal, "finished": "2026-02-01T12:20:00Z", "lost": {**journal["lost"], "name": "master-0"}}
    cluster.write_journal(earlier)
    first = cluster.lists[CONFIGMAPS].pop()
    cluster.write_journal(journal)
    for maps in ([first, cluster.lists[CONFIGMAPS][0]], [cluster.lists[CONFIGMAPS][0], first]):
        cluster.lists[CONFIGMAPS] = maps
        found = read(cluster, "192.0.2.11")
        assert found.lost is not None
        assert found.lost.name == "master-1"


def test_the_journal_of_another_replacement_is_not_ours() -> None:
    cluster = StandInCluster()
    journal = dict(cluster.plan().journal)
    cluster.write_journal({**journal, "lost": {**journal["lost"], "name": "master-10", "addresses": ["192.0.2.110"]}})
    assert read(cluster).journal is None


def test_a_damaged_journal_stops_the_reading() -> None:
    cluster = StandInCluster()
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.lists[CONFIGMAPS][0]["data"]["state"] = "{"
    with pytest.raises(HaError, match="cloudpods-ha-master-1"):
        read(cluster)


def test_a_node_deleted_by_hand_is_known_from_its_volumes() -> None:
    cluster = StandInCluster()
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    lost = read(cluster).lost
    assert lost is not None
    assert (lost.name, lost.addresses, lost.uid, lost.seen_in) == ("master-1", (), "", ("volumes",))
    assert len(read(cluster).claims) == 4


def test_a_volume_without_a_claim_of_its_own_is_a_leftover() -> None:
    cluster = StandInCluster()
    claim = cluster.find(CLAIMS, "export-minio-0", "onecloud-minio")
    assert claim is not None
    claim["metadata"]["uid"] = "recreated"
    cluster.lists[VOLUMES].append(volume_object("elsewhere", "u", node="master-2"))
    found = read(cluster)
    assert [item.claim for item in found.volumes] == ["onecloud-minio/export-minio-0"]
    assert "export-minio-0" not in names(found.claims)


def test_only_cleaning_pods_of_the_lost_node_are_leftovers() -> None:
    cluster = StandInCluster()
    for number, node in enumerate(["master-1", "master-2", "master-99", ""]):
        pod = pod_object("kube-system", "helper-pod-delete-{0}".format(number), "u{0}".format(number), node=node)
        cluster.lists[PODS].append(pod)
    assert names(read(cluster).helper_pods) == ["helper-pod-delete-0"]


def test_a_cluster_with_nothing_in_it_is_read() -> None:
    found = k8s_cluster.read(StandInApi({path: [] for path in LISTS}, {}), provider="k3s", lost_name="master-1")  # type: ignore[arg-type]
    assert found == Cluster(provider="k3s", server=StandInApi.server)


def test_journals_are_asked_for_by_their_label() -> None:
    api = StandInCluster().api()
    k8s_cluster.read(api, provider="kubeadm", lost_name="master-1")  # type: ignore[arg-type]
    assert (CONFIGMAPS, {"labelSelector": "ha.cloudpods.org/journal"}) in api.asked


@pytest.mark.parametrize("info", [{}, {"data": None}, {"data": {"kubeconfig": ""}}, {"data": {"kubeconfig": "::"}}])
def test_a_cluster_info_without_a_server_names_none(info: dict[str, Any]) -> None:
    cluster = StandInCluster()
    cluster.objects[CLUSTER_INFO] = info
    assert read(cluster).cluster_info_server == ""


def test_a_cluster_is_settled_when_every_other_master_is_ready() -> None:
    def node(name: str, *, ready: bool, control_plane: bool = True) -> Node:
        return Node(name=name, uid=name, ready=ready, control_plane=control_plane)

    lost = Lost(name="master-1", addresses=(), hostname_label="master-1")
    nodes = (
        node("master-1", ready=False),
        node("master-2", ready=True),
        node("worker-1", ready=False, control_plane=False),
    )
    whole = Cluster(provider="kubeadm", lost=lost, nodes=nodes)
    assert k8s_cluster.settled(whole)
    assert not k8s_cluster.settled(dataclasses.replace(whole, nodes=(*nodes, node("master-3", ready=False))))
    assert not k8s_cluster.settled(dataclasses.replace(whole, api_error="it does not answer"))
    assert not k8s_cluster.settled(dataclasses.replace(whole, lost=None))


def test_the_secret_by_which_k3s_knows_a_node_is_found_by_its_name_in_lower_case() -> None:
    path = Path(__file__).parents[3] / "fixtures" / "k3s" / "node-password" / "secret.json"
    secret = json.loads(path.read_text(encoding="utf-8"))
    api = StandInCluster().api()
    api.objects[SECRETS + secret["metadata"]["name"]] = secret
    for name in ("lzx-ha-env", "LZX-HA-env"):
        found = k8s_cluster._node_password(api, name)  # type: ignore[arg-type]
        assert found == ObjectRef("Secret", "kube-system", secret["metadata"]["name"], secret["metadata"]["uid"])
        assert secret["data"]["hash"] not in str(found)
    assert k8s_cluster._node_password(api, "lzx-ha-env-2") is None  # type: ignore[arg-type]


def test_only_where_k3s_runs_a_password_is_asked_for() -> None:
    cluster = StandInCluster(provider="k3s")
    found = read(cluster).node_password
    assert found is not None
    assert found.name == "master-1.node-password.k3s"
    api = StandInCluster().api()
    k8s_cluster.read(api, provider="kubeadm", lost_name="master-1")  # type: ignore[arg-type]
    assert not [path for path, _query in api.asked if path.startswith(SECRETS)]


def inherited(**fields: Any) -> StandInCluster:
    """The lost node's name belongs to another Node, which was made an hour after the journal was written."""
    cluster = StandInCluster(same_name=True)
    cluster.write_journal({**cluster.plan().journal, **fields})
    heir = node_object("master-1", "192.0.2.14", "heir")
    heir["metadata"]["creationTimestamp"] = "2026-03-01T12:14:00Z"
    cluster.lists[NODES] = [heir, *cluster.lists[NODES][1:]]
    return cluster


def test_what_the_heir_of_a_name_has_is_not_lost_and_what_is_older_is() -> None:
    cluster = inherited()
    for name, created in (("new", "2026-03-01T12:14:00Z"), ("old", "2026-03-01T12:13:59Z"), ("unknown", None)):
        cluster.lists[VOLUMES].append(volume_object(name, "pv-" + name, node="master-1"))
        cluster.lists[VOLUMES][-1]["metadata"]["creationTimestamp"] = created
    cluster.lists[PODS].append(pod_object("kube-system", "helper-pod-delete-x", "u", node="master-1"))
    found = read(cluster)
    assert found.lost is not None
    assert found.lost.uid != "heir"
    assert names(found.volumes) == ["old", "unknown"]
    assert len(found.claims) == 4
    # Its pods and attachments are those of the heir.
    assert (found.pods, found.helper_pods, found.attachments) == ((), (), ())
    assert found.stranded_pods


def test_without_an_heir_all_that_is_bound_to_the_name_is_lost() -> None:
    cluster = StandInCluster()
    cluster.lists[VOLUMES].append(volume_object("new", "pv-new", node="master-1"))
    cluster.lists[VOLUMES][-1]["metadata"]["creationTimestamp"] = "2036-03-01T12:14:00Z"
    assert names(read(cluster).volumes) == ["new"]


@pytest.mark.parametrize(
    ("finished", "node", "ready", "kept"),
    [
        # Under way: the heir may still be joining.
        (None, "master-1", False, True),
        (None, "master-1", True, True),
        # Done: the heir is no loss while it is Ready.
        ("2026-03-01T12:20:00Z", "master-1", True, True),
        ("2026-03-01T12:20:00Z", "master-1", False, False),
        # The replacement had another name, so this is a third machine.
        ("2026-03-01T12:20:00Z", "master-4", True, False),
        ("2026-03-01T12:20:00Z", "master-4", False, False),
    ],
)
def test_a_journal_is_kept_as_long_as_its_loss_is_the_last_one(
    finished: str | None, node: str, ready: bool, kept: bool
) -> None:
    cluster = inherited(finished=finished, node=node)
    cluster.set_ready("master-1", ready)
    assert (read(cluster).journal is not None) == kept
    lost = read(cluster).lost
    assert lost is not None
    assert (lost.uid == "heir") != kept


def test_the_machine_that_was_lost_is_known_from_its_node_and_then_from_the_journal() -> None:
    cluster = StandInCluster(same_name=True)
    before = read(cluster).lost
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.lists[NODES] = cluster.lists[NODES][1:]
    after = read(cluster).lost
    assert before is not None
    assert after is not None
    assert (before.machine_id, before.member_id) == ("machine-of-master-1", None)
    assert (after.machine_id, after.member_id) == ("machine-of-master-1", cluster.member("master-1").id)


ONECLOUD = "/apis/onecloud.yunion.io/v1alpha1/onecloudclusters"


def test_cloudpods_own_record_is_read_where_it_is_served() -> None:
    cluster = StandInCluster()
    assert read(cluster).cloudpods is None
    cluster.lists[ONECLOUD] = [{"spec": {"version": "v3.11.9", "glance": {"switchToS3": True}}}]
    assert read(cluster).cloudpods == {"version": "v3.11.9", "glance_on_s3": True}
    assert read(cluster, "nobody").cloudpods is not None


def add_volume(cluster: StandInCluster, name: str, claim: str, **spec: Any) -> None:
    """A volume with a claim in the namespace ns; fields of its spec that are None are taken away."""
    bound = claim_object("ns", claim, "uid-of-" + claim, volume=name)
    made = volume_object(name, "uid-of-" + name, node="master-1", claim=bound)
    made["metadata"]["annotations"] = {}
    made["spec"] = {key: value for key, value in {**made["spec"], **spec}.items() if value is not None}
    cluster.lists[CLAIMS].append(bound)
    cluster.lists[VOLUMES].append(made)


def test_a_volume_that_names_no_node_is_told_while_the_pod_that_used_it_is_there() -> None:
    cluster = StandInCluster()
    add_volume(cluster, "loose", "scratch", nodeAffinity=None)
    add_volume(cluster, "share", "shared", nodeAffinity=None, hostPath=None, nfs={"server": "192.0.2.9"})
    assert "scratch" not in names(read(cluster).claims)
    cluster.lists[PODS].append(pod_object("elsewhere", "other", "u1", node="master-1", claims=["scratch"]))
    cluster.lists[PODS].append(pod_object("ns", "reader", "u2", node="master-2", claims=["scratch"]))
    assert "scratch" not in names(read(cluster).claims)
    cluster.lists[PODS].append(pod_object("ns", "writer", "u3", node="master-1", claims=["scratch", "shared"]))
    found = {claim.name: claim.found_by for claim in read(cluster).claims}
    assert found["scratch"] == ("pod",)
    assert "shared" not in found
    assert cluster.lost == "master-1"


def test_a_volume_of_a_driver_and_one_on_the_network_are_told_by_their_kind() -> None:
    cluster = StandInCluster()
    key = {"key": "topology.topolvm.io/node", "operator": "In", "values": ["master-1"]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [key]}]}}
    add_volume(cluster, "lv", "lvm", nodeAffinity=affinity, hostPath=None, csi={"driver": "topolvm.io"})
    add_volume(cluster, "lun", "san", hostPath=None, iscsi={"lun": 1})
    found = {claim.name: (claim.volume_kind, claim.found_by) for claim in read(cluster).claims}
    assert found["lvm"] == ("topolvm.io", ("affinity",))
    assert found["san"] == ("iscsi", ("affinity", "elsewhere"))
    # A label of another registered Node by which the volume may be used there.
    cluster.node("master-2")["metadata"]["labels"]["topology.topolvm.io/node"] = "master-1"
    assert "lvm" not in names(read(cluster).claims)


def test_pods_of_daemonsets_on_masters_are_told_where_the_replacement_is_named() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.lists[NODES].append(node_object("worker-1", "192.0.2.50", "w", control_plane=False))
    for node in ("master-2", "master-4", "worker-1"):
        cluster.add_daemon_pod("calico-node", node, ready=node != "master-4")
    assert (read(cluster).replacement, read(cluster).daemon_pods) == ("", ())
    found = proof(cluster)
    assert found.replacement == "master-4"
    assert [(pod.node, pod.ready) for pod in found.daemon_pods] == [("master-2", True), ("master-4", False)]
    assert dataclasses.replace(found, replacement="", daemon_pods=()) == read(cluster)


def test_the_pods_of_daemonsets_cost_no_request() -> None:
    asked = []
    for replacement in ("", "master-4"):
        api = StandInCluster().api()
        k8s_cluster.read(api, provider="kubeadm", lost_name="master-1", replacement=replacement)  # type: ignore[arg-type]
        asked.append(api.asked)
    assert asked[0] == asked[1]


def test_a_pod_of_a_daemonset_that_is_on_the_lost_node_or_mounts_its_claim_is_told_as_before() -> None:
    cluster = StandInCluster()
    mounting = cluster.add_daemon_pod("reader", "master-2")
    mounting["metadata"]["namespace"] = "onecloud-minio"
    mounting["spec"]["volumes"] = [{"name": "x", "persistentVolumeClaim": {"claimName": "export-minio-0"}}]
    found = proof(cluster)
    assert (found.pods, found.stranded_pods) == (read(cluster).pods, read(cluster).stranded_pods)
    assert {"kube-proxy-x", "reader-master-2"} <= {*names(found.pods), *names(found.stranded_pods)}
    assert names(found.daemon_pods) == ["kube-proxy-x", "reader-master-2"]


def test_of_a_node_that_nobody_knows_no_pods_are_told() -> None:
    found = k8s_cluster.read(
        StandInCluster().api(),  # type: ignore[arg-type]
        provider="kubeadm",
        lost_name="nobody",
        replacement="master-4",
    )
    assert (found.replacement, found.daemon_pods) == ("", ())


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_is_not_there_is_no_loss_of_nothing(path: str) -> None:
    cluster = StandInCluster()
    assert read(cluster).lost
    del cluster.lists[path]
    with pytest.raises(ApiRefused, match=path + " was answered with 404"):
        read(cluster)
