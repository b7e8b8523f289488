# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses, networks and VIP ocboot is not run with."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checks import network
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import K3S, KUBEADM, changed, codes, outcome

BREAKAGES = [
    (K3S, "config", "cluster-cidr: a,b\nservice-cidr: 10.96.0.0/12\ncluster-domain: c", "OCBOOT_IP_FAMILY"),
    (K3S, "replacement/ip", "2001:db8::9", "OCBOOT_IP_FAMILY"),
    (
        K3S,
        "config",
        "cluster-cidr: 192.168.0.0/24\nservice-cidr: 10.96.0.0/12\ncluster-domain: c",
        "OCBOOT_CIDR_CLASH",
    ),
    (KUBEADM, "replacement/ip", "10.96.0.1", "OCBOOT_CIDR_CLASH"),
    (K3S, "vip", "vip.example.com", "OCBOOT_VIP"),
    (KUBEADM, "vip", "", "OCBOOT_VIP"),
    (K3S, "keepalived", "registry:5000/keepalived", "OCBOOT_VIP"),
    (K3S, "replacement/host_networks", ["eth0"], "OCBOOT_HOST_NETWORKS"),
]


@pytest.mark.parametrize(("provider", "path", "value", "code"), BREAKAGES)
def test_each_rule_refuses(provider: str, path: str, value: Any, code: str) -> None:
    found = changed(provider, path, value)
    assert code in codes(found)
    assert outcome(found)["configuration"] == {}


def test_every_rule_is_tried() -> None:
    assert {*(code for *_facts, code in BREAKAGES)} == set(network.RULES)
