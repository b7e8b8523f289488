"""Computes the labels and taints that match a new control-plane node to the survivors. Pure.

A taint that the survivors no longer have keeps every stateful pod Pending forever, and a missing label keeps Cloudpods off the node (hazard N6).
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node

# Domains of labels that belong to one Node: set by kubelet, the cloud, a storage driver, or a controller that looks at the hardware.
# Some are the end of a domain, such as cpu-feature.node.kubevirt.io.
_OWN_DOMAINS = re.compile(
    r"(?:.*\.)?(?:"
    # kubelet, clouds and where a machine stands
    r"(?:beta|node|nfd\.node|feature\.node)\.kubernetes\.io|failure-domain\.beta\.kubernetes\.io|topology\.[a-z0-9.-]+"
    r"|cloud\.google\.com|node\.cluster\.x-k8s\.io|karpenter\.sh|eks\.amazonaws\.com"
    # hardware
    r"|nvidia\.com|amd\.com|habana\.ai|huawei\.com|intel\.com|mellanox\.com"
    r"|kubevirt\.io|talos\.dev"
    # controllers
    r"|upgrade\.cattle\.io|k3s\.io|rke\.cattle\.io|(?<!svccontroller\.)k3s\.cattle\.io"
    r"|openebs\.io|csi\.[a-z0-9.-]+|[a-z0-9.-]+\.csi\.[a-z0-9.-]+|projectcalico\.org"
    r")|kubernetes\.io"
)
# Names that say where a machine stands or what it is made of, with any domain or none.
_OWN_WORDS = re.compile(
    r"(?:.*[/.])?(?:(?:rack|row|room|zone|region|dc|datacenter)(?:[._-](?:id|name))?|hostname|instance-type|accelerator"
    r"|(?:v?gpu|npu|mlu|dcu|xpu|fpga)(?:[._-].*)?)"
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
    wanted = {key: value for key, value in shared if not _is_own(key, value, survivors)}
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


def _is_own(key: str, value: str, survivors: t.Sequence[Node]) -> bool:
    """Whether a label belongs to one Node: by its key, or since its value names a survivor."""
    domain, _slash, _name = key.lower().rpartition("/")
    named = [text.lower() for node in survivors for text in (node.name, node.hostname_label) if text]
    names = {text.lower() for node in survivors for text in (node.uid, node.machine_id, *node.addresses)} | {*named}
    # A name may have its domain, in the label or in the Node's name.
    by_name = value.lower() in names or value.lower().split(".")[0] in {text.split(".")[0] for text in named}
    return bool(_OWN_DOMAINS.fullmatch(domain) or _OWN_WORDS.fullmatch(key.lower())) or (bool(value) and by_name)


def _identity(taint: Taint) -> t.Tuple[str, str, str]:
    return taint["key"], taint.get("value") or "", taint["effect"]


def _transient(taint: Taint) -> bool:
    return taint["key"].startswith(_TRANSIENT_TAINTS)
