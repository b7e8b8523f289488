"""Reads the cluster through the API and combines the answers. Changes nothing."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, K3S_NODE_SECRET
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes as k8s_volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.mounts import Mounts
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
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


def read(api: KubeApi, *, provider: str, lost_name: str) -> Cluster:
    """Read everything that discovery needs for a lost node, given by name or address. `lost` is None if the API has no trace of it."""
    leases = api.items("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
    now = parse.newest_lease(leases)
    nodes = tuple(parse.node(item, leases=leases, now=now) for item in api.items(NODES))
    journals = [
        parse.journal_state(item)
        for item in api.items("/api/v1/namespaces/kube-system/configmaps", labelSelector=JOURNAL_LABEL)
    ]
    volumes = api.items(VOLUMES)
    journal = next(
        (item for item in journals if _is_named(lost_name, item["lost"]["name"], item["lost"]["addresses"])), None
    )
    if journal is not None and _lives_again(journal, nodes):
        journal = None
    lost = _find_lost(lost_name, nodes, journal, volumes)
    cluster = Cluster(
        provider=provider,
        server=api.server,
        kubernetes_version=(api.get("/version") or {}).get("gitVersion", ""),
        now=now,
        nodes=nodes,
        lost=lost,
        journal=journal,
        cluster_info_server=_cluster_info_server(api),
        cloudpods=parse.cloudpods(api.items_if_served(ONECLOUD)),
    )
    return cluster if lost is None else _with_losses(api, cluster, lost, volumes)


def settled(cluster: Cluster) -> bool:
    """Whether every control-plane Node but the lost one is Ready. A kubelet may miss its heartbeats for some seconds after the VIP has moved."""
    lost = cluster.lost.name if cluster.lost else ""
    return not cluster.api_error and all(
        node.ready for node in cluster.nodes if node.control_plane and node.name != lost
    )


def _is_named(wanted: str, name: str, addresses: t.Iterable[str]) -> bool:
    return wanted == name or wanted in addresses


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


def _find_lost(
    wanted: str, nodes: t.Sequence[Node], journal: t.Optional[Json], volumes: t.Sequence[Json]
) -> t.Optional[Lost]:
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
        )
    if found is not None:
        return Lost(
            name=found.name,
            addresses=found.addresses,
            hostname_label=found.hostname_label,
            uid=found.uid,
            machine_id=found.machine_id,
            seen_in=("node",),
        )
    others = _others(nodes, wanted)
    if any(
        k8s_volumes.found_by(k8s_volumes.place(volume), k8s_volumes.Site(wanted, wanted), others) for volume in volumes
    ):
        return Lost(name=wanted, addresses=(), hostname_label=wanted, seen_in=("volumes",))
    return None


def _others(nodes: t.Iterable[Node], lost: str) -> t.Tuple[k8s_volumes.Site, ...]:
    return tuple(k8s_volumes.site(node) for node in nodes if node.name != lost)


def _with_losses(api: KubeApi, cluster: Cluster, lost: Lost, volumes: t.Sequence[Json]) -> Cluster:
    """Add the losses of the lost node, whether its Node object still exists or not.

    If another Node has its name by now, the pods are that Node's, and only older volumes count.
    """
    heir = next((node for node in cluster.nodes if node.name == lost.name and lost.uid and node.uid != lost.uid), None)
    pods = api.items("/api/v1/pods")
    records = [parse.pod(obj, now=cluster.now) for obj in pods]
    on_lost = tuple(pod for pod in records if pod.node == lost.name and heir is None)
    cluster = _with_volumes(api, cluster, lost, volumes, pods=pods, on_lost=on_lost, heir=heir)
    names = {(item.namespace, item.name) for item in cluster.claims}
    return dataclasses.replace(
        cluster,
        pods=on_lost,
        stranded_pods=tuple(pod for pod in records if any((pod.namespace, name) in names for name in pod.claims)),
        helper_pods=tuple(pod for pod in on_lost if pod.name.startswith(parse.HELPER_POD)),
        attachments=tuple(
            parse.attachment(item)
            for item in api.items("/apis/storage.k8s.io/v1/volumeattachments")
            if (item.get("spec") or {}).get("nodeName") == lost.name and heir is None
        ),
        node_password=_node_password(api, lost.name) if cluster.provider == K3S.name else None,
    )


def _with_volumes(
    api: KubeApi,
    cluster: Cluster,
    lost: Lost,
    volumes: t.Sequence[Json],
    *,
    pods: t.Sequence[Json],
    on_lost: t.Sequence[Pod],
    heir: t.Optional[Node],
) -> Cluster:
    claims = {item["metadata"]["uid"]: item for item in api.items("/api/v1/persistentvolumeclaims")}
    mounts = Mounts(
        [
            {**item, "kind": kind}
            for kind, plural in (("StatefulSet", "statefulsets"), ("Deployment", "deployments"))
            for item in api.items("/apis/apps/v1/" + plural)
        ],
        pods,
    )
    used = {(pod.namespace, name) for pod in on_lost for name in pod.claims}
    site, others = k8s_volumes.site(lost), _others(cluster.nodes, lost.name)

    def record(obj: Json, **more: t.Any) -> Claim:
        users = mounts.of(obj["metadata"]["namespace"], obj["metadata"]["name"])
        return parse.claim(obj, users=users, now=cluster.now, **more)

    lost_claims: t.List[Claim] = []
    unclaimed: t.List[Volume] = []
    for volume in volumes:
        if heir is not None and not parse.is_older(volume, heir.created):
            continue
        obj = parse.bound_claim(volume, claims)
        used_there = obj is not None and (obj["metadata"]["namespace"], obj["metadata"]["name"]) in used
        reasons = k8s_volumes.found_by(k8s_volumes.place(volume), site, others, used_there=used_there)
        if reasons and obj is None:
            unclaimed.append(parse.volume(volume, reasons=reasons))
        elif reasons and obj is not None:
            lost_claims.append(record(obj, volume=volume, reasons=reasons))
    return dataclasses.replace(
        cluster,
        claims=tuple(lost_claims),
        volumes=tuple(unclaimed),
        pending_claims=tuple(
            record(obj)
            for obj in claims.values()
            if (obj.get("status") or {}).get("phase") == "Pending" and not (obj.get("spec") or {}).get("volumeName")
        ),
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
    return next((line.split("server:", 1)[1].strip() for line in text.splitlines() if "server:" in line), "")
