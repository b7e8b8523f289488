# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.cloudpods.ha.plugins.filter import drives_replaceable as drives_replaceable_filters
from ansible_collections.cloudpods.ha.plugins.filter import minio_deployments as minio_deployments_filters
from ansible_collections.cloudpods.ha.plugins.filter.recoverable import FilterModule

recoverable = FilterModule().filters()["recoverable"]
minio_deployments = minio_deployments_filters.FilterModule().filters()["minio_deployments"]
drives_replaceable = drives_replaceable_filters.FilterModule().filters()["drives_replaceable"]


def test_a_plan_gets_a_verdict_with_its_reason() -> None:
    claim = {"namespace": "ns", "name": "data", "uid": "u", "policy": "heal", "owner": {"kind": "Deployment"}}
    recovery = [{"group": "ns/db", "heals": True, "batches": [[claim]]}]
    verdict = recoverable({"claims": [claim], "recovery": recovery})
    assert verdict["ok"] is False
    assert "ns/data" in verdict["reason"]
    assert recoverable({"claims": [], "recovery": []}) == {
        "ok": True,
        "reason": "",
        "rounds": [],
        "minios": [],
    }


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
    verdict = recoverable({"claims": [claim], "recovery": recovery})
    assert [one["claims"] for one in verdict["rounds"]] == [[claim]]
    assert [item["group"] for item in verdict["minios"]] == ["ns/minio"]
    refused = recoverable({"claims": [], "recovery": recovery})
    assert refused["rounds"] == refused["minios"] == []


def test_the_minio_modules_are_asked_as_the_roles_need_it() -> None:
    minio = {
        "group": "ns/minio",
        "namespace": "ns",
        "name": "minio",
        "lost_claims": [],
        "given_up": [],
        "accept_unproven": False,
        "replaces": ["u"],
    }
    (asked,) = minio_deployments([minio], {}, "replaceable", ["u"])
    assert asked["prove_readable"]
    assert "prove_readable" not in minio_deployments([minio], {})[0]
    assert drives_replaceable([minio], {}, {}, ["u"])["ok"] is False
