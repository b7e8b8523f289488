"""What is the next safe act on the way from a claim whose volume died with its node to a new one on the replacement.

The order, whatever the release of Kubernetes: the lost Node is gone, its pod is gone, the claim is deleted, the claim
is gone, a Pending pod that was made for the old claim is deleted, a new claim is bound on the replacement, its pod is
Ready there. Nothing is remembered between two calls, so that a run may be killed after any act. Two rules are never
broken: a claim is deleted only when its volume is proven to be on the lost node, and a pod is deleted only when no
node was ever chosen for it, or when it waits on a replacement that took the lost node's name over: there the folder of
the old volume is blocked, so that it has not started.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import (
    Action,
    Claim,
    Pod,
    Seen,
    Target,
    Workload,
)

# Terminating longer than this, a claim is held by more than the moment that the API needs.
CLAIM_TERMINATING_SECONDS = 30
# Terminating longer than this, what a finalizer holds is not let go by the next moment of a controller (hazard S2).
HELD_SECONDS = 60
# Kubernetes' own: it goes by itself with the last pod that mounts the claim.
PVC_PROTECTION = "kubernetes.io/pvc-protection"
FINISHED = ("Succeeded", "Failed")


def decide(target: Target, seen: Seen) -> Action:
    """Return the next safe act for a claim. Each call judges the live objects alone."""
    refused = _judge_nodes(target, seen)
    if refused is not None:
        return refused
    claim = seen.claim
    if claim is None:
        action = _judge_absent(target, seen)
    elif claim.uid == target.claim_uid:
        action = _judge_old(target, seen, claim)
    else:
        action = _judge_new(target, seen, claim)
    return _judge_held(target, seen, action) if action.kind == "wait" else action


def _judge_held(target: Target, seen: Seen, action: Action) -> Action:
    """Name the finalizers by which a wait may be held, and stop waiting when they do not go (hazard S2)."""
    claim = seen.claim
    going = claim is not None and claim.terminating_seconds is not None
    # A pod of a Deployment stands in nobody's way once the old claim is gone: the next one has another name.
    in_the_way = target.kind == "StatefulSet" or going or (claim is not None and claim.uid == target.claim_uid)
    pods = [pod for pod in seen.pods if in_the_way and pod.terminating and pod.finalizers]
    if pods:
        names = "; ".join(
            "the pod {0}/{1} is Terminating and held by its finalizers {2}".format(
                target.namespace, pod.name, ", ".join(pod.finalizers)
            )
            for pod in pods
        )
        if max(pod.terminating_seconds for pod in pods) >= HELD_SECONDS:
            return _refuse_held(names)
        return _wait("{0}; {1}".format(action.reason, names))
    foreign = [item for item in claim.finalizers if item != PVC_PROTECTION] if claim is not None and going else []
    # While a pod that was placed is there, the claim would stay without them too.
    if claim is None or not foreign or any(pod.node for pod in seen.pods):
        return action
    if (claim.terminating_seconds or 0) < HELD_SECONDS:
        return action
    return _refuse_held(
        "the claim {0} is Terminating and held by its finalizers {1}".format(target.label, ", ".join(foreign))
    )


def _refuse_held(what: str) -> Action:
    return _refuse(
        "held_by_finalizer",
        "{0}, for more than {1} s.".format(what, HELD_SECONDS),
        "Find out which program set them and let it finish; nothing is taken away here. Then run again.",
    )


def _judge_nodes(target: Target, seen: Seen) -> t.Optional[Action]:
    lost = seen.node(target.lost.name)
    if lost is not None and lost.uid == target.lost.uid:
        if lost.terminating:
            return _wait("the Node {0} is being deleted".format(lost.name))
        return _refuse(
            "lost_node_present",
            "the Node {0} is still registered.".format(lost.name),
            "Remove the node first; while it exists, its pods may come back and its volumes still count.",
        )
    if lost is not None and lost.name != target.replacement:
        return _refuse(
            "lost_node_returned",
            "a Node named {0} is registered again, with another UID: the old machine seems to be powered on.".format(
                lost.name
            ),
            "Power it off or retire it, and delete that Node.",
        )
    replacement = seen.node(target.replacement)
    if replacement is None:
        return _refuse(
            "no_replacement", "there is no Node {0}.".format(target.replacement), "Join the replacement first."
        )
    if not replacement.schedulable:
        return _refuse(
            "replacement_cordoned",
            "the replacement {0} is cordoned: nothing can start on it.".format(replacement.name),
            "Uncordon it, or find out why it was cordoned.",
        )
    if not replacement.ready:
        return _wait("the replacement {0} is not Ready".format(replacement.name))
    return None


def _judge_old(target: Target, seen: Seen, claim: Claim) -> Action:
    """The claim of the plan is still there: is it safe to delete it now?"""
    on_lost = [pod for pod in seen.pods if pod.node and seen.node(pod.node) is None]
    in_use = [
        pod
        for pod in seen.pods
        if pod.node and seen.node(pod.node) is not None and pod.phase not in FINISHED and not _is_blocked(target, pod)
    ]
    if claim.terminating_seconds is not None:
        return _judge_terminating(target, seen, claim)
    if in_use:
        return _refuse(
            "claim_in_use",
            "the pod {0} uses {1} on the live node {2}.".format(in_use[0].name, target.label, in_use[0].node),
            "Its data may be alive: find out where its volume really is before anything is deleted.",
        )
    refusal = _judge_place(target, seen, claim)
    if refusal is not None:
        return refusal
    unmade = _judge_maker(target, seen)
    if unmade is not None:
        return unmade
    if on_lost:
        return _wait(
            "the pod {0} of the vanished node {1} is still registered; pod garbage collection takes it".format(
                on_lost[0].name, on_lost[0].node
            )
        )
    return Action(
        "delete_claim",
        "its volume {0} was on {1}, and no pod that was ever placed uses it".format(target.volume, target.lost.name),
    )


def _judge_maker(target: Target, seen: Seen) -> t.Optional[Action]:
    """None when something is there that makes the claim again once it is deleted."""
    workload = seen.workload
    if target.kind == "StatefulSet":
        return _judge_scale(target, workload)
    if workload is None:
        return _wait(
            "the Deployment {0} is not there, so nobody is known to make the claim again".format(target.workload)
        )
    if not workload.managed:
        return _refuse(
            "nobody_recreates",
            "nothing owns the Deployment {0}, so nothing would create it and {1} again.".format(
                target.workload, target.label
            ),
            "Recreate claim and Deployment by hand from their manifests.",
        )
    return None


def _judge_place(target: Target, seen: Seen, claim: Claim) -> t.Optional[Action]:
    """None when the claim's volume is proven to be on the lost node; else why it may not be deleted."""
    if claim.volume_name != target.volume:
        return _refuse(
            "other_volume",
            "{0} is bound to '{1}', not to {2} as planned.".format(target.label, claim.volume_name, target.volume),
            "Make the plan again.",
        )
    volume = seen.volume
    if volume is None:
        if claim.phase == "Lost":
            # The object is gone; UID and volume name are those of the plan, which saw it on the lost node.
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
    if not volumes.proven(volumes.found_by(volume.place, target.lost.site, others)):
        return _refuse(
            "not_on_lost_node",
            "the volume {0} of {1} is not on {2} alone: {3}.".format(
                volume.name, target.label, target.lost.name, volume.place
            ),
            "Its data may be alive: leave it, or settle by hand where it is.",
        )
    return None


def _is_blocked(target: Target, pod: Pod) -> bool:
    """Whether a pod was placed on a replacement that has the lost node's name, before its claim was recovered."""
    return target.lost.name == target.replacement == pod.node and pod.phase == "Pending"


def _judge_terminating(target: Target, seen: Seen, claim: Claim) -> Action:
    blocked = [pod for pod in seen.pods if _is_blocked(target, pod) and not pod.terminating]
    if blocked and claim.uid == target.claim_uid:
        return Action(
            "delete_pod",
            "it waits for the old volume, and the claim that is being deleted waits for it",
            pod=blocked[0],
        )
    users = ", ".join("{0} ({1})".format(pod.name, "on " + pod.node if pod.node else "not placed") for pod in seen.pods)
    placed = [pod for pod in seen.pods if pod.node]
    idle = [pod for pod in seen.pods if not pod.node and pod.phase == "Pending" and not pod.terminating]
    if idle and not placed and (claim.terminating_seconds or 0) >= CLAIM_TERMINATING_SECONDS:
        return Action(
            "delete_pod", "it was never placed, and the claim that is being deleted waits for it", pod=idle[0]
        )
    held = " by its finalizers {0}".format(", ".join(claim.finalizers)) if claim.finalizers else ""
    return _wait("the claim is being deleted and held{0}; pods that mount it: {1}".format(held, users or "none"))


def _judge_absent(target: Target, seen: Seen) -> Action:
    """The claim is gone and not there again."""
    workload = seen.workload
    if target.kind == "Deployment":
        if workload is not None and workload.uid == target.workload_uid:
            if not workload.managed:
                return _refuse(
                    "nobody_recreates",
                    "the Deployment {0} has no owner.".format(target.workload),
                    "Recreate its claim by hand.",
                )
            return Action("delete_workload", "its claim is gone; its operator creates claim and Deployment again")
        return _wait(
            "the operator has not yet created the claim {0} again (Deployment {1}: {2})".format(
                target.label, target.workload, "new" if workload else "absent"
            )
        )
    refusal = _judge_scale(target, workload)
    if refusal is not None:
        return refusal
    return _drop_stale_pod(seen, "") or _wait(
        "the StatefulSet {0} has not yet created the claim again".format(target.workload)
    )


def _judge_new(target: Target, seen: Seen, claim: Claim) -> Action:
    """Another claim has the name: is it bound, and does its pod run, where it should?"""
    if claim.terminating_seconds is not None:
        return _judge_terminating(target, seen, claim)
    if claim.phase == "Lost":
        return _refuse(
            "new_claim_lost",
            "the new claim {0} has lost its volume {1}.".format(target.label, claim.volume_name),
            "Make the plan again.",
        )
    for pod in seen.pods:
        gone = not pod.node or seen.node(pod.node) is None or pod.terminating or pod.phase in FINISHED
        if not gone and pod.node != target.replacement:
            return _elsewhere(target, "the pod {0} was placed on {1}".format(pod.name, pod.node))
    return _judge_bound(target, seen, claim) if claim.phase == "Bound" else _judge_unbound(target, seen, claim)


def _judge_unbound(target: Target, seen: Seen, claim: Claim) -> Action:
    if claim.selected_node and claim.selected_node != target.replacement:
        return _elsewhere(target, "a volume for it was asked on {0}".format(claim.selected_node))
    if _is_idle(seen):
        return Action(
            "done", "the claim is recreated; {0} has no replicas, so it stays unbound".format(target.workload)
        )
    refusal = _judge_scale(target, seen.workload) if target.kind == "StatefulSet" else None
    if refusal is not None:
        return refusal
    return _drop_stale_pod(seen, claim.created) or _wait("the new claim is not bound yet" + _hint(seen))


def _judge_bound(target: Target, seen: Seen, claim: Claim) -> Action:
    replacement = seen.node(target.replacement)
    if seen.volume is None or replacement is None:
        return _wait("the new volume {0} is not there yet".format(claim.volume_name))
    if not volumes.pinned_alone(seen.volume.place, replacement.site, seen.sites_but(target.replacement)):
        return _elsewhere(target, "its volume {0} is elsewhere ({1})".format(claim.volume_name, seen.volume.place))
    ready = [pod for pod in seen.pods if pod.node == target.replacement and pod.ready and not pod.terminating]
    if ready:
        return Action(
            "done",
            "it is bound on {0} and its pod {1} is Ready".format(target.replacement, ready[0].name),
            pod=ready[0],
        )
    if _is_idle(seen):
        return Action(
            "done",
            "it is bound on {0}; {1} has no replicas, so nothing runs".format(target.replacement, target.workload),
        )
    refusal = _judge_scale(target, seen.workload) if target.kind == "StatefulSet" else None
    return refusal or _wait(
        "the new claim is bound on {0}, its pod is not Ready{1}".format(target.replacement, _hint(seen))
    )


def _is_idle(seen: Seen) -> bool:
    """Whether the workload is there and told to run nothing."""
    return seen.workload is not None and seen.workload.replicas == 0


def _judge_scale(target: Target, workload: t.Optional[Workload]) -> t.Optional[Action]:
    """None when the StatefulSet is there and has the pod that mounts the claim."""
    if workload is None:
        return _refuse(
            "no_workload",
            "the StatefulSet {0} is gone.".format(target.workload),
            "Deploy it again; it creates its claim by itself.",
        )
    ordinal = target.claim.rsplit("-", 1)[-1]
    if ordinal.isdigit() and not workload.first <= int(ordinal) < workload.first + workload.replicas:
        return _refuse(
            "scaled_down",
            "the StatefulSet {0} has {1} replicas from number {3} on, so it does not create {2}.".format(
                workload.name, workload.replicas, target.label, workload.first
            ),
            "Scale it back, or drop this claim from the plan.",
        )
    return None


def _drop_stale_pod(seen: Seen, claim_created: str) -> t.Optional[Action]:
    """A pod that was made before the claim and never placed: controllers before 1.20 do not create its claim,
    schedulers may idle."""
    for pod in seen.pods:
        older = not claim_created or (pod.created != "" and pod.created < claim_created)
        if not pod.node and pod.phase == "Pending" and not pod.terminating and older:
            return Action("delete_pod", "it was made for the old claim and never placed", pod=pod)
        if pod.node and seen.node(pod.node) is None:
            return _wait("the pod {0} of the vanished node {1} is still registered".format(pod.name, pod.node))
    return None


def _hint(seen: Seen) -> str:
    hints = ["{0}: {1}".format(pod.name, pod.hint or pod.phase) for pod in seen.pods]
    return " ({0})".format("; ".join(hints) if hints else "no pod yet")


def _elsewhere(target: Target, what: str) -> Action:
    return _refuse(
        "landed_elsewhere",
        "{0}: {1}, not on the replacement {2}.".format(target.label, what, target.replacement),
        "Cordon the other nodes, look what the new volume holds, delete that claim and its pod, and run again.",
    )


def _wait(reason: str) -> Action:
    return Action("wait", reason)


def _refuse(code: str, seen: str, advice: str) -> Action:
    return Action("refuse", seen, code=code, advice=advice)
