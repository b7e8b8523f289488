# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the lost Node may be deleted now, and what is left of it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.filter.machine_silent import FilterModule as Silent
from ansible_collections.cloudpods.ha.plugins.filter.node_removal_verdict import FilterModule as Verdict
from ansible_collections.cloudpods.ha.plugins.filter.objects_left import FilterModule as Left

Json = dict[str, Any]
PLAN: Json = {"lost": {"name": "master-1", "uid": "u1"}, "drain": False, "member_id": "a1", "member_name": "master-1-x"}
PLAN["executor"] = {"name": "master-2"}
PLAN["before"] = {"nodes": [{"name": "master-{0}".format(n), "lost": n == 1} for n in (1, 2, 3)]}
NOW = "2026-03-01T12:00:00.000000Z"
DEAD_MEMBER: Json = {"id": "a1", "name": "master-1-x", "healthy": False}
OTHER_MEMBER: Json = {"id": "a2", "name": "master-2-y", "healthy": True}
ETCD: Json = {"members": [DEAD_MEMBER, OTHER_MEMBER], "error": ""}


def node(ready: str = "Unknown", **meta: Any) -> Json:
    return {
        "kind": "Node",
        "metadata": {"name": "master-1", "uid": "u1", "resourceVersion": "7", **meta},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def lease(name: str, renewed: str) -> Json:
    return {"metadata": {"name": name}, "spec": {"renewTime": renewed, "leaseDurationSeconds": 40}}


def leases(renewed: str = "2026-03-01T11:50:00.000000Z") -> list[Json]:
    return [lease("master-1", renewed), lease("master-2", NOW)]


def verdict(*nodes: Json, plan: Json = PLAN, provider: str = "kubeadm", found: Any = None, etcd: Any = None) -> Json:
    call = Verdict().filters()["node_removal_verdict"]
    given: Json = call(
        {"resources": list(nodes)}, plan, provider, {"resources": leases() if found is None else found}, etcd
    )
    return given


def test_the_planned_node_that_is_down_may_be_deleted_as_it_was_read() -> None:
    found = verdict(node())
    assert (found["ok"], found["present"], found["version"], found["waits"]) == (True, True, "7", False)


def test_a_node_that_is_gone_leaves_nothing_to_delete() -> None:
    found = verdict()
    assert (found["ok"], found["present"], found["foreign"]) == (True, False, False)


def test_another_machine_under_the_name_is_never_deleted() -> None:
    found = verdict(node(uid="u2"))
    assert (found["ok"], found["present"], found["waits"]) == (False, False, False)
    assert found["reason"].startswith("NODE_RETURNED: ")


def test_a_node_of_the_name_that_the_plan_knew_to_be_gone_is_left_alone() -> None:
    found = verdict(node("True", uid="u2"), plan={**PLAN, "lost": {"name": "master-1", "uid": ""}})
    assert (found["ok"], found["present"], found["foreign"]) == (True, False, True)


def test_a_master_that_rebooted_and_is_ready_is_not_deleted() -> None:
    found = verdict(node("True"), found=leases("2026-03-01T11:59:57.000000Z"))
    assert (found["ok"], found["waits"]) == (False, True)
    assert found["reason"].startswith("NODE_READY: ")
    assert "last kubelet heartbeat 3 s ago" in found["reason"]
    assert not verdict(node("True"), found=[])["ok"]


@pytest.mark.parametrize(("renewed", "ok"), [("11:59:57", False), ("11:59:21", False), ("11:59:20", True)])
def test_a_node_that_is_not_ready_is_not_deleted_while_its_kubelet_runs(renewed: str, ok: bool) -> None:
    found = verdict(node(), found=leases("2026-03-01T{0}.000000Z".format(renewed)))
    assert (found["ok"], found["waits"]) == (ok, not ok)


@pytest.mark.parametrize("found", [[], None])
@pytest.mark.parametrize("drain", [False, True])
def test_a_kubelet_that_says_itself_that_its_node_is_not_ready_is_waited_for(found: Any, drain: bool) -> None:
    # Of a silent kubelet, the controller manager makes it "Unknown".
    made = verdict(node("False"), plan={**PLAN, "drain": drain}, found=found)
    assert (made["ok"], made["waits"]) == (drain, not drain)
    assert made["reason"].startswith(
        "" if drain else "NODE_READY: The Node master-1 is not Ready, but its kubelet runs"
    )


AHEAD = "2026-03-02T12:00:00.000000Z"


def test_a_wrong_clock_makes_no_node_dead_and_keeps_none_alive() -> None:
    alive = lease("master-1", "2026-03-01T11:59:57.000000Z")
    worker = lease("worker-1", AHEAD)
    found = verdict(node(), found=[alive, lease("master-2", NOW), worker])
    assert (found["ok"], found["waits"]) == (False, True)
    assert verdict(node(), found=[lease("master-1", AHEAD), lease("master-2", NOW), worker])["ok"]


def test_without_the_executors_heartbeat_those_of_the_other_masters_are_the_clock() -> None:
    alive, dead = lease("master-1", "2026-03-01T11:59:57.000000Z"), lease("master-1", "2026-03-01T11:50:00.000000Z")
    worker, other = lease("worker-1", AHEAD), lease("master-3", NOW)
    assert not verdict(node(), found=[alive, other, worker])["ok"]
    assert verdict(node(), found=[dead, other, worker])["ok"]
    # Never a worker's, and never the lost machine's own.
    for mute in ([worker], [], [{"metadata": {"name": "master-2"}}]):
        found = verdict(node(), found=[dead, *mute])
        assert (found["ok"], found["waits"]) == (False, True)
        assert "No master has a heartbeat by which" in found["reason"]


def test_a_node_to_be_drained_is_expected_to_be_ready() -> None:
    plan = {**PLAN, "drain": True}
    assert verdict(node("True"), plan=plan, found=leases(NOW))["ok"]
    assert not verdict(node("True", uid="u2"), plan=plan, found=leases(NOW))["ok"]


def test_a_node_that_was_deleted_before_is_only_waited_for() -> None:
    found = verdict(node("True", deletionTimestamp=NOW), found=leases(NOW))
    assert (found["ok"], found["present"]) == (True, True)


def test_on_k3s_the_member_that_goes_with_the_node_must_not_answer() -> None:
    assert verdict(node(), provider="k3s", etcd=ETCD)["ok"]
    for known in ({"id": "a1"}, {"name": "master-1-x"}):
        alive = {**OTHER_MEMBER, **known, "healthy": True}
        found = verdict(node(), provider="k3s", etcd={"members": [alive]})
        assert not found["ok"]
        assert found["reason"].startswith("MEMBER_HEALTHY: ")
    drained = {**PLAN, "drain": True}
    assert not verdict(node(), plan=drained, provider="k3s", etcd={"members": [{**DEAD_MEMBER, "healthy": True}]})["ok"]


def test_a_member_that_the_plan_knew_to_be_gone_keeps_no_node() -> None:
    plan = {**PLAN, "member_id": "", "member_name": ""}
    assert verdict(node(), plan=plan, provider="k3s", etcd={"members": [OTHER_MEMBER]})["ok"]


@pytest.mark.parametrize("etcd", [None, {}, {"members": []}, {"members": [OTHER_MEMBER], "error": "timed out"}])
def test_on_k3s_nothing_is_deleted_while_etcd_can_not_be_asked(etcd: Any) -> None:
    found = verdict(node(), provider="k3s", etcd=etcd)
    assert found["reason"].startswith("ETCD_UNREADABLE: ")
    assert (found["ok"], found["waits"]) == (False, False)
    assert verdict(node(), etcd=etcd)["ok"]


@pytest.mark.parametrize("unread", [{"failed": True, "msg": "timed out"}, {"resources": [], "api_found": False}])
def test_nothing_is_deleted_on_a_read_that_failed(unread: Json) -> None:
    call = Verdict().filters()["node_removal_verdict"]
    good = {"resources": [node()]}
    for found in (call(unread, PLAN, "kubeadm"), call({}, PLAN, "kubeadm"), call(good, PLAN, "kubeadm", unread)):
        assert (found["ok"], found["present"], found["waits"]) == (False, False, True)
        assert "could not be read" in found["reason"]


def left(found: Json, **options: Any) -> list[str]:
    texts: list[str] = Left().filters()["objects_left"](found, **options)
    return texts


def pod(name: str, **meta: Any) -> Json:
    return {"kind": "Pod", "metadata": {"namespace": "onecloud", "name": name, "uid": name, **meta}}


def test_what_is_left_is_named_with_its_finalizers() -> None:
    held = node(deletionTimestamp=NOW, finalizers=["wrangler.cattle.io/node"])
    assert left({"resources": [held]}) == [
        "Node master-1 (being deleted since {0}; held by the finalizers wrangler.cattle.io/node)".format(NOW)
    ]
    assert left({"resources": [pod("a")]}) == ["Pod onecloud/a"]
    assert left({"resources": []}) == []


def test_a_read_that_failed_leaves_something() -> None:
    assert left({"failed": True, "msg": "timed out"}) == ["The objects could not be read: timed out."]
    assert left({"resources": [], "api_found": False, "msg": "no such API"}) == [
        "The objects could not be read: no such API."
    ]
    # A wait that ran out is marked as failed too, and has what was last seen.
    assert left({"failed": True, "resources": [pod("a")]}) == ["Pod onecloud/a"]


def test_only_what_is_asked_for_counts() -> None:
    pods = [pod("a", deletionTimestamp=NOW), pod("b"), pod("c", ownerReferences=[{"kind": "DaemonSet"}])]
    assert len(left({"resources": pods}, only="ending")) == 1
    assert [text.split("/")[1][0] for text in left({"resources": pods}, only="evictable")] == ["a", "b"]
    assert left({"results": [{"resources": pods}]}, uids=["b"]) == ["Pod onecloud/b"]


PROBED = {"closed": ["192.0.2.11:22", "[2001:db8::11]:22"], "open": []}
SILENT_PLAN = {"lost": {"name": "master-1"}, "probe": ["192.0.2.11", "2001:db8::11"]}


def silent(probe: Json, plan: Json = SILENT_PLAN) -> Json:
    given: Json = Silent().filters()["machine_silent"](probe, plan)
    return given


def test_a_machine_that_is_silent_on_its_addresses_may_lose_its_member_and_its_node() -> None:
    assert silent(PROBED) == {"ok": True, "reason": ""}
    # No route from this survivor to one of the families.
    assert silent({"closed": ["192.0.2.11:22"], "open": []})["ok"]


def test_silence_at_an_address_that_other_machines_may_share_is_not_enough() -> None:
    plan = {
        "lost": {"name": "master-1", "outer_addresses": ["198.51.100.11"]},
        "probe": ["192.0.2.11", "198.51.100.11"],
    }
    assert silent({"open": [], "closed": ["198.51.100.11:22"]}, plan)["reason"].startswith("NODE_UNPROBED: ")
    assert silent({"open": [], "closed": ["198.51.100.11:22", "192.0.2.11:22"]}, plan)["ok"]
    assert silent({"open": ["198.51.100.11:22"], "closed": ["192.0.2.11:22"]}, plan)["reason"].startswith(
        "NODE_ANSWERS"
    )


def test_a_machine_that_answers_again_keeps_both() -> None:
    found = silent({**PROBED, "open": ["[2001:db8::11]:22"]})
    assert not found["ok"]
    assert found["reason"].startswith(
        "NODE_ANSWERS: The lost machine master-1 accepts connections at [2001:db8::11]:22"
    )


@pytest.mark.parametrize(
    "probe",
    [
        {},
        {"skipped": True},
        {**PROBED, "failed": True, "msg": "no Python"},
        {"unreachable": True},
        {"open": [], "closed": []},
    ],
)
def test_a_probe_that_failed_proves_nothing(probe: Json) -> None:
    assert silent(probe)["reason"].startswith("NODE_UNPROBED: ")


def test_without_an_address_to_probe_the_plan_has_decided() -> None:
    assert silent({"skipped": True}, {"lost": {"name": "master-1"}, "probe": []})["ok"]
