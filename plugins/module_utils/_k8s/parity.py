"""Computes the labels and taints that match a new control-plane node to the survivors. Pure.

A taint that the survivors no longer have keeps every stateful pod Pending forever, and a missing label keeps Cloudpods off the node (hazard N6).
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node

# Set per node by kubelet or the cloud, or temporarily by the node controller.
_OWN_LABELS = (
    "kubernetes.io/",
    "beta.kubernetes.io/",
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
    "node.kubernetes.io/",
)
_TRANSIENT_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")

Taint = t.Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Parity:
    """The changes: labels to set, and the complete list of taints for the node."""

    labels: t.Mapping[str, str]
    taints: t.Tuple[Taint, ...]
    differs: bool


def parity(node: Node, survivors: t.Sequence[Node]) -> Parity:
    """Compare a node with the survivors. Only labels and taints that all survivors share are added; only a taint that no survivor has is removed."""
    shared = set.intersection(*({*other.labels.items()} for other in survivors)) if survivors else set()
    wanted = {key: value for key, value in shared if not key.startswith(_OWN_LABELS)}
    labels = {key: value for key, value in sorted(wanted.items()) if node.labels.get(key) != value}
    theirs = [[_identity(taint) for taint in other.taints] for other in survivors]
    kept = [taint for taint in node.taints if _transient(taint) or any(_identity(taint) in others for others in theirs)]
    have = {_identity(taint) for taint in kept}
    missing = [
        taint
        for taint in (survivors[0].taints if survivors else ())
        if not _transient(taint)
        and _identity(taint) not in have
        and all(_identity(taint) in others for others in theirs)
    ]
    taints = (*kept, *missing)
    return Parity(labels=labels, taints=taints, differs=bool(labels) or list(taints) != list(node.taints))


def _identity(taint: Taint) -> t.Tuple[str, str, str]:
    return taint["key"], taint.get("value") or "", taint["effect"]


def _transient(taint: Taint) -> bool:
    return taint["key"].startswith(_TRANSIENT_TAINTS)
