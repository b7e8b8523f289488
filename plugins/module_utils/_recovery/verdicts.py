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


def rounds(plan: Json) -> t.List[Json]:
    """The rounds in which claims are recovered: {claims, minios, last}, the claims of each and the MinIOs that have drives among them.

    Groups of the same `order` share rounds: the n-th batch of each is in the n-th round, so of a MinIO never more than one. A round begins when every
    drive of the round before has healed. Claims that don't heal wait for nothing, so they are in the first rounds of their order.
    """
    orders: t.Dict[int, t.List[Json]] = {}
    for group in plan.get("recovery") or []:
        order = min((claim["order"] for batch in group["batches"] for claim in batch), default=0)
        orders.setdefault(order, []).append(group)
    found = []
    for _order, groups in sorted(orders.items()):
        for number in range(max(len(group["batches"]) for group in groups)):
            now = sorted(
                (group for group in groups if number < len(group["batches"])), key=lambda group: not group["heals"]
            )
            found.append(
                {
                    "claims": [claim for group in now for claim in group["batches"][number]],
                    "minios": [_minio(group, group["batches"][number]) for group in now if group["heals"]],
                }
            )
    return [{**one, "last": one is found[-1]} for one in found]


def minios(plan: Json) -> t.List[Json]:
    """Every MinIO of a plan that heals, as in `rounds`."""
    return [
        _minio(group, [claim for batch in group["batches"] for claim in batch])
        for group in plan.get("recovery") or []
        if group["heals"]
    ]


def _minio(group: Json, claims: t.Sequence[Json]) -> Json:
    """A MinIO as the modules want it, with the UIDs of the claims that are replaced now (`replaces`)."""
    namespace, _slash, name = group["group"].partition("/")
    return {
        "group": group["group"],
        "namespace": namespace,
        "name": name,
        "lost_claims": [claim for batch in group["batches"] for claim in batch],
        "given_up": group.get("given_up") or [],
        "accept_unproven": bool(group.get("accept_unproven")),
        "replaces": [claim["uid"] for claim in claims],
    }


def deployments(found: t.Sequence[Json], known: Json, look: str = "", pending: t.Collection[str] = ()) -> t.List[Json]:
    """MinIOs as the `deployments` of minio_health, or with a `look` of minio_health_info. `known` is {group: {deployment_id, buckets}}.

    "replaceable": objects are counted where they never were, and proven readable where one of the claims in `pending` (UIDs) is still to be replaced.
    "recovered": objects are counted and compared with `known`, and proven readable.
    """
    return [_asked(item, known.get(item["group"]) or {}, look, set(pending)) for item in found]


def _asked(item: Json, known: Json, look: str, pending: t.AbstractSet[str]) -> Json:
    asked: Json = {key: item[key] for key in ("namespace", "name", "lost_claims")}
    asked["expected_deployment_id"] = known.get("deployment_id") or ""
    if not look:
        return asked
    asked.update({key: item[key] for key in ("given_up", "accept_unproven")})
    if look == "recovered":
        return {**asked, "count_objects": True, "before_buckets": known.get("buckets") or [], "prove_readable": True}
    return {
        **asked,
        "count_objects": "buckets" not in known,
        "prove_readable": not pending.isdisjoint(item["replaces"]),
    }


def replaceable(found: t.Sequence[Json], answer: Json, known: Json, pending: t.Collection[str]) -> Json:
    """Judge whether the drives of a round may be replaced now: {ok, decided, reason, healing, known, proofs}.

    `answer` is what minio_health_info returned for them, or anything else when it broke, which permits nothing. `decided`: waiting changes nothing.
    `healing` are the MinIOs that only a running heal forbids to touch. `known` is completed by what was counted before the first drive: a later count
    would miss objects that a failed run lost. `proofs` is {group: proof}.
    """
    looks = {(item.get("namespace"), item.get("name")): item for item in answer.get("deployments") or []}
    reasons, healing, undecided, hopeless = [], [], False, False
    known, proofs = dict(known), {}
    for item in found:
        look = looks.get((item["namespace"], item["name"])) or {"msg": answer.get("msg")}
        gate = look.get("gate") or {}
        undecided = undecided or not gate.get("decided")
        hopeless = hopeless or bool(gate.get("fatal"))
        if gate.get("ok") is not True:
            if gate.get("healing") and not gate.get("fatal"):
                healing.append(item)
            reasons.append(_not_now(item["group"], gate, look))
            continue
        before = known.get(item["group"]) or {}
        known[item["group"]] = {key: before.get(key, look.get(key)) for key in ("deployment_id", "buckets")}
        if not set(item["replaces"]) & set(pending):
            continue
        proofs[item["group"]] = look.get("proof") or {}
        # MinIO waits for an absent drive, but counts an empty one as a deletion: an object that can't be read now would be lost for good.
        permitted = proofs[item["group"]].get("permitted") or {}
        if permitted.get("ok") is not True:
            reasons.append(
                "No drive of {0} is replaced: {1}".format(
                    item["group"], permitted.get("reason") or "nothing was proven readable"
                )
            )
    return {
        "ok": not reasons,
        "decided": hopeless or not undecided,
        "reason": " ".join(reasons),
        "healing": healing,
        "known": known,
        "proofs": proofs,
    }


def _not_now(group: str, gate: Json, look: Json) -> str:
    return "No drive of {0} may be replaced now ({1}): {2}. Repair MinIO first, then run again.".format(
        group,
        ", ".join(gate.get("codes") or ["no_answer"]),
        "; ".join(gate.get("sentences") or ()) or look.get("msg") or "MinIO could not be read",
    )


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
