"""The phases of a replacement: their order, which of them a plan holds, which of those a run was asked for, and who may act."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import difflib
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Phase

PREPARE = Phase("prepare", role="join", entry="prepare")
BACKUP = Phase("backup")
ETCD_CLEANUP = Phase("etcd_cleanup", acts=True)
NODE_REMOVAL = Phase("node_removal", acts=True)
VIP = Phase("vip", acts=True)
JOIN = Phase("join", acts=True)
STATEFUL_RECOVERY = Phase("stateful_recovery", acts=True)
VERIFY = Phase("verify", closes=True)
REPORT = Phase("report")
# Only when its tag is given: writes ocboot's file and stops there.
OCBOOT = Phase("ocboot", role="ocboot_config")

# What Ansible itself means by a tag.
_EVERYTHING = frozenset(("all", "tagged"))
_OF_ANSIBLE = frozenset(("all", "always", "never", "tagged", "untagged"))
# The playbook inspect_master, which every run begins with.
DISCOVERY = "discovery"


def ordered(provider: str) -> t.Tuple[Phase, ...]:
    """Every phase in its order.

    kubeadm's member goes before the Node. K3s removes it by itself after the Node is deleted; what stays is removed then.
    """
    removals = (ETCD_CLEANUP, NODE_REMOVAL)
    if PROVIDERS[provider].deletes_member:
        removals = (NODE_REMOVAL, ETCD_CLEANUP)
    return (PREPARE, BACKUP, *removals, VIP, JOIN, STATEFUL_RECOVERY, VERIFY, REPORT)


def held(provider: str, steps: t.Collection[str], *, refused: bool) -> t.Tuple[Phase, ...]:
    """The phases that a plan holds: those with a step in it, and around them what makes the act safe and proves it.

    A refused plan holds none. One without steps is proven once more.
    """
    if refused:
        return ()
    if not steps:
        return (dataclasses.replace(VERIFY, closes=False),)
    wanted = {*steps, VERIFY.name, REPORT.name}
    if JOIN.name in steps:
        wanted.add(PREPARE.name)
    if any(phase.acts and phase.name in steps for phase in ordered(provider)):
        wanted.add(BACKUP.name)
    return tuple(phase for phase in ordered(provider) if phase.name in wanted)


@dataclasses.dataclass(frozen=True)
class Choice:
    """The phases to run now, and why none may be run where that is so."""

    phases: t.Tuple[Phase, ...] = ()
    refusal: str = ""


def choose(
    state: str,
    phases: t.Sequence[Phase],
    refused_text: str,
    *,
    run_tags: t.Collection[str],
    skip_tags: t.Collection[str] = (),
    check_mode: bool = False,
) -> Choice:
    """Choose by tags among the phases of a plan.

    What has to come before an act is not left out: preparation and backup are in the choice as soon as an acting phase is.
    """
    known = {phase.name for phase in ordered("kubeadm")} | {OCBOOT.name, DISCOVERY} | _OF_ANSIBLE
    # Tools add tags of their own to what is skipped; a slip in one of ours would let a phase act that was to be left out.
    slips = {tag for tag in set(skip_tags) - known if difflib.get_close_matches(tag, known)}
    unknown = sorted((set(run_tags) - known) | slips)
    if unknown:
        names = ", ".join(sorted(known - _OF_ANSIBLE))
        return Choice(
            refusal="There is no tag {0}. The tags are: {1}. Nothing was changed.".format(", ".join(unknown), names)
        )
    everything = bool(_EVERYTHING & set(run_tags))
    asked = (known - {OCBOOT.name} if everything else set(run_tags)) - set(skip_tags)
    if state == "refused" and asked - _OF_ANSIBLE - {DISCOVERY}:
        return Choice(refusal=refused_text)
    if check_mode or state == "refused":
        return Choice()
    acting = any(phase.acts and phase.name in asked for phase in phases)
    chosen = [phase for phase in phases if phase.name in asked or (acting and phase in (PREPARE, BACKUP))]
    if OCBOOT.name in asked:
        chosen.insert(0, OCBOOT)
    return Choice(phases=tuple(chosen))


def permit(plan: Json, phase: str, backup: Json) -> str:
    """Why a role must not act in a phase now; empty when it may.

    `plan` is the fact `discovery_plan`, `backup` the result of the role backup, of this or an earlier run of the same replacement.
    """
    if plan.get("state") not in ("needed", "resume"):
        return plan.get("refused_text") or "There is no plan that allows {0}: its state is {1}.".format(
            phase, plan.get("state") or "not known"
        )
    if phase not in [item.get("name") for item in plan.get("phases") or []]:
        return "The plan {0} has nothing to do in the phase {1}.".format(plan.get("id"), phase)
    lost = plan.get("lost") or {}
    if not backup.get("sha256") or not backup.get("controller_path"):
        return "There is no proven backup, without which nothing is changed. Run with --tags backup first."
    if (backup.get("lost") or {}).get("name") != lost.get("name") or (backup.get("lost") or {}).get("uid") != lost.get(
        "uid"
    ):
        return "The backup {0} was not made for {1}.".format(backup["controller_path"], lost.get("name"))
    return ""
