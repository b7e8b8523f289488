# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Which lost claim is healed, discarded, ignored or refused. Pure; the table itself is data, see the role discovery."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models import Claim, ClaimPlan, Cluster, Json, from_json

POLICIES = ("heal", "discard", "ignore", "refuse")
_NOBODY: t.Mapping[str, t.Any] = {"policy": "refuse", "reason": "no policy names this claim", "order": 0}


def check(policies: t.Sequence[t.Mapping[str, t.Any]]) -> None:
    """Raise HaError when a policy is not one that can be applied."""
    for item in policies:
        missing = [key for key in ("namespace", "claim", "policy", "reason") if not item.get(key)]
        if missing:
            raise HaError("the claim policy {0} has no {1}".format(dict(item), " and no ".join(missing)))
        for key in ("policy", "unmounted"):
            if item.get(key, "refuse") not in POLICIES:
                raise HaError(
                    "the claim policy {0} says {1}, which is none of {2}".format(
                        dict(item), item[key], ", ".join(POLICIES)
                    )
                )
        try:
            int(item.get("order", 0))
        except (TypeError, ValueError):
            raise HaError("the claim policy {0} has an order that is no number".format(dict(item))) from None


def decide(claim: Claim, policies: t.Sequence[t.Mapping[str, t.Any]]) -> ClaimPlan:
    """Apply the first policy whose patterns match the claim's namespace and name. A claim nobody named is refused.

    A policy may say something else for a claim that no workload mounts (`unmounted`).
    """
    found = next(
        (
            item
            for item in policies
            if fnmatch.fnmatchcase(claim.namespace, str(item["namespace"]))
            and fnmatch.fnmatchcase(claim.name, str(item["claim"]))
        ),
        _NOBODY,
    )
    policy, reason = str(found["policy"]), str(found["reason"])
    if not claim.mounted_by and found.get("unmounted"):
        policy, reason = str(found["unmounted"]), "no workload mounts it"
    owner = claim.mounted_by[0] if claim.mounted_by else None
    if policy in ("heal", "discard") and (
        owner is None or owner.kind not in ("StatefulSet", "Deployment") or len(claim.mounted_by) > 1
    ):
        mounted = ", ".join("{0} {1}".format(item.kind, item.name) for item in claim.mounted_by) or "nothing"
        policy, reason = (
            "refuse",
            "a claim is only recreated for exactly one StatefulSet or Deployment, and this one is mounted by {0}".format(
                mounted
            ),
        )
    elif policy == "discard" and owner is not None and owner.kind == "Deployment" and not owner.managed:
        policy, reason = (
            "refuse",
            "nothing would create the Deployment {0} again, since nothing owns it".format(owner.name),
        )
    return ClaimPlan(
        namespace=claim.namespace,
        name=claim.name,
        uid=claim.uid,
        pv_name=claim.pv_name,
        pv_uid=claim.pv_uid,
        size_bytes=claim.size_bytes,
        policy=policy,
        reason=reason,
        order=int(found.get("order", 0)),
        group="{0}/{1}".format(claim.namespace, owner.name if owner else claim.name),
        owner=owner,
    )


def claims(
    cluster: Cluster, policies: t.Sequence[t.Mapping[str, t.Any]]
) -> t.Tuple[t.List[ClaimPlan], t.List[ClaimPlan]]:
    """Claims to recover, in order, and those that are left alone or undecided.

    What an unfinished run had begun with is always among the first: half-way, its claims no longer look lost.
    """
    decided = [decide(item, policies) for item in cluster.claims]
    active = [item for item in decided if item.policy in ("heal", "discard")]
    uids = {item.uid for item in active}
    active += [item for item in begun(cluster) if item.uid not in uids and not (cluster.journal or {}).get("finished")]
    return sorted(active, key=lambda item: (item.order, item.group, item.name)), [
        item for item in decided if item.policy in ("ignore", "refuse")
    ]


def begun(cluster: Cluster) -> t.List[ClaimPlan]:
    """The claims of the journal: what an earlier run set out to recover."""
    return [from_json(ClaimPlan, item) for item in (cluster.journal or {}).get("claims") or []]


def healers(cluster: Cluster, policies: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Json]:
    """The StatefulSets whose drives heal, each with its lost claims: {namespace, name, claims: [{name, uid}]}."""
    found: t.Dict[str, Json] = {}
    active, _kept = claims(cluster, policies)
    for claim in {item.uid: item for item in (*begun(cluster), *active)}.values():
        if claim.policy == "heal" and claim.owner is not None and claim.owner.kind == "StatefulSet":
            item = found.setdefault(
                claim.group, {"namespace": claim.owner.namespace, "name": claim.owner.name, "claims": []}
            )
            item["claims"].append({"name": claim.name, "uid": claim.uid})
    return list(found.values())
