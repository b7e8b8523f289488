"""A plan as lines for a person at a terminal. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import human, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan

_TERMINAL = 120
_NAME_WIDTH = 40
_STATES = {
    "needed": "PLAN {id}: replace {lost} with {replacement}",
    "resume": "PLAN {id}: continue replacing {lost} with {replacement} where an earlier run stopped",
    "refused": "REFUSED: {lost} is not replaced",
    "nothing_to_do": "NOTHING TO DO: {lost} was replaced and everything is in place",
}


def lines(plan: Plan, cluster: Cluster) -> t.Iterator[str]:
    """The findings, the planned steps with their objects, and the refusals."""
    lost = plan.lost
    yield _STATES[plan.state].format(
        id=plan.id, lost=lost.name if lost else "the node", replacement=plan.replacement.name or "nothing yet"
    )
    for refusal in plan.refusals:
        yield ""
        yield "  [{0}] {1}".format(refusal.code, refusal.observed)
        yield "      -> {0}".format(refusal.remedy)
    if lost is not None:
        yield ""
        yield from _found(plan, cluster)
    known = [*plan.claims, *plan.kept_claims]
    if known:
        yield ""
        yield "Claims on the lost node:"
        yield from claim_lines(known)
    yield from _proofs(plan)
    if plan.steps:
        yield ""
        yield "Planned, but blocked:" if plan.refusals else "Will do:"
    phase = ""
    for step in plan.steps:
        yield "  {0:<18} {1}".format(step.phase if step.phase != phase else "", step.act)
        phase = step.phase
        for ref in step.objects:
            yield "  {0:<18}   {1}".format(
                "", object_line(ref) if not step.waits else qualified(ref.namespace, ref.name)
            )
    if plan.lost is not None and cluster.pending_claims:
        yield ""
        yield "Never bound, so they have no data to lose:"
        for item in cluster.pending_claims:
            yield "  {0}/{1}".format(item.namespace, item.name)
    if plan.warnings:
        yield ""
    for warning in plan.warnings:
        yield "WARNING: {0}".format(warning)


def _proofs(plan: Plan) -> t.Iterator[str]:
    if plan.proofs:
        yield ""
        yield "Objects of MinIO:"
    for proof in plan.proofs:
        yield from textwrap.wrap(
            proof,
            _TERMINAL,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _found(plan: Plan, cluster: Cluster) -> t.Iterator[str]:
    lost = plan.lost
    if lost is None:
        return
    node = next((item for item in cluster.nodes if item.name == lost.name), None)
    state = (
        "its Node is gone"
        if node is None
        else "Ready"
        if node.ready
        else "not Ready for an unknown time"
        if node.down_seconds is None
        else "not Ready for {0} s".format(node.down_seconds)
    )
    yield "Lost:      {0} ({1}), {2}".format(lost.name, ", ".join(lost.addresses) or "address unknown", state)
    yield "Cluster:   {0} {1}, read at {2}".format(cluster.provider, cluster.kubernetes_version, cluster.server)
    for member in cluster.etcd.members:
        kind = "learner" if member.learner else "voter"
        yield "etcd:      {0} {1} {2} {3}".format(
            member.id, member.name or "(never started)", kind, "healthy" if member.healthy else "NOT HEALTHY"
        )
    for alarm in cluster.etcd.alarms:
        yield "etcd:      ALARM {0}".format(alarm)
    if cluster.vip.address:
        yield "VIP:       {0} on {1}".format(
            cluster.vip.address, ", ".join(cluster.vip.holders) or "no host of the inventory"
        )
    yield (
        "Pods:      {0} were on the lost node".format(len(cluster.pods))
        if cluster.pods
        else "Pods:      none left on the lost node"
    )


def object_line(ref: ObjectRef) -> str:
    """One object: kind, namespace/name, UID."""
    name = qualified(ref.namespace, ref.name) if ref.namespace else ref.name
    return "{0} {1}{2}".format(ref.kind, name, " [{0}]".format(ref.uid) if ref.uid else "")


def claim_lines(claims: t.Sequence[ClaimPlan]) -> t.Iterator[str]:
    """A table of claims that fits a terminal: the policy, the reason and the loss of each."""
    names = [qualified(item.namespace, item.name) for item in claims]
    width = min(max(map(len, names), default=0), _NAME_WIDTH)
    row = "  {{0:<{0}}}  {{1:>9}}  {{2:<7}}  {{3}}".format(width)
    yield row.format("CLAIM", "SIZE", "POLICY", "REASON, AND DATA LOST FOR GOOD")
    for name, claim in zip(names, claims):
        why = "[{0}] {1}".format(claim.code, claim.reason) if claim.code else claim.reason
        lines = [*_wrapped(why, width), *_wrapped("lost: " + _lost(claim), width)]
        if claim.reclaim_policy == "Retain":
            lines += _wrapped("kept: the volume object {0} (reclaim policy Retain)".format(claim.pv_name), width)
        if len(name) > width:
            yield "  " + name
        yield row.format(name if len(name) <= width else "", human(claim.size_bytes), claim.policy, lines[0])
        yield from (row.format("", "", "", line).rstrip() for line in lines[1:])


def _lost(claim: ClaimPlan) -> str:
    if claim.policy == "heal":
        return claim.loses or "nothing"
    unknown = "all its data" if claim.policy == "discard" else "all its data that can't be restored"
    return claim.loses or unknown


def _wrapped(text: str, width: int) -> t.List[str]:
    """The text of the last column, wrapped; a path or a name is never broken."""
    room = _TERMINAL - width - 24
    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) or [""]
