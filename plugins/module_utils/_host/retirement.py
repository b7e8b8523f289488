"""Decides whether a machine may be retired, and what remains to be harmless. Pure.

A machine may be retired if it was a master once and is no longer part of the cluster.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS, Provider
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Residue

_UNTOUCHED = "The machine was not changed."


@dataclasses.dataclass(frozen=True)
class Retirement:
    """The decision: the Node object to delete (its name and UID, empty without one), and `needed` if there is anything to do."""

    node_name: str
    node_uid: str
    needed: bool


def decide(
    residue: Residue, *, nodes: t.Sequence[Node], etcd: Etcd, vip: str, ca_digest: str, provider: str = "kubeadm"
) -> Retirement:
    """Return the decision. Raises Unsafe if the machine is, or may be, in use by this cluster or another.

    `ca_digest` and `provider` are a survivor's. The VIP identifies no machine.
    """
    own = set(residue.addresses) - {vip}
    _refuse_members(residue.hostname, own, etcd, PROVIDERS[provider])
    _refuse_foreign_etcd(nodes, etcd)
    found = [node for node in nodes if _is_machine(node, residue.hostname, own)]
    if len(found) > 1:
        raise Unsafe(
            "AMBIGUOUS_NODE",
            "{0} matches several Nodes: {1}.".format(residue.hostname, ", ".join(sorted(node.name for node in found))),
            "Two machines share a name or an address. Correct that first.",
        )
    halfway = bool(residue.retired) and not residue.running
    if found and not residue.control_plane and not halfway:
        raise Unsafe(
            "NOT_A_MASTER",
            "{0} is the Node {1}, and no trace of a control plane was found on it.".format(
                residue.hostname, found[0].name
            ),
            "It looks like a worker in use. {0}".format(_UNTOUCHED),
        )
    if (residue.control_plane or residue.running) and (not ca_digest or residue.ca_digest != ca_digest):
        raise Unsafe(
            "OTHER_CLUSTER",
            "the certificate authority on {0} is not that of this cluster.".format(residue.hostname),
            "It may serve another cluster. {0}".format(_UNTOUCHED),
        )
    node = found[0] if found else None
    return Retirement(
        node_name=node.name if node else "",
        node_uid=node.uid if node else "",
        needed=bool(left(residue, nodes=nodes, vip=vip)),
    )


def left(residue: Residue, *, nodes: t.Sequence[Node], vip: str, node_name: str = "") -> t.List[str]:
    """What makes a machine harmful, in words: on the machine itself, and its Node objects. Empty if it is harmless.

    `node_name` is the Node that was deleted, which may have another name than the machine.
    """
    own = set(residue.addresses) - {vip}
    found = [node.name for node in nodes if _is_machine(node, residue.hostname, own) or node.name == node_name]
    return [*residue.harms, *("the Node object {0}".format(name) for name in sorted(found))]


def _refuse_members(hostname: str, own: t.AbstractSet[str], etcd: Etcd, provider: Provider) -> None:
    if etcd.error or not etcd.members:
        raise Unsafe(
            "ETCD_UNKNOWN",
            "the etcd members could not be listed: {0}.".format((etcd.error or "the list is empty").rstrip(".")),
            "Without the member list it is unknown whether this machine is a member. Repair etcd first.",
        )
    for member in etcd.members:
        if provider.node_of_member(member.name) == hostname or _hosts(member) & own:
            raise Unsafe(
                "CURRENT_MEMBER",
                "{0} is the etcd member {1} ({2}).".format(
                    hostname, member.name or member.id, ", ".join(member.peer_urls) or "no peer URL"
                ),
                "A member is replaced with replace_master, never retired. {0}".format(_UNTOUCHED),
            )


def _refuse_foreign_etcd(nodes: t.Sequence[Node], etcd: Etcd) -> None:
    """The member list identifies masters only where each master runs a member."""
    masters = [node for node in nodes if node.control_plane and node.ready]
    stacked = [n for n in masters if any(m.name == n.name or _hosts(m) & set(n.addresses) for m in etcd.members)]
    if not stacked:
        raise Unsafe(
            "ETCD_ELSEWHERE",
            "no Ready control-plane Node of this cluster is an etcd member.",
            "The member list does not show which machines are in use. {0}".format(_UNTOUCHED),
        )


def _is_machine(node: Node, hostname: str, own: t.AbstractSet[str]) -> bool:
    return hostname in (node.name, node.hostname_label) or bool(own & set(node.addresses))


def _hosts(member: Member) -> t.Set[str]:
    return {urllib.parse.urlsplit(url).hostname or "" for url in (*member.peer_urls, *member.client_urls)}
