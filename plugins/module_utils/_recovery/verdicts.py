"""Decides whether the claims of a plan may be recovered and which of them together, and whether a hook has recovered its claim. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

POLICIES = ("heal", "discard", "hook")
_OWNERS: t.Mapping[str, t.Tuple[str, ...]] = {"heal": ("StatefulSet",), "discard": ("StatefulSet", "Deployment")}


def recoverable(plan: Json) -> str:
    """Why the claims of a plan must not be recovered as planned; empty if they may.

    Each claim to recover must be in exactly one batch of `recovery`, and the group of a claim that heals must be marked as one that heals: else its drives
    would be replaced without a check of the remaining ones.
    """
    wanted = [item["uid"] for item in plan.get("claims") or [] if item["policy"] in POLICIES]
    batched: t.List[str] = []
    for group in plan.get("recovery") or []:
        for claim in (item for batch in group["batches"] for item in batch):
            batched.append(claim["uid"])
            label = qualified(claim["namespace"], claim["name"])
            if claim["policy"] == "heal" and not group["heals"]:
                return "The claim {0} heals, but its group {1} is not planned as one that heals.".format(
                    label, group["group"]
                )
            kind = (claim.get("owner") or {}).get("kind") or "nothing"
            if claim["policy"] != "hook" and kind not in _OWNERS.get(claim["policy"], ()):
                return "The claim {0} has the policy {1} and belongs to {2}: that can't be recovered.".format(
                    label, claim["policy"], kind
                )
    if sorted(wanted) != sorted(batched):
        return (
            "The batches of the plan do not contain each claim to recover exactly once. Run again, to make a new plan."
        )
    return ""


def rounds(plan: Json) -> t.List[t.List[Json]]:
    """The groups of `recovery` in the rounds in which their claims are recovered: each group with the `batch` of that round, and what is recovered `beside` it.

    Groups of the same `order` share rounds: the n-th batch of each is in the n-th round, so of a MinIO never more than one. A round begins when every
    drive of the round before has healed. Claims that don't heal wait for nothing, so they are recovered beside the first group of their round.
    """
    orders: t.Dict[int, t.List[Json]] = {}
    for group in plan.get("recovery") or []:
        order = min((claim["order"] for batch in group["batches"] for claim in batch), default=0)
        orders.setdefault(order, []).append(group)
    found = []
    for _order, groups in sorted(orders.items()):
        for number in range(max(len(group["batches"]) for group in groups)):
            found.append(_round([group for group in groups if number < len(group["batches"])], number))
    return found


def _round(groups: t.Sequence[Json], number: int) -> t.List[Json]:
    first, *others = sorted(groups, key=lambda group: not group["heals"])
    beside = [group for group in others if not group["heals"]]
    alone = [group for group in others if group["heals"]]
    return [
        {
            **first,
            "batch": first["batches"][number],
            "beside": [claim for group in beside for claim in group["batches"][number]],
        },
        *({**group, "batch": group["batches"][number], "beside": []} for group in alone),
    ]


def hooked(target: Json, claim: t.Optional[Json]) -> Json:
    """The state of a claim that a hook recovers: {ok, lost, reason}. `lost`: it is still the lost claim, so the hook must run.

    `target` has the UID and the volume (`pv_name`) of the plan, `claim` the `uid`, `volume` and `phase` of the one that has the name now, None without one.
    """
    if claim is None:
        return {"ok": True, "lost": False, "reason": "is gone, and was not recreated"}
    if claim["uid"] != target["uid"]:
        bound = claim["phase"] == "Bound"
        return {
            "ok": bound,
            "lost": False,
            "reason": "is recovered" if bound else "was recreated and is not bound: its phase is " + claim["phase"],
        }
    return {"ok": False, "lost": True, "reason": "is still the lost claim"}
