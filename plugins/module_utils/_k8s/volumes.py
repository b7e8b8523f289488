"""Finds the node of a PersistentVolume's data, by the volume's own fields. Pure.

Two different questions: a volume that is *pinned* to a node can't be used without it, and its data is lost with it; a volume that *fits*
a node may be used there. A volume that fits another registered node never counts as lost.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node

HOSTNAME_LABEL = "kubernetes.io/hostname"
# rancher.io/local-path annotates the volume with the name of the Node, not its hostname label (hazard L2).
SELECTED_NODE = "local.path.provisioner/selected-node"
# Sources with data on a node's own disk. The data of any other source is elsewhere, whatever the affinity says.
CSI = "csi"
HOST_FOLDERS = ("hostPath", "local")
_NODE_NAME_FIELD = "metadata.name"
_ZONES = ("/zone", "/region", "-zone", "-region")
_OLD_ZONES = "failure-domain.beta."
# Mappings in the spec of a PersistentVolume besides its source.
_NO_SOURCE = ("capacity", "claimRef", "nodeAffinity")


@dataclass(frozen=True)
class Site:
    """A Node with the names that a volume may use. `labels` are empty for a node that is gone."""

    name: str
    hostname: str
    labels: t.Mapping[str, str] = field(default_factory=dict)


def site(node: t.Union[Node, Lost]) -> Site:
    """A Node, or the lost one, with the names that volumes use."""
    return Site(node.name, node.hostname_label, node.labels if isinstance(node, Node) else {})


@dataclass(frozen=True)
class Requirement:
    """One expression of a node affinity, on a label of the Node, or on a field of it."""

    key: str
    operator: str
    values: t.Tuple[str, ...] = ()
    on_field: bool = False


@dataclass(frozen=True)
class Place:
    """The place of a volume. `terms` is its node affinity: one term must hold, with all its requirements.

    `kind` is hostPath, local, the CSI driver's name, or the key of another source; `annotated` is the provisioner's annotation. `may_be_local`: the data may be
    on the node's own disk.
    """

    kind: str = ""
    terms: t.Tuple[t.Tuple[Requirement, ...], ...] = ()
    annotated: str = ""
    may_be_local: bool = False

    def __str__(self) -> str:
        """The volume's place in words, for a sentence."""
        terms = [
            " and ".join(" ".join((item.key, item.operator, ",".join(item.values))).strip() for item in term)
            or "anything"
            for term in self.terms
        ]
        return "affinity {0}, provisioner's annotation '{1}'".format(" or ".join(terms) or "none", self.annotated)


def place(volume: Json) -> Place:
    """Read a PersistentVolume."""
    spec = volume.get("spec") or {}
    source = next((key for key, value in spec.items() if isinstance(value, dict) and key not in _NO_SOURCE), "")
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    return Place(
        kind=str(spec[CSI].get("driver") or CSI) if source == CSI else source,
        terms=tuple(
            (
                *(_requirement(item) for item in term.get("matchExpressions") or []),
                *(_requirement(item, on_field=True) for item in term.get("matchFields") or []),
            )
            for term in terms
        ),
        annotated=(volume["metadata"].get("annotations") or {}).get(SELECTED_NODE, ""),
        may_be_local=source in (*HOST_FOLDERS, CSI),
    )


def _requirement(expression: Json, *, on_field: bool = False) -> Requirement:
    return Requirement(
        key=expression.get("key") or "",
        operator=expression.get("operator") or "",
        values=tuple(expression.get("values") or ()),
        on_field=on_field,
    )


def pinned(where: Place, node: Site) -> bool:
    """Whether the volume can be used only on this node. Without an affinity there is no proof."""
    return bool(where.terms) and all(
        any(_names(item, node) for item in term)
        # Contradicting requirements prove nothing.
        and all(
            _holds(item, node) or _names(item, node) for item in term if item.on_field or item.key == HOSTNAME_LABEL
        )
        for term in where.terms
    )


def fits(where: Place, node: Site) -> bool:
    """Whether the affinity allows the volume on this node, as the scheduler reads it; True in doubt."""
    return not where.terms or any(all(_holds(item, node) for item in term) for term in where.terms)


def pinned_alone(where: Place, node: Site, others: t.Iterable[Site]) -> bool:
    """Whether the volume is on this node, and on no other registered one."""
    others = tuple(others)
    # A label that others have too names neither this node nor another one.
    own = {
        key: value for key, value in node.labels.items() if not any(other.labels.get(key) == value for other in others)
    }
    return pinned(where, replace(node, labels=own)) and not _usable(where, others)


def _usable(where: Place, nodes: t.Iterable[Site]) -> bool:
    """Whether the volume may be used on one of these nodes, by their labels, or by a name of theirs."""
    return any(fits(where, node) or pinned(where, replace(node, labels={})) for node in nodes)


def found_by(where: Place, lost: Site, others: t.Sequence[Site], *, used_there: bool = False) -> t.Tuple[str, ...]:
    """Why a volume counts as being on the lost node; empty if it does not. `others` are all other registered Nodes.

    'affinity', 'annotation' (the provisioner's), or both. 'label' stands for an affinity that leaves only the lost Node, but by labels: by one that no other
    has, or, for a folder, which is on some node in any case, by all that it asks for. 'conflict' is added if affinity and annotation disagree, 'elsewhere'
    if the data is not on the node's own disk by the kind of its source. 'pod': neither exists, and a pod that used it was on the lost node (`used_there`).
    """
    by_affinity = pinned_alone(where, replace(lost, labels={}), others)
    by_label = not by_affinity and (pinned_alone(where, lost, others) or _folder_alone(where, lost, others))
    foreign = {name for other in others for name in (other.name, other.hostname)}
    by_annotation = bool(where.annotated) and where.annotated in {lost.name, lost.hostname} - (foreign - {lost.name})
    found = [
        word for word, is_so in (("affinity", by_affinity), ("label", by_label), ("annotation", by_annotation)) if is_so
    ]
    if found and where.terms and where.annotated and (by_affinity or by_label) != by_annotation:
        found.append("conflict")
    if found and not where.may_be_local:
        found.append("elsewhere")
    if not found and used_there and where.kind in HOST_FOLDERS and not where.terms and not where.annotated:
        found.append("pod")
    return tuple(found)


def _folder_alone(where: Place, lost: Site, others: t.Sequence[Site]) -> bool:
    known = bool(where.terms and lost.labels and others)
    return where.kind in HOST_FOLDERS and known and fits(where, lost) and not _usable(where, others)


def proven(reasons: t.Collection[str]) -> bool:
    """Whether the reasons of found_by are sufficient to delete the volume's dependents."""
    return "affinity" in reasons and "conflict" not in reasons


def _names(item: Requirement, node: Site) -> bool:
    """Whether the requirement allows this node and no other."""
    if item.operator != "In" or not item.values:
        return False
    if item.on_field:
        allowed = {node.name} if item.key == _NODE_NAME_FIELD else set()
    elif item.key == HOSTNAME_LABEL:
        # Provisioners put the Node's name there too where its label differs, and the label into their annotation.
        allowed = {node.hostname, node.name}
    elif item.key.endswith(_ZONES) or item.key.startswith(_OLD_ZONES):
        allowed = set()
    else:
        # A driver's own key: most contain the node's name, some an identity that only the Node's label has.
        allowed = {node.name, node.hostname, node.labels.get(item.key, node.name)}
    return set(item.values) <= allowed


def _holds(item: Requirement, node: Site) -> bool:
    value: t.Optional[str]
    if item.on_field:
        if item.key != _NODE_NAME_FIELD:
            return True
        value = node.name
    else:
        value = node.hostname if item.key == HOSTNAME_LABEL else node.labels.get(item.key)
    if item.operator == "In":
        return value in item.values
    if item.operator == "NotIn":
        return value not in item.values
    if item.operator == "Exists":
        return value is not None
    if item.operator == "DoesNotExist":
        return value is None
    if item.operator in ("Gt", "Lt") and item.values:
        limit, own = _whole(item.values[0]), _whole(value)
        # As the scheduler reads it: what is no number is neither greater nor less.
        return limit is not None and own is not None and (own > limit if item.operator == "Gt" else own < limit)
    return True


def _whole(text: t.Optional[str]) -> t.Optional[int]:
    return int(text) if text is not None and re.fullmatch(r"[+-]?[0-9]+", text) else None
