"""Decides when ocboot must not be run, and warns the operator. Pure; no sentence quotes a secret."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checks import machines, network, product, release
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootInputs, Rule
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.values import (
    at,
    calico_backend,
    endpoint_of,
    lost_node,
    networks_left_out,
    tag_of,
)

PRECONDITIONS = product.PRECONDITIONS
# Each rule under the code of its refusals, which is a section of docs/ocboot.md.
RULES: t.Mapping[str, Rule] = {
    **network.RULES,
    **machines.RULES,
    **product.RULES,
    **release.RULES,
}


def refusals(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    """Every reason not to run ocboot. The rules are skipped if a precondition refuses: they rely on its values."""
    for code, rule in PRECONDITIONS.items():
        found = [Refusal(code, *finding) for finding in rule(inputs)]
        yield from found
        if found:
            return
    for code, rule in RULES.items():
        for finding in rule(inputs):
            yield Refusal(code, *finding)


def refusals_of(made: t.Mapping[str, t.Any], inputs: OcbootInputs) -> t.Iterator[Refusal]:
    """Every reason not to run ocboot with a finished configuration that contains the lost node."""
    for finding in machines.lost_values(made, inputs):
        yield Refusal(machines.LOST_LISTED, *finding)


def warnings(inputs: OcbootInputs) -> t.Iterator[str]:
    """Sentences for the operator, to be read before ocboot is run."""
    endpoint = endpoint_of(inputs)
    if endpoint and endpoint != inputs.vip:
        yield "The OnecloudCluster's loadBalancerEndpoint is {0}, not the VIP {1}.".format(endpoint, inputs.vip)
    if not inputs.options.skip_cloud:
        yield (
            "ocboot sets the password of the web user {0}, and applies OnecloudCluster and operator from its file."
        ).format(inputs.options.onecloud_user)
    if inputs.checkout is None:
        yield "The release of ocboot is unknown, so host_networks are left out for survivors."
    elif any(host.host_networks and networks_left_out(host, inputs) for host in inputs.survivors):
        yield "host_networks are left out for survivors: this ocboot fails with an interface that is in a bridge."
    image = inputs.keepalived_image
    expected = "{0}/keepalived:{1}".format(at(inputs.cluster, "spec", "imageRepository"), tag_of(image))
    if inputs.provider == "k3s" and image != expected:
        yield "ocboot changes keepalived's image from {0} to {1}.".format(image, expected)
    if inputs.provider == "k3s" and not calico_backend(inputs):
        yield "Calico's backend was not found. ocboot applies Calico's manifest again, with its default backend vxlan."
    if inputs.options.only_look and lost_node(inputs):
        yield "The Node {0} still exists; ocboot can run only after it is deleted.".format(inputs.lost)
