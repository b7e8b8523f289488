"""What became of one claim: its new volume, and what proves that it is recovered. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def told(claim: ClaimPlan, recovery: Json) -> Json:
    """Return the claim with `new`, {uid, volume, node} of the claim that has its name now, and `proof`, sentences.

    `recovery` is the result of stateful_recovery; `new` is None, and `proof` empty, if it does not hold the claim.
    """
    done = next((item for item in recovery.get("claims") or [] if item.get("old_uid") == claim.uid), None)
    new = None
    proof: t.List[str] = []
    if done and done.get("new_uid"):
        new = {"uid": done["new_uid"], "volume": done.get("pv") or "", "node": done.get("node") or ""}
        proof.append("a new claim is bound to a new volume" + (" on " + new["node"] if new["node"] else ""))
    if claim.policy == "heal":
        for item in recovery.get("minio") or []:
            if item.get("group") == claim.group:
                proof += _healed(item)
    return {**to_json(claim), "new": new, "proof": proof}


def _healed(minio: Json) -> t.Iterator[str]:
    if minio.get("converged"):
        yield "every drive of {0} is online and healed".format(minio.get("group"))
    scan, readback = minio.get("scan") or {}, minio.get("readback") or {}
    before, after = minio.get("proof_before") or {}, minio.get("proof") or {}
    if before:
        yield "before the last drive was replaced: {0}".format(before["permitted"]["reason"])
    if after:
        yield "after the heal: {0}; {1} of them lack a part on some drive".format(
            after["permitted"]["reason"], after["incomplete_count"]
        )
    if scan.get("objects") is not None:
        yield "{0} objects scanned, {1} incomplete".format(scan["objects"], scan.get("incomplete", 0))
    if readback.get("objects") is not None:
        yield "{0} objects read back, {1} failed".format(readback["objects"], readback.get("failed", 0))
    if minio.get("buckets_before") and not minio.get("fewer"):
        yield "no bucket has fewer objects than before"
