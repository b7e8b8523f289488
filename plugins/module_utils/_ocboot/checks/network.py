"""Which addresses, networks and VIP ocboot must not be run with. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import NATIVE, Finding, OcbootInputs, Rule
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.values import (
    endpoint_of,
    networks_left_out,
    networks_of,
    tag_of,
)


def _family(inputs: OcbootInputs) -> t.Iterator[Finding]:
    for cidr, network in _networks(inputs):
        if network is None:
            yield (
                "{0} is not a single IPv4 network.".format(cidr),
                "With two address families ocboot gives every master the primary's addresses. " + NATIVE,
            )
    for host in inputs.machines:
        if _ipv4(host.ip) is None:
            yield "{0} has the address {1!r}, which is not IPv4.".format(host.name, host.ip), NATIVE


def _clash(inputs: OcbootInputs) -> t.Iterator[Finding]:
    addresses = [("The VIP", inputs.vip), *((host.name, host.ip) for host in inputs.machines)]
    for cidr, network in _networks(inputs):
        for name, text in addresses:
            address = _ipv4(text)
            if network is not None and address is not None and address in network:
                yield (
                    "{0} ({1}) is inside the cluster's network {2}.".format(name, text, cidr),
                    "ocboot rejects such a file. Check whether the address or the network is wrong.",
                )


def _vip(inputs: OcbootInputs) -> t.Iterator[Finding]:
    if _ipv4(inputs.vip) is None:
        yield (
            "The VIP is {0!r}, which is not an IPv4 address.".format(inputs.vip),
            "ocboot derives keepalived's router ID from the digits of the VIP and fails with a name. " + NATIVE,
        )
    if not tag_of(inputs.keepalived_image):
        yield (
            "The image of the survivors' keepalived ({0!r}) has no tag.".format(inputs.keepalived_image),
            "ocboot would write the tag it was released with. Check keepalived.yaml on the survivor.",
        )
    endpoint = endpoint_of(inputs)
    known = ("", inputs.vip, *inputs.lost_addresses)
    if not inputs.options.skip_cloud and inputs.provider == "k3s" and endpoint not in known:
        yield (
            "The OnecloudCluster's loadBalancerEndpoint is {0}; ocboot would change it to {1}.".format(
                endpoint, inputs.vip
            ),
            "Skip the cloud part, or correct the OnecloudCluster first.",
        )


def _host_networks(inputs: OcbootInputs) -> t.Iterator[Finding]:
    for host in inputs.machines:
        wrong = [entry for entry in host.host_networks if len([part for part in entry.split("/") if part]) < 2]
        plain = len(host.host_networks) == 1 and host.host_networks[0].split("/")[1:] == ["br0", host.ip]
        if wrong:
            yield (
                "{0} has the host network {1!r}.".format(host.name, wrong[0]),
                "A host network must have the form INTERFACE/BRIDGE/ADDRESS.",
            )
        elif networks_left_out(host, inputs) and host.host_networks and not plain:
            yield (
                "{0} has {1}, and this ocboot fails when the networks of a survivor are given.".format(
                    host.name, ", ".join(host.host_networks)
                ),
                "Without them ocboot would make a single br0. Use a release up to master-v4.0.3-6, or join natively.",
            )


def _networks(inputs: OcbootInputs) -> t.Iterator[t.Tuple[str, t.Optional[ipaddress.IPv4Network]]]:
    """(CIDR, network) for the pods and the services; None when it is not one IPv4 network."""
    found = networks_of(inputs)
    for cidr in (found["pod_network_cidr"], found["service_cidr"]):
        try:
            yield cidr, ipaddress.IPv4Network(cidr)
        except ValueError:
            yield cidr, None


def _ipv4(text: str) -> t.Optional[ipaddress.IPv4Address]:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        return None


RULES: t.Mapping[str, Rule] = {
    "OCBOOT_IP_FAMILY": _family,
    "OCBOOT_CIDR_CLASH": _clash,
    "OCBOOT_VIP": _vip,
    "OCBOOT_HOST_NETWORKS": _host_networks,
}
