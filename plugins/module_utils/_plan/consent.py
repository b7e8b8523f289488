"""Consent to a plan: what its ID covers, who agreed, what changed since, and the command that carries it out. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import posixpath
import re
import shlex
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan

_SECRET = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_CHANGED = "[PLAN_CHANGED] The plan made now is {now}, not {wanted}, which was agreed to{why}. {remedy}"
_LOOK = "Look at it with inspect_master, and run the command at its end. Nothing was changed."
_UNASKED = (
    "[CONSENT_MISSING] Nobody has agreed to the plan {0}, and there is no terminal to ask at. Look at it with inspect_master and run the command at its end "
    "(-e replace_master_plan=ID), or set replace_master_confirm=false if nobody is to be asked. Nothing was changed."
)
_DECLINED = "[CONSENT_MISSING] The plan {0} was not agreed to. Nothing was changed."


@dataclasses.dataclass(frozen=True)
class Decision:
    """`consent` is the ID of the plan that was agreed to; `ask`: a person has to be asked; `refusal` is empty unless it is refused, `difference` its lines."""

    consent: str = ""
    ask: bool = False
    refusal: str = ""
    difference: t.Tuple[str, ...] = ()


def acts(plan: Plan) -> t.Iterator[str]:
    """Yield a line for everything that the plan acts on, in its order: what the ID covers and a difference shows.

    Objects that are only waited for are left out: they go by themselves.
    """
    if plan.lost:
        yield "lost {0} [{1}], member {2}, machine {3}".format(
            plan.lost.name, plan.lost.uid or "no Node", plan.member_id or "none", plan.lost.machine_id or "unknown"
        )
    yield "replacement {0} as {1} ({2}), machine {3}".format(
        plan.replacement.host, plan.replacement.name, plan.replacement.ip, plan.joining.get("machine_id") or "unknown"
    )
    if plan.reset:
        yield "join: reset {0}, on which a join was interrupted".format(plan.replacement.host)
    for step in plan.steps:
        yield "{0}: {1}".format(step.phase, step.act)
        # The order in which the API lists them means nothing.
        yield from sorted("  " + _object(ref) for ref in (() if step.waits else step.objects))
    for recovery in plan.recovery:
        for name in recovery.given_up:
            yield "stateful_recovery: give up the object {0}".format(name)
        if recovery.accept_unproven:
            yield "stateful_recovery: lose what is not proven readable of {0}".format(recovery.group)
        for number, batch in enumerate(recovery.batches, start=1):
            for claim in batch:
                yield "stateful_recovery: {0} batch {1}: {2}".format(recovery.group, number, _claim(claim))


def _object(ref: ObjectRef) -> str:
    return "{0} {1}{2} [{3}]".format(ref.kind, ref.namespace + "/" if ref.namespace else "", ref.name, ref.uid)


def _claim(claim: ClaimPlan) -> str:
    owner = "{0} {1} [{2}]".format(claim.owner.kind, claim.owner.name, claim.owner.uid) if claim.owner else "nothing"
    tasks = " by " + claim.tasks if claim.tasks else ""
    return "{0}{1} {2}/{3} [{4}] of {5}, volume {6} [{7}] {8}".format(
        claim.policy,
        tasks,
        claim.namespace,
        claim.name,
        claim.uid,
        owner,
        claim.pv_name,
        claim.pv_uid,
        claim.reclaim_policy,
    ).rstrip()


def identifier(lines: t.Iterable[str]) -> str:
    """The ID of a plan with these acts: 12 hexadecimal digits, equal for equal acts."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def decide(
    plan: Plan, *, acting: bool, wanted: str = "", confirm: bool = True, known: t.Optional[t.Sequence[str]] = None
) -> Decision:
    """Decide whether the plan may be carried out.

    `wanted` is the ID that the operator gave and `known` the acts of that plan, if this machine has them. `confirm`: without an ID, a person is asked.
    Nothing needs to be agreed to where no phase that acts is run.
    """
    if not acting or plan.state not in ("needed", "resume"):
        return Decision()
    if wanted and wanted.lower() != plan.id:
        if known is None:
            why = ", and this machine does not know what was in that plan"
            return Decision(refusal=_CHANGED.format(now=plan.id, wanted=wanted, why=why, remedy=_LOOK))
        difference = tuple(
            line
            for line in difflib.unified_diff(list(known), list(plan.acts), lineterm="", n=1)
            if not line.startswith(("---", "+++", "@@"))
        )
        why = "; what changed stands above"
        return Decision(
            refusal=_CHANGED.format(now=plan.id, wanted=wanted, why=why, remedy=_LOOK),
            difference=("Changed since the plan {0} (- then, + now):".format(wanted), *difference),
        )
    if wanted or not confirm:
        return Decision(consent=plan.id)
    return Decision(ask=True)


def answered(plan: Plan, answer: t.Optional[str]) -> Decision:
    """The decision after a person was asked; None if there was no terminal to ask at."""
    if answer is None:
        return Decision(refusal=_UNASKED.format(plan.id))
    if answer.strip().lower() == "yes":
        return Decision(consent=plan.id)
    return Decision(refusal=_DECLINED.format(plan.id))


def command(argv: t.Sequence[str], *, inventory: t.Sequence[str], lost: str, plan_id: str) -> str:
    """The command that carries out this plan and no other, made from the one (`argv`) that looked at it.

    Values that look like secrets are left out and have to be put in again. Where `argv` is no run of inspect_master, the command is made of
    `inventory` and `lost`.
    """
    told = []
    seen = False
    rest = iter(argv[1:])
    for word in rest:
        if posixpath.basename(word) in ("inspect_master.yml", "inspect_master.yaml"):
            seen, word = True, word.replace("inspect_master.y", "replace_master.y")
        elif word == "cloudpods.ha.inspect_master":
            seen, word = True, "cloudpods.ha.replace_master"
        elif word in ("-C", "--check"):
            continue
        elif word in ("-e", "--extra-vars"):
            value = next(rest, "")
            if not value.startswith("replace_master_plan="):
                told += [word, _without_secret(value)]
            continue
        elif word.startswith("--extra-vars=") or (word.startswith("-e") and not word.startswith("--")):
            value = word[len("--extra-vars=") :] if word.startswith("--") else word[2:]
            if not value.startswith("replace_master_plan="):
                told += ["-e", _without_secret(value)]
            continue
        told.append(word)
    if not seen:
        sources = [part for source in inventory for part in ("-i", source)]
        told = ["cloudpods.ha.replace_master", *sources, "-e", "replace_master_lost=" + lost]
    return " ".join(shlex.quote(word) for word in ("ansible-playbook", *told, "-e", "replace_master_plan=" + plan_id))


def _without_secret(value: str) -> str:
    """Extra variables with '...' for the value of each that looks like a secret; a file is only named."""
    if value.startswith("@"):
        return value
    if value.lstrip().startswith(("{", "[")):
        return "..." if _SECRET.search(value) else value
    name, equals, _rest = value.partition("=")
    return name + equals + "..." if _SECRET.search(name) else value if not _SECRET.search(value) else "..."
