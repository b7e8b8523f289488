# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan where K3s runs, and where the replacement has the lost node's own name, at every stage of the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import lost_member
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    CLAIMS,
    JOINED,
    MADE,
    NODES,
    SECRETS,
    VOLUMES,
    StandInCluster,
    volume_object,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[3] / "fixtures" / "k3s"
K3S: dict[str, Any] = {"provider": "k3s"}
SAME: dict[str, Any] = {"same_name": True}
SAME_K3S: dict[str, Any] = {"provider": "k3s", "same_name": True}
SAME_ADDRESS: dict[str, Any] = {"provider": "k3s", "same_name": True, "same_address": True}
KINDS = {"k3s": K3S, "same-name": SAME, "k3s-same-name": SAME_K3S, "k3s-same-name-and-address": SAME_ADDRESS}
ALL_SAME = pytest.mark.parametrize("kind", [SAME, SAME_K3S, SAME_ADDRESS], ids=["kubeadm", "k3s", "k3s-and-address"])


def labels(kind: dict[str, Any]) -> list[str]:
    cluster = StandInCluster(**kind)
    return [label for label, _act in cluster.acts(cluster.plan())]


def stopped(kind: dict[str, Any], label: str) -> StandInCluster:
    """A cluster whose replacement was killed after an act."""
    cluster = StandInCluster(**kind)
    cluster.run(cluster.plan(), acts=labels(kind).index(label) + 1)
    return cluster


def phases(made: Plan) -> list[str]:
    return list(dict.fromkeys(step.phase for step in made.steps))


def acts(made: Plan, phase: str) -> list[str]:
    return [step.act for step in made.steps if step.phase == phase]


def killed() -> list[Any]:
    return [
        pytest.param(name, act, id="{0}-{1}".format(name, act))
        for name in KINDS
        for act in range(len(labels(KINDS[name])))
    ]


@pytest.mark.parametrize(("name", "act"), killed())
def test_a_run_killed_after_any_act_is_resumed_and_ends_in_nothing_to_do(name: str, act: int) -> None:
    cluster = StandInCluster(**KINDS[name])
    cluster.run(cluster.plan(), acts=act)
    rest = cluster.plan()
    assert rest.refusals == (), rest.refused_text
    assert rest.state == ("resume" if cluster.journal else "needed")
    cluster.run(rest)
    check_replaced(cluster)


def check_replaced(cluster: StandInCluster) -> None:
    made = cluster.plan()
    assert (made.state, made.steps, made.claims, made.refusals) == ("nothing_to_do", (), (), ())
    assert made.warnings == ()
    assert sorted(cluster.provider.node_of_member(item.name) for item in cluster.members) == sorted(
        [*cluster.survivors, cluster.heir]
    )
    assert cluster.node(cluster.heir)["metadata"]["creationTimestamp"] == JOINED
    left = [item for item in cluster.lists[VOLUMES] if item["metadata"]["annotations"]]
    on_lost = [
        item for item in left if item["metadata"]["annotations"]["local.path.provisioner/selected-node"] == cluster.lost
    ]
    assert all(item["metadata"].get("creationTimestamp") == MADE for item in on_lost)
    assert cluster.verdict()["ok"], cluster.verdict()["text"]


@settings(max_examples=25)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    removes=st.booleans(),
    forgets=st.booleans(),
    kills=st.lists(st.integers(0, 40), max_size=4),
)
def test_whatever_k3s_does_by_itself_the_end_is_the_same_through_any_interruptions(
    kind: str, removes: bool, forgets: bool, kills: list[int]
) -> None:
    cluster = StandInCluster(**KINDS[kind])
    cluster.k3s_removes, cluster.k3s_forgets = removes, forgets
    for kill in kills:
        made = cluster.plan()
        assert made.refusals == (), made.refused_text
        cluster.run(made, acts=kill)
    cluster.run(cluster.plan())
    check_replaced(cluster)


def test_where_k3s_runs_the_node_goes_before_its_member() -> None:
    cluster = StandInCluster(**K3S)
    made = cluster.plan()
    assert made.refusals == ()
    assert phases(made) == ["backup", "node_removal", "etcd_cleanup", "vip", "join", "stateful_recovery", "verify"]
    member = cluster.member("master-1")
    assert (made.member_id, made.member_name, made.member_urls) == (member.id, member.name, member.peer_urls)
    assert made.member_leaves
    assert acts(made, "etcd_cleanup") == ["wait for K3s to remove the etcd member, and remove it if it stays"]
    assert (made.node_password, made.blocked) == (None, ())
    assert StandInCluster().plan().member_leaves is False


def test_a_member_that_k3s_left_is_removed_at_once_by_the_next_run() -> None:
    cluster = StandInCluster(**K3S)
    cluster.k3s_removes = False
    cluster.run(cluster.plan(), acts=labels(K3S).index("delete the Node") + 1)
    made = cluster.plan()
    assert (made.state, made.member_leaves, made.refusals) == ("resume", False, ())
    assert acts(made, "etcd_cleanup") == ["remove the etcd member"]
    assert made.member_id == cluster.member("master-1").id


def test_a_node_that_hangs_in_its_deletion_is_not_drained_again() -> None:
    cluster = StandInCluster(**K3S)
    cluster.set_ready("master-1", True)
    cluster.answers = [10250]
    assert cluster.plan(fenced=True).drain
    cluster.node("master-1")["metadata"]["deletionTimestamp"] = "2026-03-01T12:09:00Z"
    made = cluster.plan(fenced=True)
    assert (made.refusals, made.drain) == ((), False)


def test_the_runbooks_node_is_not_taken_for_those_whose_names_begin_like_it() -> None:
    members = parse.members(json.loads((FIXTURES / "member-list" / "before.json").read_text(encoding="utf-8")))
    cluster = Cluster(provider="k3s", etcd=Etcd(members=tuple(members)))
    for node, name in (
        ("lzx-ha-env", "lzx-ha-env-6b5275f6"),
        ("lzx-ha-env-2", "lzx-ha-env-2-110bc617"),
        ("lzx-ha-env-3", "lzx-ha-env-3-f8946fea"),
    ):
        lost = Lost(name=node, addresses=(), hostname_label=node)
        found = lost_member(Cluster(provider="k3s", etcd=cluster.etcd, lost=lost))
        assert found is not None
        assert found.name == name
    assert lost_member(Cluster(provider="k3s", etcd=cluster.etcd, lost=Lost("lzx-ha", (), "lzx-ha"))) is None


def test_where_names_begin_alike_the_right_member_goes() -> None:
    names = ["env", "env-2", "env-2-3", "env-12345678"]
    for lost in names:
        cluster = StandInCluster(names, lost=lost, spare="env-4", **K3S)
        made = cluster.plan()
        assert made.refusals == (), made.refused_text
        assert made.member_id == cluster.member(lost).id
        cluster.run(made)
        check_replaced(cluster)


def test_a_password_that_k3s_did_not_forget_is_deleted_before_a_node_of_that_name_joins() -> None:
    cluster = StandInCluster(**SAME_K3S)
    cluster.k3s_forgets = False
    secret = cluster.objects[SECRETS + "master-1.node-password.k3s"]["metadata"]
    made = cluster.plan()
    assert made.node_password is not None
    assert (made.node_password.name, made.node_password.uid) == (secret["name"], secret["uid"])
    # Pods of the lost node would count as those of the new one.
    assert acts(made, "join")[:2] == [
        "wait until pod garbage collection has deleted the pods of the lost node",
        "delete the K3s node password of the former master-1",
    ]
    assert made.node_password in [ref for step in made.steps for ref in step.objects]
    # No copy of a secret is kept.
    assert "Secret" not in {item["kind"] for item in made.backup}
    cluster.run(made, acts=labels(SAME_K3S).index("journal: joining") + 1)
    assert cluster.plan().node_password == made.node_password
    cluster.run(cluster.plan())
    # The one there is now is the new node's.
    assert cluster.objects[SECRETS + "master-1.node-password.k3s"]["metadata"]["uid"] != secret["uid"]
    assert cluster.plan().node_password is None


@pytest.mark.parametrize("kind", [K3S, SAME], ids=["another-name", "kubeadm"])
def test_no_password_stands_in_the_way_of_another_name_or_of_kubeadm(kind: dict[str, Any]) -> None:
    cluster = StandInCluster(**kind)
    cluster.k3s_forgets = False
    assert cluster.plan().node_password is None


@ALL_SAME
def test_before_anything_the_folders_of_the_lost_volumes_are_to_be_blocked(kind: dict[str, Any]) -> None:
    cluster = StandInCluster(**kind)
    cluster.add_volume_and_claim("onecloud", "default-baremetal-agent-z", "master-1")
    made = cluster.plan()
    assert (made.state, made.refusals) == ("needed", ())
    homes = {item["metadata"]["name"]: item for item in cluster.lists[VOLUMES]}
    claims = [item for item in cluster.lists[CLAIMS] if item["spec"].get("volumeName")]
    on_lost = {
        (homes[item["spec"]["volumeName"]]["spec"]["hostPath"]["path"], item["metadata"]["name"])
        for item in claims
        if "master-1" in str(homes[item["spec"]["volumeName"]]["metadata"]["annotations"])
    }
    # Those that are left alone among them: a pod that mounts one would start on nothing as well.
    assert {(item["path"], item["claim"].partition("/")[2]) for item in made.blocked} == on_lost
    assert [item for item in acts(made, "join") if item.startswith("block the folders of the lost volumes on master-4")]


def test_a_replacement_of_another_name_has_nothing_blocked() -> None:
    assert StandInCluster().plan().blocked == ()


@ALL_SAME
def test_once_the_node_is_gone_the_journal_knows_it_and_the_replacement_is_not_it(kind: dict[str, Any]) -> None:
    cluster = stopped(kind, "the pods are collected")
    made = cluster.plan()
    assert (made.state, made.refusals) == ("resume", ())
    assert made.lost is not None
    assert made.lost.machine_id == "machine-of-master-1"
    assert (made.replacement.host, made.replacement.name) == ("master-4.example.org", "master-1")
    assert not [step for step in made.steps if step.phase == "node_removal" and step.objects]
    assert made.blocked


@ALL_SAME
def test_a_member_half_joined_is_ours_although_it_has_the_lost_ones_name(kind: dict[str, Any]) -> None:
    cluster = stopped(kind, "the member is added")
    made = cluster.plan()
    assert made.refusals == ()
    assert (made.joined, made.reset, made.stale_member_id) == (False, True, cluster.member("master-4").id)
    assert made.member_id == ""


@ALL_SAME
def test_once_joined_nothing_of_the_new_node_is_taken_for_the_lost_one(kind: dict[str, Any]) -> None:
    cluster = stopped(kind, "the Node becomes a control-plane node")
    made = cluster.plan()
    assert made.refusals == ()
    assert (made.state, made.joined, made.member_id, made.reset) == ("resume", True, "", False)
    assert (made.blocked, made.node_password) == ((), None)
    assert phases(made) == ["backup", "join", "stateful_recovery"]
    assert {item.name for item in made.claims} == {
        "default-influxdb",
        "default-victoria-metrics",
        "export-minio-0",
        "export-minio-1",
    }
    node = cluster.node("master-1")["metadata"]["uid"]
    assert node not in [ref.uid for step in made.steps for ref in step.objects]


@ALL_SAME
def test_a_recovered_claim_on_the_node_of_the_same_name_is_not_lost_again(kind: dict[str, Any]) -> None:
    cluster = stopped(kind, "bind export-minio-0")
    made = cluster.plan()
    assert made.refusals == ()
    bound = cluster.find(CLAIMS, "export-minio-0", "onecloud-minio")
    assert bound is not None
    named = [ref.uid for step in made.steps for ref in step.objects if ref.kind == "PersistentVolumeClaim"]
    assert bound["metadata"]["uid"] not in named
    # What the new node got meanwhile is its own.
    cluster.lists[VOLUMES].append(volume_object("fresh", "pv-fresh", node="master-1"))
    cluster.lists[VOLUMES][-1]["metadata"]["creationTimestamp"] = MADE
    assert "pv-fresh" not in [ref.uid for step in cluster.plan().steps for ref in step.objects]


@ALL_SAME
def test_a_finished_replacement_of_that_name_is_nothing_to_do_while_it_is_ready(kind: dict[str, Any]) -> None:
    cluster = StandInCluster(**kind)
    cluster.run(cluster.plan())
    check_replaced(cluster)
    assert cluster.journal is not None
    # Its own loss is a new one, of another node and another member.
    cluster.set_ready("master-1", False)
    cluster.change_member("master-4", healthy=False)
    found = cluster.cluster()
    assert found.journal is None
    assert found.lost is not None
    assert found.lost.uid == cluster.node("master-1")["metadata"]["uid"]
    assert found.lost.machine_id == "machine-of-master-4"
    member = lost_member(found)
    assert member is not None
    assert member.id == cluster.member("master-4").id


@ALL_SAME
def test_the_old_machine_that_comes_back_under_its_name_is_refused(kind: dict[str, Any]) -> None:
    cluster = stopped(kind, "the pods are collected")
    node = cluster.node("master-2")
    again = json.loads(json.dumps(node))
    again["metadata"].update(name="master-1", uid="returned")
    again["status"]["addresses"] = [{"type": "InternalIP", "address": "192.0.2.11"}]
    again["status"]["nodeInfo"]["machineID"] = "machine-of-master-1"
    cluster.lists[NODES].append(again)
    assert "LOST_NODE_RETURNED" in cluster.codes()
    assert "LOST_NODE_RETURNED" in cluster.codes(fenced=True)
    # At the replacement's address or not, it is not the replacement.
    assert not cluster.plan().joined


def test_an_interrupted_join_leaves_the_machine_id_in_the_journal() -> None:
    cluster = stopped(SAME_K3S, "write the journal")
    assert cluster.journal is not None
    assert cluster.journal["lost"]["machine_id"] == "machine-of-master-1"
    assert cluster.journal["lost"]["member_id"] == cluster.member("master-1").id
    assert cluster.journal["node"] == "master-1"
    # Later plans don't see that member any more, and know it all the same.
    cluster = stopped(SAME_K3S, "journal: joining")
    assert cluster.journal is not None
    assert cluster.plan().journal["lost"] == {
        key: cluster.journal["lost"][key]
        for key in ("name", "addresses", "hostname_label", "uid", "member_id", "machine_id", "outer_addresses")
    }
    assert cluster.journal["lost"]["member_id"]
