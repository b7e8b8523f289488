# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.cloudpods.ha.plugins.filter.recoverable import FilterModule

recoverable = FilterModule().filters()["recoverable"]


def test_a_plan_gets_a_verdict_with_its_reason() -> None:
    claim = {"namespace": "ns", "name": "data", "uid": "u", "policy": "heal", "owner": {"kind": "Deployment"}}
    recovery = [{"group": "ns/db", "heals": True, "batches": [[claim]]}]
    verdict = recoverable({"claims": [claim], "recovery": recovery})
    assert verdict["ok"] is False
    assert "ns/data" in verdict["reason"]
    assert recoverable({"claims": [], "recovery": []}) == {"ok": True, "reason": "", "rounds": []}


def test_only_a_plan_that_may_be_recovered_has_rounds() -> None:
    claim = {
        "namespace": "ns",
        "name": "data-0",
        "uid": "u",
        "policy": "heal",
        "owner": {"kind": "StatefulSet"},
        "order": 1,
    }
    recovery = [{"group": "ns/minio", "heals": True, "batches": [[claim]]}]
    assert recoverable({"claims": [claim], "recovery": recovery})["rounds"] == [
        [{**recovery[0], "batch": [claim], "beside": []}]
    ]
    assert recoverable({"claims": [], "recovery": recovery})["rounds"] == []
