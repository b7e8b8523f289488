"""Decides the next safe action that replaces a claim whose volume died with its node by a new one on the replacement.

The order, whatever the release of Kubernetes: the lost Node is gone, its pod is gone, the claim is deleted, the claim
is gone, a Pending pod of the old claim is deleted, a new claim is bound on the replacement, its pod is
Ready there. Calls share no state, so a run may be killed after any action. Two rules are never
broken: a claim is deleted only when its volume is proven to be on the lost node, and a pod is deleted only when no
node was ever assigned to it, or when it waits on a replacement that took over the lost node's name: there the folder of
the old volume is blocked, so that it has not started.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import (
    Action,
    Seen,
    Target,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import refuse as _refuse
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import wait as _wait
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.old_claim import (
    FINISHED,
    drop_stale_pod,
    judge_absent,
    judge_old,
    judge_scale,
    judge_terminating,
)

# An object that terminates for longer than this is held by its finalizers (hazard S2).
HELD_SECONDS = 60
# Kubernetes' own finalizer, removed with the last pod that mounts the claim.
PVC_PROTECTION = "kubernetes.io/pvc-protection"


def decide(target: Target, seen: Seen) -> Action:
    """Return the next safe action for a claim. Each call judges only the live objects."""
    refused = _judge_nodes(target, seen)
    if refused is not None:
        return refused
    claim = seen.claim
    if claim is None:
        action = judge_absent(target, seen)
    elif claim.uid == target.claim_uid:
        action = judge_old(target, seen, claim)
    else:
        action = _judge_new(target, seen, claim)
    return _judge_held(target, seen, action) if action.kind == "wait" else action


def _judge_held(target: Target, seen: Seen, action: Action) -> Action:
    """Name the finalizers that may hold a wait, and stop waiting when they stay (hazard S2)."""
    claim = seen.claim
    going = claim is not None and claim.deleting_seconds is not None
    # A pod of a Deployment blocks nothing once the old claim is gone: the next pod has another name.
    in_the_way = target.kind == "StatefulSet" or going or (claim is not None and claim.uid == target.claim_uid)
    pods = [pod for pod in seen.pods if in_the_way and pod.deleting and pod.finalizers]
    if pods:
        names = "; ".join(
            "the pod {0}/{1} is Terminating and held by its finalizers {2}".format(
                target.namespace, pod.name, ", ".join(pod.finalizers)
            )
            for pod in pods
        )
        if max(pod.deleting_seconds or 0 for pod in pods) >= HELD_SECONDS:
            return _refuse_held(names)
        return _wait("{0}; {1}".format(action.reason, names))
    foreign = [item for item in claim.finalizers if item != PVC_PROTECTION] if claim is not None and going else []
    # While a scheduled pod exists, the claim would stay even without them.
    if claim is None or not foreign or any(pod.node for pod in seen.pods):
        return action
    if (claim.deleting_seconds or 0) < HELD_SECONDS:
        return action
    return _refuse_held(
        "the claim {0} is Terminating and held by its finalizers {1}".format(target.label, ", ".join(foreign))
    )


def _refuse_held(what: str) -> Action:
    return _refuse(
        "held_by_finalizer",
        "{0}, for more than {1} s.".format(what, HELD_SECONDS),
        "Find out which program set them and let it finish; no finalizer is removed here. Then run again.",
    )


def _judge_nodes(target: Target, seen: Seen) -> t.Optional[Action]:
    lost = seen.node(target.lost.name)
    if lost is not None and lost.uid == target.lost.uid:
        if lost.deleting:
            return _wait("the Node {0} is being deleted".format(lost.name))
        return _refuse(
            "lost_node_present",
            "the Node {0} is still registered.".format(lost.name),
            "Remove the Node first: while it exists, its pods may come back and its volumes count as in use.",
        )
    if lost is not None and lost.name != target.replacement:
        return _refuse(
            "lost_node_returned",
            "a Node named {0} is registered again with another UID: the old machine is probably powered on.".format(
                lost.name
            ),
            "Power the machine off or retire it, and delete that Node.",
        )
    replacement = seen.node(target.replacement)
    if replacement is None:
        return _refuse(
            "no_replacement", "there is no Node {0}.".format(target.replacement), "Join the replacement first."
        )
    if replacement.unschedulable:
        return _refuse(
            "replacement_cordoned",
            "the replacement {0} is cordoned, so no pod can start on it.".format(replacement.name),
            "Uncordon it, or find out why it was cordoned.",
        )
    if not replacement.ready:
        return _wait("the replacement {0} is not Ready".format(replacement.name))
    return None


def _judge_new(target: Target, seen: Seen, claim: Claim) -> Action:
    """Judge the new claim of that name: whether it is bound, and its pod is Ready, on the replacement."""
    if claim.deleting_seconds is not None:
        return judge_terminating(target, seen, claim)
    if claim.phase == "Lost":
        return _refuse(
            "new_claim_lost",
            "the new claim {0} has lost its volume {1}.".format(target.label, claim.pv_name),
            "Run again, to make a new plan.",
        )
    for pod in seen.pods:
        gone = not pod.node or seen.node(pod.node) is None or pod.deleting or pod.phase in FINISHED
        if not gone and pod.node != target.replacement:
            return _elsewhere(target, "the pod {0} was scheduled on {1}".format(pod.name, pod.node))
    return _judge_bound(target, seen, claim) if claim.phase == "Bound" else _judge_unbound(target, seen, claim)


def _judge_unbound(target: Target, seen: Seen, claim: Claim) -> Action:
    if claim.selected_node and claim.selected_node != target.replacement:
        return _elsewhere(target, "a volume for it was requested on {0}".format(claim.selected_node))
    if _is_idle(seen):
        return Action(
            "done", "the claim is recreated; {0} has no replicas, so it stays unbound".format(target.workload)
        )
    refusal = judge_scale(target, seen.workload) if target.kind == "StatefulSet" else None
    if refusal is not None:
        return refusal
    return drop_stale_pod(seen, claim.created) or _wait("the new claim is not bound yet" + _hint(seen))


def _judge_bound(target: Target, seen: Seen, claim: Claim) -> Action:
    replacement = seen.node(target.replacement)
    if seen.volume is None or replacement is None:
        return _wait("the new volume {0} does not exist yet".format(claim.pv_name))
    if not volumes.pinned_alone(seen.place, volumes.site(replacement), seen.sites_but(target.replacement)):
        return _elsewhere(target, "its volume {0} is elsewhere ({1})".format(claim.pv_name, seen.place))
    ready = [pod for pod in seen.pods if pod.node == target.replacement and pod.ready and not pod.deleting]
    if ready:
        return Action(
            "done",
            "it is bound on {0} and its pod {1} is Ready".format(target.replacement, ready[0].name),
            pod=ready[0],
        )
    if _is_idle(seen):
        return Action(
            "done",
            "it is bound on {0}; {1} has no replicas, so no pod runs".format(target.replacement, target.workload),
        )
    refusal = judge_scale(target, seen.workload) if target.kind == "StatefulSet" else None
    return refusal or _wait(
        "the new claim is bound on {0}, its pod is not Ready{1}".format(target.replacement, _hint(seen))
    )


def _is_idle(seen: Seen) -> bool:
    """Whether the workload exists and is scaled to zero."""
    return seen.workload is not None and seen.workload.replicas == 0


def _hint(seen: Seen) -> str:
    hints = ["{0}: {1}".format(pod.name, pod.hint or pod.phase) for pod in seen.pods]
    return " ({0})".format("; ".join(hints) if hints else "no pod yet")


def _elsewhere(target: Target, what: str) -> Action:
    return _refuse(
        "landed_elsewhere",
        "{0}: {1}, not on the replacement {2}.".format(target.label, what, target.replacement),
        "Cordon the other nodes, check the content of the new volume, delete that claim and its pod, then run again.",
    )
