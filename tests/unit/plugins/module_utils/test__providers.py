# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines and addresses as a distribution wants them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._providers import (
    KUBEADM,
    etcdctl_argv,
    host_port,
    kubectl_argv,
)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("192.0.2.12", "192.0.2.12:6443"),
        ("2001:db8::12", "[2001:db8::12]:6443"),
        ("master-2.example.org", "master-2.example.org:6443"),
    ],
)
def test_an_address_and_a_port_stand_as_in_a_url(address: str, text: str) -> None:
    assert host_port(address, 6443) == text
    assert "https://" + text in kubectl_argv(KUBEADM, address)
    assert "https://" + text in etcdctl_argv(KUBEADM, node_name="master-2", node_ip=address)
