"""Reads pods of DaemonSets: the Node of each, and why it is not Ready. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import pod_hint
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import DaemonPod

# Characters of a hint: the kubelet's may hold the whole output of a CNI plugin.
_HINT = 200


def pod_on(obj: Json, nodes: t.Collection[str]) -> t.Optional[DaemonPod]:
    """A pod of a DaemonSet on one of these Nodes, or to be placed there; None for every other pod."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    owner: Json = next((ref for ref in meta.get("ownerReferences") or [] if ref.get("controller")), {})
    if owner.get("kind") != "DaemonSet":
        return None
    node = next((name for name in (spec.get("nodeName"), *affine(spec)) if name), "")
    if node not in nodes:
        return None
    ready, said = _readiness(obj)
    return DaemonPod(
        namespace=meta["namespace"],
        name=meta["name"],
        daemon_set=printable(str(owner["name"])),
        node=node,
        ready=ready,
        hint="" if ready else said[:_HINT],
        host_network=bool(spec.get("hostNetwork")),
    )


def affine(spec: Json) -> t.List[str]:
    """The Nodes that a pod names in its affinity. A DaemonSet's pod that is not scheduled names its Node there."""
    return [
        value for term in _terms(spec) for field in term.get("matchFields") or [] for value in field.get("values") or []
    ]


def _terms(spec: Json) -> t.List[Json]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []


def _readiness(obj: Json) -> t.Tuple[bool, str]:
    """Whether a pod is Ready and stays, and if not, why."""
    status = obj.get("status") or {}
    if obj["metadata"].get("deletionTimestamp"):
        return False, "it is being deleted"
    condition: Json = next((item for item in status.get("conditions") or [] if item.get("type") == "Ready"), {})
    if condition.get("status") == "True":
        return True, ""
    words = condition.get("message") or status.get("message") or status.get("reason") or status.get("phase") or ""
    return False, pod_hint(obj) or printable(str(words)) or "no reason given"
