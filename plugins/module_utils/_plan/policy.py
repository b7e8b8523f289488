"""Decides which lost claim is healed, discarded, handed to a hook, ignored or refused. Pure; the table is data, see role discovery."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import operator
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim, Owner
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.authority import ACTIVE, authorized, matches
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

Policies = t.Sequence[t.Mapping[str, t.Any]]

POLICIES = ("heal", "discard", "ignore", "hook", "refuse")
# MinIO's code when it has no peers that could fill a drive.
STANDALONE = "standalone"
_KEYS: t.Mapping[str, t.Tuple[type, ...]] = {
    "namespace": (str,),
    "claim": (str,),
    "labels": (dict,),
    "only": (dict,),
    "policy": (str,),
    "unmounted": (str,),
    "approval": (bool,),
    "reason": (str,),
    "loses": (str,),
    "order": (int, str),
    "tasks": (str,),
}
_ONLY: t.Mapping[str, t.Tuple[type, ...]] = {"cloudpods": (str,), "glance_on_s3": (bool,)}
_TYPES: t.Mapping[type, str] = {str: "text", dict: "a mapping", bool: "true or false", int: "a number"}
_COMPARISONS: t.Mapping[str, t.Callable[[t.Any, t.Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)\s*")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?![\d.])")
_NAME = re.compile(r"[a-z0-9.-]+/[a-z0-9.-]+")
# Kubernetes' own finalizer, removed when no pod uses the claim any more.
_PASSING_FINALIZER = "kubernetes.io/pvc-protection"
_NOBODY: t.Mapping[str, t.Any] = {"policy": "refuse", "reason": "no policy names this claim", "approval": True}


def check(policies: Policies) -> None:
    """Raise HaError for an invalid policy. An unknown key is an error: it may be a typo in a decision about data."""
    for item in policies:
        problem = next(_problems(item), "")
        if problem:
            raise HaError("the claim policy {0} {1}".format(dict(item), problem))


def _problems(item: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    missing = [key for key in ("policy", "reason") if not item.get(key)]
    if missing:
        yield "has no {0}".format(" and no ".join(missing))
    if not any(item.get(key) for key in ("namespace", "claim", "labels")):
        yield "matches no claim: set namespace, claim or labels"
    only = item.get("only") or {}
    yield from _misfits(item, _KEYS, "")
    if isinstance(only, t.Mapping):
        yield from _misfits(only, _ONLY, "only.")
    for key in ("policy", "unmounted"):
        if item.get(key, "refuse") not in POLICIES:
            yield "sets {0} to {1}, which is none of {2}".format(key, item[key], ", ".join(POLICIES))
    if not re.fullmatch(r"-?\d+", str(item.get("order", 0))):
        yield "has an order that is not a number"
    if "cloudpods" in only and not _BOUND.fullmatch(only["cloudpods"]):
        yield "has an only.cloudpods that is not a comparison such as <3.11"
    hook, tasks = "hook" in (item.get("policy"), item.get("unmounted")), str(item.get("tasks") or "")
    if hook and not tasks.startswith("/"):
        yield "has the policy hook but no tasks, the absolute path of a task file"
    if tasks and not hook:
        yield "has tasks, which only the policy hook runs"


def _misfits(item: t.Mapping[str, t.Any], known: t.Mapping[str, t.Tuple[type, ...]], before: str) -> t.Iterator[str]:
    for key, value in item.items():
        if key not in known:
            yield "has the unknown key {0}{1}; known keys are {2}".format(before, key, ", ".join(known))
        elif value is None or (isinstance(value, bool) and bool not in known[key]):
            yield "has the value {0} for {1}{2}".format(value, before, key)
        elif not isinstance(value, known[key]) and not (dict in known[key] and isinstance(value, t.Mapping)):
            yield "has {0}{1} that is not {2}".format(before, key, _TYPES[known[key][0]])


def check_names(names: t.Sequence[str]) -> None:
    """Raise HaError unless each name is an exact NAMESPACE/NAME: a loss is approved for known claims, not for a pattern."""
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise HaError(
                "replace_master_discard is a list of exact names NAMESPACE/NAME; {0!r} is not one".format(name)
            )


def decide(
    claim: Claim, policies: Policies, cloudpods: t.Optional[Json] = None, approved: t.Collection[str] = ()
) -> ClaimPlan:
    """Apply the first policy that matches the claim. A claim without a match is refused.

    `cloudpods` is the cluster's {version, glance_on_s3}, `approved` the claims as NAMESPACE/NAME whose loss was approved. A policy may have another value
    for a claim that no workload mounts (`unmounted`).
    """
    found = next((item for item in policies if _fits(item, claim, cloudpods or {})), _NOBODY)
    policy, reason = str(found["policy"]), str(found["reason"])
    if not claim.mounted_by and found.get("unmounted"):
        policy, reason = str(found["unmounted"]), "no workload mounts it"
    named = qualified(claim.namespace, claim.name) in approved
    if policy == "refuse" and named and found.get("approval"):
        policy, reason = "discard", "its loss was approved by name"
    code, obstacle = _obstacle(claim, policy)
    if code:
        policy, reason = "refuse", obstacle
    elif policy == "refuse":
        code = "CLAIM_UNDECIDED"
    elif policy == "discard" and found.get("approval") and not named:
        policy, code = "refuse", "DISCARD_UNAPPROVED"
    owner = claim.mounted_by[0] if claim.mounted_by else None
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
        group=qualified(claim.namespace, owner.name if owner else claim.name),
        owner=owner,
        pod=_pod(claim, owner),
        reclaim_policy=claim.reclaim_policy,
        loses="" if policy == "heal" else str(found.get("loses") or ""),
        tasks=str(found.get("tasks") or "") if policy == "hook" else "",
        code=code,
    )


def _fits(item: t.Mapping[str, t.Any], claim: Claim, cloudpods: t.Mapping[str, t.Any]) -> bool:
    only, labels = item.get("only") or {}, (claim.labels, claim.workload_labels)
    return (
        matches(item, claim.namespace, claim.name)
        and all(any(has.get(key) == str(value) for has in labels) for key, value in (item.get("labels") or {}).items())
        and ("cloudpods" not in only or _is_version(only["cloudpods"], cloudpods.get("version")))
        and ("glance_on_s3" not in only or cloudpods.get("glance_on_s3") is only["glance_on_s3"])
    )


def _is_version(bound: str, version: t.Any) -> bool:
    """Whether a version satisfies a bound, compared with the bound's precision: 3.8.12 is <=3.8. False if they can't be compared."""
    wanted, found = _BOUND.fullmatch(bound), _VERSION.match(str(version or ""))
    if not wanted or not found:
        return False
    edge, has = ([int(part) for part in text.split(".")] for text in (wanted.group(2), found.group(1)))
    return len(has) >= len(edge) and _COMPARISONS[wanted.group(1)](has[: len(edge)], edge)


def _pod(claim: Claim, owner: t.Optional[Owner]) -> str:
    """The pod of a StatefulSet's claim, by the claim's name TEMPLATE-PODNAME; empty for any other claim."""
    if owner is None or owner.kind != "StatefulSet":
        return ""
    found = re.search(r"[^-]-({0}-\d+)$".format(re.escape(owner.name)), claim.name)
    return found.group(1) if found else ""


def _obstacle(claim: Claim, policy: str) -> t.Tuple[str, str]:
    """Why a policy can't be applied to a claim: code and reason, both empty if it can."""
    doubt = "" if policy == "ignore" else _doubt(claim)
    if doubt:
        return "VOLUME_AMBIGUOUS", doubt
    if policy not in ("heal", "discard"):
        return "", ""
    owner = claim.mounted_by[0] if len(claim.mounted_by) == 1 else None
    kinds = ("StatefulSet",) if policy == "heal" else ("StatefulSet", "Deployment")
    if owner is None or owner.kind not in kinds:
        mounted = ", ".join("{0} {1}".format(item.kind, item.name) for item in claim.mounted_by) or "nothing"
        why = "a claim is only {0} for exactly one {1}, and this one is mounted by {2}".format(
            "healed" if policy == "heal" else "recreated", " or ".join(kinds), mounted
        )
        return "CLAIM_UNDECIDED", why
    if owner.kind == "StatefulSet" and not _pod(claim, owner):
        why = "the StatefulSet {0} would not recreate it: its name matches none of the claim templates".format(
            owner.name
        )
        return "CLAIM_UNDECIDED", why
    if owner.kind == "Deployment" and not owner.managed:
        why = "nothing would recreate the Deployment {0}, since it has no owner".format(owner.name)
        return "CLAIM_UNDECIDED", why
    held = [item for item in claim.finalizers if item != _PASSING_FINALIZER]
    return ("CLAIM_HELD", "the finalizers {0} would block its deletion".format(", ".join(held))) if held else ("", "")


def _doubt(claim: Claim) -> str:
    """Why it is uncertain that a volume's only copy was on the lost node; empty if it is certain."""
    if "conflict" in claim.found_by:
        return "its affinity and its annotation name different nodes"
    if "elsewhere" in claim.found_by:
        return "its data may be elsewhere"
    if "affinity" in claim.found_by:
        return ""
    if "label" in claim.found_by:
        return "its affinity leaves no other Node, but names this one only by labels"
    if "annotation" in claim.found_by:
        return "only the provisioner's annotation names the node, no affinity does"
    return "only a pod that mounted it was there, which proves nothing about its data"


def claims(cluster: Cluster, request: Request) -> t.Tuple[t.List[ClaimPlan], t.List[ClaimPlan]]:
    """Claims to recover, in order, and claims that are left alone or refused.

    Claims of an unfinished run are always included, with their earlier decision: midway, they no longer appear lost. This run's input must allow it again.
    """
    settled = {
        item.uid: authorized(item, request)
        for item in ([] if (cluster.journal or {}).get("finished") else begun(cluster))
    }
    decided = [
        decide(item, request.policies, cluster.cloudpods, request.discard)
        for item in cluster.claims
        if item.uid not in settled
    ]
    decided = [*_with_mates(decided), *settled.values()]
    active = [item for item in decided if item.policy in ACTIVE]
    return sorted(active, key=lambda item: (item.order, item.group, item.name)), [
        item for item in decided if item.policy not in ACTIVE
    ]


def _with_mates(decided: t.Sequence[ClaimPlan]) -> t.Iterator[ClaimPlan]:
    """The claims; refuses those whose pod also mounts an ignored claim: the pod could not start, and nothing would be recovered."""
    ignored = {(item.group, item.pod): label(item) for item in decided if item.policy == "ignore" and item.owner}
    for item in decided:
        mate = ignored.get((item.group, item.pod))
        if mate and item.policy in ("heal", "discard"):
            why = "its pod also mounts {0}, which has the policy ignore, so the pod could not start".format(mate)
            item = dataclasses.replace(item, policy="refuse", reason=why, code="CLAIM_UNDECIDED")
        yield item


def begun(cluster: Cluster) -> t.List[ClaimPlan]:
    """The claims of the journal, which an earlier run planned to recover."""
    return [from_json(ClaimPlan, item) for item in (cluster.journal or {}).get("claims") or []]


def without_peers(
    found: t.Sequence[ClaimPlan], minio: t.Sequence[Json], approved: t.Collection[str]
) -> t.List[ClaimPlan]:
    """The claims; discards those of a single-drive MinIO if the loss of all of them was approved: no peer could fill them."""
    alone = {
        item.group
        for item in found
        if is_alone(item.group, minio) and all(label(one) in approved for one in found if one.group == item.group)
    }
    return [
        dataclasses.replace(
            item,
            policy="discard",
            reason="it has no peers to heal from, and its loss was approved by name",
            loses="every object of the MinIO {0}".format(item.group),
        )
        if item.policy == "heal" and item.group in alone
        else item
        for item in found
    ]


def is_alone(group: str, minio: t.Sequence[Json]) -> bool:
    """Whether the MinIO of a group reported that it has no peers."""
    return any(
        STANDALONE in item["gate"].get("codes", ()) and "{namespace}/{name}".format(**item) == group for item in minio
    )


def unheeded(cluster: Cluster, found: t.Sequence[ClaimPlan], approved: t.Sequence[str]) -> t.Iterator[str]:
    """A sentence for each approved name without effect, except for claims that an earlier run recovered."""
    known = {label(item): item.policy for item in found}
    before = {label(item) for item in begun(cluster)}
    for name in dict.fromkeys(approved):
        if name not in known and name not in before:
            yield "replace_master_discard names {0}, which is not a claim on the lost node.".format(name)
        elif known.get(name) in ("heal", "hook", "ignore"):
            yield "replace_master_discard names {0}, whose policy is {1}: it is not discarded.".format(
                name, known[name]
            )


def label(claim: ClaimPlan) -> str:
    """NAMESPACE/NAME."""
    return qualified(claim.namespace, claim.name)


def argument(names: t.Iterable[str]) -> str:
    """The command-line argument that approves the loss of these claims, quoted for a shell."""
    return "-e '{0}'".format(json.dumps({"replace_master_discard": sorted(set(names))}))
