# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines and addresses as a distribution wants them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    K3S,
    KUBEADM,
    PROVIDERS,
    etcdctl_argv,
    etcdutl_argv,
    host_port,
    kubectl_argv,
)
from hypothesis import given
from hypothesis import strategies as st

LISTS = Path(__file__).parents[2] / "fixtures" / "k3s" / "member-list"
NODES = {"lzx-ha-env", "lzx-ha-env-2", "lzx-ha-env-3", "lzx-test-add-node"}


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


def test_etcdctl_is_a_program_of_the_host_where_etcd_runs_in_no_pod() -> None:
    argv = etcdctl_argv(K3S, node_name="lzx-ha-env-2", node_ip="192.168.0.244", program="/opt/bin/etcdctl")
    assert argv == [
        "/opt/bin/etcdctl",
        "--endpoints",
        "https://127.0.0.1:2379",
        "--cacert",
        "/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt",
        "--cert",
        "/var/lib/rancher/k3s/server/tls/etcd/client.crt",
        "--key",
        "/var/lib/rancher/k3s/server/tls/etcd/client.key",
        "--dial-timeout=2s",
        "--command-timeout=5s",
    ]
    assert etcdutl_argv(K3S, node_name="x", node_ip="y", program="/opt/bin/etcdutl") == ["/opt/bin/etcdutl"]


def test_in_a_pod_the_program_is_the_pods_own() -> None:
    for argv, name in (
        (etcdctl_argv(KUBEADM, node_name="master-2", node_ip="192.0.2.12", program="/opt/bin/etcdctl"), "etcdctl"),
        (etcdutl_argv(KUBEADM, node_name="master-2", node_ip="192.0.2.12", program="/opt/bin/etcdutl"), "etcdutl"),
    ):
        assert argv[0] == "kubectl"
        assert argv[argv.index("--") + 1] == name
        assert "/opt/bin/" + name not in argv


@pytest.mark.parametrize(
    ("member", "node"),
    [
        ("lzx-ha-env-6b5275f6", "lzx-ha-env"),
        # The first node's name is the beginning of the others'.
        ("lzx-ha-env-2-110bc617", "lzx-ha-env-2"),
        ("a-12345678-12345678", "a-12345678"),
        ("lzx-ha-env-2", "lzx-ha-env-2"),
        ("lzx-ha-env-2-110BC617", "lzx-ha-env-2-110BC617"),
        ("lzx-ha-env-2-110bc61", "lzx-ha-env-2-110bc61"),
        ("lzx-ha-env-2-110bc6170", "lzx-ha-env-2-110bc6170"),
        ("-110bc617", "-110bc617"),
        ("", ""),
    ],
)
def test_a_member_of_k3s_is_named_after_its_node(member: str, node: str) -> None:
    assert K3S.node_of_member(member) == node
    assert KUBEADM.node_of_member(member) == member


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_listed_member_has_a_node_of_its_own(path: Path) -> None:
    names = [item["name"] for item in json.loads(path.read_text(encoding="utf-8"))["members"] if item.get("name")]
    nodes = {K3S.node_of_member(name) for name in names}
    assert len(nodes) == len(names)
    assert nodes <= NODES


@given(st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,20}[a-z0-9])?", fullmatch=True), st.integers(0, 2**32 - 1))
def test_no_name_of_a_node_is_mistaken_for_another(node: str, suffix: int) -> None:
    assert K3S.node_of_member("{0}-{1:08x}".format(node, suffix)) == node


def test_providers_are_known_by_their_names() -> None:
    assert {name: item.name for name, item in PROVIDERS.items()} == {"kubeadm": "kubeadm", "k3s": "k3s"}
    assert (KUBEADM.keepalived_manifest, K3S.keepalived_manifest) == (
        "/etc/kubernetes/manifests/keepalived.yaml",
        "/var/lib/rancher/k3s/agent/pod-manifests/keepalived.yaml",
    )
