"""Checks that the replacement can join, is not a machine of this cluster, and has space for the new volumes."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    K3S,
    KUBEADM,
    kubeadm_api,
    lacks_join_phase,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._format import human
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import k3s
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks.lost import replaces_in_place

Refusals = t.Iterator[Refusal]


def replacement(
    cluster: Cluster,
    host: t.Optional[Host],
    request: Request,
    claims: t.Sequence[ClaimPlan],
    minio: t.Sequence[Json],
    *,
    lacking: t.Sequence[str],
    joined: bool,
    ours: t.Optional[t.Tuple[t.Optional[Node], t.Optional[Member]]] = None,
) -> Refusals:
    """Refuse a replacement that can't join, or lacks space for the new volumes.

    `lacking` are survivors' addresses of whose family the replacement has none.
    `ours` are the Node and the member that an interrupted join of ours made of this machine; None when there was no such join.
    """
    if host is None:
        yield Refusal(
            "NO_REPLACEMENT",
            "The inventory names no replacement, or more than one.",
            "Add exactly one host to the group 'replacement'.",
        )
        return
    if host.join_running and not (ours is not None and cluster.provider == K3S.name):
        yield Refusal(
            "JOIN_RUNNING",
            "On the replacement {0} a join has been running for minutes ({1}).".format(
                host.name, "k3s" if cluster.provider == K3S.name else "kubeadm"
            ),
            "Wait until it ends, or kill it if it hangs, then run again.",
        )
    if not host.reachable or joined:
        return
    if lacking:
        yield Refusal(
            "REPLACEMENT_NO_ADDRESS",
            "The survivors' Nodes have addresses like {0}, but the replacement {1} has none of that family on an interface that they reach ({2}).".format(
                " and ".join(lacking), host.name, ", ".join(host.addresses) or "no address"
            ),
            "Give it an address in the survivors' network.",
        )
    yield from _identity_of_replacement(cluster, host, ours, fenced=request.fenced)
    if cluster.provider == KUBEADM.name and request.join_method == "native":
        yield from _kubeadm(cluster.kubernetes_version, request)
    yield from k3s.versions(cluster, host) if cluster.provider == K3S.name else _versions(cluster, host)
    yield from _room(cluster, host, request, claims, minio)


def _kubeadm(version: str, request: Request) -> Refusals:
    if not kubeadm_api(version):
        yield Refusal(
            "KUBEADM_UNKNOWN",
            "It is not known which configuration kubeadm of {0} reads.".format(version or "this release"),
            "Update the collection, or join by hand (replace_master_join_method: manual).",
        )
    # kubeadm would stop at such a name when the member and the Node are gone.
    strange = [phase for phase in request.join_skip_phases if lacks_join_phase(version, phase)]
    if strange:
        yield Refusal(
            "KUBEADM_UNKNOWN",
            "kubeadm join of {0} has no phase {1}, which it is to skip.".format(version, " and ".join(strange)),
            "Remove it from replace_master_join_skip_phases.",
        )


def _room(
    cluster: Cluster, host: Host, request: Request, claims: t.Sequence[ClaimPlan], minio: t.Sequence[Json]
) -> Refusals:
    """New volumes are created in the folder of the lost ones, unless the operator sets another one."""
    paths = {item.uid: posixpath.dirname(item.path) for item in cluster.claims}
    need: t.Dict[str, int] = {}
    for item in claims:
        # The folder is no longer known for a claim that an earlier run began; it is the folder of the other claims.
        folder = request.storage_path or paths.get(item.uid) or next(iter(paths.values()), "")
        if not folder:
            continue
        need[folder] = need.get(folder, 0) + room_for(item, minio)
    for folder, size in sorted(need.items()):
        free = host.free_bytes.get(folder)
        if size and free is None:
            observed = "The free space under {0} on {1} is unknown.".format(
                folder or "the folder of the lost volumes", host.name
            )
            yield Refusal("DISK_SPACE", observed, "Set replace_master_storage_path to the folder of the local volumes.")
        elif size and free is not None and size > free:
            observed = "{0} has {1} free under {2}; the lost volumes need {3}.".format(
                host.name, human(free), folder, human(size)
            )
            yield Refusal("DISK_SPACE", observed, "Free some space, or mount a larger disk there.")


def _identity_of_replacement(
    cluster: Cluster,
    host: Host,
    ours: t.Optional[t.Tuple[t.Optional[Node], t.Optional[Member]]],
    *,
    fenced: bool,
) -> Refusals:
    """Is it no machine of this cluster, not the lost one, and clean? What our own join left on it is dealt with by the next join."""
    own_node, own_member = ours or (None, None)
    remedy = "Use a freshly installed host with its own name and address."
    lost = cluster.lost
    others = [node for node in cluster.nodes if node.name == host.hostname or set(node.addresses) & set(host.addresses)]
    others = [
        node
        for node in others
        if node is not own_node and not (lost and node.name == lost.name and node.uid == lost.uid)
    ]
    for node in others:
        observed = "The replacement {0} has the name or an address of the Node {1}.".format(host.name, node.name)
        yield Refusal("REPLACEMENT_IS_NODE", observed, remedy)
    if lost and (host.hostname == lost.name or set(host.addresses) & set(lost.addresses)):
        another = replaces_in_place(cluster, host, lost)
        if another is False:
            yield Refusal(
                "REPLACEMENT_IS_LOST",
                "The replacement {0} is the lost machine itself: both have the machine ID {1}.".format(
                    host.name, lost.machine_id
                ),
                "Reinstall the machine (which gives it another ID), or use another machine.",
            )
        elif another is None and not fenced:
            yield Refusal(
                "REPLACEMENT_IS_LOST",
                "The replacement {0} has the name or an address of the lost node, and no machine ID distinguishes the two.".format(
                    host.name
                ),
                "Make sure that the replacement was reinstalled, then set replace_master_fenced=true.",
            )
    lost_member = view.lost_member(cluster)
    for member in cluster.etcd.members:
        named = view.node_of_member(cluster, member) == host.hostname
        if (named or view.url_hosts(member.peer_urls) & set(host.addresses)) and member not in (
            lost_member,
            own_member,
        ):
            yield Refusal(
                "REPLACEMENT_IS_MEMBER",
                "The replacement {0} is the etcd member {1}.".format(host.name, member.name or member.id),
                remedy,
            )
    if ours is None and not others and (host.joined or host.etcd_data):
        found = "a kubelet that joined a cluster" if host.joined else "etcd data"
        program = (
            "see REPLACEMENT_NOT_CLEAN in docs/runbook.md,"
            if cluster.provider == K3S.name
            else "kubeadm reset on that host,"
        )
        yield Refusal(
            "REPLACEMENT_NOT_CLEAN",
            "The replacement {0} already has {1}.".format(host.name, found),
            "Reset it first: {0} after making sure that it is the right one.".format(program),
        )


def _versions(cluster: Cluster, host: Host) -> Refusals:
    kubelets = {
        node.kubelet_version
        for node in cluster.nodes
        if node.control_plane and cluster.lost and node.name != cluster.lost.name
    }
    kubeadms = {item.kubeadm_version for item in view.survivors(cluster) if item.kubeadm_version}
    for program, has, wanted in (
        ("kubelet", host.kubelet_version, kubelets),
        ("kubeadm", host.kubeadm_version, kubeadms or kubelets),
    ):
        if wanted and {has} != wanted:
            observed = "{0} has {1} {2}; the survivors have {3}.".format(
                host.name, program, has or "not installed", " and ".join(sorted(wanted))
            )
            yield Refusal("VERSION_MISMATCH", observed, "Install exactly the survivors' version.")


def room_for(claim: ClaimPlan, minio: t.Sequence[Json]) -> int:
    """Bytes that the new volume needs at once. Volumes are thin: a healed drive gets its peers' data, a discarded one starts empty."""
    held = [
        item["drive_bytes"]
        for item in minio
        if claim.policy == "heal" and "{namespace}/{name}".format(**item) == claim.group
    ]
    # A tenth more for the drive's own data.
    return max((int(size * 1.1) for size in held if size), default=0)
