"""The phases of a replacement: their order, the phases of a plan, their selection by tags, and the permission to act."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import difflib
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.snapshot_verdict import made_for
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Phase

PREPARE = Phase("prepare", role="join", entry="prepare")
BACKUP = Phase("backup", locks=True)
ETCD_CLEANUP = Phase("etcd_cleanup", acts=True)
NODE_REMOVAL = Phase("node_removal", acts=True)
VIP = Phase("vip", acts=True)
JOIN = Phase("join", acts=True)
STATEFUL_RECOVERY = Phase("stateful_recovery", acts=True)
VERIFY = Phase("verify", closes=True)
REPORT = Phase("report")
# Runs only with its tag: writes ocboot's configuration and stops.
OCBOOT = Phase("ocboot", role="ocboot_config")

# Ansible's own tags.
_EVERYTHING = frozenset(("all", "tagged"))
_OF_ANSIBLE = frozenset(("all", "always", "never", "tagged", "untagged"))
# The playbook inspect_master, with which every run begins.
DISCOVERY = "discovery"


def ordered(provider: str) -> t.Tuple[Phase, ...]:
    """Every phase in its order.

    With kubeadm, the member is removed before the Node. K3s removes it automatically after the Node; a member that stays is removed then.
    """
    removals = (ETCD_CLEANUP, NODE_REMOVAL)
    if PROVIDERS[provider].deletes_member:
        removals = (NODE_REMOVAL, ETCD_CLEANUP)
    return (PREPARE, BACKUP, *removals, VIP, JOIN, STATEFUL_RECOVERY, VERIFY, REPORT)


def held(provider: str, steps: t.Collection[str], *, refused: bool) -> t.Tuple[Phase, ...]:
    """The phases of a plan: those with a step, and the phases that make them safe and verify them.

    A refused plan has none. A plan without steps is only verified again.
    """
    if refused:
        return ()
    if not steps:
        return (dataclasses.replace(VERIFY, closes=False, locks=False),)
    wanted = {*steps, VERIFY.name, REPORT.name}
    if JOIN.name in steps:
        wanted.add(PREPARE.name)
    if any(phase.acts and phase.name in steps for phase in ordered(provider)):
        wanted.add(BACKUP.name)
    return tuple(phase for phase in ordered(provider) if phase.name in wanted)


@dataclasses.dataclass(frozen=True)
class Choice:
    """The phases to run now, or the reason why none may run."""

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
    """Choose the phases of a plan by tags.

    An acting phase always includes preparation and backup.
    """
    known = {phase.name for phase in ordered("kubeadm")} | {OCBOOT.name, DISCOVERY} | _OF_ANSIBLE
    # Tools add tags of their own to what is skipped; a slip in one of ours would let a phase act that was to be left out.
    slips = {tag for tag in set(skip_tags) - known if difflib.get_close_matches(tag, known)}
    unknown = sorted((set(run_tags) - known) | slips)
    if unknown:
        names = ", ".join(sorted(known - _OF_ANSIBLE))
        return Choice(
            refusal="The tag {0} does not exist. The tags are: {1}. Nothing was changed.".format(
                ", ".join(unknown), names
            )
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
    """Why a role must not act in a phase now; empty if it may.

    `plan` is the fact `discovery_plan` with the ID that was agreed to as `consent`, `backup` the result of the role backup, of this or an earlier run of the
    same replacement.
    """
    if plan.get("state") not in ("needed", "resume"):
        return plan.get("refused_text") or "The plan does not allow {0}: its state is {1}.".format(
            phase, plan.get("state") or "unknown"
        )
    if phase not in [item.get("name") for item in plan.get("phases") or []]:
        return "The plan {0} has no step in the phase {1}.".format(plan.get("id"), phase)
    if not plan.get("id") or plan.get("consent") != plan.get("id"):
        return "[CONSENT_MISSING] Nobody has agreed to the plan {0}, so nothing is changed.".format(plan.get("id"))
    lost = plan.get("lost") or {}
    if not backup.get("sha256") or not backup.get("controller_path"):
        return "There is no proven backup, so nothing is changed. Run with --tags backup first."
    if not made_for(backup, lost):
        return "The backup {0} was not made for {1}.".format(backup["controller_path"], lost.get("name"))
    return ""
