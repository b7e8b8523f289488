# SPDX-License-Identifier: GPL-3.0-or-later
"""From API objects to records, objects that lack fields or hold odd ones among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.mounts import Mounts
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Owner
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    claim_object,
    deployment_object,
    node_object,
    pod_object,
    statefulset_object,
    volume_object,
)
from hypothesis import given
from hypothesis import strategies as st

Json = dict[str, Any]
K3S_NODES = Path(__file__).parents[3] / "fixtures" / "k3s" / "node"
LATER = "2026-03-01T12:10:00.000000Z"
BARE = {"metadata": {"name": "x", "uid": "u", "namespace": "n"}}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("100Gi", 100 * 2**30),
        ("1.5Gi", 3 * 2**29),
        ("30G", 30 * 10**9),
        ("5k", 5000),
        ("107374182400", 107374182400),
        ("0", 0),
        ("", 0),
        ("1ki", 0),
        ("ten", 0),
        ("-1Gi", 0),
        ("+1Gi", 2**30),
        (".5Ki", 512),
        ("5.", 5),
        ("9.2E", 9200000000000000000),
        ("1Ei", 2**60),
        ("1e9", 10**9),
        ("1E3", 1000),
        ("1E", 10**18),
        ("15e-1", 2),
        ("1717986918400m", 1717986919),
        ("1717986918000m", 1717986918),
        ("100n", 1),
        ("1000000u", 1),
        ("10E", 2**63 - 1),
        ("1e999999999", 2**63 - 1),
        ("1e-999999999", 1),
        ("0e999999999", 0),
        ("1K", 0),
        ("1ei", 0),
        ("1e", 0),
        (".", 0),
        ("1Gi\n", 0),
        ("\u0661Gi", 0),
    ],
)
def test_a_quantity_is_bytes_and_what_is_none_is_nothing(text: str, size: int) -> None:
    assert parse.quantity(text) == size


@given(st.text(max_size=8))
def test_no_text_is_too_odd_for_a_quantity(text: str) -> None:
    assert parse.quantity(text) >= 0


def test_a_node_tells_how_long_it_is_down_by_the_clock_of_the_cluster() -> None:
    obj = node_object("master-1", "192.0.2.11", "u1")
    obj["status"]["conditions"] = [
        {"type": "MemoryPressure", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-03-01T12:05:00Z"},
    ]
    leases = [
        {"metadata": {"name": "master-10"}, "spec": {"renewTime": LATER}},
        {"metadata": {"name": "master-1"}, "spec": {"renewTime": "2026-03-01T12:04:20.500000Z"}},
    ]
    node = parse.node(obj, leases=leases, now=parse.newest_lease(leases, ["master-10"]))
    assert (node.ready, node.down_seconds, node.lease_age_seconds) == (False, 300, 339)
    assert (node.name, node.uid, node.addresses, node.hostname_label) == ("master-1", "u1", ("192.0.2.11",), "master-1")
    assert (node.control_plane, node.kubelet_version, node.unschedulable) == (True, "v1.30.4", False)


@pytest.mark.parametrize(
    ("renewed", "age"), [("2026-03-01T12:10:59Z", 0), ("2026-03-02T12:10:00Z", None), ("2026-03-01T12:09:00Z", 60)]
)
def test_a_heartbeat_that_is_ahead_of_the_cluster_has_no_age(renewed: str, age: int | None) -> None:
    leases = [{"metadata": {"name": "m"}, "spec": {"renewTime": renewed}}]
    found = parse.node(node_object("m", "192.0.2.1", "u"), leases=leases, now="2026-03-01T12:10:00Z")
    assert found.lease_age_seconds == age


def test_addresses_of_a_node_are_in_their_shortest_form() -> None:
    obj = node_object("m", "2001:0DB8:0::0:11", "u")
    assert parse.node(obj, leases=[], now="").addresses == ("2001:db8::11",)


def test_a_ready_node_is_not_down() -> None:
    assert parse.node(node_object("m", "192.0.2.1", "u"), leases=[], now=LATER).down_seconds is None


@pytest.mark.parametrize("label", ["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"])
def test_both_role_labels_make_a_control_plane_node(label: str) -> None:
    obj = {"metadata": {"name": "m", "uid": "u", "labels": {label: ""}}}
    assert parse.node(obj, leases=[], now="").control_plane


def test_a_node_with_nothing_but_a_name_is_not_ready_and_at_no_address() -> None:
    node = parse.node({"metadata": {"name": "m", "uid": "u", "labels": None}, "status": None}, leases=[], now="")
    assert (node.ready, node.control_plane, node.addresses, node.hostname_label) == (False, False, (), "m")
    assert (node.down_seconds, node.lease_age_seconds, node.kubelet_version, node.taints) == (None, None, "", ())


def test_a_node_may_have_addresses_of_both_families_and_a_hostname_label_of_its_own() -> None:
    obj = node_object("m", "192.0.2.1", "u")
    obj["status"]["addresses"].append({"type": "InternalIP", "address": "2001:db8::1"})
    obj["status"]["addresses"].append({"type": "ExternalIP", "address": "203.0.113.1"})
    obj["metadata"]["labels"]["kubernetes.io/hostname"] = "m.example.org"
    node = parse.node(obj, leases=[], now="")
    assert (node.addresses, node.hostname_label) == (("192.0.2.1", "2001:db8::1"), "m.example.org")


def test_a_cordon_of_ours_is_told_from_one_of_somebody_else() -> None:
    obj = node_object("m", "192.0.2.1", "u")
    obj["spec"]["unschedulable"] = True
    assert parse.node(obj, leases=[], now="").cordoned_for is None
    obj["metadata"]["annotations"] = {"ha.cloudpods.org/cordoned-for": "master-1"}
    node = parse.node(obj, leases=[], now="")
    assert (node.unschedulable, node.cordoned_for) == (True, "master-1")


def test_the_newest_lease_is_the_clock_whatever_the_order_and_the_zone() -> None:
    times = ["2026-03-01T12:00:00.000000Z", "2026-03-01T14:30:00.000000+02:00", "2026-03-01T12:10:00.000000Z"]
    leases: list[Json] = [{"metadata": {"name": str(n)}, "spec": {"renewTime": text}} for n, text in enumerate(times)]
    assert parse.newest_lease(leases, "012") == times[1]
    assert parse.newest_lease(leases, "02") == times[2]


@pytest.mark.parametrize("leases", [[], [{"metadata": {"name": "m"}}], [{"metadata": {"name": "m"}, "spec": None}]])
def test_without_leases_there_is_no_clock(leases: list[Json]) -> None:
    assert parse.newest_lease(leases, ["m"]) == ""
    assert parse.newest_lease([{"metadata": {"name": "x"}, "spec": {"renewTime": LATER}}], ["m"]) == ""
    assert parse.node(node_object("m", "192.0.2.1", "u"), leases=leases, now="").lease_age_seconds is None


def test_a_pod_belongs_to_the_owner_that_controls_it() -> None:
    obj = pod_object("ns", "minio-0", "u", node="master-1", claims=["export-minio-0"], owner="StatefulSet/minio")
    obj["metadata"]["ownerReferences"].insert(0, {"kind": "Node", "name": "x"})
    obj["metadata"]["deletionTimestamp"] = LATER
    pod = parse.pod(obj)
    assert (pod.owner, pod.node, pod.deleting, pod.phase) == ("StatefulSet/minio", "master-1", True, "Running")
    assert pod.claims == ("export-minio-0",)
    bare = parse.pod(BARE)
    assert (bare.owner, bare.node, bare.deleting, bare.phase, bare.claims) == ("", "", False, "", ())


def test_only_claims_count_among_the_volumes_of_a_pod() -> None:
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "b", "persistentVolumeClaim": {"claimName": "c"}}]
    assert parse.claim_names({"volumes": volumes}) == ["c"]
    assert parse.claim_names({"volumes": None}) == []


def workloads(*items: tuple[str, Json]) -> list[Json]:
    return [{**item, "kind": kind} for kind, item in items]


def test_a_claim_is_told_with_its_volume() -> None:
    obj = claim_object("ns", "data", "c", volume="pv")
    volume = volume_object("pv", "v", node="master-1", claim=obj)
    claim = parse.claim(obj, volume=volume, reasons=("affinity",))
    assert (claim.pv_name, claim.pv_uid, claim.pv_phase, claim.reclaim_policy) == ("pv", "v", "Bound", "Delete")
    assert (claim.path, claim.size_bytes, claim.phase) == ("/opt/local-path-provisioner/pv", 100 * 2**30, "Bound")
    del volume["spec"]["hostPath"], volume["spec"]["capacity"]
    volume["spec"]["local"] = {"path": "/mnt/disk"}
    again = parse.claim(obj, volume=volume)
    assert (again.path, again.size_bytes) == ("/mnt/disk", 100 * 2**30)


def test_a_claim_with_nothing_in_it_is_empty_and_unbound() -> None:
    claim = parse.claim(BARE)
    assert (claim.pv_name, claim.pv_uid, claim.size_bytes, claim.path, claim.storage_class) == ("", "", 0, "", "")


def test_a_claim_is_bound_only_when_both_sides_say_so() -> None:
    obj = claim_object("ns", "data", "c", volume="pv")
    volume = volume_object("pv", "v", node="master-1", claim=obj)
    assert parse.bound_claim(volume, {"c": obj}) is obj
    recreated = claim_object("ns", "data", "c-new", volume="pv")
    assert parse.bound_claim(volume, {"c-new": recreated}) is None
    moved = claim_object("ns", "data", "c", volume="pv-2")
    assert parse.bound_claim(volume, {"c": moved}) is None
    assert parse.bound_claim(volume_object("pv", "v", node="master-1"), {"c": obj, "": BARE}) is None


def test_a_volume_names_the_claim_it_was_for() -> None:
    obj = claim_object("ns", "data", "c", volume="pv")
    assert parse.volume(volume_object("pv", "v", node="m", claim=obj)).claim == "ns/data"
    assert parse.volume({"metadata": {"name": "pv", "uid": "v"}, "spec": {}}).claim == ""


def test_an_attachment_may_name_no_volume() -> None:
    assert parse.attachment({"metadata": {"name": "a", "uid": "u"}}).volume == ""
    obj = {"metadata": {"name": "a", "uid": "u"}, "spec": {"source": {"persistentVolumeName": "pv"}}}
    assert parse.attachment(obj).volume == "pv"


NODE, ETCD = "wrangler.cattle.io/node", "wrangler.cattle.io/managed-etcd-controller"


@pytest.mark.parametrize(
    ("name", "deleting", "voter", "finalizers"),
    [
        ("server", False, True, {NODE, ETCD}),
        ("lost", False, True, {NODE, ETCD}),
        ("joined", False, True, {NODE, ETCD}),
        ("learner", False, False, {NODE, ETCD}),
        ("no-condition", False, None, {NODE, ETCD}),
        ("deleting", True, True, {NODE, ETCD}),
        ("deleting-without-annotations", True, True, {ETCD}),
        ("removed-by-annotation", False, True, {NODE, ETCD}),
        ("address-mismatch", False, True, {NODE, ETCD}),
        ("newer-not-a-member", False, False, {NODE, ETCD}),
        ("newer-unhealthy", False, False, {NODE, ETCD}),
        ("agent", False, None, {NODE, ETCD}),
    ],
)
def test_a_node_of_k3s_is_read(name: str, deleting: bool, voter: bool | None, finalizers: set[str]) -> None:
    obj = json.loads((K3S_NODES / (name + ".json")).read_text(encoding="utf-8"))
    obj["status"]["nodeInfo"]["machineID"] = "0f3c"
    found = parse.node(obj, leases=[], now=LATER)
    assert (found.deleting, found.etcd_voter, set(found.finalizers)) == (deleting, voter, finalizers)
    assert (found.control_plane, found.machine_id) == (name != "agent", "0f3c")


def test_what_a_node_does_not_say_is_empty() -> None:
    found = parse.node(BARE, leases=[], now=LATER)
    assert (found.machine_id, found.deleting, found.finalizers, found.etcd_voter) == ("", False, (), None)


@pytest.mark.parametrize(
    ("made", "created", "older"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z", True),
        ("2026-03-01T12:00:01Z", "2026-03-01T12:00:01Z", False),
        ("2026-03-01T12:00:02Z", "2026-03-01T12:00:01Z", False),
        # Nobody knows: what may be lost is not taken for what is alive.
        (None, "2026-03-01T12:00:01Z", True),
        ("2026-03-01T12:00:02Z", "", True),
    ],
)
def test_what_was_made_before_a_node_is_older(made: str | None, created: str, older: bool) -> None:
    assert parse.is_older({"metadata": {"creationTimestamp": made}}, created) is older
    assert parse.is_older({"metadata": {}}, created)


def test_a_claim_has_what_policies_ask_of_it() -> None:
    obj = claim_object("ns", "export-minio-0", "c", volume="pv")
    obj["metadata"]["labels"] = {"app": "minio"}
    obj["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection", "example.org/backup"]
    item = statefulset_object("ns", "minio", "s", replicas=1, template="export")
    item["metadata"]["labels"] = {"app": "minio", "release": "minio"}
    claim = parse.claim(
        obj,
        volume=volume_object("pv", "v", node="m", claim=obj),
        users=Mounts(workloads(("StatefulSet", item)), []).of("ns", "export-minio-0"),
    )
    assert (claim.volume_kind, claim.labels) == ("hostPath", {"app": "minio"})
    assert claim.workload_labels == {"app": "minio", "release": "minio"}
    assert claim.finalizers == ("kubernetes.io/pvc-protection", "example.org/backup")
    assert claim.mounted_by == (Owner("StatefulSet", "ns", "minio", "s"),)
    bare = parse.claim(BARE)
    assert (bare.volume_kind, bare.labels, bare.workload_labels, bare.finalizers) == ("", {}, {}, ())


def test_of_several_that_mount_a_claim_the_labels_they_share_are_its_own() -> None:
    one, two = (deployment_object("ns", name, name, claim="data") for name in ("a", "b"))
    one["metadata"]["labels"] = {"app": "x", "tier": "1", "only": "a"}
    two["metadata"]["labels"] = {"app": "x", "tier": "2"}
    both = workloads(("Deployment", one), ("Deployment", two))
    assert parse.claim(claim_object("ns", "data", "c"), users=both).workload_labels == {"app": "x"}
    two["metadata"]["labels"] = None
    assert parse.claim(claim_object("ns", "data", "c"), users=both).workload_labels == {}
    alone = pod_object("ns", "reader", "p", claims=["data"])
    alone["metadata"]["labels"] = {"app": "reader"}
    assert parse.claim(claim_object("ns", "data", "c"), users=[alone]).workload_labels == {"app": "reader"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"version": "v3.11.9", "glance": {"switchToS3": True}}, {"version": "v3.11.9", "glance_on_s3": True}),
        ({"version": "v3.8.1", "glance": {"switchToS3": False}}, {"version": "v3.8.1", "glance_on_s3": False}),
        ({"glance": None}, {"version": "", "glance_on_s3": False}),
        (None, {"version": "", "glance_on_s3": False}),
    ],
)
def test_of_the_first_onecloudcluster_only_what_policies_ask_is_kept(spec: Json | None, expected: Json) -> None:
    secret = {"metadata": {"name": "default"}, "spec": spec and {**spec, "mysql": {"password": "secret"}}}
    assert parse.cloudpods([secret, {"spec": {"version": "another"}}]) == expected
    assert parse.cloudpods([]) is None


def test_a_volume_has_its_size_and_why_it_is_told() -> None:
    left = parse.volume(volume_object("pv", "v", node="m"), reasons=("affinity",))
    assert (left.size_bytes, left.found_by) == (100 * 2**30, ("affinity",))


def test_what_is_being_deleted_says_for_how_long_and_what_holds_it() -> None:
    pod = pod_object("ns", "minio-0", "u", node="master-1", claims=["data"])
    claim = claim_object("ns", "data", "c", volume="pv")
    volume = volume_object("pv", "v", node="master-1", claim=claim)
    assert (parse.pod(pod, now=LATER).deleting_seconds, parse.claim(claim, now=LATER).deleting_seconds) == (None, None)
    assert not parse.volume(volume).deleting
    for obj in (pod, claim, volume):
        obj["metadata"].update(deletionTimestamp="2026-03-01T12:09:00Z", finalizers=["example.org/x"])
    records = (parse.pod(pod, now=LATER), parse.claim(claim, now=LATER))
    assert [(item.deleting_seconds, item.finalizers) for item in records] == [(60, ("example.org/x",))] * 2
    assert (parse.volume(volume).deleting, parse.volume(volume).finalizers) == (True, ("example.org/x",))
    # Without a clock it still counts as being deleted.
    assert (parse.pod(pod).deleting_seconds, parse.claim(claim).deleting_seconds) == (0, 0)


def test_a_pod_is_ready_by_its_condition_alone_and_has_its_version() -> None:
    pod = pod_object("ns", "minio-0", "u", node="master-1")
    pod["metadata"].update(resourceVersion="7", creationTimestamp=LATER)
    assert (parse.pod(pod).version, parse.pod(pod).created) == ("7", LATER)
    for conditions, ready in (
        (None, False),
        ([{"type": "Ready", "status": "False"}, {"type": "Initialized", "status": "True"}], False),
        ([{"type": "Ready", "status": "True"}], True),
    ):
        pod["status"]["conditions"] = conditions
        assert parse.pod(pod).ready is ready


def test_a_claim_tells_for_which_node_a_volume_was_asked() -> None:
    claim = claim_object("ns", "data", "c")
    assert parse.claim(claim).selected_node == ""
    claim["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "master-2"}
    assert parse.claim(claim).selected_node == "master-2"
