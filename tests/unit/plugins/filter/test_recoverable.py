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
    assert recoverable({"claims": [], "recovery": []}) == {"ok": True, "reason": ""}
