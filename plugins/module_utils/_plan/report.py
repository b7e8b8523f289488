"""The report of a replacement, for programs and for people. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, KUBEADM
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import moment
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.text import claim_lines, object_line
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import from_json, to_json

FORMAT = 1
_RETURNS = {
    KUBEADM.name: "its kubelet registers itself as a Ready Node within seconds",
    K3S.name: "its K3s rejoins this cluster automatically, or starts a second one with the same certificates",
}
_RETURN = "When the old machine {lost} is powered on again, {does}{keepalived}. "
_KEEPALIVED = ", and its keepalived still acts as MASTER of the VIP"
_RETIRE = "Keep it powered off, or retire it immediately: ansible-playbook cloudpods.ha.retire_node -e retire_node_host={lost}"
_SAME_NAME = (
    "Keep it powered off, or disconnect it from this network and wipe its disks: another machine has its name now."
)


def report(plan: Plan, journal: Json, results: Json, *, failure: str = "") -> Json:
    """Return {json, text}. `results` holds the published result of each phase, by phase.

    The outcome is 'failed' with a failure, 'done' if everything was proven, else 'open': only some phases ran.
    """
    proven = (results.get("verify") or {}).get("ok")
    outcome = "failed" if failure else "done" if proven else "open"
    lost = plan.lost.name if plan.lost else ""
    durations = list(_durations(journal))
    remedy = _SAME_NAME if lost == plan.replacement.name else _RETIRE
    returns = (_RETURN + remedy).format(
        lost=lost,
        does=_RETURNS.get(plan.provider, _RETURNS[KUBEADM.name]),
        keepalived=_KEEPALIVED if plan.vip else "",
    )
    touched = _touched(plan, journal)
    claims = _claims(plan, journal)
    data = {
        "format": FORMAT,
        "outcome": outcome,
        "failure": failure,
        "lost": to_json(plan.lost),
        "replacement": to_json(plan.replacement),
        "plan": {"id": plan.id, "steps": to_json(plan.steps)},
        "touched": to_json(touched),
        "claims": to_json(claims),
        "phases": [{"phase": phase, "seconds": seconds} for phase, seconds in durations],
        "results": results,
        "warnings": [*plan.warnings, returns],
    }
    text = _text(plan, results, durations, touched, claims, outcome, failure, data["warnings"])
    return {"json": data, "text": list(text)}


def _durations(journal: Json) -> t.Iterator[t.Tuple[str, t.Optional[int]]]:
    """The phases in the order of their start."""
    phases = journal.get("phases") or {}
    for phase, marks in sorted(
        phases.items(), key=lambda item: (not item[1].get("started"), item[1].get("started") or "")
    ):
        start, end = moment(marks.get("started")), moment(marks.get("finished"))
        yield phase, int((end - start).total_seconds()) if start and end and end >= start else None


def _text(
    plan: Plan,
    results: Json,
    durations: t.Sequence[t.Tuple[str, t.Optional[int]]],
    touched: t.Sequence[ObjectRef],
    claims: t.Sequence[ClaimPlan],
    outcome: str,
    failure: str,
    warnings: t.Sequence[str],
) -> t.Iterator[str]:
    lost = plan.lost.name if plan.lost else "the node"
    if outcome == "done":
        yield "DONE: {0} was replaced by {1}".format(lost, plan.replacement.name)
    elif outcome == "open":
        yield "OPEN: {0} is not replaced yet, or the replacement is not proven".format(lost)
    else:
        yield "STOPPED: {0} is not replaced yet".format(lost)
        yield "  {0}".format(failure)
        yield "  Fix the cause, then run the same command again; it continues from here."
    yield ""
    for phase, seconds in durations:
        yield "  {0:<18} {1}".format(
            phase,
            ("interrupted" if outcome == "done" else "not finished") if seconds is None else "{0} s".format(seconds),
        )
    backup = results.get("backup") or {}
    if backup:
        yield ""
        yield "etcd snapshot: {0} on {1}, revision {2}; a copy is {3}".format(
            backup.get("path"), backup.get("host"), backup.get("revision"), backup.get("controller_path")
        )
    if claims:
        yield ""
        yield "Claims that were on {0}:".format(lost)
        yield from claim_lines(claims)
    yield ""
    yield "Touched:" if outcome == "done" else "Planned:"
    for line in dict.fromkeys(object_line(ref) for ref in touched):
        yield "  {0}".format(line)
    verified = (results.get("verify") or {}).get("text") or []
    if verified:
        yield ""
        yield "Proof:"
        yield from ("  {0}".format(line) for line in verified)
    yield ""
    for warning in warnings:
        yield "WARNING: {0}".format(warning)


def _touched(plan: Plan, journal: Json) -> t.List[ObjectRef]:
    """The objects that all runs of this replacement planned to change; without a journal, those of this plan."""
    known = [from_json(ObjectRef, item) for item in journal.get("touched") or []]
    return known or [ref for step in plan.steps for ref in step.objects if not step.waits]


def _claims(plan: Plan, journal: Json) -> t.List[ClaimPlan]:
    """The outcome of each claim in all runs of this replacement, and the claims that were left alone."""
    begun = [from_json(ClaimPlan, item) for item in journal.get("claims") or []]
    return list({item.uid: item for item in (*begun, *plan.claims, *plan.kept_claims)}.values())
