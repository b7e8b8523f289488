# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what it holds, that it names the right objects, and that a run killed anywhere leads to the same end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import CORDONED_FOR
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.journal import baseline
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.plan import plan
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    ATTACHMENTS,
    CLAIMS,
    DEPLOYMENTS,
    DISCARD,
    MEBIBYTE,
    NODES,
    PODS,
    POLICIES,
    VOLUMES,
    StandInCluster,
    claim_object,
    deployment_object,
    keepalived,
    node_object,
    pod_object,
    volume_object,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ACT_LABELS = [label for label, _act in StandInCluster().acts(StandInCluster().plan())]
ACTS = len(ACT_LABELS)
LOST_CLAIMS = {
    ("onecloud", "default-influxdb"),
    ("onecloud", "default-victoria-metrics"),
    ("onecloud-minio", "export-minio-0"),
    ("onecloud-minio", "export-minio-1"),
}


def phases(made: Plan) -> list[str]:
    return list(dict.fromkeys(step.phase for step in made.steps))


def objects(made: Plan, kind: str) -> list[tuple[str, str, str]]:
    return [(ref.namespace, ref.name, ref.uid) for step in made.steps for ref in step.objects if ref.kind == kind]


def deleted_nodes(made: Plan) -> list[tuple[str, str, str]]:
    steps = [step for step in made.steps if step.phase == "node_removal"]
    return [(ref.namespace, ref.name, ref.uid) for step in steps for ref in step.objects if ref.kind == "Node"]


def check_names(made: Plan) -> None:
    """No plan names one object with two UIDs."""
    uids: dict[tuple[str, str, str], str] = {}
    for step in made.steps:
        for ref in step.objects:
            assert uids.setdefault((ref.kind, ref.namespace, ref.name), ref.uid) == ref.uid


def test_a_lost_master_is_replaced_phase_by_phase_in_the_order_that_keeps_the_quorum() -> None:
    made = StandInCluster().plan()
    assert (made.state, made.refusals) == ("needed", ())
    assert phases(made) == ["backup", "etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery", "verify"]
    assert made.refused_text == ""
    assert (made.join, made.joined, made.reset, made.drain, made.restore_cordons) == (True, False, False, False, False)


def test_the_plan_names_every_object_with_its_uid() -> None:
    cluster = StandInCluster()
    made = cluster.plan()
    node = cluster.node("master-1")["metadata"]["uid"]
    others = [("", name, cluster.node(name)["metadata"]["uid"]) for name in ("master-2", "master-3")]
    assert objects(made, "Node") == [("", "master-1", node), *others]
    assert [step.act for step in made.steps if step.objects and step.objects[0].name == "master-2"] == [
        "cordon while claims are recreated"
    ]
    assert objects(made, "EtcdMember") == [("", "master-1", cluster.member("master-1").id)]
    assert made.member_id == cluster.member("master-1").id
    claims = {("", item["metadata"]["namespace"], item["metadata"]["name"]): item for item in cluster.lists[CLAIMS]}
    assert objects(made, "PersistentVolumeClaim") == [
        (namespace, name, claims["", namespace, name]["metadata"]["uid"])
        for namespace, name in [
            ("onecloud-minio", "export-minio-0"),
            ("onecloud-minio", "export-minio-1"),
            ("onecloud", "default-influxdb"),
            ("onecloud", "default-victoria-metrics"),
        ]
    ]
    assert [name for _namespace, name, _uid in objects(made, "VolumeAttachment")] == ["attachment-of-master-1"]
    assert [name for _namespace, name, _uid in objects(made, "Deployment")] == [
        "default-influxdb",
        "default-victoria-metrics",
    ]
    assert all(ref.uid for step in made.steps for ref in step.objects)
    check_names(made)


def test_a_copy_is_kept_of_every_object_that_is_deleted_and_of_no_pod() -> None:
    made = StandInCluster().plan()
    kept = {(item["kind"], item["namespace"], item["name"], item["uid"]) for item in made.backup}
    kinds = {kind for kind, *_rest in kept}
    assert kinds == {"Node", "PersistentVolumeClaim", "PersistentVolume", "Deployment", "VolumeAttachment"}
    for step in made.steps:
        for ref in step.objects:
            if ref.kind not in ("Pod", "EtcdMember"):
                assert (ref.kind, ref.namespace, ref.name, ref.uid) in kept
    assert len(made.backup) == len(kept)
    versions = {item["kind"]: item["api_version"] for item in made.backup}
    assert (versions["Deployment"], versions["VolumeAttachment"]) == ("apps/v1", "storage.k8s.io/v1")


def test_what_cannot_be_found_out_again_is_in_the_journal() -> None:
    cluster = StandInCluster()
    journal = cluster.plan().journal
    assert journal["lost"]["name"] == "master-1"
    assert journal["lost"]["uid"] == cluster.node("master-1")["metadata"]["uid"]
    assert journal["lost"]["addresses"] == ["192.0.2.11"]
    assert journal["lost"]["labels"]["onecloud.yunion.io/controller"] == "enable"
    assert journal["replacement"] == "master-4.example.org"
    assert {(item["namespace"], item["name"]) for item in journal["claims"]} == LOST_CLAIMS
    assert journal["finished"] is None


def test_the_id_of_a_plan_changes_with_what_it_touches_and_with_nothing_else() -> None:
    cluster = StandInCluster()
    first = cluster.plan()
    cluster.hosts["master-2"] = cluster.hosts["master-2"]._replace(skew_seconds=1.0)
    assert cluster.plan().id == first.id
    cluster.find(CLAIMS, "export-minio-0", "onecloud-minio")["metadata"]["uid"] = "another"  # type: ignore[index]
    assert cluster.plan().id != first.id


def test_the_lost_node_can_be_given_by_its_address() -> None:
    made = StandInCluster().plan(lost="192.0.2.11")
    assert (made.state, made.lost and made.lost.name) == ("needed", "master-1")


def test_a_node_that_never_was_is_refused_without_steps() -> None:
    made = StandInCluster().plan(lost="master-9")
    assert (made.state, made.steps, made.lost) == ("refused", (), None)
    assert made.refused_text.startswith("[NODE_UNKNOWN] ")
    assert made.refused_text.endswith(" Nothing was changed.")


def test_the_text_of_a_refusal_is_text_whatever_a_host_says() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", reachable=False, error="\x1b[31mred\x07")
    text = cluster.plan().refused_text
    assert "?[31mred?" in text
    assert text.isprintable()


def test_a_second_master_that_died_is_refused_although_the_steps_are_shown() -> None:
    cluster = StandInCluster()
    cluster.set_ready("master-3", False)
    cluster.change_member("master-3", healthy=False)
    made = cluster.plan()
    assert made.state == "refused"
    assert "QUORUM_UNSAFE" in [item.code for item in made.refusals]
    assert "Planned, but blocked:" in made.text
    assert any("remove the etcd member" in line for line in made.text)


@pytest.mark.parametrize(("answers", "drain"), [([10250], True), ([22, 6443], False), ([], False)])
def test_only_a_fenced_node_whose_kubelet_answers_is_drained(answers: list[int], drain: bool) -> None:
    cluster = StandInCluster()
    cluster.set_ready("master-1", True)
    cluster.answers = answers
    made = cluster.plan(fenced=True)
    assert (made.state, made.drain) == ("needed", drain)
    acts = [step.act for step in made.steps]
    assert ("drain and delete the Node" if drain else "cordon and delete the Node") in acts


@pytest.mark.parametrize(
    ("addresses", "ip"),
    [
        (("172.17.0.1", "192.0.2.14", "10.0.0.14"), "192.0.2.14"),
        (("2001:db8::14", "192.0.2.14"), "192.0.2.14"),
        (("2001:db8::14",), ""),
    ],
)
def test_the_replacement_joins_with_the_address_in_the_survivors_network(addresses: tuple[str, ...], ip: str) -> None:
    cluster = StandInCluster()
    cluster.change_host("master-4", addresses=addresses)
    assert cluster.plan().replacement.ip == ip


def route(to: str, dev: str, src: str = "", metric: str = "0", via: str = "") -> dict[str, str]:
    return {"to": to, "dev": dev, "via": via, "src": src, "metric": metric}


@pytest.mark.parametrize(
    ("routes", "ip"),
    [
        ([], "10.9.0.14"),
        ([route("0.0.0.0/0", "eth0")], "172.16.3.14"),
        ([route("0.0.0.0/0", "eth0"), route("192.0.2.0/24", "eth1")], "10.9.0.14"),
        ([route("0.0.0.0/0", "eth0"), route("192.0.2.0/24", "eth1", "10.9.0.15")], "10.9.0.15"),
        ([route("192.0.0.0/16", "eth1"), route("192.0.2.0/24", "eth0")], "172.16.3.14"),
        ([route("0.0.0.0/0", "eth0", metric="200"), route("0.0.0.0/0", "eth1", metric="100")], "10.9.0.14"),
        ([route("0.0.0.0/0", "eth1", "192.0.2.100"), route("::/0", "eth0")], "10.9.0.14"),
        ([route("0.0.0.0/0", "virbr0"), route("0.0.0.0/0", "eth0", metric="9")], "172.16.3.14"),
    ],
)
def test_the_replacement_joins_with_the_address_of_its_route_and_never_with_one_of_a_bridge(
    routes: list[dict[str, str]], ip: str
) -> None:
    cluster = StandInCluster()
    interfaces = {"192.0.2.1": "virbr0", "172.16.3.14": "eth0", "10.9.0.14": "eth1", "10.9.0.15": "eth1"}
    cluster.change_host("master-4", addresses=tuple(interfaces), interfaces=interfaces, routes=tuple(routes))
    made = cluster.plan()
    if not routes:
        # Without any route, the nearest of them.
        assert made.replacement.ip in interfaces
        assert made.replacement.ip != "192.0.2.1"
        return
    assert (made.replacement.ip, made.replacement_ips) == (ip, (ip,))


CONNECTED = [route("10.0.0.0/24", "eth0", "10.0.0.14"), route("192.168.30.0/24", "eth0", "192.168.30.14")]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("own", "routes", "survivor", "ip"),
    [
        (["10.0.0.14", "192.168.30.14"], [route("0.0.0.0/0", "eth0", via="192.168.30.1")], "192.168.100.", 1),
        (["10.0.0.14", "192.168.30.14"], [route("0.0.0.0/0", "eth0", via="10.0.0.1")], "192.168.100.", 0),
        (["10.0.0.14", "192.168.30.14"], [route("0.0.0.0/0", "eth0", via="inet6")], "192.168.100.", 1),
        (["10.0.0.14", "192.168.30.14"], [route("0.0.0.0/0", "eth0")], "192.168.100.", 1),
        # A second address in the gateway's network is nearer to it, but packets leave with the first.
        (
            ["192.168.30.200", "192.168.30.14"],
            [*CONNECTED, route("0.0.0.0/0", "eth0", via="192.168.30.201")],
            "192.168.100.",
            1,
        ),
        (["fd00::14", "2001:db8:30::14"], [route("::/0", "eth0", via="fe80::1")], "2001:db8:100::", 1),
        (["fd00::14", "2001:db8:30::14"], [route("::/0", "eth0", via="fd00::1")], "2001:db8:100::", 0),
        (["fd00::14", "2001:db8:30::14"], [route("::/0", "eth0")], "2001:db8:100::", 1),
    ],
)
def test_of_two_addresses_on_an_interface_the_one_in_the_gateways_network_is_taken(
    own: list[str], routes: list[dict[str, str]], survivor: str, ip: int, turned: bool
) -> None:
    cluster = StandInCluster(addresses=[survivor + str(number) for number in (11, 12, 13, 14)], vip=survivor + "100")
    listed = list(reversed(own)) if turned else own
    interfaces = dict.fromkeys(listed, "eth0")
    known = {"addresses": tuple(listed), "interfaces": interfaces, "routes": tuple(routes)}
    cluster.change_host("master-4", **known)
    assert cluster.plan().replacement_ips == (own[ip],)


@pytest.mark.parametrize("given", ["10.9.0.14", "172.16.3.14", "192.0.2.1"])
def test_the_replacement_joins_with_the_address_that_was_given(given: str) -> None:
    cluster = StandInCluster()
    interfaces = {"192.0.2.1": "virbr0", "172.16.3.14": "eth0", "10.9.0.14": "eth1"}
    routes = (route("0.0.0.0/0", "eth1"),)
    known = {"addresses": tuple(interfaces), "interfaces": interfaces, "routes": routes}
    cluster.change_host("master-4", node_ip=given, address_given=True, **known)
    assert cluster.plan().replacement_ips == (given,)


def test_in_a_dual_stack_cluster_the_replacement_has_an_address_of_both_families() -> None:
    cluster = StandInCluster()
    for number, name in enumerate(("master-1", "master-2", "master-3")):
        second = {"type": "InternalIP", "address": "2001:db8::{0}".format(11 + number)}
        cluster.node(name)["status"]["addresses"].append(second)
    cluster.change_host("master-4", addresses=("2001:db8::14", "192.0.2.14"))
    made = cluster.plan()
    assert (made.refusals, made.replacement.ip) == ((), "192.0.2.14")
    assert made.replacement_ips == ("192.0.2.14", "2001:db8::14")


def test_a_family_that_not_all_survivors_have_is_not_asked_for() -> None:
    cluster = StandInCluster()
    cluster.node("master-2")["status"]["addresses"].append({"type": "InternalIP", "address": "2001:db8::12"})
    made = cluster.plan()
    assert (made.refusals, made.replacement_ips) == ((), ("192.0.2.14",))


def test_a_claim_whose_volume_is_gone_with_the_lost_node_is_told_until_it_is_ignored() -> None:
    cluster = StandInCluster()
    claim = claim_object("prod", "data-0", "c-gone", volume="pvc-gone")
    claim["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "master-1"}
    claim["status"]["phase"] = "Lost"
    cluster.lists[CLAIMS].append(claim)
    made = cluster.plan()
    assert made.refusals == ()
    assert [text for text in made.warnings if "prod/data-0" in text]
    assert all(ref.name != "data-0" for step in made.steps for ref in step.objects)
    cluster.policies = ({"namespace": "prod", "claim": "data-*", "policy": "ignore", "reason": "r"}, *POLICIES)
    assert "prod/data-0" in cluster.plan().left_alone
    claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] = "master-2"
    assert not [text for text in cluster.plan().warnings if "prod/data-0" in text]


def test_a_claim_that_tells_no_node_is_gone_with_the_lost_one_when_its_pod_was_there() -> None:
    cluster = StandInCluster()
    claim = claim_object("prod", "data-0", "c-gone", volume="pvc-gone")
    claim["status"]["phase"] = "Lost"
    cluster.lists[CLAIMS].append(claim)

    def told() -> list[str]:
        return [text for text in cluster.plan().warnings if "prod/data-0" in text]

    for namespace, node in (("prod", "master-2"), ("prod", ""), ("test", "master-1")):
        cluster.lists[PODS].append(pod_object(namespace, "user-" + node, "u", node=node, claims=["data-0"]))
    assert not told()
    cluster.lists[PODS].append(pod_object("prod", "user", "u", node="master-1", claims=["data-0"]))
    assert told()
    assert [item.name for item in cluster.cluster().gone_claims] == ["data-0"]
    # What is told of its place counts more than a pod.
    claim["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "master-2"}
    assert not told()
    claim["metadata"]["annotations"] = {}
    claim["status"]["phase"] = "Bound"
    assert not told()


def test_a_cluster_of_ipv6_addresses_is_replaced_like_any_other() -> None:
    addresses = ["2001:db8::1", "2001:db8::10", "2001:db8::11", "2001:db8::12"]
    cluster = StandInCluster(addresses=addresses, vip="2001:db8::100")
    made = cluster.plan()
    assert made.refusals == ()
    assert (made.executor.ip, made.replacement.ip) == ("2001:db8::10", "2001:db8::12")
    cluster.run(made)
    assert cluster.plan().state == "nothing_to_do"


def test_the_executor_is_a_survivor_with_a_healthy_member_and_a_ready_api_server() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", api_ready="not ready: etcd")
    made = cluster.plan()
    assert made.executor.host == "master-3.example.org"
    assert (made.executor.name, made.executor.ip) == ("master-3", "192.0.2.13")


def test_nobody_is_promoted_when_a_survivor_is_master_already() -> None:
    cluster = StandInCluster()
    cluster.promote("master-3.example.org")
    made = cluster.plan()
    assert made.promote == ""
    assert "vip" not in phases(made)


@pytest.mark.parametrize(("others", "priority"), [(90, 100), (100, 101), (200, 201)])
def test_the_priority_that_is_told_is_the_one_that_will_be_written(others: int, priority: int) -> None:
    cluster = StandInCluster()
    for name in cluster.survivors:
        mine = keepalived(cluster.address[name], state="BACKUP", priority=others)
        cluster.change_host(name, keepalived=mine)
    (step,) = (step for step in cluster.plan().steps if step.phase == "vip")
    assert "(priority {0})".format(priority) in step.act


def test_claims_nobody_wants_recovered_are_left_alone_and_told() -> None:
    cluster = StandInCluster()
    cluster.add_volume_and_claim("onecloud", "default-baremetal-agent-zone1", "master-1")
    made = cluster.plan()
    assert made.refusals == ()
    assert [(item.name, item.policy, item.reason) for item in made.kept_claims] == [
        ("default-baremetal-agent-zone1", "ignore", "no workload mounts it")
    ]
    assert "default-baremetal-agent-zone1" not in [
        name for _namespace, name, _uid in objects(made, "PersistentVolumeClaim")
    ]
    assert made.left_alone == ("onecloud/default-baremetal-agent-zone1",)
    (at,) = [number for number, text in enumerate(made.text) if "default-baremetal-agent-zone1" in text]
    assert made.text[at].endswith("  ignore")
    assert made.text[at + 1].strip() == "why:  no workload mounts it"


def test_an_undecided_claim_is_not_one_to_be_left_alone() -> None:
    cluster = StandInCluster()
    cluster.add_volume_and_claim("elsewhere", "data", "master-1")
    made = cluster.plan()
    assert any(line.split()[:1] == ["elsewhere/data"] and "refuse" in line for line in made.text)
    assert made.left_alone == ()


def test_every_object_that_any_run_set_out_to_touch_stays_in_the_journal_once() -> None:
    cluster = StandInCluster()
    first = cluster.plan()
    told = first.journal["touched"]
    acted = [ref for step in first.steps if not step.act.startswith("wait") for ref in step.objects]
    assert [(ref["kind"], ref["name"], ref["uid"]) for ref in told] == [
        (ref.kind, ref.name, ref.uid) for ref in dict.fromkeys(acted)
    ]
    assert {"EtcdMember", "Node", "PersistentVolumeClaim", "Deployment"} <= {ref["kind"] for ref in told}
    assert not [ref for ref in told if ref["name"].startswith("kube-proxy")]
    cluster.run(first, acts=ACT_LABELS.index("bind export-minio-0") + 1)
    rest = cluster.plan()
    assert "EtcdMember" not in [ref.kind for step in rest.steps for ref in step.objects]
    again = rest.journal["touched"]
    assert again[: len(told)] == told
    assert len(again) > len(told)
    assert len({tuple(ref.values()) for ref in again}) == len(again)


def test_after_a_finished_replacement_new_work_is_needed_and_not_resumed() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    assert (cluster.journal or {})["finished"]
    del cluster.node("master-4")["metadata"]["labels"]["onecloud.yunion.io/controller"]
    made = cluster.plan()
    assert (made.state, phases(made), made.claims) == ("needed", ["backup", "join"], ())
    assert made.journal["finished"] is None


def test_a_replacement_counts_as_joined_when_it_is_a_node_and_a_voter_that_answers() -> None:
    for label, joined in (("the member is added", False), ("the member starts", True)):
        cluster = StandInCluster()
        cluster.run(cluster.plan(), acts=ACT_LABELS.index(label) + 1)
        assert (cluster.plan().join, cluster.plan().joined) == (True, joined)


def test_without_an_executor_no_address_of_the_replacement_is_chosen() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-4", addresses=("10.0.0.14", "192.0.2.14"))
    for name in cluster.survivors:
        cluster.change_host(name, api_ready="not ready: etcd")
    made = cluster.plan()
    assert [item.code for item in made.refusals] == ["NO_EXECUTOR"]
    # Without a survivor to reach, none of them is the right one.
    assert made.replacement.ip == ""


@pytest.mark.parametrize(
    ("fields", "warned"),
    [({"drive_bytes": None, "error": ""}, True), ({"drive_bytes": 0, "error": ""}, False), ({"error": "x"}, False)],
)
def test_a_minio_whose_content_was_not_counted_is_warned_about(fields: dict[str, Any], warned: bool) -> None:
    cluster = StandInCluster()
    told = [{**item, "drive_bytes": None, **fields} for item in view.minio(cluster.minio())]
    made = plan(cluster.cluster(), cluster.request(), told)
    text = "The data of the MinIO onecloud-minio/minio was not measured, so the free space was not checked."
    assert (text in made.warnings) == warned


def test_claims_that_were_never_bound_are_told_and_not_touched() -> None:
    made = StandInCluster().plan()
    at = made.text.index("Never bound, so they have no data to lose:")
    assert made.text[at + 1] == "  onecloud/default-baremetal-agent"
    assert "default-baremetal-agent" not in [ref.name for step in made.steps for ref in step.objects]


def test_a_discarded_claim_is_warned_about() -> None:
    warnings = StandInCluster().plan().warnings
    assert [text for text in warnings if "default-influxdb" in text and "is lost" in text]


def test_a_volume_that_is_to_be_retained_is_kept_and_told() -> None:
    cluster = StandInCluster()
    cluster.lists[VOLUMES].append(volume_object("kept", "pv-kept", node="master-1", policy="Retain"))
    cluster.lists[VOLUMES].append(volume_object("stale", "pv-stale", node="master-1"))
    made = cluster.plan()
    names = [name for _namespace, name, _uid in objects(made, "PersistentVolume")]
    assert "stale" in names
    assert "kept" not in names
    assert [text for text in made.warnings if text.startswith("The volume kept of")]


def test_only_the_pod_of_the_claim_s_own_workload_is_named() -> None:
    cluster = StandInCluster()
    # Two StatefulSets of one namespace, the name of one the end of the other's.
    cluster.add_statefulset("onecloud-minio", "big-minio", "export", ["master-1"])
    policy = {"namespace": "*", "claim": "export-big*", "policy": "heal", "reason": "a test"}
    cluster.policies = (policy, *POLICIES)
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("delete the Node") + 1)
    cluster.collect_pods()
    named = [
        (step.objects[0].name, ref.name)
        for step in cluster.plan().steps
        for ref in step.objects
        if ref.kind == "Pod" and step.objects[0].kind == "PersistentVolumeClaim"
    ]
    assert named == [
        ("export-big-minio-0", "big-minio-0"),
        ("export-minio-0", "minio-0"),
        ("export-minio-1", "minio-1"),
    ]


def test_the_cordon_of_another_replacement_is_warned_about() -> None:
    cluster = StandInCluster()
    cluster.lists[NODES].append(node_object("worker-1", "192.0.2.21", "u21", control_plane=False))
    for name, other in (("master-2", "master-9"), ("master-3", "master-1"), ("worker-1", "master-8")):
        node = cluster.node(name)
        # Somebody has lifted the last one by hand, and its mark stayed.
        node["spec"] = {**node.get("spec", {}), "unschedulable": name != "worker-1"}
        node["metadata"].setdefault("annotations", {})[CORDONED_FOR] = other
    told = [text for text in cluster.plan().warnings if "cordon" in text]
    assert told == [
        "The Node master-2 is still cordoned for the replacement of master-9, and this run leaves it so. Finish that replacement, "
        "or lift the cordon: kubectl uncordon master-2."
    ]


def test_a_machine_that_answers_again_after_its_removal_is_warned_about() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.answers = [22]
    made = cluster.plan()
    assert made.state == "nothing_to_do"
    assert [text for text in made.warnings if "answers again at 192.0.2.11:22" in text]


def test_a_returned_machine_is_refused_after_the_replacement_too() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.lists[NODES].append(node_object("master-1", "192.0.2.11", "node-returned", control_plane=False))
    cluster.lists[PODS].append(pod_object("kube-system", "kube-proxy-y", "pod-y", node="master-1"))
    made = cluster.plan()
    assert [item.code for item in made.refusals] == ["LOST_NODE_RETURNED"]
    # The new Node of that name is not the one that was lost, so no step deletes it.
    assert objects(made, "Node") == []


def test_a_returned_machine_is_refused_even_when_nothing_else_is_to_be_done() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.lists[NODES].append(node_object("master-1", "192.0.2.11", "node-returned", control_plane=False))
    made = cluster.plan()
    assert (made.state, [item.code for item in made.refusals]) == ("refused", ["LOST_NODE_RETURNED"])


def test_a_volume_whose_claim_was_gone_before_is_told_with_the_claim_it_had() -> None:
    cluster = StandInCluster()
    uid = cluster.find(CLAIMS, "export-minio-0", "onecloud-minio")["metadata"]["uid"]  # type: ignore[index]
    cluster.release("onecloud-minio", "export-minio-0")
    made = cluster.plan()
    volume = next(item for item in cluster.lists[VOLUMES] if item["status"]["phase"] == "Released")
    assert made.leftovers == (
        {
            "namespace": "onecloud-minio",
            "name": "export-minio-0",
            "uid": uid,
            "pv_name": volume["metadata"]["name"],
            "pv_uid": volume["metadata"]["uid"],
        },
    )
    step = next(item for item in made.steps if item.act.startswith("delete volumes without a claim"))
    assert [ref.uid for ref in step.objects if ref.kind == "PersistentVolume"] == [volume["metadata"]["uid"]]


def test_a_new_master_may_have_the_name_of_one_that_was_replaced_long_ago() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.lists[NODES].append(node_object("master-1", "192.0.2.11", "node-again"))
    cluster.set_ready("master-1", False)
    found = cluster.cluster()
    assert found.journal is None
    assert found.lost is not None
    assert found.lost.uid == "node-again"


def test_what_is_left_when_the_etcd_member_alone_remains_is_found_by_its_name() -> None:
    cluster = StandInCluster()
    for path in (NODES, PODS, ATTACHMENTS):
        cluster.lists[path] = [item for item in cluster.lists[path] if "master-1" not in str(item)]
    for path in (CLAIMS, VOLUMES, DEPLOYMENTS):
        cluster.lists[path] = []
    made = cluster.plan(fenced=True)
    assert made.lost is not None
    assert made.lost.seen_in == ("etcd",)
    assert phases(made)[:2] == ["backup", "etcd_cleanup"]
    assert "NODE_UNPROBED" not in [item.code for item in made.refusals]


def test_a_finished_replacement_is_nothing_to_do_and_proven() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    made = cluster.plan()
    assert (made.state, made.steps, made.refusals, made.claims) == ("nothing_to_do", (), (), ())
    assert cluster.verdict()["ok"], cluster.verdict()["text"]
    assert made.text[0].startswith("NOTHING TO DO: master-1 ")


def test_what_would_be_refused_is_a_warning_when_nothing_is_left_to_be_done() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.change_host("master-3", addresses=("192.0.2.13", cluster.vip))
    made = cluster.plan()
    assert (made.state, made.refusals) == ("nothing_to_do", ())
    assert [text for text in made.warnings if text.startswith("VIP_DUPLICATE: ")]


@pytest.mark.parametrize("act", range(ACTS))
def test_a_run_killed_after_any_act_is_resumed_and_ends_in_nothing_to_do(act: int) -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan(), acts=act)
    rest = cluster.plan()
    assert rest.refusals == (), rest.refused_text
    assert rest.state == ("resume" if cluster.journal else "needed")
    assert bool(cluster.journal) == (act > ACT_LABELS.index("write the journal"))
    check_names(rest)
    cluster.run(rest)
    assert cluster.plan().state == "nothing_to_do"


def test_what_is_done_is_in_no_later_plan() -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    done = {
        "remove master-1": ("etcd_cleanup", "remove the etcd member"),
        "the pods are collected": ("node_removal", "cordon and delete the Node"),
        "promote master-2.example.org": ("vip", ""),
        "keepalived": ("join", ""),
    }
    for label, (phase, act) in done.items():
        other = StandInCluster()
        other.run(other.plan(), acts=labels.index(label) + 1)
        left = [step for step in other.plan().steps if step.phase == phase and act in step.act]
        assert left == [], label


def test_the_claims_of_a_recovery_that_was_cut_short_stay_in_the_plan_until_it_is_proven() -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    before = {item.uid for item in cluster.plan().claims}
    for stop in ("delete export-minio-0", "make anew export-minio-0", "bind export-minio-0", "uncordon"):
        other = StandInCluster()
        other.run(other.plan(), acts=labels.index(stop) + 1)
        assert {item.uid for item in other.plan().claims} == before, stop


def test_cordons_of_a_killed_run_are_in_the_next_plan() -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("cordon") + 1)
    made = cluster.plan()
    assert made.restore_cordons
    step = next(item for item in made.steps if item.act.startswith("uncordon the nodes"))
    assert [ref.name for ref in step.objects] == ["master-2", "master-3"]


def test_the_cordon_of_the_lost_node_ends_with_it() -> None:
    cluster = StandInCluster()
    node = cluster.node("master-1")
    node["spec"]["unschedulable"] = True
    node["metadata"].setdefault("annotations", {})["ha.cloudpods.org/cordoned-for"] = "master-1"
    assert not cluster.plan().restore_cordons


def test_a_half_joined_replacement_is_reset_only_when_the_journal_says_that_we_joined_it() -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("kubelet registers the Node") + 1)
    assert (cluster.plan().reset, cluster.plan().refusals) == (True, ())
    cluster.write_journal({"joining": {"host": "another.example.org"}})
    made = cluster.plan()
    assert not made.reset
    assert "REPLACEMENT_IS_NODE" in [item.code for item in made.refusals]


@pytest.mark.parametrize("registered", [False, True], ids=["no-node-yet", "our-node-too"])
@pytest.mark.parametrize(("name", "address"), [("master-4", "192.0.2.99"), ("worker-9", "192.0.2.14")])
def test_another_machine_s_node_with_name_or_address_of_the_half_joined_one_is_refused(
    name: str, address: str, registered: bool
) -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("journal: joining") + 1)
    cluster.change_host("master-4", joined=True, etcd_data=True)
    if registered:
        cluster.lists[NODES].append(node_object("master-4.example.org", "192.0.2.14", "node-4"))
    assert (cluster.plan().reset, cluster.plan().refusals) == (True, ())
    other = node_object(name, address, "another", control_plane=False)
    other["status"]["nodeInfo"]["machineID"] = "another"
    cluster.lists[NODES].append(other)
    made = cluster.plan()
    assert {item.code for item in made.refusals} == {"REPLACEMENT_IS_NODE"}
    assert not made.reset


@pytest.mark.parametrize(
    "change",
    [{"machine_id": "another"}, {"machine_id": ""}, {"hostname": "another"}, {"addresses": ("192.0.2.99",)}],
    ids=["machine-id", "no-machine-id", "hostname", "address"],
)
@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
def test_another_machine_behind_the_inventory_name_of_a_half_joined_one_is_not_reset(
    provider: str, change: dict[str, Any]
) -> None:
    cluster = StandInCluster(provider=provider)
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("journal: joining") + 1)
    cluster.change_host("master-4", joined=True, etcd_data=True)
    assert cluster.plan().reset
    cluster.change_host("master-4", **change)
    made = cluster.plan()
    assert made.state == "refused"
    assert {"REPLACEMENT_NOT_CLEAN"} == {item.code for item in made.refusals}


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
def test_the_lost_machine_behind_the_inventory_name_of_a_half_joined_one_is_not_reset(provider: str) -> None:
    cluster = StandInCluster(provider=provider)
    cluster.node("master-1")["status"]["nodeInfo"]["machineID"] = "of-master-1"
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("journal: joining") + 1)
    cluster.change_host("master-4", joined=True, etcd_data=True)
    assert cluster.plan().reset
    cluster.change_host("master-4", machine_id="of-master-1", hostname="master-1", addresses=("192.0.2.11",))
    made = cluster.plan()
    assert "REPLACEMENT_IS_LOST" in {item.code for item in made.refusals}
    assert (made.state, made.reset, made.steps, made.phases) == ("refused", False, (), ())


def test_what_a_finished_replacement_joined_is_not_reset_later() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-4"]
    cluster.members = [item for item in cluster.members if item.name != "master-4"]
    made = cluster.plan()
    assert "REPLACEMENT_NOT_CLEAN" in [item.code for item in made.refusals]
    assert not made.reset


@pytest.mark.parametrize("learner", [True, False])
def test_the_leftover_member_of_our_own_join_is_removed_first_and_that_of_another_is_refused(learner: bool) -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("kubelet registers the Node") + 1)
    cluster.add_member(learner=learner)
    made = cluster.plan()
    assert made.refusals == ()
    assert made.stale_member_id == cluster.member("master-4").id
    first = next(step.act for step in made.steps if step.phase == "join")
    assert first == "remove the etcd member of an interrupted join"
    cluster.write_journal({"joining": None})
    assert cluster.plan().stale_member_id == ""
    assert ("MEMBER_LEARNER" if learner else "MEMBER_UNSTARTED") in cluster.codes()


def test_a_node_of_ours_that_is_not_ready_yet_does_not_count_as_another_loss() -> None:
    cluster = StandInCluster()
    labels = [label for label, _act in cluster.acts(cluster.plan())]
    cluster.run(cluster.plan(), acts=labels.index("the Node becomes a control-plane node") + 1)
    cluster.set_ready("master-4", False)
    made = cluster.plan()
    assert made.refusals == ()
    assert (made.join, made.joined, made.reset) == (True, True, False)


SHAPES = st.lists(st.integers(1, 120), min_size=1, max_size=6, unique=True)


def shaped(numbers: list[int], position: int, *, prefix: str = "master") -> StandInCluster:
    """Masters whose names and addresses are often beginnings of each other's; the spare is one of them."""
    names = ["{0}-{1}".format(prefix, number) for number in numbers]
    addresses = ["192.0.2.{0}".format(number) for number in numbers]
    return StandInCluster(names[:-1], lost=names[position], spare=names[-1], addresses=addresses, vip="192.0.2.121")


@settings(max_examples=60)
@given(SHAPES, st.data())
def test_a_cluster_of_any_size_with_any_master_lost_is_healed_through_any_interruptions(
    numbers: list[int], data: st.DataObject
) -> None:
    assume(len(numbers) >= 4)
    cluster = shaped(numbers, data.draw(st.integers(0, len(numbers) - 2), label="lost"))
    for _run in range(data.draw(st.integers(0, 4), label="interruptions")):
        made = cluster.plan()
        assert made.refusals == (), made.refused_text
        check_names(made)
        cluster.run(made, acts=data.draw(st.integers(0, ACTS), label="killed after"))
    cluster.run(cluster.plan())
    assert cluster.plan().state == "nothing_to_do"
    assert {item.name for item in cluster.members} == {*cluster.survivors, cluster.spare}
    assert cluster.find(NODES, cluster.lost) is None
    assert not [item for item in cluster.lists[VOLUMES] if cluster.lost == _home(item)]


@settings(max_examples=60)
@given(SHAPES, st.data())
def test_whatever_is_broken_no_plan_without_refusals_harms_what_lives(numbers: list[int], data: st.DataObject) -> None:
    assume(len(numbers) >= 2)
    cluster = shaped(numbers, data.draw(st.integers(0, len(numbers) - 2), label="lost"))
    for name in cluster.names:
        if data.draw(st.booleans(), label=name + " ready"):
            cluster.set_ready(name, data.draw(st.booleans()))
        if data.draw(st.booleans(), label=name + " member"):
            cluster.change_member(name, healthy=data.draw(st.booleans()))
    for name in cluster.survivors:
        if data.draw(st.integers(0, 5), label=name + " host") == 0:
            cluster.change_host(name, reachable=False, error="No route to host")
    fenced = data.draw(st.booleans(), label="fenced")
    cluster.answers = data.draw(st.lists(st.sampled_from([22, 6443]), max_size=2), label="answers")
    made = cluster.plan(fenced=fenced)
    check_names(made)
    on_lost = {item["spec"]["claimRef"]["uid"] for item in cluster.lists[VOLUMES] if _home(item) == cluster.lost}
    assert {uid for _namespace, _name, uid in objects(made, "PersistentVolumeClaim")} <= on_lost
    assert {name for _namespace, name, _uid in deleted_nodes(made)} <= {cluster.lost}
    assert {name for _namespace, name, _uid in objects(made, "EtcdMember")} <= {cluster.lost}
    if made.refusals:
        assert made.state == "refused"
        return
    assert made.executor.name in cluster.survivors
    assert fenced or (not cluster.answers and not _ready(cluster, cluster.lost))
    # The acts assert that nothing alive is removed and that the quorum holds.
    cluster.run(made)
    assert cluster.plan(fenced=fenced).state == "nothing_to_do"


def test_the_lost_node_is_never_first_or_last_by_position() -> None:
    names = ["master-1", "master-10", "master-11", "master-2", "master-110"]
    for lost in names:
        cluster = StandInCluster(names, lost=lost, spare="master-111")
        made = cluster.plan()
        assert made.refusals == ()
        assert objects(made, "EtcdMember") == [("", lost, cluster.member(lost).id)]
        assert deleted_nodes(made) == [("", lost, cluster.node(lost)["metadata"]["uid"])]
        assert made.executor.name != lost


def test_an_address_that_begins_like_the_vip_is_not_the_vip() -> None:
    addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    made = StandInCluster(addresses=addresses, vip="192.0.2.10").plan()
    assert made.refusals == ()


@pytest.mark.parametrize("field", ["claims", "pods", "volumes", "attachments", "helper_pods", "stranded_pods"])
def test_what_was_not_lost_is_in_no_step(field: str) -> None:
    cluster = StandInCluster()
    found = dataclasses.replace(cluster.cluster(), **{field: ()})
    made = plan(found, cluster.request(), [])
    check_names(made)
    kinds = {"claims": "PersistentVolumeClaim", "attachments": "VolumeAttachment"}
    if field in kinds:
        assert objects(made, kinds[field]) == []


def test_a_node_with_a_name_of_another_script_is_planned_for_like_any_other() -> None:
    cluster = StandInCluster(["master-1", "мастер-2", "主节点-3"], lost="主节点-3")
    made = cluster.plan()
    assert made.refusals == ()
    assert made.text[0].startswith("PLAN {0}: replace 主节点-3 with master-4".format(made.id))
    cluster.run(made)
    assert cluster.plan().state == "nothing_to_do"


def _home(volume: dict[str, Any]) -> str:
    return str(volume["metadata"]["annotations"]["local.path.provisioner/selected-node"])


def _ready(cluster: StandInCluster, name: str) -> bool:
    return bool(cluster.node(name)["status"]["conditions"][0]["status"] == "True")


def with_claims(cluster: StandInCluster, change: Callable[[Claim], Claim], **fields: Any) -> Plan:
    """The plan for a cluster whose claims were read otherwise."""
    found = cluster.cluster()
    found = dataclasses.replace(found, claims=tuple(map(change, found.claims)))
    return plan(found, cluster.request(**fields), view.minio(cluster.minio()))


def test_the_volume_of_a_claim_that_is_to_be_retained_is_named_in_no_step_and_said_to_be_kept() -> None:
    kept = with_claims(StandInCluster(), lambda claim: dataclasses.replace(claim, reclaim_policy="Retain"))
    assert objects(kept, "PersistentVolumeClaim")
    assert objects(kept, "PersistentVolume") == []
    assert {item.reclaim_policy for item in kept.claims} == {"Retain"}
    told = [text for text in kept.text if "kept: the volume object" in text]
    assert len(told) == len(kept.claims)
    assert all(item.pv_name in "".join(told) for item in kept.claims)
    assert not [text for text in StandInCluster().plan().text if "kept: the volume object" in text]


def test_a_claim_of_a_hook_is_one_to_be_recovered_and_its_step_says_what_is_run() -> None:
    cluster = StandInCluster()
    hook = {"claim": "default-influxdb", "policy": "hook", "reason": "from a dump", "tasks": "/srv/influx.yml"}
    cluster.policies = (hook, *POLICIES)
    made = cluster.plan(discard=("onecloud/default-victoria-metrics",))
    assert made.refusals == ()
    (claim,) = [item for item in made.claims if item.name == "default-influxdb"]
    assert (claim.policy, claim.tasks) == ("hook", "/srv/influx.yml")
    (step,) = [item for item in made.steps if item.act == "run /srv/influx.yml for onecloud/default-influxdb"]
    assert [ref.kind for ref in step.objects] == ["PersistentVolumeClaim", "PersistentVolume"]
    assert "default-influxdb" in {item["name"] for item in made.journal["claims"]}


def test_what_was_begun_stays_as_it_was_decided_and_its_loss_is_approved_again() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan(), acts=ACT_LABELS.index("delete default-influxdb"))
    before = {item["name"]: item["policy"] for item in (cluster.journal or {})["claims"]}
    cluster.policies = ({"namespace": "*", "policy": "refuse", "reason": "another mind"},)
    assert [item.code for item in cluster.plan(discard=()).refusals] == ["DISCARD_UNAPPROVED"]
    rest = cluster.plan()
    assert rest.refusals == ()
    assert {item.name: item.policy for item in rest.claims} == before
    cluster.run(rest)
    done = cluster.plan(discard=())
    assert (done.state, done.refusals) == ("nothing_to_do", ())


def test_a_claim_that_waits_for_approval_is_work_left_although_nothing_else_is() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.add_volume_and_claim("onecloud", "default-victoria-metrics-late", "master-1")
    cluster.lists[DEPLOYMENTS].append(
        deployment_object("onecloud", "late", "late", claim="default-victoria-metrics-late")
    )
    assert (cluster.plan().state, cluster.codes()) == ("refused", ["DISCARD_UNAPPROVED"])


def test_names_that_change_nothing_are_warned_about_unless_they_were_recovered() -> None:
    cluster = StandInCluster()
    names = ("onecloud-minio/export-minio-0", "onecloud/nothing", "onecloud/nothing")

    def told() -> list[str]:
        warnings = cluster.plan(discard=(*DISCARD, *names)).warnings
        return [text for text in warnings if text.startswith("replace_master_discard")]

    heals = "replace_master_discard names onecloud-minio/export-minio-0, whose policy is heal: it is not discarded."
    nothing = "replace_master_discard names onecloud/nothing, which is not a claim on the lost node."
    assert told() == [heals, nothing]
    cluster.run(cluster.plan())
    assert told() == [nothing]


def test_each_minio_as_it_was_before_the_first_act_is_in_the_journal() -> None:
    cluster = StandInCluster()
    first = cluster.plan().journal["minio"]
    assert first == {
        "onecloud-minio/minio": {"deployment_id": "d1", "buckets": [{"bytes": 60 * MEBIBYTE, "complete": True}]}
    }
    cluster.run(cluster.plan(), acts=ACT_LABELS.index("bind export-minio-0") + 1)
    cluster.minio_bytes = 1
    assert cluster.plan().journal["minio"] == first
    cluster.write_journal({"finished": "2026-03-01T12:20:00Z"})
    assert cluster.plan().journal["minio"] != first


def test_a_minio_that_did_not_answer_is_no_baseline() -> None:
    cluster = StandInCluster()
    told = [{**item, "error": "no answer"} for item in view.minio(cluster.minio())]
    assert plan(cluster.cluster(), cluster.request(), told).journal == {}
    assert baseline(told) == {}
