"""The control plane at one moment, for the report's drawing: machines, their etcd members, the holder of the VIP. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view


def control_plane(cluster: Cluster) -> Json:
    """Return {vip, workers, nodes: [{name, address, node, lost, holds_vip, member}]}.

    `node` is 'ready', 'not_ready' or 'gone'; `member` is {name, learner, healthy}, or None where the machine has none.
    Neither UID nor ID is in it: a refused plan has it too, and names nothing to act on. A machine is listed if it has a control-plane Node or an etcd member.
    """
    lost = cluster.lost.name if cluster.lost else ""
    gone = view.lost_member(cluster)
    members = {
        (
            lost if gone is not None and member.id == gone.id else view.node_of_member(cluster, member) or member.id
        ): member
        for member in cluster.etcd.members
    }
    holders = {view.node_of(cluster, host) or host.name for host in cluster.hosts if host.name in cluster.vip.holders}
    masters = {node.name: node for node in cluster.nodes if node.control_plane}
    nodes = []
    for name in sorted({*masters, *members} - {""}):
        node = masters.get(name)
        # A machine that has taken the lost one's name over is not lost.
        is_lost = name == lost and (node is None or cluster.lost is None or node.uid == cluster.lost.uid)
        addresses = node.addresses if node else cluster.lost.addresses if is_lost and cluster.lost else ()
        nodes.append(
            {
                "name": name,
                "address": addresses[0] if addresses else "",
                "node": "gone" if node is None else "ready" if node.ready else "not_ready",
                "lost": is_lost,
                "holds_vip": name in holders,
                "member": _member(members.get(name)),
            }
        )
    return {"vip": cluster.vip.address, "workers": len(cluster.nodes) - len(masters), "nodes": nodes}


def _member(member: t.Optional[Member]) -> t.Optional[Json]:
    if member is None:
        return None
    return {"name": member.name, "learner": member.learner, "healthy": member.healthy}
