"""Every reason not to replace a node now. Pure: what was found in, refusals out. docs/runbook.md has a section for each code."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import Target, removal, standing
from ansible_collections.cloudpods.ha.plugins.module_utils._format import human
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Refusal, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import checks_k3s, policy, view
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import choose_promotion

Refusals = t.Iterator[Refusal]

# What minio_health_info says of a deployment half of whose lost drives were already replaced; waiting helps.
_PASSING = {"healing", "drive_offline", "drives_missing"}


def reachability(cluster: Cluster) -> Refusals:
    """Could everybody be asked? When not, what else was found may be wrong, and nothing more is judged."""
    if not view.survivors(cluster):
        yield Refusal(
            "NO_SURVIVORS",
            "The inventory names no survivor.",
            "List the control-plane hosts that still live in the group 'survivors'.",
        )
    for host in cluster.hosts:
        if not host.reachable:
            code = "SURVIVOR_UNREACHABLE" if host.role == "survivor" else "REPLACEMENT_UNREACHABLE"
            advice = "Repair the connection to it; every {0} has to be asked before anything is changed.".format(
                host.role
            )
            yield Refusal(
                code,
                "The {0} {1} cannot be reached over SSH: {2}.".format(host.role, host.name, host.error.rstrip(".")),
                advice,
            )
        elif host.error:
            yield Refusal(
                "HOST_UNREADABLE",
                "On {0}: {1}.".format(host.name, host.error.rstrip(".")),
                "Repair the file by hand first.",
            )
    reachable = [host for host in view.survivors(cluster) if host.reachable]
    sick = [host for host in reachable if host.etcd_health != "ok"]
    if reachable and len(sick) == len(reachable):
        told = "; ".join("{0}: {1}".format(host.name, host.etcd_health or "no etcd answers on it") for host in sick)
        yield Refusal(
            "QUORUM_LOST",
            "No surviving etcd member can answer a linearizable read ({0}).".format(told),
            "A member can't be removed without quorum. Bring a second member back, or restore from a snapshot as docs/runbook.md says under QUORUM_LOST.",
        )
    if cluster.api_error:
        yield Refusal(
            "API_UNREACHABLE",
            "The cluster can't be asked: {0}.".format(cluster.api_error.rstrip(".")),
            "Give a working kubeconfig, or repair an API server on a survivor.",
        )


def identity(cluster: Cluster, request: Request) -> Refusals:
    """Is it clear which node is meant, and is it none of those that are to survive?"""
    for host in view.survivors(cluster):
        if request.provider and host.provider != request.provider:
            seen = "On {0} the control plane is run by {1}, not by {2}.".format(
                host.name, host.provider or "nothing that is known", request.provider
            )
            yield Refusal("PROVIDER_MISMATCH", seen, "Correct replace_master_provider or the inventory.")
    lost = cluster.lost
    if lost is None:
        names = ", ".join(sorted(node.name for node in cluster.nodes)) or "none"
        yield Refusal(
            "NODE_UNKNOWN",
            "Nothing in this cluster is or was called {0}: no Node, no etcd member, no volume, no journal. Its nodes are: {1}.".format(
                request.lost, names
            ),
            "Give the name or the internal address of the lost node in replace_master_lost.",
        )
        return
    for host in cluster.hosts:
        named = host.name == lost.name or host.hostname == lost.name or set(host.addresses) & set(lost.addresses)
        if named and host.role == "survivor":
            yield Refusal(
                "LOST_IS_SURVIVOR",
                "The lost node {0} is the survivor {1} of the inventory.".format(lost.name, host.name),
                "Take it out of the group 'survivors'.",
            )
    node = _node(cluster, lost)
    if node is not None and not node.control_plane and (not lost.uid or node.uid == lost.uid):
        seen = "{0} is a Node without a control-plane role label.".format(lost.name)
        yield Refusal(
            "NOT_A_MASTER",
            seen,
            "This playbook replaces control-plane nodes; a worker is replaced with kubectl delete node and a join.",
        )
    covered = {view.node_of(cluster, host) for host in cluster.hosts}
    for other in cluster.nodes:
        if other.control_plane and other.name != lost.name and other.name not in covered:
            seen = "The control-plane Node {0} ({1}) is no host of the inventory.".format(
                other.name, ", ".join(other.addresses)
            )
            yield Refusal("SURVIVOR_MISSING", seen, "Add it to the group 'survivors': every survivor has to be asked.")


def liveness(cluster: Cluster, request: Request) -> Refusals:
    """Is the node really gone? Deleting a Node whose machine still runs lets two writers exist (hazard N2)."""
    lost = cluster.lost
    if lost is None:
        return
    node = _node(cluster, lost)
    if node is not None and lost.uid and node.uid != lost.uid and _is_replacement(cluster, node):
        return
    returned = node is not None and bool(lost.uid) and node.uid != lost.uid
    fence = "Power the machine off for good, or set replace_master_fenced=true when it is certain that it can't write any more."
    if returned:
        seen = "The lost machine {0} is back: it registered itself as a new Node ({1}).".format(
            lost.name, "Ready" if node and node.ready else "not Ready"
        )
        yield Refusal(
            "LOST_NODE_RETURNED",
            seen,
            "Make it harmless first: ansible-playbook cloudpods.ha.retire_node -e retire_node_host={0}.".format(
                lost.name
            ),
        )
        return
    if not lost.probed and not request.fenced:
        yield Refusal(
            "NODE_UNPROBED",
            "No address of the lost node {0} is known, so it is not known whether it still runs.".format(lost.name),
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
            "The Node {0} is Ready; its kubelet was heard {1} s ago.".format(node.name, node.lease_age_seconds),
            fence,
        )
    elif not node.ready and not request.fenced and (node.down_seconds or 0) < request.minimum_down_seconds:
        since = (
            "for {0} s only".format(node.down_seconds) if node.down_seconds is not None else "for a time nobody knows"
        )
        yield Refusal(
            "NODE_DOWN_TOO_SHORT",
            "The Node {0} has been down {1}, which may be a reboot.".format(node.name, since),
            "Wait until it has been down for {0} s (replace_master_minimum_down), or fence it.".format(
                request.minimum_down_seconds
            ),
        )


def _is_replacement(cluster: Cluster, node: Node) -> bool:
    """Whether a Node with the lost one's name is the replacement, which took the name over, and not the old machine."""
    return any(
        host.role == "replacement"
        and set(host.addresses) & set(node.addresses)
        and (host.joined if not (host.machine_id and node.machine_id) else host.machine_id == node.machine_id)
        for host in cluster.hosts
    )


def taken_over(cluster: Cluster, lost: Lost) -> bool:
    """Whether what answers at the lost node's address is the replacement, known to be another machine."""
    return any(
        host.role == "replacement"
        and set(host.addresses) & set(lost.addresses)
        and replaces_in_place(cluster, host, lost)
        for host in cluster.hosts
    )


def membership(cluster: Cluster, target: t.Optional[Member], own_leftover: t.Optional[Member]) -> Refusals:
    """Does etcd keep its quorum? `own_leftover` is a member an interrupted join of ours left behind; it is dealt with by the join itself."""
    reached = [host for host in view.survivors(cluster) if host.reachable]
    if cluster.etcd.error and reached and not any(view.has_etcdctl(host) for host in reached):
        yield Refusal(
            "ETCDCTL_MISSING",
            "K3s brings no etcdctl, and none is on {0}.".format(" or ".join(host.name for host in reached)),
            "Give one with replace_master_etcdctl and replace_master_etcdctl_checksum, or install it on the survivors.",
        )
        return
    if cluster.etcd.error:
        yield Refusal(
            "ETCD_UNREADABLE",
            "etcd can't be asked: {0}.".format(cluster.etcd.error.rstrip(".")),
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
        told = "; ".join(
            text
            for names, text in (
                (sick, "etcd members not healthy: " + ", ".join(sick)),
                (down, "Nodes not Ready: " + ", ".join(down)),
            )
            if names
        )
        yield Refusal(
            "MORE_THAN_ONE_LOST",
            "{0} is not the only loss ({1}).".format(lost.name if lost else "The node", told),
            "Repair the others first; only one master is replaced at a time.",
        )


def replacement(
    cluster: Cluster,
    host: t.Optional[Host],
    request: Request,
    claims: t.Sequence[ClaimPlan],
    minio: t.Sequence[Json],
    *,
    joined: bool,
    resuming: bool,
) -> Refusals:
    """Can the replacement join, and does it have room for what it is to hold?"""
    if host is None:
        yield Refusal(
            "NO_REPLACEMENT",
            "The inventory names no replacement, or more than one.",
            "Put exactly one host into the group 'replacement'.",
        )
        return
    if host.join_running and not (resuming and cluster.provider == K3S.name):
        yield Refusal(
            "JOIN_RUNNING",
            "On the replacement {0} a join has been running for minutes ({1}).".format(
                host.name, "k3s" if cluster.provider == K3S.name else "kubeadm"
            ),
            "Let it end, or end it when it hangs, then run again.",
        )
    if not host.reachable or joined:
        return
    if not resuming:
        yield from _identity_of_replacement(cluster, host, fenced=request.fenced)
    yield from checks_k3s.versions(cluster, host) if cluster.provider == K3S.name else _versions(cluster, host)
    yield from _room(cluster, host, request, claims, minio)


def clocks(cluster: Cluster, request: Request) -> Refusals:
    """Do the clocks agree? Certificates and leases are judged by them."""
    told = [host for host in cluster.hosts if host.reachable]
    # What a slow connection took is no difference of clocks: only what is certain counts.
    pairs = [
        (fast.skew_seconds - fast.answer_seconds - slow.skew_seconds, slow.name, fast.name)
        for fast in told
        for slow in told
        if fast is not slow
    ]
    worst = max(pairs, default=(0.0, "", ""))
    if worst[0] > request.maximum_skew_seconds:
        seen = "The clocks of {1} and {2} differ by at least {0:.1f} s.".format(*worst)
        yield Refusal(
            "CLOCK_SKEW",
            seen,
            "Set them (chrony) first; at most {0} s are allowed.".format(request.maximum_skew_seconds),
        )


def volumes(claims: t.Sequence[ClaimPlan], request: Request) -> Refusals:
    """Does somebody decide about every lost claim, is it certain where its volume was, and is the loss of its data approved?"""
    for claim in claims:
        seen = "The claim {0} (volume {1}) was on the lost node: {2}.".format(
            policy.label(claim), claim.pv_name, claim.reason.rstrip(".")
        )
        if claim.code == "VOLUME_AMBIGUOUS":
            seen = "It is not certain that the volume {0} of {1} was on the lost node alone: {2}.".format(
                claim.pv_name, policy.label(claim), claim.reason
            )
            advice = "Find out where its data is before anything is deleted; if it lives, or is to be left alone, say ignore in replace_master_claim_policies."
            yield Refusal("VOLUME_AMBIGUOUS", seen, advice)
        elif claim.code == "CLAIM_HELD":
            advice = "Find out who set them and let that one take them back, or say ignore in replace_master_claim_policies; no finalizer is taken away here."
            yield Refusal("CLAIM_HELD", seen, advice)
        elif claim.code == "CLAIM_UNDECIDED":
            yield Refusal(
                "CLAIM_UNDECIDED",
                seen,
                "Decide about it in replace_master_claim_policies (heal, discard, hook or ignore), or approve its loss by name in replace_master_discard.",
            )
    lost = [claim for claim in claims if claim.code == "DISCARD_UNAPPROVED"]
    if lost:
        told = "; ".join(
            "{0}: {1}".format(policy.label(item), (item.loses or item.reason).rstrip(".")) for item in lost
        )
        yield Refusal(
            "DISCARD_UNAPPROVED",
            "Replacing the node makes new, empty volumes for claims whose data is lost with it, and nobody has approved that ({0}).".format(
                told
            ),
            "When nothing of it is to be saved, run again with {0} on the command line.".format(
                policy.argument([*request.discard, *map(policy.label, lost)])
            ),
        )


def drives(
    claims: t.Sequence[ClaimPlan], minio: t.Sequence[Json], approved: t.Sequence[str] = (), *, resuming: bool
) -> Refusals:
    """May the lost drives of each MinIO be replaced? After an interrupted run a drive may be healing because of us; then the recovery waits."""
    for group in dict.fromkeys(claim.group for claim in claims if claim.policy == "heal"):
        asked = next((item for item in minio if "{namespace}/{name}".format(**item) == group), None)
        if asked is None or asked["error"]:
            why = asked["error"].rstrip(".") if asked else "it was not asked"
            yield Refusal(
                "MINIO_UNREADABLE",
                "The MinIO {0} can't be judged: {1}.".format(group, why),
                "Its surviving pods must answer before a drive is replaced.",
            )
            continue
        gate = asked["gate"]
        if not gate["ok"] and not (resuming and set(gate["codes"]) <= _PASSING):
            seen = "A lost drive of the MinIO {0} must not be replaced now: {1}.".format(
                group, "; ".join(gate["sentences"])
            )
            advice = "Bring its other drives back, or wait until they have healed, then run again."
            if policy.is_alone(group, minio):
                names = [policy.label(claim) for claim in claims if claim.group == group]
                advice = "Its objects are gone with the drive. To start it empty, run again with {0} on the command line.".format(
                    policy.argument([*approved, *names])
                )
            yield Refusal("MINIO_UNSAFE", seen, advice)


def virtual_address(cluster: Cluster) -> Refusals:
    """Do the survivors agree about the VIP?"""
    try:
        choose_promotion(view.survivors(cluster), cluster.vip.holders)
    except Unsafe as exc:
        yield Refusal(exc.code, exc.seen, exc.advice)
    bare = [host.name for host in view.survivors(cluster) if host.keepalived is None]
    if cluster.vip.address and bare:
        seen = "{0} has no keepalived manifest, although the VIP is {1}.".format(
            " and ".join(bare), cluster.vip.address
        )
        yield Refusal("VIP_MANIFEST", seen, "Give it one like the other survivor's, as BACKUP with priority 90.")
    if len(cluster.vip.holders) > 1:
        seen = "The VIP {0} is on {1} at once.".format(cluster.vip.address, " and ".join(cluster.vip.holders))
        yield Refusal(
            "VIP_DUPLICATE",
            seen,
            "Find out why they don't hear each other's VRRP messages before the control plane is changed.",
        )
    lost = cluster.lost
    if lost and view.url_hosts([cluster.cluster_info_server]) & set(lost.addresses):
        seen = "The ConfigMap kube-public/cluster-info sends joining nodes to the lost node ({0}).".format(
            cluster.cluster_info_server
        )
        yield Refusal("CLUSTER_INFO_DEAD", seen, "Edit its 'server' to the VIP.")


def _joining(cluster: Cluster) -> t.Set[str]:
    """The Node an unfinished run of ours began to join: the join itself waits until it is Ready."""
    journal = cluster.journal or {}
    return {
        host.hostname
        for host in cluster.hosts
        if host.role == "replacement" and host.name == journal.get("joining") and not journal.get("finished")
    }


def _room(
    cluster: Cluster, host: Host, request: Request, claims: t.Sequence[ClaimPlan], minio: t.Sequence[Json]
) -> Refusals:
    """The new volumes come to the folder the lost ones were in, unless the operator names another."""
    paths = {item.uid: posixpath.dirname(item.path) for item in cluster.claims}
    need: t.Dict[str, int] = {}
    for item in claims:
        # Of a claim that an earlier run began the folder is not known any more; it is that of the others.
        folder = request.storage_path or paths.get(item.uid) or next(iter(paths.values()), "")
        if not folder:
            continue
        need[folder] = need.get(folder, 0) + room_for(item, minio)
    for folder, size in sorted(need.items()):
        free = host.free_bytes.get(folder)
        if size and free is None:
            seen = "It is not known how much is free under {0} on {1}.".format(
                folder or "the folder of the lost volumes", host.name
            )
            yield Refusal("DISK_SPACE", seen, "Name the folder of the local volumes in replace_master_storage_path.")
        elif size and free is not None and size > free:
            seen = "{0} has {1} free under {2}; the lost volumes need {3}.".format(
                host.name, human(free), folder, human(size)
            )
            yield Refusal("DISK_SPACE", seen, "Make room, or mount a larger disk there.")


def replaces_in_place(cluster: Cluster, host: Host, lost: Lost) -> t.Optional[bool]:
    """Whether a host with the lost node's name or address is another machine than the lost one; None when nobody can tell.

    Machines cloned from one image may share an ID, which then says nothing.
    """
    others = {node.machine_id for node in cluster.nodes if node.name != lost.name}
    known = host.machine_id and lost.machine_id and lost.machine_id not in others
    return host.machine_id != lost.machine_id if known else None


def _identity_of_replacement(cluster: Cluster, host: Host, *, fenced: bool) -> Refusals:
    advice = "Use a freshly installed host with its own name and address."
    lost = cluster.lost
    others = [node for node in cluster.nodes if node.name == host.hostname or set(node.addresses) & set(host.addresses)]
    others = [node for node in others if not (lost and node.name == lost.name and node.uid == lost.uid)]
    for node in others:
        seen = "The replacement {0} has the name or an address of the Node {1}.".format(host.name, node.name)
        yield Refusal("REPLACEMENT_IS_NODE", seen, advice)
    if lost and (host.hostname == lost.name or set(host.addresses) & set(lost.addresses)):
        another = replaces_in_place(cluster, host, lost)
        if another is False:
            yield Refusal(
                "REPLACEMENT_IS_LOST",
                "The replacement {0} is the lost machine itself: both have the machine ID {1}.".format(
                    host.name, lost.machine_id
                ),
                "Install the machine anew (which gives it another ID), or use another one.",
            )
        elif another is None and not fenced:
            yield Refusal(
                "REPLACEMENT_IS_LOST",
                "The replacement {0} has the name or an address of the lost node, and no machine ID tells them apart.".format(
                    host.name
                ),
                "Make sure that it was installed anew, then set replace_master_fenced=true.",
            )
    lost_member = view.lost_member(cluster)
    for member in cluster.etcd.members:
        named = view.node_of_member(cluster, member) == host.hostname
        if (named or view.url_hosts(member.peer_urls) & set(host.addresses)) and member is not lost_member:
            yield Refusal(
                "REPLACEMENT_IS_MEMBER",
                "The replacement {0} is the etcd member {1}.".format(host.name, member.name or member.id),
                advice,
            )
    if not others and (host.joined or host.etcd_data):
        found = "a kubelet that joined a cluster" if host.joined else "etcd data"
        program = (
            "docs/runbook.md says how, under REPLACEMENT_NOT_CLEAN,"
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
            seen = "{0} has {1} {2}; the survivors have {3}.".format(
                host.name, program, has or "not installed", " and ".join(sorted(wanted))
            )
            yield Refusal("VERSION_MISMATCH", seen, "Install exactly the survivors' version.")


def _node(cluster: Cluster, lost: Lost) -> t.Optional[Node]:
    return next((node for node in cluster.nodes if node.name == lost.name), None)


def room_for(claim: ClaimPlan, minio: t.Sequence[Json]) -> int:
    """Bytes the new volume needs at once. Volumes are thin: a drive that heals gets what its peers hold, a discarded one starts empty."""
    held = [
        item["drive_bytes"]
        for item in minio
        if claim.policy == "heal" and "{namespace}/{name}".format(**item) == claim.group
    ]
    # A tenth more: what a drive keeps beside the objects.
    return max((int(size * 1.1) for size in held if size), default=0)
