"""Whether the recovery may begin with the claims of a plan, and whether an operator's hook has recovered its claim. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

POLICIES = ("heal", "discard", "hook")
_OWNERS: t.Mapping[str, t.Tuple[str, ...]] = {"heal": ("StatefulSet",), "discard": ("StatefulSet", "Deployment")}


def recoverable(plan: Json) -> str:
    """Why the claims of a plan must not be recovered as it says; empty when they may.

    Each claim to be recovered has to be in one batch of `recovery`, once, and a group in which a claim heals has to be one that heals: else its drives
    would be replaced without a check of what is left.
    """
    wanted = [item["uid"] for item in plan.get("claims") or [] if item["policy"] in POLICIES]
    batched: t.List[str] = []
    for group in plan.get("recovery") or []:
        for claim in (item for batch in group["batches"] for item in batch):
            batched.append(claim["uid"])
            label = "{0}/{1}".format(claim["namespace"], claim["name"])
            if claim["policy"] == "heal" and not group["heals"]:
                return "The claim {0} heals, and its group {1} is not planned as one that heals.".format(
                    label, group["group"]
                )
            kind = (claim.get("owner") or {}).get("kind") or "nothing"
            if claim["policy"] != "hook" and kind not in _OWNERS.get(claim["policy"], ()):
                return "The claim {0} has the policy {1} and belongs to {2}: that can't be recovered.".format(
                    label, claim["policy"], kind
                )
    if sorted(wanted) != sorted(batched):
        return "The batches of the plan do not hold each claim once that is to be recovered. Make the plan again."
    return ""


def hooked(target: Json, claim: t.Optional[Json]) -> Json:
    """Where a claim stands that a hook is to recover: {ok, lost, reason}. `lost`: it still is the lost one, so the hook has to run.

    `target` has the UID and the volume (`pv_name`) of the plan, `claim` the `uid`, `volume` and `phase` of the one that has the name now, None without one.
    """
    if claim is None:
        return {"ok": True, "lost": False, "reason": "is gone, and nothing made it again"}
    if claim["uid"] != target["uid"]:
        bound = claim["phase"] == "Bound"
        return {
            "ok": bound,
            "lost": False,
            "reason": "is recovered" if bound else "was made again and is not bound: its phase is " + claim["phase"],
        }
    return {"ok": False, "lost": True, "reason": "is still the lost claim"}
