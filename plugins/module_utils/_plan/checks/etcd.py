"""Checks that etcd keeps its quorum, and that the lost node is the only loss."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import Target, removal, standing
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view

Refusals = t.Iterator[Refusal]


def membership(cluster: Cluster, target: t.Optional[Member], own_leftover: t.Optional[Member]) -> Refusals:
    """Refuse a removal that would break the quorum. `own_leftover` is the member of an interrupted join of this collection; the join removes it."""
    reached = [host for host in view.survivors(cluster) if host.reachable]
    if cluster.etcd.error and reached and not any(view.has_etcdctl(host) for host in reached):
        yield Refusal(
            "ETCDCTL_MISSING",
            "K3s ships no etcdctl, and none was found on {0}.".format(" or ".join(host.name for host in reached)),
            "Set replace_master_etcdctl and replace_master_etcdctl_checksum, or install etcdctl on the survivors.",
        )
        return
    if cluster.etcd.error:
        yield Refusal(
            "ETCD_UNREADABLE",
            "etcd can't be read: {0}.".format(cluster.etcd.error.rstrip(".")),
            "Repair etcd on the survivors first.",
        )
        return
    lost = cluster.lost
    if target is not None and lost is not None:
        yield from removal(cluster.etcd, Target(id=target.id, peer_urls=target.peer_urls)).refusals
    else:
        yield from standing(cluster.etcd, ignored_id=own_leftover.id if own_leftover else "")
    sick = [
        member.name or member.id
        for member in cluster.etcd.members
        if not member.healthy and member not in (target, own_leftover)
    ]
    down = [
        node.name for node in cluster.nodes if node.control_plane and not node.ready and lost and node.name != lost.name
    ]
    down = [name for name in down if name not in _joining(cluster)]
    if sick or down:
        others = "; ".join(
            text
            for names, text in (
                (sick, "etcd members not healthy: " + ", ".join(sick)),
                (down, "Nodes not Ready: " + ", ".join(down)),
            )
            if names
        )
        yield Refusal(
            "MORE_THAN_ONE_LOST",
            "{0} is not the only loss ({1}).".format(lost.name if lost else "The node", others),
            "Repair the other losses first; only one master is replaced at a time.",
        )


def _joining(cluster: Cluster) -> t.Set[str]:
    """The Node that an unfinished run began to join: the join waits until it is Ready."""
    return {host.hostname for host in cluster.hosts if host.role == "replacement" and view.began_to_join(cluster, host)}
