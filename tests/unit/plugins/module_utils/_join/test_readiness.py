# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a replacement may join, and what is told while it does."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.filter.join_wait import FilterModule as JoinWait
from ansible_collections.cloudpods.ha.plugins.filter.ports_open import FilterModule as PortsOpen
from ansible_collections.cloudpods.ha.plugins.filter.ready_to_join import FilterModule as ReadyToJoin
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import problems
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

Json = dict[str, Any]
PLAN: Json = {
    "lost": {"name": "master-1", "uid": "u-1"},
    "executor": {"host": "m2", "name": "master-2", "ip": "192.0.2.12"},
    "replacement": {"host": "m4", "name": "master-4", "ip": "192.0.2.14"},
    "member_id": "",
    "stale_member_id": "",
    "joined": False,
}
GONE: Json = {"resources": []}


def member(number: int, **fields: Any) -> Json:
    return {
        "id": "a{0}".format(number),
        "name": "master-{0}".format(number),
        "peer_urls": ["https://192.0.2.1{0}:2380".format(number)],
        "client_urls": ["https://192.0.2.1{0}:2379".format(number)],
        "healthy": True,
        **fields,
    }


def asked(*members: Json, **fields: Any) -> Json:
    etcd = {"executor": "master-2", "members": list(members or (member(2), member(3))), **fields}
    return {"etcd": etcd, "problems": list(problems(from_json(Etcd, etcd))), "lines": ["line"]}


def ready(etcd: Json, nodes: Json = GONE, **plan: Any) -> Json:
    verdict: Json = ReadyToJoin().filters()["ready_to_join"](etcd, nodes, {**PLAN, **plan})
    assert verdict["ok"] == (not verdict["reason"])
    return verdict


def wait(answer: Json, awaited: str, *, pods: Any = (), **plan: Any) -> Json:
    verdict: Json = JoinWait().filters()["join_wait"](answer, awaited, {**PLAN, **plan}, pods)
    assert verdict["observed"].endswith(".")
    assert verdict["over"] or not verdict["ready"]
    return verdict


def test_a_replacement_may_join_a_healthy_cluster_without_the_lost_node() -> None:
    assert ready(asked()) == {"ok": True, "reason": ""}


@pytest.mark.parametrize("plan", [{"reset": True}, {"stale_member_id": "a4"}], ids=str)
@pytest.mark.parametrize(
    ("joined", "voter"),
    [
        ({}, True),
        ({"peer_urls": ["https://[2001:db8:0:0::14]:2380"]}, True),
        ({"learner": True}, False),
        ({"name": "", "client_urls": []}, False),
    ],
    ids=str,
)
def test_a_replacement_that_has_become_a_voter_since_the_plan_is_not_reset(
    plan: Json, joined: Json, voter: bool
) -> None:
    replacement = {**PLAN["replacement"], **({"ip": "2001:DB8::14"} if "peer_urls" in joined else {})}
    verdict = ready(asked(member(2), member(3), member(4, **joined)), **plan, replacement=replacement)
    assert ("has become the etcd voter a4" in verdict["reason"]) == voter


def test_a_replacement_that_has_joined_and_is_not_reset_is_a_voter() -> None:
    assert ready(asked(member(2), member(3), member(4)), joined=True)["ok"]


@pytest.mark.parametrize(
    ("etcd", "words"),
    [
        (asked(alarms=("NOSPACE on master-2",)), "etcd has raised an alarm: NOSPACE on master-2"),
        (asked(member(2), member(3, healthy=False, error="timed out")), "not healthy: timed out"),
        (asked(member(2), member(3), member(4, learner=True)), "is a learner"),
        (asked(member(2), member(3), member(4, name="", client_urls=[], healthy=False)), "never started"),
        (asked(member(2, cluster_id="c1"), member(3, cluster_id="c2")), "different etcd clusters"),
        (asked(error="connection refused"), "connection refused"),
        ({"etcd": {"executor": "master-2", "members": []}, "problems": []}, "could not be read"),
        ({"msg": "unreachable", "unreachable": True}, "etcd could not be read: unreachable."),
    ],
)
def test_whatever_is_wrong_with_etcd_is_refused(etcd: Json, words: str) -> None:
    reason = ready(etcd)["reason"]
    assert words in reason
    assert reason.startswith("The replacement can't join yet: ")
    assert reason.endswith("Repair etcd and the API first, then run again.")


def test_what_our_own_interrupted_join_left_does_not_count_but_everything_else_does() -> None:
    rest = member(4, name="", client_urls=[], healthy=False)
    assert ready(asked(member(2), member(3), rest), stale_member_id="a4")["ok"]
    assert not ready(asked(member(2), member(3, healthy=False), rest), stale_member_id="a4")["ok"]
    assert not ready(asked(member(2), member(3), rest), stale_member_id="a9")["ok"]
    assert not ready(asked(member(2), member(3), rest, alarms=("CORRUPT",)), stale_member_id="a4")["ok"]


def test_the_lost_node_has_to_be_gone_from_the_api_and_from_etcd() -> None:
    there = {"resources": [{"metadata": {"name": "master-1", "uid": "u-1"}}]}
    reason = ready(asked(), there)["reason"]
    assert "The Node master-1 still exists." in reason
    assert reason.endswith("Run the earlier phases first (etcd_cleanup, node_removal).")
    healthy = asked(member(1), member(2), member(3))
    assert "The lost node's member a1 is still in the etcd member list." in ready(healthy, member_id="a1")["reason"]
    assert "The Node master-1 could not be read: refused." in ready(asked(), {"msg": "refused"})["reason"]


def test_a_node_of_the_same_name_is_the_lost_one_unless_the_replacement_has_joined() -> None:
    heir = {"resources": [{"metadata": {"name": "master-1", "uid": "u-9"}}]}
    assert not ready(asked(), heir)["ok"]
    assert ready(asked(), heir, joined=True)["ok"]
    lost = {"resources": [{"metadata": {"name": "master-1", "uid": "u-1"}}]}
    assert not ready(asked(), lost, joined=True)["ok"]


def node(status: str = "False", reason: str = "", message: str = "", ip: str = "192.0.2.14") -> Json:
    conditions = [
        {"type": "MemoryPressure", "status": "False"},
        {"type": "Ready", "status": status, "reason": reason, "message": message},
    ]
    addresses = [{"type": "Hostname", "address": "master-4"}, {"type": "InternalIP", "address": ip}]
    return {
        "resources": [{"metadata": {"name": "master-4"}, "status": {"conditions": conditions, "addresses": addresses}}]
    }


def test_a_node_is_ready_when_kubelet_says_so_at_the_address_of_the_replacement() -> None:
    assert wait(node("True"), "node") == {"over": True, "ready": True, "observed": "The Node master-4 is Ready."}
    found = wait(node("True", ip="192.0.2.99"), "node")
    assert (found["over"], found["ready"]) == (True, False)
    assert found["observed"] == "The Node master-4 has the address 192.0.2.99, not 192.0.2.14."


@pytest.mark.parametrize(
    ("answer", "over"),
    [
        (node("True"), False),
        (node("True", ip="192.0.2.99"), False),
        (node("Unknown"), True),
        (node("False"), True),
        ({"resources": []}, True),
        ({"msg": "timed out"}, False),
        ({}, False),
    ],
)
def test_kubeadm_joins_a_host_whose_node_is_not_ready(answer: Json, over: bool) -> None:
    assert wait(answer, "down")["over"] is over


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"msg": "timed out"}, "The API does not answer: timed out."),
        ({}, "no reason given"),
        ({"resources": []}, "There is no Node master-4: the kubelet of m4 has not registered."),
        (node(), "The Node master-4 is not Ready: kubelet reports no reason."),
        (node("Unknown", "NodeStatusUnknown", "Kubelet stopped posting"), "The kubelet of m4 has stopped reporting."),
        (node("False", "KubeletNotReady", "NetworkPluginNotReady message:x"), "The network (CNI) of this Node"),
        (node("False", "KubeletNotReady", "a\n\x1b[31mb"), "KubeletNotReady: a [31mb."),
        ({"resources": [{"metadata": {"name": "master-4"}}]}, "kubelet reports no reason"),
    ],
)
def test_a_node_that_is_not_ready_is_told_in_words(answer: Json, words: str) -> None:
    found = wait(answer, "node")
    assert words in found["observed"]
    assert (found["over"], found["ready"]) == (False, False)


def pod(name: str, *, node_name: str = "master-4", phase: str = "Pending", **waiting: str) -> Json:
    states = [{"name": "x", "state": {"waiting": waiting} if waiting else {"running": {}}}]
    return {
        "metadata": {"namespace": "kube-system", "name": name},
        "spec": {"nodeName": node_name},
        "status": {"phase": phase, "containerStatuses": states},
    }


def test_pods_that_do_not_run_are_named_with_their_reason() -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["master-4"]}]
    terms = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}
    unscheduled = {
        "metadata": {"namespace": "kube-system", "name": "proxy"},
        "spec": {"affinity": {"nodeAffinity": terms}},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes: taint"}],
        },
    }
    elsewhere = {**unscheduled, "metadata": {"namespace": "a", "name": "elsewhere"}, "spec": {}}
    pods = [
        pod("calico", reason="ImagePullBackOff", message="no such host"),
        pod("flannel", phase="Running", reason="CrashLoopBackOff"),
        pod("waiting", reason="PodInitializing"),
        pod("fine", phase="Running"),
        pod("other", node_name="master-2", reason="ImagePullBackOff"),
        unscheduled,
        elsewhere,
    ]
    seen = wait(node("False", "KubeletNotReady", "x"), "node", pods=pods)["observed"]
    assert seen.endswith(
        "Pods not running: kube-system/calico: ImagePullBackOff: no such host; kube-system/flannel: CrashLoopBackOff; "
        "kube-system/waiting: Pending; kube-system/proxy is not scheduled: 0/3 nodes: taint."
    )
    many = [pod(str(number), reason="CrashLoopBackOff") for number in range(8)]
    assert wait(node(), "node", pods=many)["observed"].endswith(" and 3 more.")


def test_the_member_is_a_healthy_voter_at_the_address_of_the_replacement() -> None:
    assert wait(asked(member(2), member(3), member(4)), "voter")["ready"]
    assert "etcd lists no member at 192.0.2.14: line." in wait(asked(), "voter")["observed"]
    assert not wait(asked(member(2), member(3), member(4, learner=True)), "voter")["ready"]
    assert "NOSPACE" in wait(asked(member(2), member(4), alarms=("NOSPACE",)), "voter")["observed"]
    assert "cut off" in wait({"msg": "cut off"}, "voter")["observed"]


def test_k3s_reports_the_voter_by_a_condition() -> None:
    said = {"resources": [{"status": {"conditions": [{"type": "EtcdIsVoter", "status": "True"}]}}]}
    assert wait(said, "voter_condition")["over"]
    assert not wait({"resources": []}, "voter_condition")["over"]
    assert "missing" in wait({"msg": "x"}, "voter_condition")["observed"]


def test_the_host_is_ready_with_its_api_server_and_its_etcd() -> None:
    assert wait({"host": {"api_ready": "ok", "etcd_health": "ok"}}, "host")["ready"]
    found = wait({"host": {"api_ready": "refused", "etcd_health": ""}}, "host")
    assert found["observed"] == "m4 is not ready: its API server reports: refused; its etcd reports: nothing."
    assert "cut off" in wait({"msg": "cut off", "unreachable": True}, "host")["observed"]


def test_survivors_that_are_not_ready_are_named_with_their_last_heartbeat() -> None:
    nodes = [
        {"name": "master-1", "control_plane": True, "ready": False},
        {"name": "master-2", "control_plane": True, "ready": False, "lease_age_seconds": 41},
        {"name": "master-3", "control_plane": True, "ready": False, "lease_age_seconds": None},
        {"name": "worker", "control_plane": False, "ready": False},
    ]
    found = wait({"cluster": {"nodes": nodes, "api_error": ""}, "settled": False}, "survivors")
    assert found["observed"] == (
        "These survivors are not Ready: master-2 (last kubelet heartbeat 41 s ago), "
        "master-3 (last kubelet heartbeat at an unknown time)."
    )
    assert wait({"cluster": {"nodes": nodes}, "settled": True}, "survivors")["ready"]
    assert wait({"cluster": {"nodes": nodes}, "settled": False}, "survivors", joined=True)["ready"]
    assert "gone" in wait({"cluster": {"api_error": "gone"}, "settled": False}, "survivors")["observed"]
    assert "traceback" in wait({"msg": "traceback"}, "survivors")["observed"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"open": ["192.0.2.12:6443", "192.0.2.12:2379"], "closed": []}, ""),
        (
            {"open": ["192.0.2.12:6443"], "closed": ["192.0.2.12:2379"]},
            "can't connect to 192.0.2.12:2379. Fix firewall and routes first.",
        ),
        ({"open": [], "closed": []}, "can't connect to 2 ports that were not probed. Fix firewall"),
        ({"msg": "cut off"}, "could not probe the survivors' ports: cut off."),
    ],
)
def test_a_port_that_is_not_proven_open_is_closed(answer: Json, reason: str) -> None:
    verdict = PortsOpen().filters()["ports_open"](answer, ["192.0.2.12"], [6443, 2379])
    assert verdict["ok"] == (not reason)
    assert verdict["reason"].startswith(reason)


def test_no_address_to_try_is_no_proof() -> None:
    assert not PortsOpen().filters()["ports_open"]({"open": [], "closed": []}, [], [6443])["ok"]
