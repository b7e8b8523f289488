# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import Holder, holder

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
        ({"a": report(), "b": report()}, "b", Holder("b", edit=True)),
        ({"a": report(), "b": report(priority=95)}, "a", Holder("a", edit=True)),
        # The second run, with the plan of the first or with a new one.
        ({"a": report(), "b": MASTER}, "b", Holder("b", edit=False)),
        ({"a": report(), "b": MASTER}, "", Holder("b", edit=False)),
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
        ({"a": report(), "b": report(priority=110)}, "a", "VIP_PRIORITY"),
    ],
)
def test_contradictions_are_refused(reports: dict[str, t.Any], promote: str, code: str) -> None:
    with pytest.raises(Unsafe) as caught:
        holder(reports, address=VIP, promote=promote)
    assert caught.value.code == code


def test_why_a_manifest_is_of_no_use_is_told() -> None:
    with pytest.raises(Unsafe, match=r"of b can't be used: there is no /x/keepalived\.yaml"):
        holder({"a": MASTER, "b": UNUSABLE}, address=VIP, promote="")
