"""The facts that determine a plan: the lost node, its member, the replacement, the executor, and the progress of an earlier run."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    INSIDE_INTERFACE,
    KUBELET_PORT,
    PROVIDERS,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parity import parity
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Executor
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import k3s
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import choose_promotion

_Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


@dataclasses.dataclass(frozen=True)
class Situation:
    """The parts of a cluster that determine the plan.

    `node` and `member` are those of the lost node, `host` is the replacement, `host_node` and `host_member` are the replacement's, if it has joined.
    `own_leftover`: `host_member` is from an interrupted join of this collection.
    """

    lost: Lost
    node: t.Optional[Node]
    member: t.Optional[Member]
    host: t.Optional[Host]
    host_node: t.Optional[Node]
    host_member: t.Optional[Member]
    executor: Executor
    own_leftover: bool

    @property
    def joined(self) -> bool:
        """Whether the replacement is a Node and a healthy voter."""
        member = self.host_member
        return (
            self.host_node is not None
            and member is not None
            and member.started
            and member.healthy
            and not member.learner
        )


def find(cluster: Cluster, lost: Lost) -> Situation:
    """Find these parts in the cluster."""
    hosts = [item for item in cluster.hosts if item.role == "replacement"]
    host = hosts[0] if len(hosts) == 1 else None
    node = next(
        (item for item in cluster.nodes if item.name == lost.name and (not lost.uid or item.uid == lost.uid)), None
    )
    member = view.lost_member(cluster)
    host_node, host_member = None, None
    if host is not None and host.reachable:
        host_node = next((item for item in cluster.nodes if item is not node and _is_machine(item, host)), None)
        host_member = next(
            (
                item
                for item in cluster.etcd.members
                if item is not member and view.url_hosts(item.peer_urls) & set(host.addresses)
            ),
            None,
        )
    half_joined = host_member is not None and (host_member.learner or not host_member.started)
    return Situation(
        lost=lost,
        node=node,
        member=member,
        host=host,
        host_node=host_node,
        host_member=host_member,
        executor=view.executor(cluster),
        own_leftover=half_joined and host is not None and view.began_to_join(cluster, host),
    )


def _is_machine(node: Node, host: Host) -> bool:
    """Whether a Node was registered by a host. Machines that use one address in succession are distinguished by their machine ID."""
    same = not (node.machine_id and host.machine_id) or node.machine_id == host.machine_id
    return same and bool(set(node.addresses) & set(host.addresses))


def needs_reset(cluster: Cluster, found: Situation) -> bool:
    """Whether an interrupted join of this collection left state that would break the next one.

    False if its member is already a voter: its data are the cluster's. K3s reaches this state before its kubelet registers the Node, and continues from there.
    """
    host, member = found.host, found.host_member
    if host is None or found.joined or not resuming(cluster, found):
        return False
    votes = member is not None and member.started and not member.learner
    return (host.joined or host.etcd_data) and not votes


def same_name(found: Situation) -> bool:
    """Whether the replacement has the lost node's name: references to the old node by name would match the new one."""
    return found.host is not None and found.host.hostname == found.lost.name


def member_leaves(cluster: Cluster, found: Situation) -> bool:
    """Whether K3s removes the member after its Node is deleted. The removal by ID waits for that."""
    if found.member is None or found.node is None or k3s.other_member(cluster, found.node, found.member):
        return False
    return PROVIDERS[cluster.provider].deletes_member


def unfinished(cluster: Cluster) -> bool:
    """Whether an earlier run of this replacement left an open journal."""
    return bool(cluster.journal) and not (cluster.journal or {}).get("finished")


def kubelet_answers(found: Situation) -> bool:
    """Whether to drain: only a running kubelet can terminate pods, and a machine that was just powered off may still be Ready."""
    port = ":{0}".format(KUBELET_PORT)
    return found.node is not None and found.node.ready and any(item.endswith(port) for item in found.lost.answers)


def resuming(cluster: Cluster, found: Situation) -> bool:
    """Whether the replacement's state is from this collection: the lost node is removed and a join of this host had begun."""
    return (
        found.node is None
        and found.member is None
        and found.host is not None
        and view.began_to_join(cluster, found.host)
    )


def replacement(cluster: Cluster, found: Situation) -> Executor:
    """The replacement as host, Node name and address; those of its Node once it has joined."""
    if found.host is None:
        return Executor()
    if found.host_node is not None:
        return Executor(host=found.host.name, name=found.host_node.name, ip=found.host_node.addresses[0])
    ips = addresses(cluster, found)
    return Executor(host=found.host.name, name=found.host.hostname, ip=ips[0] if ips else "")


def families(cluster: Cluster, found: Situation) -> t.List[str]:
    """An address of the executor's Node for each family that all survivors' Nodes have; the first is that of `executor`."""
    node = next((item for item in cluster.nodes if item.name == found.executor.name), None)
    others = [item for item in cluster.nodes if item.control_plane and item.name != found.lost.name]
    others = [item for item in others if found.host_node is None or item.name != found.host_node.name]
    shared = [{_version(text) for text in item.addresses} for item in others if item.addresses]
    first = {_version(text): text for text in reversed(node.addresses if node else ())}
    wanted = {_version(found.executor.ip): found.executor.ip} if found.executor.ip else {}
    for version, text in reversed(list(first.items())):
        if version not in wanted and all(version in item for item in shared):
            wanted[version] = text
    return list(wanted.values())


def addresses(cluster: Cluster, found: Situation) -> t.Tuple[str, ...]:
    """The replacement's addresses by which it reaches the survivors, one of each of their families; less where it has none of a family."""
    host = found.host
    if host is None:
        return ()
    if found.host_node is not None:
        return found.host_node.addresses
    own = [
        item
        for item in host.addresses
        if item != cluster.vip.address and not INSIDE_INTERFACE.match(host.interfaces.get(item, ""))
    ]
    chosen = (_towards(host, own, other) for other in families(cluster, found))
    return tuple(item for item in chosen if item)


def lacking(cluster: Cluster, found: Situation) -> t.List[str]:
    """The survivors' addresses of whose family the replacement has none by which they could reach it."""
    if found.host is None or found.host_node is not None:
        return []
    has = {_version(item) for item in addresses(cluster, found)}
    return [item for item in families(cluster, found) if _version(item) not in has]


def _towards(host: Host, own: t.Sequence[str], other: str) -> str:
    """Of a host's own addresses, the one with which it reaches another machine: the one that was given, else by its most specific route, else the nearest."""
    target = ipaddress.ip_address(other)
    if host.address_given and _version(host.node_ip) == target.version:
        return host.node_ip
    same = [item for item in own if _version(item) == target.version]
    for route in sorted(host.routes, key=_specific):
        network = ipaddress.ip_network(route["to"])
        if network.version == target.version and target in network:
            source = _source(host, same, route, target)
            if source:
                return source
    return _nearest(same, target)


def _source(host: Host, same: t.Sequence[str], route: t.Mapping[str, str], target: _Address) -> str:
    """The address with which a packet leaves by a route: the route's own, else the one in the network of its gateway."""
    if route["src"] in same:
        return route["src"]
    try:
        gateway = ipaddress.ip_address(route.get("via", ""))
    except ValueError:  # none, or one of the other family: "via inet6 fe80::1"
        gateway = target
    if gateway.is_link_local:
        gateway = target
    for near in sorted(host.routes, key=_specific):
        network = ipaddress.ip_network(near["to"])
        on_link = near["dev"] == route["dev"] and not near.get("via") and network.version == gateway.version
        if on_link and near["src"] in same and gateway in network:
            return near["src"]
    return _nearest([item for item in same if host.interfaces.get(item) == route["dev"]], gateway)


def _nearest(addresses: t.Sequence[str], target: _Address) -> str:
    """The address that shares the most leading bits with another one, whatever their order; empty without one."""

    def distance(text: str) -> t.Tuple[int, int]:
        own = int(ipaddress.ip_address(text))
        return (own ^ int(target)).bit_length(), own

    return min(addresses, key=distance, default="")


def _specific(route: t.Mapping[str, str]) -> t.Tuple[int, int]:
    metric = route.get("metric") or "0"
    return -ipaddress.ip_network(route["to"]).prefixlen, int(metric) if metric.isdigit() else 0


def _version(text: str) -> int:
    return ipaddress.ip_address(text).version


def promotion(cluster: Cluster) -> str:
    """The survivor to make the keepalived MASTER; empty if there is one already, or if that can't be decided (which is refused)."""
    try:
        return choose_promotion(view.survivors(cluster), cluster.vip.holders)
    except Unsafe:  # already a refusal
        return ""


def join_needed(cluster: Cluster, found: Situation) -> bool:
    """Whether part of the join is left to do: the join itself, labels and taints, keepalived."""
    if not found.joined or found.host_node is None or not found.host_node.ready:
        return True
    others = [
        node
        for node in cluster.nodes
        if node.control_plane and node.name not in (found.lost.name, found.host_node.name)
    ]
    wants_keepalived = any(host.keepalived for host in view.survivors(cluster))
    has_keepalived = found.host is not None and found.host.keepalived is not None
    return parity(found.host_node, others).differs or (wants_keepalived and not has_keepalived)
