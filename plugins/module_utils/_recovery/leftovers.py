"""Finds the objects that a lost node's volumes leave behind, and decides which may be deleted.

A provisioner before v0.0.33 creates a pod on the lost node to empty the volume's directory. The pod never runs, the volume
stays Released or Failed, and each retry creates another pod (hazard L1).
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes as k8s_volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Pod, Volume

# Kubernetes' own finalizer, removed with the claim.
PV_PROTECTION = "kubernetes.io/pv-protection"
HELPER_PREFIX = "helper-pod-delete-"


@dataclass(frozen=True)
class LeftVolume:
    """The decision on a volume of the plan: delete, keep (Retain), wait or refuse; with the reason."""

    volume: Volume
    act: str
    reason: str


def judge_left_volume(
    *,
    volume: Volume,
    place: k8s_volumes.Place,
    planned_uid: str,
    claim_uid: str,
    old_claim_present: bool,
    lost: Lost,
    nodes: t.Sequence[k8s_volumes.Site],
) -> LeftVolume:
    """Decide whether the object of a lost node's volume may be deleted. Its directory is unreachable either way
    (hazard L1). `nodes` are all registered nodes, `place` is the volume's place."""
    foreign = [item for item in volume.finalizers if item != PV_PROTECTION]
    held = "; its finalizers {0} hold it until their owner removes them".format(", ".join(foreign)) if foreign else ""
    if volume.uid != planned_uid or volume.claim_uid != claim_uid:
        return LeftVolume(volume, "refuse", "it is no longer the planned volume")
    others = [node for node in nodes if node.name != lost.name]
    if not k8s_volumes.proven(k8s_volumes.found_by(place, k8s_volumes.site(lost), others)):
        return LeftVolume(volume, "refuse", "it is not on {0} alone: {1}".format(lost.name, place))
    if len(others) < len(nodes):
        return LeftVolume(
            volume, "wait", "a Node {0} is registered, so the provisioner can delete the volume".format(lost.name)
        )
    if old_claim_present:
        return LeftVolume(volume, "wait", "its claim still exists")
    if volume.reclaim_policy == "Retain":
        return LeftVolume(volume, "keep", "its reclaim policy is Retain")
    if volume.deleting:
        return LeftVolume(volume, "wait", "it is being deleted" + held)
    if volume.phase not in ("Released", "Failed"):
        return LeftVolume(volume, "wait", "its phase is {0}".format(volume.phase))
    return LeftVolume(volume, "delete", "its claim and its node are gone" + held)


def stale_helper_pods(
    *, pods: t.Iterable[Pod], volumes: t.Collection[str], lost: Lost, node_present: bool
) -> t.Tuple[Pod, ...]:
    """Return the helper pods of these volumes that wait on the lost node. While a Node of that name is registered,
    none is stale."""
    if node_present:
        return ()
    names = {HELPER_PREFIX + volume for volume in volumes}
    return tuple(pod for pod in pods if pod.name in names and pod.node == lost.name)
