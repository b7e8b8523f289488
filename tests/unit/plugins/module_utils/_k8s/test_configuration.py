# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm keeps in the cluster."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import configuration


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ('clusters:\n- cluster: {server: "https://master-1:6443"}\n', "https://master-1:6443"),
        ("clusters:\n- cluster:\n    server: 'https://[2001:db8::11]:6443'\n", "https://[2001:db8::11]:6443"),
        ('{"clusters": [{"cluster": {"server": "https://x:1"}}]}', "https://x:1"),
        ("# server: https://192.0.2.11\nclusters: []\n", ""),
        *((text, "") for text in ("", "a: [", "- 1", "clusters: 7", "clusters: [null]", "clusters: [{cluster: x}]")),
    ],
)
def test_the_server_of_a_kubeconfig_is_read_as_yaml(text: str, server: str) -> None:
    assert configuration.kubeconfig_server(text) == server


def test_what_kubeadm_gives_every_master_is_read_by_its_path() -> None:
    text = """
apiServer:
  certSANs: [192.0.2.11]
  extraArgs: {advertise-address: 192.0.2.11}
controlPlaneEndpoint: master-1:6443
etcd: {local: {extraArgs: [{name: initial-cluster, value: "a=b"}], serverCertSANs: [x]}}
"""
    assert configuration.kubeadm_settings(text) == {
        "apiServer.extraArgs.advertise-address": "192.0.2.11",
        "controlPlaneEndpoint": "master-1:6443",
        "etcd.local.extraArgs.initial-cluster": "a=b",
    }
    assert [configuration.kubeadm_settings(item) for item in ("", "a: [", "7", "- 1")] == [{}, {}, {}, {}]


def test_all_values_of_a_repeated_argument_and_of_a_list_are_read() -> None:
    text = """
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
apiServer: {extraArgs: [{name: etcd-servers, value: A}, {name: v, value: 2}, {name: etcd-servers, value: B}]}
etcd: {external: {endpoints: [A, B], caFile: /a}}
"""
    assert configuration.kubeadm_settings(text) == {
        "apiServer.extraArgs.etcd-servers": "A, B",
        "apiServer.extraArgs.v": "2",
        "etcd.external.endpoints": "A, B",
    }
