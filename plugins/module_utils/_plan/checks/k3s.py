"""Refusals that apply to K3s only. Pure. docs/runbook.md has a section for each code."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    K3S,
    K3S_FINALIZER,
    K3S_MEMBER_ADDRESS,
    K3S_MEMBER_NAME,
    K3S_MEMBER_REMOVED,
    K3S_PROGRAM,
    K3S_TOKEN,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host, K3s
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view

Refusals = t.Iterator[Refusal]


def k3s(cluster: Cluster, node: t.Optional[Node], member: t.Optional[Member]) -> Refusals:
    """Yield the refusals that apply to K3s only. `node` and `member` are those of the lost master."""
    if cluster.provider != K3S.name:
        return
    found = _installed(cluster)
    if len({item.ca for item in found.values() if item.ca}) > 1:
        listed = ", ".join("{0}: {1}".format(name, item.ca[:12]) for name, item in sorted(found.items()))
        yield Refusal(
            "K3S_CA_MISMATCH",
            "The survivors do not share one server CA ({0}).".format(listed),
            "They belong to different clusters. Find out which survivors belong to the right one.",
        )
    for name, item in sorted(found.items()):
        if item.ca and item.token_ca and item.ca != item.token_ca:
            yield Refusal(
                "K3S_CA_MISMATCH",
                "The token of {0} names the CA {1}, but its cluster has the CA {2}.".format(
                    name, item.token_ca[:12], item.ca[:12]
                ),
                "The cluster would reject a server that joins with this token. Correct {0} on that host first.".format(
                    K3S_TOKEN
                ),
            )
    missing = [key for key in (K3S_MEMBER_NAME, K3S_MEMBER_ADDRESS) if node and not node.annotations.get(key)]
    if node is not None and node.annotations.get(K3S_MEMBER_REMOVED):
        missing = []  # the member was removed on request before, so K3s releases the Node
    if node is not None and missing and K3S_FINALIZER in node.finalizers:
        name = member.name if member else node.name + "-00000000"
        address = next(iter(view.url_hosts(member.peer_urls)), "") if member else "unknown"
        observed = "The Node {0} {1}: K3s looks up its etcd member by the annotation {2}, which is not set, and keeps its finalizer until then.".format(
            node.name,
            "hangs in deletion" if node.deleting else "would hang in deletion",
            " and ".join(missing),
        )
        yield Refusal(
            "K3S_NODE_HELD",
            observed,
            "Set the missing annotations: kubectl annotate node {0} {1}={2} {3}={4}, then run again.".format(
                node.name, K3S_MEMBER_NAME, name, K3S_MEMBER_ADDRESS, address
            ),
        )


def _installed(cluster: Cluster) -> t.Dict[str, K3s]:
    """K3s of each survivor that has it, by the host's name."""
    return {host.name: host.k3s for host in view.survivors(cluster) if host.k3s is not None}


def other_member(cluster: Cluster, node: t.Optional[Node], member: t.Optional[Member]) -> str:
    """Why K3s will not remove the lost member automatically, as a warning; empty when it will, or when there is no member to remove."""
    if cluster.provider != K3S.name or node is None or member is None:
        return ""
    name, address = node.annotations.get(K3S_MEMBER_NAME), node.annotations.get(K3S_MEMBER_ADDRESS)
    if not name or not address or (name == member.name and address in view.url_hosts(member.peer_urls)):
        return ""
    return "K3s will not remove the etcd member by itself: the Node {0} names {1} at {2}, the member is {3} at {4}. It is removed by its ID.".format(
        node.name, name, address, member.name, ", ".join(sorted(view.url_hosts(member.peer_urls)))
    )


def versions(cluster: Cluster, host: Host) -> Refusals:
    """K3s of another release could change etcd's data when it joins (hazard K9). A host without K3s gets the survivor's."""
    found = _installed(cluster)
    releases = {item.version for item in found.values()}
    if len(releases) > 1:
        listed = ", ".join("{0}: {1}".format(name, item.version) for name, item in found.items())
        yield Refusal(
            "VERSION_MISMATCH",
            "The survivors run different releases of K3s ({0}).".format(listed),
            "Upgrade them to one release first.",
        )
    elif host.k3s and (
        host.k3s.version not in releases or host.k3s.binary not in {item.binary for item in found.values()}
    ):
        yield Refusal(
            "VERSION_MISMATCH",
            "{0} has K3s {1}, which is not the program of the survivors ({2}).".format(
                host.name, host.k3s.version or "of an unknown release", " and ".join(sorted(releases))
            ),
            "Remove {0} there, so that the survivors' program is copied.".format(K3S_PROGRAM),
        )
    machines = {item.architecture for item in view.survivors(cluster) if item.k3s and item.architecture}
    if host.architecture and machines and host.architecture not in machines:
        yield Refusal(
            "VERSION_MISMATCH",
            "{0} is a {1} machine, the survivors are {2}.".format(
                host.name, host.architecture, " and ".join(sorted(machines))
            ),
            "Use a machine of the same architecture.",
        )
