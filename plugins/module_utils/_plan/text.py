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

WIDTH = 100
_STATES = {
    "needed": "PLAN {id}: replace {lost} with {replacement}",
    "resume": "PLAN {id}: continue replacing {lost} with {replacement} where an earlier run stopped",
    "refused": "REFUSED: {lost} is not replaced",
    "nothing_to_do": "NOTHING TO DO: {lost} was replaced and everything is in place",
}
_RISKS = {"safe": "", "final": "FINAL", "loss": "DATA LOSS"}
_LEGEND = "FINAL can't be undone but loses no data; DATA LOSS is lost for good; what has no mark can be undone or changes nothing."


def lines(plan: Plan, cluster: Cluster) -> t.Iterator[str]:
    """What is lost for good, the refusals, the findings, the planned steps with their risks and objects, how to go on. Each line fits 100 columns."""
    for line in _lines(plan, cluster):
        yield from fit(line)


def _lines(plan: Plan, cluster: Cluster) -> t.Iterator[str]:
    lost = plan.lost
    yield _STATES[plan.state].format(
        id=plan.id, lost=lost.name if lost else "the node", replacement=plan.replacement.name or "nothing yet"
    )
    if plan.steps and not plan.refusals:
        yield ""
        yield from _gone(plan)
    for refusal in plan.refusals:
        yield ""
        yield "  [{0}] {1}".format(refusal.code, refusal.observed)
        yield "      -> {0}".format(refusal.remedy)
    if plan.steps and plan.refusals:
        yield ""
        yield from _gone(plan)
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
        yield "  " + _LEGEND
    yield from _steps(plan)
    if plan.lost is not None and cluster.pending_claims:
        yield ""
        yield "Never bound, so they have no data to lose:"
        for item in cluster.pending_claims:
            yield "  {0}/{1}".format(item.namespace, item.name)
    if plan.warnings:
        yield ""
    for warning in plan.warnings:
        yield "WARNING: {0}".format(warning)
    yield from _next(plan)


def _gone(plan: Plan) -> t.Iterator[str]:
    """What no later act brings back."""
    gone = [
        (qualified(claim.namespace, claim.name), _lost(claim))
        for claim in plan.claims
        if claim.policy != "ignore" and (claim.policy != "heal" or claim.loses)
    ]
    if not gone:
        yield "Lost for good: nothing"
        return
    yield "Lost for good:"
    for name, what in gone:
        yield "  {0}: {1}".format(name, what)


def _steps(plan: Plan) -> t.Iterator[str]:
    phase = ""
    for step in plan.steps:
        lead = "  {0:<18} {1:<9}  ".format(step.phase if step.phase != phase else "", _RISKS[step.risk])
        yield from fit(lead + step.act, indent=len(lead))
        phase = step.phase
        for ref in step.objects:
            yield "  {0:<18} {0:<9}    {1}".format(
                "", object_line(ref) if not step.waits else qualified(ref.namespace, ref.name)
            )


def _next(plan: Plan) -> t.Iterator[str]:
    if plan.state == "refused" and plan.refusals:
        yield ""
        yield "How to go on: do what stands behind each ->, then look again."
    elif plan.state in ("needed", "resume") and not plan.refusals:
        yield ""
        yield "How to go on: run replace_master with -e replace_master_plan={0}, which carries out this plan and no other.".format(
            plan.id
        )


def fit(line: str, *, indent: int = 0) -> t.List[str]:
    """The line, wrapped at words, by default a little under its own indent; a word that is longer than the line is broken."""
    if len(line) <= WIDTH:
        return [line]
    under = " " * (indent or min(len(line) - len(line.lstrip()) + 2, WIDTH // 2))
    return textwrap.wrap(line, WIDTH, subsequent_indent=under, break_long_words=True, break_on_hyphens=False)


def _proofs(plan: Plan) -> t.Iterator[str]:
    if plan.proofs:
        yield ""
        yield "Objects of MinIO:"
    for proof in plan.proofs:
        yield "  " + proof


def _found(plan: Plan, cluster: Cluster) -> t.Iterator[str]:
    lost = plan.lost
    if lost is None:
        return
    node = next((item for item in cluster.nodes if item.name == lost.name), None)
    state = (
        "its Node could not be read"
        if cluster.api_error
        else "its Node is gone"
        if node is None
        else "Ready"
        if node.ready
        else "not Ready for an unknown time"
        if node.down_seconds is None
        else "not Ready for {0} s".format(node.down_seconds)
    )
    yield "Lost:      {0} ({1}), {2}".format(lost.name, ", ".join(lost.addresses) or "address unknown", state)
    if cluster.api_error:
        yield "Cluster:   {0}, could not be read".format(cluster.provider)
    else:
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
    if not cluster.api_error:
        found = "{0} were".format(len(cluster.pods)) if cluster.pods else "none left"
        yield "Pods:      {0} on the lost node".format(found)


def object_line(ref: ObjectRef) -> str:
    """One object: kind, namespace/name, UID."""
    name = qualified(ref.namespace, ref.name) if ref.namespace else ref.name
    return "{0} {1}{2}".format(ref.kind, name, " [{0}]".format(ref.uid) if ref.uid else "")


def claim_lines(claims: t.Sequence[ClaimPlan]) -> t.Iterator[str]:
    """The claims, each with its size and policy, below it the reason and the loss; each line fits 100 columns."""
    for claim in claims:
        yield from fit(
            "  {0}  {1}  {2}".format(qualified(claim.namespace, claim.name), human(claim.size_bytes), claim.policy)
        )
        yield from fit("      why:  " + ("[{0}] {1}".format(claim.code, claim.reason) if claim.code else claim.reason))
        yield from fit("      lost: " + _lost(claim))
        if claim.reclaim_policy == "Retain":
            yield from fit("      kept: the volume object {0} (reclaim policy Retain)".format(claim.pv_name))


def _lost(claim: ClaimPlan) -> str:
    if claim.policy == "heal":
        return claim.loses or "nothing"
    unknown = "all its data" if claim.policy == "discard" else "all its data that can't be restored"
    return claim.loses or unknown
