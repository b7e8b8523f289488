"""Combines the reports of the API, the hosts and the etcd members, each the result of a task. Pure.

A task's result is a mapping with `unreachable` or `failed` and `msg`, or with the module's return value.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    PROVIDERS,
    host_port,
    readiness_path,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._format import address
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost, Vip
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Executor
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import failure, floating
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

_NOT_ASKED: Json = {"failed": True, "msg": "it was not read"}


def compose(*, api: Json, hosts: t.Sequence[Json], wanted: str) -> Cluster:
    """Return the complete cluster.

    `api` is the `cluster` of control_plane_info; `hosts` a list of {name, role, host, members, probes}, where `host` is a result of
    control_plane_host_info, `members` one of etcd_member_info, and `probes` {addresses, open, closed} that of port_probe on the lost node's addresses.
    A VIP identifies no machine: neither a Node nor the lost machine is matched by it, and an answer there is not the lost machine's.
    """
    cluster = from_json(Cluster, api)
    reports = tuple(_host(item) for item in hosts)
    vips = _vips(reports)
    moved = floating.moved(cluster.lost, reports, cluster.nodes) if cluster.lost else set()
    nodes = tuple(
        dataclasses.replace(
            node, addresses=_without(node.addresses, vips | (moved if _is(node, cluster.lost) else set()))
        )
        for node in cluster.nodes
    )
    several = floating.shared(cluster.nodes)
    nodes = floating.without(nodes, reports, several)
    cluster = dataclasses.replace(cluster, nodes=nodes, etcd=_etcd(hosts, reports))
    lost = cluster.lost or _lost_member(cluster, wanted)
    if lost is not None:
        carried = {item for host in reports for item in host.addresses}
        lost = dataclasses.replace(
            lost,
            addresses=floating.rest(_without(lost.addresses, vips | moved), several),
            outer_addresses=_without(lost.outer_addresses, vips | carried),
        )
        seen_in = list(lost.seen_in)
        if lost_member(dataclasses.replace(cluster, lost=lost)) is not None:
            seen_in.append("etcd")
        elsewhere = vips | moved
        outside = carried & set(cluster.lost.outer_addresses if cluster.lost else ())
        answers = _probed(hosts, "open", elsewhere | outside)
        # Silence at an address that it may share proves nothing.
        closed = _probed(hosts, "closed", elsewhere | outside | several | set(lost.outer_addresses))
        lost = dataclasses.replace(
            lost, answers=answers, probed=bool(answers or closed), seen_in=tuple(dict.fromkeys(seen_in))
        )
    return dataclasses.replace(cluster, hosts=reports, lost=lost, vip=_vip(reports))


def executor(cluster: Cluster) -> Executor:
    """The executor: a survivor whose own etcd and API server are healthy, preferably the VIP's holder. Empty without one."""
    able = [
        host for host in survivors(cluster) if host.reachable and host.etcd_health == "ok" and host.api_ready == "ok"
    ]
    for host in sorted(able, key=lambda item: (item.name not in cluster.vip.holders, item.name)):
        found = node_of(cluster, host)
        if found is not None and found != (cluster.lost.name if cluster.lost else None) and has_etcdctl(host):
            node = next(item for item in cluster.nodes if item.name == found)
            return Executor(host=host.name, name=found, ip=floating.first(node, host))
    return Executor()


def api_source(reports: t.Sequence[Json]) -> Json:
    """The survivor whose API server is used, and how; without one, `error` says what each survivor lacks.

    {host, name, ip, provider, server, kubeconfig, api_path, vip, error}: inventory name, hostname and address of the survivor, the path of its kubeconfig,
    the path that tells whether an API server is ready, and the VIP its keepalived holds or may get.
    """
    why = []
    for item in sorted(reports, key=lambda report: str(report["name"])):
        host = _host(item)
        if host.role != "survivor":
            continue
        provider = PROVIDERS.get(host.provider)
        if host.api_ready == "ok" and host.kubeconfig and provider is not None:
            return {
                "host": host.name,
                "name": host.node_name or host.hostname,
                "ip": host.node_ip,
                "provider": provider.name,
                "server": "https://{0}".format(host_port(host.node_ip, host.api_port)),
                "kubeconfig": provider.admin_kubeconfig,
                "api_path": readiness_path(host.k3s.version if host.k3s else host.kubelet_version),
                "vip": min(host.keepalived.vips, default="") if host.keepalived else "",
                "error": "",
            }
        lacks = host.error or (
            "its API server is {0}".format(host.api_ready or "not running")
            if host.api_ready != "ok"
            else "it has no admin kubeconfig"
        )
        why.append("{0}: {1}".format(host.name, lacks))
    empty = dict.fromkeys(("host", "name", "ip", "provider", "server", "kubeconfig", "api_path", "vip"), "")
    return {**empty, "error": "no survivor has a ready API server ({0})".format("; ".join(why) or "none is listed")}


def survivors(cluster: Cluster) -> t.List[Host]:
    """The survivors of the inventory."""
    return [host for host in cluster.hosts if host.role == "survivor"]


def node_of(cluster: Cluster, host: Host) -> t.Optional[str]:
    """The name of the Node this host is, by any of its addresses other than the VIP; of several, the one of its name."""
    own = set(host.addresses) - {cluster.vip.address}
    found = [node.name for node in cluster.nodes if own & set(node.addresses)]
    named = floating.own_name(host)
    return named if named in found else next(iter(found), None)


def began_to_join(cluster: Cluster, host: Host) -> bool:
    """Whether an unfinished run of ours began to join this very machine: machine ID, hostname and an address are those of the journal.

    An inventory name proves nothing: another machine may have it by now.
    """
    journal = cluster.journal or {}
    joining = journal.get("joining")
    if journal.get("finished") or not isinstance(joining, t.Mapping):
        return False
    same_machine = bool(host.machine_id) and joining.get("machine_id") == host.machine_id
    return same_machine and joining.get("hostname") == host.hostname and joining.get("address") in host.addresses


def url_hosts(urls: t.Iterable[str]) -> t.Set[str]:
    """The hosts in URLs, as _format.address writes them; empty text for a URL without one. A scheme may be missing."""
    return {_url_host(url) for url in urls}


def _url_host(url: str) -> str:
    try:
        return address(urllib.parse.urlsplit(url if "//" in url else "//" + url).hostname or "")
    except ValueError:  # brackets that hold no IPv6 address
        return ""


def has_etcdctl(host: Host) -> bool:
    """Whether etcd can be read on a host: where etcd runs in no pod, etcdctl must be installed."""
    provider = PROVIDERS.get(host.provider)
    return provider is not None and (provider.etcd_in_pod or bool(host.etcdctl))


def lost_member(cluster: Cluster) -> t.Optional[Member]:
    """The lost node's etcd member: by the recorded ID, else by name or peer address.

    Once the ID is known, only the ID counts: a replacement may have the lost node's name and address.
    """
    lost = cluster.lost
    if lost is None:
        return None
    if lost.member_id is not None:
        return next((member for member in cluster.etcd.members if member.id == lost.member_id), None)
    return next(
        (
            member
            for member in cluster.etcd.members
            if node_of_member(cluster, member) == lost.name or url_hosts(member.peer_urls) & set(lost.addresses)
        ),
        None,
    )


def node_of_member(cluster: Cluster, member: Member) -> str:
    """The name of the node a member runs on, by the member's name."""
    provider = PROVIDERS.get(cluster.provider)
    return provider.node_of_member(member.name) if provider else member.name


def minio(answer: Json, asked: t.Sequence[Json] = ()) -> t.List[Json]:
    """One mapping for each MinIO that was read: {namespace, name, error, gate, converged, summary, drive_bytes, deployment_id, buckets, proof}.

    `answer` is the result of minio_health_info. What was `asked` ({namespace, name}) and is not in it could not be read: a module that breaks has no
    `deployments`. `drive_bytes` is what a drive holds, None when the objects were not all counted. `proof` is empty while no drive may be replaced,
    since the objects are not looked at then.
    """
    told = list(answer.get("deployments") or [])
    named = [(item["namespace"], item["name"]) for item in told]
    why = answer.get("msg") or "it was not read"
    told += [
        {"namespace": item["namespace"], "name": item["name"], "msg": why}
        for item in asked
        if (item["namespace"], item["name"]) not in named
    ]
    reports = []
    for result in told:
        buckets, sets = result.get("buckets") or [], result.get("sets") or []
        shards = sum(one["total"] - result["parity"] for one in sets)
        gate = result.get("gate") or {}
        counted = bool(sets) and "buckets" in result and all(bucket["complete"] for bucket in buckets)
        reports.append(
            {
                "namespace": result["namespace"],
                "name": result["name"],
                "error": _why(result) if "gate" not in result else "",
                "gate": gate,
                "converged": bool(result.get("converged")),
                "deployment_id": result.get("deployment_id") or "",
                "buckets": buckets,
                "summary": _why(result),
                "proof": (result.get("proof") or _no_proof(_why(result))) if gate.get("ok") else {},
                "drive_bytes": sum(bucket["bytes"] for bucket in buckets) // shards if counted and shards else None,
            }
        )
    return reports


def _no_proof(reason: str) -> Json:
    """The record of a look that ended without a verdict."""
    record = {"error": reason, "reason": reason, "lost_count": 0, "lost": [], "given_up": []}
    return {**record, "ok": False, "permitted": {"ok": False, "reason": reason}}


def _host(item: Json) -> Host:
    result = item.get("host") or _NOT_ASKED
    if "host" in result:
        return from_json(Host, result["host"])
    return Host(name=item["name"], role=item["role"], reachable=False, error=_why(result))


def _why(result: Json) -> str:
    text = str(result.get("msg") or "").strip().splitlines()
    return (text[0] if text else failure.reason(result))[:300]


def _etcd(hosts: t.Sequence[Json], reports: t.Sequence[Host]) -> Etcd:
    views: t.List[Etcd] = []
    errors: t.List[str] = []
    for item in hosts:
        result = item.get("members")
        if item["role"] != "survivor" or not result:
            continue
        view = from_json(Etcd, result["etcd"]) if "etcd" in result else Etcd(error=_why(result))
        if view.error:
            errors.append("{0}: {1}".format(item["name"], view.error))
        else:
            views.append(view._replace(executor=item["name"]))
    if not views:
        return Etcd(error="; ".join(errors) or "no survivor could be read")
    clusters = {view.cluster_id for view in views}
    if len(clusters) > 1:
        listed = ", ".join("{0} is in cluster {1}".format(view.executor, view.cluster_id) for view in views)
        return views[0]._replace(error="the survivors are in different etcd clusters: {0}".format(listed))
    holders = {host.name for host in reports if host.role == "survivor" and host.etcd_health == "ok"}
    return sorted(views, key=lambda view: (view.executor not in holders, view.executor))[0]


def _lost_member(cluster: Cluster, wanted: str) -> t.Optional[Lost]:
    for member in cluster.etcd.members:
        addresses = url_hosts(member.peer_urls)
        name = node_of_member(cluster, member)
        if wanted == name or address(wanted) in addresses:
            return Lost(
                name=name or wanted,
                addresses=tuple(sorted(addresses)),
                hostname_label=name or wanted,
                seen_in=("etcd",),
            )
    return None


def _probed(hosts: t.Sequence[Json], key: str, vips: t.AbstractSet[str]) -> t.Tuple[str, ...]:
    """The ADDRESS:PORT that any host names as open or closed, without those of a VIP."""
    found = {where for item in hosts for where in (item.get("probes") or {}).get(key) or []}
    return tuple(sorted(where for where in found if where.rpartition(":")[0].strip("[]") not in vips))


def _without(addresses: t.Sequence[str], vips: t.AbstractSet[str]) -> t.Tuple[str, ...]:
    return tuple(item for item in addresses if item not in vips)


def _is(node: Node, lost: t.Optional[Lost]) -> bool:
    return lost is not None and node.name == lost.name


def _vips(hosts: t.Sequence[Host]) -> t.Set[str]:
    return {vip for host in hosts if host.keepalived and host.role == "survivor" for vip in host.keepalived.vips}


def _vip(hosts: t.Sequence[Host]) -> Vip:
    declared = sorted(_vips(hosts))
    if not declared:
        return Vip()
    return Vip(address=declared[0], holders=tuple(host.name for host in hosts if declared[0] in host.addresses))
