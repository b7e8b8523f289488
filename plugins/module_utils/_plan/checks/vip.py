"""Do the survivors agree about the VIP, and can keepalived and kubeadm set up a new host as they do?"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._format import address
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import choose_promotion

Refusals = t.Iterator[Refusal]

_WORD = r"(?<![\w.-]){0}(?![\w-])"


def virtual_address(cluster: Cluster) -> Refusals:
    """Do the survivors agree about the VIP?"""
    try:
        choose_promotion(view.survivors(cluster), cluster.vip.holders)
    except Unsafe as exc:
        yield Refusal(exc.code, exc.observed, exc.remedy)
    bare = [host.name for host in view.survivors(cluster) if host.keepalived is None]
    if cluster.vip.address and bare:
        observed = "{0} has no keepalived manifest, although the VIP is {1}.".format(
            " and ".join(bare), cluster.vip.address
        )
        yield Refusal("VIP_MANIFEST", observed, "Give it one like the other survivor's, as BACKUP with priority 90.")
    if len(cluster.vip.holders) > 1:
        observed = "The VIP {0} is on {1} at once.".format(cluster.vip.address, " and ".join(cluster.vip.holders))
        yield Refusal(
            "VIP_DUPLICATE",
            observed,
            "Find out why they don't hear each other's VRRP messages before the control plane is changed.",
        )


def configuration(cluster: Cluster, host: t.Optional[Host], *, joined: bool) -> Refusals:
    """Refuse what the replacement would get from the others and can't use. `host` is the replacement."""
    found = {item.name: item.keepalived.copy_error for item in view.survivors(cluster) if item.keepalived}
    why = next((name for name in sorted(found) if found[name]), "")
    if why and not (host and host.keepalived):
        yield Refusal(
            "VIP_COPY",
            "No keepalived manifest for the replacement can be made from that of {0}: {1}.".format(
                why, found[why].rstrip(".")
            ),
            "Change it as VIP_COPY in docs/runbook.md says, on every survivor.",
        )
    lost = cluster.lost
    if lost is None or joined:
        return
    known = _known_as(cluster, lost, host)
    if any(known.is_server(server) for server in view.url_hosts([cluster.cluster_info_server])):
        observed = "The ConfigMap kube-public/cluster-info sends joining nodes to the lost node ({0}).".format(
            cluster.cluster_info_server
        )
        yield Refusal("CLUSTER_INFO_DEAD", observed, "Edit its 'server' to the VIP.")
    dead = [
        "{0}: {1}".format(path, value) for path, value in sorted(cluster.kubeadm_settings.items()) if known.is_in(value)
    ]
    if dead:
        yield Refusal(
            "KUBEADM_CONFIG_DEAD",
            "The ConfigMap kube-system/kubeadm-config gives every new master a setting that names the lost node ({0}).".format(
                "; ".join(dead)
            ),
            "Remove these settings, or give them a value for all masters, see KUBEADM_CONFIG_DEAD in docs/runbook.md.",
        )


class _Known(t.NamedTuple):
    """What names the lost node: names and addresses, and the first labels of its names, which are names in its own domain."""

    names: t.Set[str]
    labels: t.Set[str]

    def is_server(self, server: str) -> bool:
        """Whether a server is the lost node; it may be named with or without a domain."""
        return server in self.labels or any(_is(server, name) for name in self.names)

    def is_in(self, value: str) -> bool:
        """Whether a value holds one of them as a whole word."""
        labels = any(re.search(_WORD.format(re.escape(item)) + r"(?!\.\w)", value.lower()) for item in self.labels)
        return labels or any(_names(value, name) for name in self.names)


def _known_as(cluster: Cluster, lost: Lost, host: t.Optional[Host]) -> _Known:
    """A replacement in the lost node's place has its names; a label that another Node has too names that one."""
    own = {host.hostname, host.node_name, *host.addresses} - {""} if host else set()
    names = {lost.name, lost.hostname_label}
    in_place = own & {*names, *lost.addresses}
    others = {*(node.name for node in cluster.nodes if node.name != lost.name), *own}
    labels = {name.partition(".")[0] for name in names if not _is_address(name)}
    outer = () if in_place else lost.outer_addresses
    return _Known(
        names={*names, *lost.addresses, *outer} - own - {""},
        labels=labels - names - {name.partition(".")[0] for name in others} - {""},
    )


def _is(server: str, name: str) -> bool:
    """Whether a server is the one with this name or address; a name may have its domain."""
    return server == name or (not _is_address(name) and "." not in name and server.startswith(name + "."))


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[\d.]+|[0-9a-f:.]*:[0-9a-f:.]*", text))


def _names(value: str, name: str) -> bool:
    """Whether a value holds a name or an address as a whole word, in whatever form an address is written."""
    if _is_address(name):
        words = re.findall(r"[0-9A-Fa-f:.]*[0-9A-Fa-f]|[0-9A-Fa-f:]*::", value) + re.findall(r"\d+(?:\.\d+){3}", value)
        return name in (address(word) for word in words)
    return bool(re.search(_WORD.format(re.escape(name)), value.lower()))
