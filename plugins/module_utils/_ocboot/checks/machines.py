"""Which survivors and replacement ocboot must not be run with. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import NATIVE, Finding, OcbootInputs, Rule
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.values import (
    joining_hosts,
    lost_node,
    shared_label,
)

LOST_LISTED = "OCBOOT_LOST_LISTED"
# Keys whose value may name a host, besides giving its address.
_HOST_KEYS = ("hostname", "node_ip", "db_host", "controlplane_host", "host_networks", "ip_autodetection_method")
_LABELS = {"as_host": "onecloud.yunion.io/host", "lbagent": "onecloud.yunion.io/lbagent"}


def lost_values(made: t.Mapping[str, t.Any], inputs: OcbootInputs) -> t.Iterator[Finding]:
    """Every value of a finished configuration that is the lost node's name or contains an address of it. Passwords are not searched."""
    for path, value in _strings(made):
        if "password" in path[-1]:
            continue
        words = [*inputs.lost_addresses, *([inputs.lost] if path[-1] in _HOST_KEYS else [])]
        if any(re.search(r"(?<![\w.-]){0}(?![\w-]|\.\w)".format(re.escape(word)), value) for word in words if word):
            yield (
                "{0} would be {1}, which is the lost node {2}.".format(".".join(path), value, inputs.lost),
                "Correct the cluster or the inventory, where that value comes from; docs/ocboot.md names the source.",
            )


def _lost(inputs: OcbootInputs) -> t.Iterator[Finding]:
    for host in inputs.machines:
        if host.name == inputs.lost or host.ip in inputs.lost_addresses:
            yield (
                "{0} ({1}) is the lost node.".format(host.name, host.ip),
                "Remove it from the inventory; a replacement has its own name and address.",
            )


def _twice(inputs: OcbootInputs) -> t.Iterator[Finding]:
    for field in ("name", "ip"):
        values = [getattr(host, field) for host in inputs.machines]
        for twice in sorted({value for value in values if values.count(value) > 1}):
            yield (
                "{0} is given for more than one machine.".format(twice),
                "List each machine once; the replacement must not be one of the survivors.",
            )
    for host in inputs.machines:
        if host.ip == inputs.vip:
            yield (
                "{0} has the VIP {1} as its address.".format(host.name, host.ip),
                "Give the machine's own address (node_ip, ansible_host).",
            )


def _primary(inputs: OcbootInputs) -> t.Iterator[Finding]:
    holders = [host.name for host in inputs.survivors if host.holds_vip]
    if len(holders) != 1:
        yield (
            "The VIP {0} is on {1}.".format(inputs.vip, " and ".join(holders) or "no survivor"),
            "ocboot makes one survivor 100/MASTER, which must be the one that holds the VIP. Repair keepalived first.",
        )


def _survivors(inputs: OcbootInputs) -> t.Iterator[Finding]:
    nodes = {node.ip: node for node in inputs.nodes}
    for host in inputs.survivors:
        node = nodes.get(host.ip)
        if node is None or not (node.ready and node.control_plane):
            state = "has no Node" if node is None else "is not Ready" if not node.ready else "is no control-plane node"
            yield (
                "{0} ({1}) {2}.".format(host.name, host.ip, state),
                "List every live control-plane machine by its Node's address, and wait until all are Ready.",
            )
    if inputs.provider == "k3s" and len(inputs.survivors) < 2:
        yield (
            "There is no second survivor, so master_nodes would hold the replacement alone.",
            "ocboot then joins nothing and reports success. " + NATIVE,
        )
    known = {host.ip for host in inputs.machines} | {*inputs.lost_addresses}
    for node in inputs.nodes:
        if node.control_plane and node.ip not in known and node.name not in (inputs.lost, inputs.replacement.name):
            yield (
                "{0} ({1}) is a control-plane node, but not listed as a survivor.".format(node.name, node.ip),
                "List it: ocboot fails unless its file has as many control-plane nodes as the cluster.",
            )


def _lost_node_there(inputs: OcbootInputs) -> t.Iterator[Finding]:
    if lost_node(inputs) and not inputs.options.only_look:
        yield (
            "The Node {0} still exists.".format(inputs.lost),
            "Run the phase node_removal first: at its end ocboot counts the control-plane nodes.",
        )


def _labels(inputs: OcbootInputs) -> t.Iterator[Finding]:
    joining = joining_hosts(inputs)
    names = ", ".join(host.name for host in joining)
    for label, key in _LABELS.items():
        if shared_label(inputs, joining, label) is None:
            yield (
                "The label {0} differs between {1}.".format(key, names),
                "ocboot has one value for all of master_nodes. Set replacement_as_host, or join natively.",
            )
    if len({host.containerd for host in joining if host.containerd is not None}) > 1:
        yield (
            "Some of {0} are container hosts and some are not.".format(names),
            "ocboot has one value of enable_containerd for all of master_nodes. " + NATIVE,
        )


def _strings(value: t.Any, path: t.Tuple[str, ...] = ("",)) -> t.Iterator[t.Tuple[t.Tuple[str, ...], str]]:
    """(keys, string) for every string of nested mappings and lists."""
    if isinstance(value, t.Mapping):
        for key, item in value.items():
            yield from _strings(item, (*(part for part in path if part), str(key)))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item, path)
    elif isinstance(value, str):
        yield path, value


RULES: t.Mapping[str, Rule] = {
    "OCBOOT_HOST_TWICE": _twice,
    LOST_LISTED: _lost,
    "OCBOOT_PRIMARY": _primary,
    "OCBOOT_SURVIVORS": _survivors,
    "OCBOOT_LOST_NODE_THERE": _lost_node_there,
    "OCBOOT_LABELS": _labels,
}
