# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host, Keepalived
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import (
    Holder,
    choose_promotion,
    holder,
    promotion_priority,
)
from hypothesis import given
from hypothesis import strategies as st

VIP = "192.0.2.10"


def report(*, priority: int = 90, state: str = "BACKUP", vip: str = VIP, identity: str = "same") -> dict[str, t.Any]:
    found = {
        "priority": priority,
        "state": state,
        "router_id": "10",
        "interface": "eth0",
        "node_ip": "192.0.2.12",
        "vips": [vip],
        "identity": identity,
    }
    return {"keepalived": found, "error": ""}


MASTER = report(priority=100, state="MASTER")
UNUSABLE = {"keepalived": None, "error": "there is no /x/keepalived.yaml"}


@pytest.mark.parametrize(
    ("reports", "promote", "expected"),
    [
        ({"a": report(), "b": report()}, "b", Holder("b", edit=True, priority=100)),
        ({"a": report(), "b": report(priority=95)}, "a", Holder("a", edit=True, priority=100)),
        # The lost one had 101, the others 100 each.
        ({"a": report(priority=100), "b": report(priority=100)}, "a", Holder("a", edit=True, priority=101)),
        (
            {"a": report(priority=100, state="BACKUP"), "b": report(priority=110)},
            "a",
            Holder("a", edit=True, priority=111),
        ),
        (
            {"a": report(priority=101, state="MASTER"), "b": report(priority=100)},
            "a",
            Holder("a", edit=False, priority=101),
        ),
        # The second run, with the plan of the first or with a new one.
        ({"a": report(), "b": MASTER}, "b", Holder("b", edit=False, priority=100)),
        ({"a": report(), "b": MASTER}, "", Holder("b", edit=False, priority=100)),
    ],
)
def test_who_is_to_carry_the_vip(reports: dict[str, t.Any], promote: str, expected: Holder) -> None:
    assert holder(reports, address=VIP, promote=promote) == expected


@pytest.mark.parametrize(
    ("reports", "promote", "code"),
    [
        ({"a": report(), "b": report()}, "", "VIP_NO_MASTER"),
        ({}, "", "VIP_NO_MASTER"),
        ({"a": report(), "b": report()}, "lost", "VIP_PROMOTE"),
        ({"a": report(), "b": MASTER}, "a", "VIP_TWO_MASTERS"),
        ({"a": MASTER, "b": MASTER}, "", "VIP_TWO_MASTERS"),
        ({"a": report(), "b": UNUSABLE}, "a", "VIP_MANIFEST"),
        ({"a": report(), "b": report(vip="192.0.2.99")}, "a", "VIP_ADDRESS"),
        ({"a": report(), "b": report(identity="other")}, "a", "VIP_IDENTITY_DIFFERS"),
        ({"a": report(), "b": report(priority=254)}, "a", "VIP_PRIORITY"),
        ({"a": MASTER, "b": report(priority=110)}, "a", "VIP_PRIORITY"),
    ],
)
def test_contradictions_are_refused(reports: dict[str, t.Any], promote: str, code: str) -> None:
    with pytest.raises(Unsafe) as caught:
        holder(reports, address=VIP, promote=promote)
    assert caught.value.code == code


def test_why_a_manifest_is_of_no_use_is_told() -> None:
    with pytest.raises(Unsafe, match=r"of b can't be used: there is no /x/keepalived\.yaml"):
        holder({"a": MASTER, "b": UNUSABLE}, address=VIP, promote="")


def host(name: str, *, priority: int = 90, state: str = "BACKUP", identity: str = "same") -> Host:
    record = Keepalived(priority, state, "12", "eth0", "10.0.0.1", ("10.0.0.9",), identity)
    return Host(name=name, role="survivor", reachable=True, keepalived=record)


BARE = Host(name="bare", role="survivor", reachable=True)


@pytest.mark.parametrize(
    ("hosts", "holders", "expected"),
    [
        ([host("a", priority=100, state="MASTER"), host("b")], ["b"], ""),
        ([host("a"), host("b")], ["b"], "b"),
        ([host("b"), host("a")], [], "a"),
        ([host("b"), host("a")], ["lost"], "a"),
        ([host("a"), host("b", priority=95)], [], "b"),
        ([host("a"), host("b", priority=95)], ["a"], "a"),
        ([host("a", priority=100), host("b")], ["a"], "a"),
        ([BARE, host("b")], ["bare"], "b"),
        ([BARE], ["bare"], ""),
        ([], [], ""),
    ],
)
def test_who_is_promoted(hosts: list[Host], holders: list[str], expected: str) -> None:
    assert choose_promotion(hosts, holders) == expected


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        ([host("a", priority=100, state="MASTER"), host("b", priority=100, state="MASTER")], "VIP_TWO_MASTERS"),
        ([host("a"), host("b", identity="other")], "VIP_IDENTITY_DIFFERS"),
        ([host("a", priority=90, state="MASTER"), host("b", priority=90)], "VIP_PRIORITY"),
        ([host("a"), host("b", priority=254)], "VIP_PRIORITY"),
    ],
)
def test_manifests_that_contradict_each_other_are_refused(hosts: list[Host], code: str) -> None:
    with pytest.raises(Unsafe) as caught:
        choose_promotion(hosts, ["a"])
    assert caught.value.code == code


@given(
    st.lists(st.tuples(st.integers(1, 255), st.sampled_from(["MASTER", "BACKUP"])), min_size=1, max_size=5),
    st.sets(st.integers(0, 5)),
)
def test_after_the_promotion_one_host_is_master_with_the_highest_priority(
    pairs: list[tuple[int, str]], holding: set[int]
) -> None:
    hosts = [
        host("h{0}".format(index), priority=priority, state=state) for index, (priority, state) in enumerate(pairs)
    ]
    try:
        chosen = choose_promotion(hosts, ["h{0}".format(index) for index in holding])
    except Unsafe:
        return
    after = {
        item.name: (promotion_priority(hosts, chosen), "MASTER")
        if item.name == chosen
        else (item.keepalived.priority, item.keepalived.state)
        for item in hosts
        if item.keepalived
    }
    (master,) = [name for name, (_priority, state) in after.items() if state == "MASTER"]
    assert all(priority < after[master][0] for name, (priority, _state) in after.items() if name != master)
