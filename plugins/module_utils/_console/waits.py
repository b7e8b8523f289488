"""What each waiting task waits for, and how long that usually takes: for the line that renews itself. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.progress import observed


@dataclasses.dataclass(frozen=True)
class Wait:
    """`what` completes 'waiting for ...'; `usual` says how long it usually takes, empty if it depends on the cluster; `count` names what is left."""

    what: str
    usual: str = ""
    count: str = ""


# By the name of the task without its role, up to the first templated word.
WAITS: t.Mapping[str, Wait] = {
    "cluster | Read the cluster": Wait("the survivors to be Ready", "a few seconds"),
    "plan | Read each MinIO that must heal, and prove its objects readable": Wait(
        "MinIO to say what it has lost", "10 to 20 s for each"
    ),
    "check | Wait until the Node is NotReady, unless it will be drained": Wait("the Node to be NotReady", "up to 40 s"),
    "check | Wait until the lost kubelet has stopped renewing its lease": Wait(
        "the lost kubelet's lease to age", "40 s"
    ),
    "drain | Evict the pods": Wait("the pods to be evicted", "depends on disruption budgets"),
    "drain | Wait until the evicted pods have terminated": Wait("the drained pods to end", "30 to 60 s", "pods"),
    "verify | Wait until the Node is gone": Wait("the Node object to go", "a few seconds"),
    "preflight | Wait until the pods of the lost node are deleted": Wait(
        "the pod collector to delete the lost Node's pods", "40 to 60 s", "pods"
    ),
    "verify | Wait until the stale VolumeAttachments are gone": Wait("stale VolumeAttachments to go", "a few seconds"),
    "act | Wait until K3s has removed the member": Wait("K3s to remove the etcd member", "up to 60 s"),
    "verify | Wait until the lost member is gone and every other member is healthy": Wait(
        "etcd to be healthy", "a few seconds"
    ),
    "act | Wait until keepalived has released the VIP for its restart": Wait("keepalived to restart", "5 s"),
    "wait | Wait until the chosen host carries the VIP": Wait("one host to carry the VIP", "5 to 10 s"),
    "wait | Wait until no other host carries the VIP": Wait("the other hosts to release the VIP", "a few seconds"),
    "wait | Wait until the API answers at the VIP": Wait("the API to answer at the VIP", "a few seconds"),
    "preflight | Wait until every survivor is Ready": Wait("every survivor to be Ready", "up to 40 s"),
    "kubeadm | reset | Wait until the Node of the replacement is not Ready": Wait(
        "the Node of the interrupted join to be NotReady", "up to 40 s"
    ),
    "ready | Wait until the Node is Ready": Wait("the new Node to be Ready", "20 to 60 s"),
    "verify | Wait until the etcd member of the replacement is a healthy voter": Wait(
        "the new etcd member to be a voter", "10 to 30 s"
    ),
    "verify | Wait until K3s reports the condition EtcdIsVoter": Wait("K3s to report EtcdIsVoter", "up to 60 s"),
    "verify | Wait until the API server of the replacement is ready": Wait("the new API server", "10 to 30 s"),
    "claims | Recreate the claims step by step": Wait("the new volumes and pods", "20 to 40 s"),
    "leftovers | Remove the old volumes and the provisioner's pods on the lost node": Wait(
        "the old volumes to be released", "10 to 30 s"
    ),
    "heal | Wait until all drives except the lost ones have healed": Wait("MinIO to heal"),
    "check_minio | Wait for the heal of an earlier run": Wait("the heal of an earlier run"),
    "read_minio | Wait until each MinIO reports whether a lost drive may be replaced": Wait(
        "MinIO to answer", "10 to 20 s while a peer is lost"
    ),
    "verify_minio | Wait until every pod answers the maintenance check correctly after the heal": Wait(
        "every MinIO pod to answer correctly", "up to 2 min"
    ),
    "judge | Read the cluster": Wait("the pods of the replacement to run", "up to 60 s"),
}


def of(task: str) -> t.Optional[Wait]:
    """The wait of a task, by its full name; None if it is not known to wait."""
    bare = task.partition(" : ")[2] or task
    return next((wait for name, wait in WAITS.items() if bare.startswith(name)), None)


def left(wait: Wait, result: t.Mapping[str, t.Any]) -> str:
    """How far a wait is, from the result of an attempt: what is left, or what was seen last. Empty if it says nothing."""
    resources = result.get("resources")
    if wait.count and isinstance(resources, (list, tuple)):
        return "{0} {1} left".format(len(resources), wait.count)
    for found in (result.get("problems"), _sentences(result.get("deployments")), result.get("msg")):
        if isinstance(found, str) and found:
            return observed(found)
        if isinstance(found, (list, tuple)) and found:
            return observed(str(found[0]))
    return ""


def _sentences(deployments: t.Any) -> t.List[t.Any]:
    """Why drives of the MinIOs that a task read may not be replaced."""
    looks = deployments if isinstance(deployments, (list, tuple)) else ()
    gates = [item.get("gate") for item in looks if isinstance(item, t.Mapping)]
    found = [gate.get("sentences") for gate in gates if isinstance(gate, t.Mapping)]
    return [text for texts in found if isinstance(texts, (list, tuple)) for text in texts]
