"""The report of a replacement, for programs and for people. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, KUBEADM
from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import moment
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._report.claims import told
from ansible_collections.cloudpods.ha.plugins.module_utils._report.page import page
from ansible_collections.cloudpods.ha.plugins.module_utils._report.text import text
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json

FORMAT = 1
_RETURNS = {
    KUBEADM.name: "its kubelet can register itself as a Ready Node within seconds",
    K3S.name: "its K3s rejoins this cluster automatically, or starts a second one with the same certificates",
}
_RETURN = "When the old machine {lost} is powered on again, {does}{keepalived}. "
_KEEPALIVED = ", and its keepalived still acts as MASTER of the VIP"
_RETIRE = "Keep it powered off, or retire it immediately: ansible-playbook cloudpods.ha.retire_node -e retire_node_host={lost}"
_SAME_NAME = (
    "Keep it powered off, or disconnect it from this network and wipe its disks: another machine has its name now."
)
_AGAIN = "Fix the cause, then run again; it continues from here, by a new plan (inspect_master shows its ID)."


def report(plan: Plan, journal: Json, results: Json, *, failure: str = "", written: str = "") -> Json:
    """Return {json, text, html}. `results` holds the published result of each phase, by phase; `written` is the time now, RFC 3339.

    The outcome is 'refused' with a refused plan, 'failed' with a failure, 'done' if everything was proven, else 'open': only some phases ran.
    """
    journal = _own(plan, journal)
    verified = results.get("verify") or {}
    outcome = (
        "refused" if plan.state == "refused" else "failed" if failure else "done" if verified.get("ok") else "open"
    )
    claims = _claims(plan, journal)
    stays = [] if outcome == "refused" or not plan.lost else [_returns(plan)]
    data = {
        "format": FORMAT,
        "outcome": outcome,
        "summary": _summary(plan, outcome, failure),
        "written": written,
        "failure": failure,
        "provider": plan.provider,
        "lost": to_json(plan.lost),
        "replacement": to_json(plan.replacement),
        "before": journal.get("before") or dict(plan.before) or None,
        "after": verified.get("control_plane") or None,
        "plan": {"id": plan.id, "steps": to_json(plan.steps)},
        "refusals": to_json(plan.refusals),
        "touched": to_json(_touched(plan, journal)),
        "claims": [told(claim, results.get("stateful_recovery") or {}) for claim in claims],
        "phases": list(_phases(journal)),
        "backup": results.get("backup") or journal.get("backup") or {},
        "results": results,
        "warnings": [*plan.warnings, *stays],
        "todo": [*_todo(plan, outcome, claims), *stays],
    }
    return {"json": data, "text": [printable(line) for line in text(data, claims)], "html": page(data)}


def _own(plan: Plan, journal: Json) -> Json:
    """The journal if it is that of this replacement: a refused plan has none, and a finished one of another plan is of an earlier loss."""
    other = plan.state in ("needed", "resume") and journal.get("finished") and journal.get("approved") != plan.id
    return {} if other or plan.state == "refused" else journal


def _summary(plan: Plan, outcome: str, failure: str) -> str:
    lost, new = plan.lost.name if plan.lost else "The node", plan.replacement.name or plan.replacement.host
    by = " by {0}".format(new) if new else ""
    if outcome == "done":
        return "{0} was replaced{1}; a new reading of the cluster proves it.".format(lost, by)
    if outcome == "refused":
        why = "1 reason" if len(plan.refusals) == 1 else "{0} reasons".format(len(plan.refusals))
        return "{0} was not replaced: the plan was refused for {1}, and nothing was changed.".format(lost, why)
    if outcome == "failed":
        return "The replacement of {0}{1} stopped: {2}".format(lost, by, failure)
    return "{0} is not replaced yet, or the replacement is not proven.".format(lost)


def _returns(plan: Plan) -> str:
    lost = plan.lost.name if plan.lost else ""
    remedy = _SAME_NAME if lost == plan.replacement.name else _RETIRE
    return (_RETURN + remedy).format(
        lost=lost,
        does=_RETURNS.get(plan.provider, _RETURNS[KUBEADM.name]),
        keepalived=_KEEPALIVED if plan.vip else "",
    )


def _todo(plan: Plan, outcome: str, claims: t.Sequence[ClaimPlan]) -> t.Iterator[str]:
    """What is left for a person to do, the most urgent first."""
    if outcome == "failed":
        yield _AGAIN
    elif outcome == "open":
        yield "Run again without --tags and --skip-tags: the rest is carried out, and everything is proven."
    for refusal in plan.refusals:
        yield "[{0}] {1}".format(refusal.code, refusal.remedy)
    if outcome == "refused":
        return
    for claim in claims:
        if claim.policy in ("ignore", "refuse"):
            yield "Decide about the claim {0}/{1}, which was left alone: {2}".format(
                claim.namespace, claim.name, claim.reason
            )
        elif claim.reclaim_policy == "Retain":
            yield "Delete the volume object {0} of the former {1}/{2} when nobody needs it; its reclaim policy is Retain.".format(
                claim.pv_name, claim.namespace, claim.name
            )


def _phases(journal: Json) -> t.Iterator[Json]:
    """The phases in the order of their start: {phase, started, seconds, waits: [{what, seconds}]}."""
    phases = journal.get("phases") or {}
    for phase, marks in sorted(
        phases.items(), key=lambda item: (not item[1].get("started"), item[1].get("started") or "")
    ):
        start, end = moment(marks.get("started")), moment(marks.get("finished"))
        seconds = int((end - start).total_seconds()) if start and end and end >= start else None
        yield {
            "phase": phase,
            "started": marks.get("started") or "",
            "seconds": seconds,
            "waits": (marks.get("waits") or []) if seconds is not None else [],
        }


def _touched(plan: Plan, journal: Json) -> t.List[ObjectRef]:
    """The objects that all runs of this replacement planned to change; without a journal, those of this plan."""
    known = [from_json(ObjectRef, item) for item in journal.get("touched") or []]
    return known or [ref for step in plan.steps for ref in step.objects if not step.waits]


def _claims(plan: Plan, journal: Json) -> t.List[ClaimPlan]:
    """The outcome of each claim in all runs of this replacement, and the claims that were left alone."""
    begun = [from_json(ClaimPlan, item) for item in journal.get("claims") or []]
    return list({item.uid: item for item in (*begun, *plan.claims, *plan.kept_claims)}.values())
