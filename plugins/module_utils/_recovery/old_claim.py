"""Decides the deletion of the lost claim: when it may be deleted, and what holds it."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim, Pod
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import (
    Action,
    Seen,
    Target,
    Workload,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import refuse as _refuse
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import wait as _wait

# A claim that terminates for longer than this is held by something.
CLAIM_TERMINATING_SECONDS = 30
FINISHED = ("Succeeded", "Failed")


def judge_old(target: Target, seen: Seen, claim: Claim) -> Action:
    """The planned claim still exists: decide whether it is safe to delete now."""
    on_lost = [pod for pod in seen.pods if pod.node and seen.node(pod.node) is None]
    in_use = [
        pod
        for pod in seen.pods
        if pod.node and seen.node(pod.node) is not None and pod.phase not in FINISHED and not _is_blocked(target, pod)
    ]
    if claim.deleting_seconds is not None:
        return judge_terminating(target, seen, claim)
    if in_use:
        return _refuse(
            "claim_in_use",
            "the pod {0} uses {1} on the live node {2}.".format(in_use[0].name, target.label, in_use[0].node),
            "Its data may be live: find out where its volume really is before anything is deleted.",
        )
    refusal = _judge_place(target, seen, claim)
    if refusal is not None:
        return refusal
    unmade = _judge_maker(target, seen)
    if unmade is not None:
        return unmade
    if on_lost:
        return _wait(
            "the pod {0} of the lost node {1} is still registered; pod garbage collection deletes it".format(
                on_lost[0].name, on_lost[0].node
            )
        )
    return Action(
        "delete_claim",
        "its volume {0} was on {1}, and no scheduled pod uses it".format(target.volume, target.lost.name),
    )


def _judge_maker(target: Target, seen: Seen) -> t.Optional[Action]:
    """None if something recreates the claim after its deletion."""
    workload = seen.workload
    if target.kind == "StatefulSet":
        return judge_scale(target, workload)
    if workload is None:
        return _wait(
            "the Deployment {0} does not exist, so nothing is known to recreate the claim".format(target.workload)
        )
    if not workload.managed:
        return _refuse(
            "nobody_recreates",
            "the Deployment {0} has no owner, so nothing would recreate it and {1}.".format(
                target.workload, target.label
            ),
            "Recreate claim and Deployment by hand from their manifests.",
        )
    return None


def _judge_place(target: Target, seen: Seen, claim: Claim) -> t.Optional[Action]:
    """None if the claim's volume is proven to be on the lost node; else why the claim may not be deleted."""
    if claim.pv_name != target.volume:
        return _refuse(
            "other_volume",
            "{0} is bound to '{1}', not to {2} as planned.".format(target.label, claim.pv_name, target.volume),
            "Make the plan again.",
        )
    volume = seen.volume
    if volume is None:
        if claim.phase == "Lost":
            # The volume is gone. The plan, with the same UID and volume name, saw it on the lost node.
            return None
        return _wait("its volume {0} is gone and the claim is not yet marked Lost".format(target.volume))
    if target.volume_uid and volume.uid != target.volume_uid:
        return _refuse(
            "other_volume",
            "the volume {0} is not the planned one: its UID is {1}.".format(volume.name, volume.uid),
            "Make the plan again.",
        )
    if volume.claim_uid != claim.uid:
        return _refuse(
            "claim_mismatch",
            "the volume {0} belongs to a claim with UID '{1}', not to {2}.".format(
                volume.name, volume.claim_uid, target.label
            ),
            "Make the plan again.",
        )
    others = seen.sites_but(target.lost.name)
    if not volumes.proven(volumes.found_by(seen.place, volumes.site(target.lost), others)):
        return _refuse(
            "not_on_lost_node",
            "the volume {0} of {1} is not on {2} alone: {3}.".format(
                volume.name, target.label, target.lost.name, seen.place
            ),
            "Its data may be live: leave it, or find out by hand where it is.",
        )
    return None


def _is_blocked(target: Target, pod: Pod) -> bool:
    """Whether a pod was scheduled on a replacement that has the lost node's name, before its claim was recovered."""
    return target.lost.name == target.replacement == pod.node and pod.phase == "Pending"


def judge_terminating(target: Target, seen: Seen, claim: Claim) -> Action:
    blocked = [pod for pod in seen.pods if _is_blocked(target, pod) and not pod.deleting]
    if blocked and claim.uid == target.claim_uid:
        return Action(
            "delete_pod",
            "it waits for the old volume, and the claim that is being deleted waits for this pod",
            pod=blocked[0],
        )
    users = ", ".join(
        "{0} ({1})".format(pod.name, "on " + pod.node if pod.node else "not scheduled") for pod in seen.pods
    )
    placed = [pod for pod in seen.pods if pod.node]
    idle = [pod for pod in seen.pods if not pod.node and pod.phase == "Pending" and not pod.deleting]
    if idle and not placed and (claim.deleting_seconds or 0) >= CLAIM_TERMINATING_SECONDS:
        return Action(
            "delete_pod", "it was never scheduled, and the claim that is being deleted waits for this pod", pod=idle[0]
        )
    held = " by its finalizers {0}".format(", ".join(claim.finalizers)) if claim.finalizers else ""
    return _wait("the claim is being deleted and held{0}; pods that mount it: {1}".format(held, users or "none"))


def judge_absent(target: Target, seen: Seen) -> Action:
    """The claim is gone and not recreated yet."""
    workload = seen.workload
    if target.kind == "Deployment":
        if workload is not None and workload.uid == target.workload_uid:
            if not workload.managed:
                return _refuse(
                    "nobody_recreates",
                    "the Deployment {0} has no owner.".format(target.workload),
                    "Recreate its claim by hand.",
                )
            return Action("delete_workload", "its claim is gone; its operator recreates claim and Deployment")
        return _wait(
            "the operator has not yet recreated the claim {0} (Deployment {1}: {2})".format(
                target.label, target.workload, "new" if workload else "absent"
            )
        )
    refusal = judge_scale(target, workload)
    if refusal is not None:
        return refusal
    return drop_stale_pod(seen, "") or _wait(
        "the StatefulSet {0} has not yet recreated the claim".format(target.workload)
    )


def judge_scale(target: Target, workload: t.Optional[Workload]) -> t.Optional[Action]:
    """None if the StatefulSet exists and has the pod that mounts the claim."""
    if workload is None:
        return _refuse(
            "no_workload",
            "the StatefulSet {0} is gone.".format(target.workload),
            "Deploy it again; it creates its claim automatically.",
        )
    ordinal = target.claim.rsplit("-", 1)[-1]
    if ordinal.isdigit() and not workload.first <= int(ordinal) < workload.first + workload.replicas:
        return _refuse(
            "scaled_down",
            "the StatefulSet {0} has {1} replicas from number {3} on, so it does not create {2}.".format(
                workload.name, workload.replicas, target.label, workload.first
            ),
            "Scale it up again, or set ignore for this claim in replace_master_claim_policies.",
        )
    return None


def drop_stale_pod(seen: Seen, claim_created: str) -> t.Optional[Action]:
    """A pod that is older than the claim and was never scheduled: controllers before 1.20 do not create its claim,
    and schedulers may not retry it."""
    for pod in seen.pods:
        older = not claim_created or (pod.created != "" and pod.created < claim_created)
        if not pod.node and pod.phase == "Pending" and not pod.deleting and older:
            return Action("delete_pod", "it was created for the old claim and never scheduled", pod=pod)
        if pod.node and seen.node(pod.node) is None:
            return _wait("the pod {0} of the lost node {1} is still registered".format(pod.name, pod.node))
    return None
