# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.filter import (
    harmless,
    keepalived_for_new_host,
    keepalived_take_over,
    retirement,
    vip_holder,
    vip_verdict,
)
from ansible_collections.cloudpods.ha.tests.unit.plugins.manifests import KEEPALIVED as MANIFEST

take_over = keepalived_take_over.FilterModule().filters()["keepalived_take_over"]
for_new_host = keepalived_for_new_host.FilterModule().filters()["keepalived_for_new_host"]
holder = vip_holder.FilterModule().filters()["vip_holder"]
retire = retirement.FilterModule().filters()["retirement"]


def test_take_over() -> None:
    assert take_over(MANIFEST, 100) == MANIFEST.replace('"90"', '"100"').replace("BACKUP", "MASTER")


def test_for_new_host() -> None:
    assert for_new_host(MANIFEST, "192.0.2.14", "ens3") == MANIFEST.replace("2.12", "2.14").replace("eth0", "ens3")


@pytest.mark.parametrize("text", ["kind: Pod\n", None, b"bytes", {"a": "de17f785"}])
def test_other_things_are_refused_without_quoting_them(text: object) -> None:
    for call in (lambda: take_over(text, 100), lambda: for_new_host(text, "192.0.2.14", "eth0")):
        with pytest.raises(AnsibleFilterError) as caught:
            call()
        assert "de17f785" not in str(caught.value)


def test_a_refusal_to_promote_is_an_answer() -> None:
    assert holder([], "192.0.2.10", "master-2") == {
        "name": "",
        "edit": False,
        "priority": 0,
        "ok": False,
        "reason": "VIP_PROMOTE: master-2 is not a survivor. Promote a survivor.",
    }


def asked(name: str, **result: object) -> dict[str, object]:
    return {"ansible_loop_var": "h", "h": name, **result}


def test_a_host_that_was_not_reached_is_a_refusal_in_words() -> None:
    found = holder([asked("m2", unreachable=True, msg="Connection timed out\nmore")], "192.0.2.10", "m2")
    assert not found["ok"]
    assert found["reason"].startswith(
        "VIP_MANIFEST: the keepalived manifest of m2 can't be used: Connection timed out."
    )


HOLDS, HOLDS_NOT = {"vip": {"holds": True}}, {"vip": {"holds": False}}
ANSWERED = [asked("m2", status=200), asked("m3", status=200)]


@pytest.mark.parametrize(
    ("results", "answers", "reason"),
    [
        ([asked("m2", **HOLDS), asked("m3", **HOLDS_NOT)], ANSWERED, ""),
        ([asked("m2", **HOLDS), asked("m3", **HOLDS_NOT)], None, ""),
        ([asked("m2", **HOLDS), asked("m3", **HOLDS)], ANSWERED, "by m2 alone, but is carried by: m2, m3."),
        ([asked("m2", **HOLDS_NOT), asked("m3", **HOLDS)], ANSWERED, "by m2 alone, but is carried by: m3."),
        ([asked("m2", **HOLDS_NOT)], None, "but is carried by: no host."),
        (
            [asked("m2", **HOLDS), asked("m3", unreachable=True, msg="gone")],
            ANSWERED,
            "carry the VIP 192.0.2.10, since they did not answer: m3 (gone).",
        ),
        ([asked("m2", **HOLDS), asked("m3", failed=True)], ANSWERED, "m3 (no reason given)."),
        ([asked("m2", **HOLDS)], [], "does not answer at the VIP 192.0.2.10. No host queried it."),
        ([asked("m2", **HOLDS)], [asked("m2", skipped=True)], "No host queried it."),
        ([asked("m2", **HOLDS)], [*ANSWERED, asked("m4", status=-1, msg="refused")], "m4: refused"),
    ],
)
def test_one_host_alone_carries_the_vip_or_the_reason_names_who_does(
    results: list[dict[str, object]], answers: list[dict[str, object]] | None, reason: str
) -> None:
    judge = vip_verdict.FilterModule().filters()["vip_verdict"]
    found = judge(results, "192.0.2.10", "m2", answers=answers)
    assert (found["ok"], reason in found["reason"], bool(found["reason"])) == (not reason, True, bool(reason))
    assert found["holders"] == [item["h"] for item in results if item.get("vip") == HOLDS["vip"]]


def residue(name: str, ip: str) -> dict[str, object]:
    return {
        "hostname": name,
        "addresses": [ip],
        "control_plane": True,
        "ca_digest": "ca",
        "manifests": ["/m/etcd.yaml"],
    }


def api_node(name: str, ip: str) -> dict[str, object]:
    return {
        "metadata": {"name": name, "uid": "uid-" + name, "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "status": {
            "addresses": [{"type": "InternalIP", "address": ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


ETCD = {"members": [{"id": "a", "name": "m2", "peer_urls": ["https://192.0.2.12:2380"], "client_urls": []}]}


def test_retirement() -> None:
    nodes = [api_node("m2", "192.0.2.12"), api_node("m1", "192.0.2.11")]
    survivor = residue("m2", "192.0.2.12")
    assert retire(residue("m1", "192.0.2.11"), survivor, nodes, ETCD, "192.0.2.10") == {
        "node_name": "m1",
        "node_uid": "uid-m1",
        "needed": True,
        "ok": True,
        "reason": "",
    }
    refused = retire(survivor, survivor, nodes, ETCD, "192.0.2.10")
    assert (refused["needed"], refused["ok"]) == (False, False)
    assert refused["reason"].startswith("CURRENT_MEMBER: m2 is the etcd member m2")


def test_what_is_left_is_named_and_nothing_left_is_harmless() -> None:
    judge = harmless.FilterModule().filters()["harmless"]
    machine = {"hostname": "m1", "addresses": ["192.0.2.11"], "control_plane": False}
    nodes = [api_node("m2", "192.0.2.12"), api_node("m1", "192.0.2.11")]
    assert judge(machine, nodes[:1], "192.0.2.10") == {"ok": True, "reason": ""}
    found = judge({**machine, "listening": [2379]}, nodes, "192.0.2.10")
    assert not found["ok"]
    assert found["reason"].startswith("m1 is not harmless: listening ports 2379; the Node object m1. Run again")
    assert not judge(machine, nodes[:1], "192.0.2.10", "m2")["ok"]


def test_a_machine_whose_deleted_node_still_has_pods_is_not_harmless() -> None:
    judge = harmless.FilterModule().filters()["harmless"]
    machine = {"hostname": "m1", "addresses": ["192.0.2.11"], "control_plane": False}
    nodes = [api_node("m2", "192.0.2.12")]
    pod = {"kind": "Pod", "metadata": {"name": "kube-proxy-k6mrv", "namespace": "kube-system", "uid": "u"}}
    assert judge(machine, nodes, "192.0.2.10", "m1", {"resources": []})["ok"]
    found = judge(machine, nodes, "192.0.2.10", "m1", {"resources": [pod]})
    assert "kube-proxy-k6mrv" in found["reason"]
    # A failed read proves nothing.
    assert not judge(machine, nodes, "192.0.2.10", "m1", {"failed": True, "msg": "503"})["ok"]
