"""Reads the cluster through the API and combines the answers. Changes nothing."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, K3S_NODE_SECRET
from ansible_collections.cloudpods.ha.plugins.module_utils._format import address
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import configuration, daemons, parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import journal as k8s_journal
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes as k8s_volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.mounts import Mounts, Wanted
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import BY_VOLUMES, Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import (
    Claim,
    Node,
    ObjectRef,
    Pod,
    Volume,
)

JOURNAL_LABEL = "ha.cloudpods.org/journal"
VOLUMES = "/api/v1/persistentvolumes"
NODES = "/api/v1/nodes"
ONECLOUD = "/apis/onecloud.yunion.io/v1alpha1/onecloudclusters"


def read(api: KubeApi, *, provider: str, lost_name: str, replacement: str = "") -> Cluster:
    """Read everything that discovery needs for a lost node, given by name or address. `lost` is None if the API has no trace of it.

    With the name of the `replacement`'s Node, the pods of DaemonSets on control-plane Nodes are kept too.
    Of the long lists only what the losses concern is kept, page by page: memory grows with the losses, not with the cluster.
    """
    leases = api.items("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
    found = api.items(NODES)
    # The survivors' clocks are compared with each other; that of the lost machine, or of a worker, may be wrong.
    clocks = [
        item["metadata"]["name"]
        for item in found
        if parse.is_master(item) and not _is_named(lost_name, item["metadata"]["name"], parse.internal_addresses(item))
    ]
    now, own = parse.newest_lease(leases, clocks), {lease["metadata"]["name"]: [lease] for lease in leases}
    nodes = tuple(parse.node(item, leases=own.get(item["metadata"]["name"], ()), now=now) for item in found)
    journals = [
        k8s_journal.parse(item)
        for item in api.items("/api/v1/namespaces/kube-system/configmaps", labelSelector=JOURNAL_LABEL)
    ]
    journal = _journal_of(lost_name, journals, nodes)
    lost = _find_lost(lost_name, nodes, journal)
    where = _Whereabouts(nodes, lost, journal)
    volumes = api.items(VOLUMES, keep=where.may_lose)
    # Nothing else knows the name: it is a lost node's if a volume is.
    known = lost.seen_in != BY_VOLUMES or any(where.reasons(volume) for volume in volumes)
    cluster = Cluster(
        provider=provider,
        server=api.server,
        kubernetes_version=(api.get("/version") or {}).get("gitVersion", ""),
        now=now,
        nodes=nodes,
        lost=lost if known else None,
        replacement=replacement if known else "",
        journal=journal,
        cluster_info_server=_cluster_info_server(api),
        kubeadm_settings=configuration.kubeadm_settings(_kubeadm_config(api)),
        cloudpods=parse.cloudpods(api.items_if_served(ONECLOUD)),
    )
    return _with_losses(api, cluster, lost, where, volumes) if known else cluster


def settled(cluster: Cluster) -> bool:
    """Whether every control-plane Node but the lost one is Ready. A kubelet may miss its heartbeats for some seconds after the VIP has moved."""
    lost = cluster.lost.name if cluster.lost else ""
    return not cluster.api_error and all(
        node.ready for node in cluster.nodes if node.control_plane and node.name != lost
    )


def _is_named(wanted: str, name: str, addresses: t.Iterable[str]) -> bool:
    return wanted == name or address(wanted) in map(address, addresses)


def _journal_of(wanted: str, journals: t.Iterable[Json], nodes: t.Sequence[Node]) -> t.Optional[Json]:
    """The journal of this loss. An address may have been that of several machines: the one that has it now counts, then an unfinished replacement."""
    found = [item for item in journals if _is_named(wanted, item["lost"]["name"], item["lost"]["addresses"])]
    found.sort(key=lambda item: (item["lost"]["name"] != wanted, bool(item.get("finished"))))
    return next(
        (item for item in found if not _lives_again(item, nodes) and not _passed_on(item, wanted, nodes)),
        None,
    )


def _passed_on(journal: Json, wanted: str, nodes: t.Sequence[Node]) -> bool:
    """Whether the address by which the loss is given belongs to another master since that replacement ended. Its own heir is no new loss while it is Ready."""
    known = journal["lost"]
    return (
        bool(journal.get("finished"))
        and known["name"] != wanted
        and any(
            node.control_plane
            and _is_named(wanted, node.name, node.addresses)
            and node.name != known["name"]
            and node.uid != known["uid"]
            and not (node.name == journal.get("node") and node.ready)
            for node in nodes
        )
    )


def _lives_again(journal: Json, nodes: t.Sequence[Node]) -> bool:
    """Whether the name of an earlier replaced node now belongs to a new master, which was joined, and not to a returned kubelet.

    A replacement with the same name is not a new loss while it is Ready.
    """
    known = journal["lost"]
    heir = known["name"] == journal.get("node")
    return bool(journal.get("finished")) and any(
        node.name == known["name"] and node.uid != known["uid"] and node.control_plane and not (heir and node.ready)
        for node in nodes
    )


def _find_lost(wanted: str, nodes: t.Sequence[Node], journal: t.Optional[Json]) -> Lost:
    """The lost node by its journal, or by its Node; without both, the name alone, which volumes may still have."""
    found = next((node for node in nodes if _is_named(wanted, node.name, node.addresses)), None)
    if journal is not None:
        # The journal was written while the node was known: its identity has precedence over a returned machine's.
        known = journal["lost"]
        seen_in = ("journal", "node") if found else ("journal",)
        return Lost(
            name=known["name"],
            addresses=tuple(known["addresses"]),
            hostname_label=known["hostname_label"],
            uid=known["uid"],
            member_id=known.get("member_id"),
            machine_id=known.get("machine_id", ""),
            seen_in=seen_in,
            outer_addresses=tuple(known.get("outer_addresses") or ()),
        )
    if found is not None:
        return Lost(
            name=found.name,
            addresses=found.addresses,
            hostname_label=found.hostname_label,
            uid=found.uid,
            machine_id=found.machine_id,
            seen_in=("node",),
            outer_addresses=_alone(found, nodes),
        )
    return Lost(name=wanted, addresses=(), hostname_label=wanted, seen_in=BY_VOLUMES)


def _alone(lost: Node, nodes: t.Sequence[Node]) -> t.Tuple[str, ...]:
    """The outer addresses of the lost node that no other Node has."""
    others = {item for node in nodes if node is not lost for item in (*node.addresses, *node.outer_addresses)}
    return tuple(item for item in lost.outer_addresses if item not in others)


class _Whereabouts:
    """Tells which volumes are on the lost node, whether its Node object still exists or not.

    If another Node has its name by now (`heir`), its pods are that Node's, and only older volumes count.
    """

    def __init__(self, nodes: t.Sequence[Node], lost: Lost, journal: t.Optional[Json]) -> None:
        self.heir = next((node for node in nodes if node.name == lost.name and lost.uid and node.uid != lost.uid), None)
        # With the labels that its Node has, or had when the journal was begun.
        node = next((node for node in nodes if node.name == lost.name and node.uid == lost.uid), None)
        labels = node.labels if node else ((journal or {}).get("lost") or {}).get("labels") or {}
        self._site = k8s_volumes.Site(lost.name, lost.hostname_label, labels)
        self._others = [k8s_volumes.site(node) for node in nodes if node.name != lost.name]

    def reasons(self, volume: Json, *, used_there: bool = False) -> t.Tuple[str, ...]:
        """Why a volume counts as lost; empty if it does not."""
        if self.heir is not None and not parse.is_older(volume, self.heir.created):
            return ()
        return k8s_volumes.found_by(k8s_volumes.place(volume), self._site, self._others, used_there=used_there)

    def is_gone(self, claim: Json, *, used_there: bool) -> bool:
        """Whether a claim names a volume that is gone, and that was requested on the lost node, or, if nothing tells where, used by a pod there."""
        gone = (claim.get("status") or {}).get("phase") == "Lost"
        requested_on = parse.selected_node(claim)
        return gone and (requested_on in (self._site.name, self._site.hostname) if requested_on else used_there)

    def may_lose(self, volume: Json) -> t.Optional[Json]:
        """The volume, if it counts as lost or would if a pod on the lost node used it."""
        return volume if self.reasons(volume, used_there=True) else None


def _with_losses(api: KubeApi, cluster: Cluster, lost: Lost, where: _Whereabouts, volumes: t.Sequence[Json]) -> Cluster:
    """Add the losses of the lost node. `volumes` are those that may be lost."""
    claimed_by = {parse.claim_uid(volume) for volume in volumes}
    claims = {
        item["metadata"]["uid"]: item
        for item in api.items(
            "/api/v1/persistentvolumeclaims",
            keep=lambda obj: (
                obj
                if obj["metadata"]["uid"] in claimed_by
                or parse.waits_for_volume(obj)
                or where.is_gone(obj, used_there=True)
                else None
            ),
        )
    }
    wanted = Wanted((item["metadata"]["namespace"], item["metadata"]["name"]) for item in claims.values())
    workloads = [
        {**item, "kind": kind}
        for kind, plural in (("StatefulSet", "statefulsets"), ("Deployment", "deployments"))
        for item in api.items("/apis/apps/v1/" + plural, keep=lambda obj: obj if wanted.by_workload(obj) else None)
    ]

    def on_lost(obj: Json) -> bool:
        return where.heir is None and (obj.get("spec") or {}).get("nodeName") == lost.name

    masters = {node.name for node in cluster.nodes if node.control_plane} if cluster.replacement else frozenset()

    def needed(obj: Json) -> t.Optional[Json]:
        pod = parse.without_containers(obj) if on_lost(obj) or wanted.by_pod(obj) else None
        daemon = daemons.pod_on(obj, masters) if masters else None
        return {"pod": pod, "daemon": daemon} if pod or daemon else None

    kept = api.items("/api/v1/pods", keep=needed)
    pods = [(parse.pod(item["pod"], now=cluster.now), item["pod"]) for item in kept if item["pod"]]
    lost_pods = tuple(record for record, obj in pods if on_lost(obj))
    mounts = Mounts(workloads, [obj for _record, obj in pods])
    cluster = _with_volumes(cluster, where, volumes, claims=claims, mounts=mounts, lost_pods=lost_pods)
    names = {(item.namespace, item.name) for item in cluster.claims}
    return dataclasses.replace(
        cluster,
        pods=lost_pods,
        stranded_pods=tuple(pod for pod, _obj in pods if any((pod.namespace, name) in names for name in pod.claims)),
        daemon_pods=tuple(item["daemon"] for item in kept if item["daemon"]),
        helper_pods=tuple(pod for pod in lost_pods if pod.name.startswith(parse.HELPER_POD)),
        attachments=tuple(
            parse.attachment(item)
            for item in api.items(
                "/apis/storage.k8s.io/v1/volumeattachments", keep=lambda obj: obj if on_lost(obj) else None
            )
        ),
        node_password=_node_password(api, lost.name) if cluster.provider == K3S.name else None,
    )


def _with_volumes(
    cluster: Cluster,
    where: _Whereabouts,
    volumes: t.Sequence[Json],
    *,
    claims: t.Mapping[str, Json],
    mounts: Mounts,
    lost_pods: t.Sequence[Pod],
) -> Cluster:
    used = {(pod.namespace, name) for pod in lost_pods for name in pod.claims}

    def used_on_lost(obj: t.Optional[Json]) -> bool:
        return obj is not None and (obj["metadata"]["namespace"], obj["metadata"]["name"]) in used

    def record(obj: Json, **more: t.Any) -> Claim:
        users = mounts.of(obj["metadata"]["namespace"], obj["metadata"]["name"])
        return parse.claim(obj, users=users, now=cluster.now, **more)

    lost_claims: t.List[Claim] = []
    unclaimed: t.List[Volume] = []
    for volume in volumes:
        obj = parse.bound_claim(volume, claims)
        reasons = where.reasons(volume, used_there=used_on_lost(obj))
        if reasons and obj is None:
            unclaimed.append(parse.volume(volume, reasons=reasons))
        elif reasons and obj is not None:
            lost_claims.append(record(obj, volume=volume, reasons=reasons))
    return dataclasses.replace(
        cluster,
        claims=tuple(lost_claims),
        volumes=tuple(unclaimed),
        gone_claims=tuple(record(obj) for obj in claims.values() if where.is_gone(obj, used_there=used_on_lost(obj))),
        pending_claims=tuple(record(obj) for obj in claims.values() if parse.waits_for_volume(obj)),
    )


def _node_password(api: KubeApi, name: str) -> t.Optional[ObjectRef]:
    """The node password Secret of K3s for a node of this name. Only its identity is kept."""
    secret = K3S_NODE_SECRET.format(name.lower())
    found = api.get("/api/v1/namespaces/kube-system/secrets/" + secret)
    return ObjectRef("Secret", "kube-system", secret, found["metadata"]["uid"]) if found else None


def _cluster_info_server(api: KubeApi) -> str:
    # kubeadm writes the address for joins into this ConfigMap; K3s has none.
    text = ((api.get("/api/v1/namespaces/kube-public/configmaps/cluster-info") or {}).get("data") or {}).get(
        "kubeconfig", ""
    )
    return configuration.kubeconfig_server(text)


def _kubeadm_config(api: KubeApi) -> str:
    # What kubeadm gives every control-plane node that joins; K3s has none.
    found = api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config") or {}
    return str((found.get("data") or {}).get("ClusterConfiguration") or "")
