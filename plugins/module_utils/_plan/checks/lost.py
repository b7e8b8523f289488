"""Checks that the lost node is known, is not a survivor, and is really down."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S_MEMBER_NAME
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import BY_VOLUMES, Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Request
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view

Refusals = t.Iterator[Refusal]


def identity(cluster: Cluster, request: Request) -> Refusals:
    """Refuse a lost node that is unknown, a survivor, or a worker, and control-plane Nodes that the inventory lacks."""
    for host in view.survivors(cluster):
        if request.provider and host.provider != request.provider:
            observed = "{0} runs the control plane with {1}, not with {2}.".format(
                host.name, host.provider or "no known provider", request.provider
            )
            yield Refusal("PROVIDER_MISMATCH", observed, "Correct replace_master_provider or the inventory.")
    lost = cluster.lost
    if lost is None:
        names = ", ".join(sorted(node.name for node in cluster.nodes)) or "none"
        yield Refusal(
            "NODE_UNKNOWN",
            "This cluster has no trace of {0}: no Node, no etcd member, no volume, no journal. Its Nodes are: {1}.".format(
                request.lost, names
            ),
            "Set replace_master_lost to the name or the internal address of the lost node.",
        )
        return
    for host in cluster.hosts:
        # A Node's name need not be that of its host.
        own = host.node_name or host.hostname
        shared = sorted(set(host.addresses) & set(lost.addresses))
        named = lost.name in (host.name, own)
        if shared and not named and host.role == "survivor":
            # To take a healthy host out of the group could be what breaks the quorum.
            yield Refusal(
                "LOST_IS_SURVIVOR",
                "The survivor {1} carries {2}, which is an address of the lost node {0}.".format(
                    lost.name, host.name, ", ".join(shared)
                ),
                "If it is the lost node's machine, remove it from the group 'survivors'. If not, the address has moved: take it away from {0} first.".format(
                    host.name
                ),
            )
        if named and host.role == "survivor":
            yield Refusal(
                "LOST_IS_SURVIVOR",
                "The lost node {0} is the survivor {1} of the inventory.".format(lost.name, host.name),
                "Remove it from the group 'survivors'.",
            )
    node = _node(cluster, lost)
    if node is not None and not node.control_plane and (not lost.uid or node.uid == lost.uid):
        yield _no_master(cluster, node)
    members = cluster.etcd.members
    # Where Node and member of a master were removed by hand, one master is missing: their number is even.
    if lost.seen_in == BY_VOLUMES and len(members) % 2:
        yield Refusal(
            "NOT_A_MASTER",
            "Nothing but volumes names {0}: no Node, no etcd member, no journal. No master is missing beside the {1} members of etcd.".format(
                lost.name, len(members)
            ),
            "It looks like a worker: recover its claims by hand, see NOT_A_MASTER in docs/runbook.md.",
        )
    covered = {view.node_of(cluster, host) for host in cluster.hosts}
    for other in cluster.nodes:
        if other.control_plane and other.name != lost.name and other.name not in covered:
            observed = "The control-plane Node {0} ({1}) is not in the inventory.".format(
                other.name, ", ".join(other.addresses)
            )
            yield Refusal("SURVIVOR_MISSING", observed, "Add it to the group 'survivors': every survivor must be read.")


def _no_master(cluster: Cluster, node: Node) -> Refusal:
    member = view.lost_member(cluster)
    remedy = (
        "Don't treat it as a worker: a member has to be removed while the other members have quorum, and another server with etcd has to join. "
        "See NOT_A_MASTER in docs/runbook.md."
    )
    if (
        member is not None
        or K3S_MEMBER_NAME in node.annotations
        or any(item in node.labels for item in parse.ETCD_LABELS)
    ):
        return Refusal(
            "NOT_A_MASTER",
            "{0} is a Node without a control-plane role label, but it holds etcd{1}, which counts for the quorum.".format(
                node.name, ": the member {0}".format(member.name or member.id) if member else ""
            ),
            remedy,
        )
    if cluster.etcd.error or not cluster.etcd.members:
        return Refusal(
            "NOT_A_MASTER",
            "{0} is a Node without a control-plane role label, and whether it holds an etcd member, which counts for the quorum, is not known: {1}.".format(
                node.name, (cluster.etcd.error or "etcd listed no members").rstrip(".")
            ),
            remedy,
        )
    return Refusal(
        "NOT_A_MASTER",
        "{0} is a Node without a control-plane role label.".format(node.name),
        "This playbook replaces control-plane nodes; a worker is replaced with kubectl delete node and a join.",
    )


def liveness(cluster: Cluster, request: Request) -> Refusals:
    """Refuse a lost node that may still run: deleting its Node would allow two writers (hazard N2)."""
    lost = cluster.lost
    if lost is None:
        return
    node = _node(cluster, lost)
    if node is not None and lost.uid and node.uid != lost.uid and _is_replacement(cluster, node):
        return
    returned = node is not None and bool(lost.uid) and node.uid != lost.uid
    fence = "Power the machine off for good, or set replace_master_fenced=true if it certainly can't write any more."
    if returned:
        observed = "The lost machine {0} is back: it registered itself as a new Node ({1}).".format(
            lost.name, "Ready" if node and node.ready else "not Ready"
        )
        yield Refusal(
            "LOST_NODE_RETURNED",
            observed,
            "Retire it first: ansible-playbook cloudpods.ha.retire_node -e retire_node_host={0}.".format(lost.name),
        )
        return
    if not lost.probed and not request.fenced:
        known = ", ".join((*lost.addresses, *lost.outer_addresses))
        if known:
            yield Refusal(
                "NODE_UNPROBED",
                "None of the addresses of the lost node {0} ({1}) could be probed, so it may still run.".format(
                    lost.name, known
                ),
                fence,
            )
        else:
            yield Refusal(
                "NODE_UNPROBED",
                "No address of the lost node {0} is known, so it may still run.".format(lost.name),
                fence,
            )
    answers = [] if taken_over(cluster, lost) else lost.answers
    if answers and not request.fenced:
        yield Refusal(
            "NODE_ANSWERS",
            "The lost node {0} still accepts connections at {1}.".format(lost.name, ", ".join(answers)),
            fence,
        )
    if node is None:
        return
    if node.ready and not request.fenced:
        yield Refusal(
            "NODE_READY",
            "The Node {0} is Ready; last kubelet heartbeat {1}.".format(
                node.name,
                "at an unknown time" if node.lease_age_seconds is None else "{0} s ago".format(node.lease_age_seconds),
            ),
            fence,
        )
    # A kubelet renews its lease every 10 s. Whoever asks for a shorter silence than its 40 s gets that.
    elif not request.fenced and parse.kubelet_runs(node, limit=min(parse.LEASE_SECONDS, request.minimum_down_seconds)):
        yield Refusal(
            "NODE_READY",
            "The Node {0} is not Ready, but its kubelet still reports{1}.".format(
                node.name,
                "" if node.lease_age_seconds is None else "; last heartbeat {0} s ago".format(node.lease_age_seconds),
            ),
            "Wait until its condition Ready is Unknown, a minute after its last heartbeat. " + fence,
        )
    elif not node.ready and not request.fenced and (node.down_seconds or 0) < request.minimum_down_seconds:
        since = "for {0} s only".format(node.down_seconds) if node.down_seconds is not None else "for an unknown time"
        yield Refusal(
            "NODE_DOWN_TOO_SHORT",
            "The Node {0} has been down {1}, so it may be rebooting.".format(node.name, since),
            "Wait until it has been down for {0} s (replace_master_minimum_down), or fence the machine and set replace_master_fenced=true.".format(
                request.minimum_down_seconds
            ),
        )


def _is_replacement(cluster: Cluster, node: Node) -> bool:
    """Whether a Node with the lost node's name is the replacement, which took the name over, and not the old machine."""
    return any(
        host.role == "replacement"
        and set(host.addresses) & set(node.addresses)
        and (host.joined if not (host.machine_id and node.machine_id) else host.machine_id == node.machine_id)
        for host in cluster.hosts
    )


def taken_over(cluster: Cluster, lost: Lost) -> bool:
    """Whether the machine that answers at the lost node's address is the replacement, proven to be another machine."""
    return any(
        host.role == "replacement"
        and set(host.addresses) & set(lost.addresses)
        and replaces_in_place(cluster, host, lost)
        for host in cluster.hosts
    )


def replaces_in_place(cluster: Cluster, host: Host, lost: Lost) -> t.Optional[bool]:
    """Whether a host with the lost node's name or address is a different machine; None when unknown.

    Machines cloned from one image may share a machine ID, which then proves nothing.
    """
    others = {node.machine_id for node in cluster.nodes if node.name != lost.name}
    known = host.machine_id and lost.machine_id and lost.machine_id not in others
    return host.machine_id != lost.machine_id if known else None


def _node(cluster: Cluster, lost: Lost) -> t.Optional[Node]:
    return next((node for node in cluster.nodes if node.name == lost.name), None)
