"""Addresses that identify no machine, since they move from one to another: virtual ones that kubelets have registered as their Node's. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import dataclasses
import ipaddress
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node

Machine = t.Union[Node, Lost]


def own_name(host: Host) -> str:
    """The name of the Node that a host would have: it need not be the host's."""
    return host.node_name or host.hostname


def shared(nodes: t.Sequence[Node]) -> t.Set[str]:
    """Addresses that more than one Node has."""
    count = collections.Counter(item for node in nodes for item in set(node.addresses))
    return {item for item, times in count.items() if times > 1}


def moved(machine: Machine, hosts: t.Sequence[Host], nodes: t.Sequence[Node]) -> t.Set[str]:
    """Addresses of a machine that a survivor carries now, proven to be another one."""
    others = [host for host in hosts if host.role == "survivor" and _is_another(host, machine, nodes)]
    return {item for host in others for item in host.addresses} & set(machine.addresses)


def without(nodes: t.Sequence[Node], hosts: t.Sequence[Host], several: t.AbstractSet[str]) -> t.Tuple[Node, ...]:
    """The Nodes without addresses that are shared (`several`) or moved; a Node that has no other keeps them."""
    return tuple(
        dataclasses.replace(node, addresses=rest(node.addresses, several | moved(node, hosts, nodes))) for node in nodes
    )


def rest(addresses: t.Sequence[str], dropped: t.AbstractSet[str]) -> t.Tuple[str, ...]:
    """The addresses without those that are dropped, if any are left; else all of them."""
    return tuple(item for item in addresses if item not in dropped) or tuple(addresses)


def first(node: Node, host: Host) -> str:
    """The address by which others reach a Node of this host: its first one, or that of its API server and etcd. What floats may be registered first."""
    given = ipaddress.ip_address(node.addresses[0])
    own = host.node_ip if host.node_ip in node.addresses else node.addresses[0]
    return own if ipaddress.ip_address(own).version == given.version else node.addresses[0]


def _is_another(host: Host, machine: Machine, nodes: t.Sequence[Node]) -> bool:
    """Whether a host is proven to be another machine: by its machine ID, or where clones share that, by its own Node."""
    if not machine.machine_id or machine.name in (host.name, own_name(host)):
        return False
    if host.machine_id not in ("", machine.machine_id):
        return True
    others = [node for node in nodes if node.name != machine.name]
    if machine.machine_id not in [node.machine_id for node in others]:
        return False
    carried = set(host.addresses) - set(machine.addresses)
    return any(node.name == own_name(host) and carried & set(node.addresses) for node in others)
