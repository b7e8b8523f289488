# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host's own API server and etcd listen, by manifests as kubeadm and K3s write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils import _endpoints as endpoints
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, KUBEADM, Provider, etcdctl_argv

API = """\
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.0.2.12
{0}
    - --etcd-servers={1}
"""
ETCD = """\
apiVersion: v1
kind: Pod
metadata:
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://192.0.2.12:2379
    - --listen-client-urls={0}
    - --listen-metrics-urls={1}
    - --listen-peer-urls=https://192.0.2.12:2380
    - --name={2}
"""
METRICS, CLIENT = "http://127.0.0.1:2381", "https://127.0.0.1:2379"


@pytest.fixture
def kubeadm(tmp_path: Path) -> Provider:
    return KUBEADM._replace(manifests=str(tmp_path), etcd_mark=str(tmp_path / "etcd.yaml"))


@pytest.fixture
def k3s(tmp_path: Path) -> Provider:
    return K3S._replace(admin_kubeconfig=str(tmp_path / "k3s.yaml"), etcd_mark=str(tmp_path / "config"))


def write_api(kubeadm: Provider, *lines: str, etcd: str = "https://127.0.0.1:2379") -> None:
    text = API.format("\n".join("    - " + line for line in lines), etcd)
    Path(kubeadm.manifests, "kube-apiserver.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("lines", "urls"),
    [
        ([], ["https://127.0.0.1:6443", "https://[::1]:6443"]),
        (["--secure-port=6440"], ["https://127.0.0.1:6440", "https://[::1]:6440"]),
        (
            ["--bind-address=192.0.2.12"],
            ["https://192.0.2.12:6443", "https://127.0.0.1:6443", "https://[::1]:6443"],
        ),
        (["--bind-address=127.0.0.1"], ["https://127.0.0.1:6443", "https://[::1]:6443"]),
        (["--bind-address=[::]"], ["https://127.0.0.1:6443", "https://[::1]:6443"]),
        (["--bind-address=0.0.0.0"], ["https://127.0.0.1:6443", "https://[::1]:6443"]),
        (["--bind-address=::", '"--secure-port=7443"'], ["https://127.0.0.1:7443", "https://[::1]:7443"]),
        *(
            (
                ["--bind-address=" + address, "--secure-port=6440"],
                ["https://[2001:db8::12]:6440", "https://127.0.0.1:6440", "https://[::1]:6440"],
            )
            for address in ("2001:db8::12", "[2001:db8::12]", "2001:0DB8:0::12")
        ),
        (["--secure-port=x"], ["https://127.0.0.1:6443", "https://[::1]:6443"]),
    ],
)
def test_the_api_server_is_where_its_manifest_says(kubeadm: Provider, lines: list[str], urls: list[str]) -> None:
    assert endpoints.api_urls(kubeadm, ipv6=True) == ["https://127.0.0.1:6443", "https://[::1]:6443"]
    write_api(kubeadm, *lines)
    assert endpoints.api_urls(kubeadm, ipv6=True) == urls
    assert endpoints.api_port(kubeadm) == int(urls[0].rpartition(":")[2])


@pytest.mark.parametrize(
    ("server", "urls"),
    [
        ("https://127.0.0.1:6443", ["https://127.0.0.1:6443"]),
        ("https://127.0.0.1:6440", ["https://127.0.0.1:6440"]),
        ("https://localhost:6440", ["https://127.0.0.1:6440"]),
        ('"https://[2001:db8::12]:6443"', ["https://[2001:db8::12]:6443", "https://127.0.0.1:6443"]),
        ("https://192.0.2.12:6440", ["https://192.0.2.12:6440", "https://127.0.0.1:6440"]),
        ("https://[::1]:6443", ["https://127.0.0.1:6443"]),
        ("nonsense", ["https://127.0.0.1:6443"]),
        # Written by an administrator: the VIP, a load balancer, a name.
        ("https://192.0.2.100:6443", ["https://127.0.0.1:6443"]),
        ("https://192.0.2.100:8443", ["https://127.0.0.1:6443"]),
        ("https://k3s.example.com:8443", ["https://127.0.0.1:6443"]),
    ],
)
def test_k3s_tells_it_in_its_own_kubeconfig(
    k3s: Provider, monkeypatch: pytest.MonkeyPatch, server: str, urls: list[str]
) -> None:
    monkeypatch.setattr(endpoints, "is_carried", lambda address: address in ("192.0.2.12", "2001:db8::12"))
    Path(k3s.admin_kubeconfig).write_text("clusters:\n- cluster:\n    server: {0}\n".format(server), encoding="utf-8")
    assert endpoints.api_urls(k3s) == urls
    assert endpoints.api_port(k3s) == int(urls[0].rpartition(":")[2])


def test_an_address_is_carried_where_the_kernel_says_so() -> None:
    assert endpoints.is_carried("127.0.0.1")
    # Documentation's addresses are on no host.
    for address in ("192.0.2.100", "2001:db8::100", "k3s.example.com", "localhost", "", "127.0.0.1:1", "::"):
        assert not endpoints.is_carried(address)


@pytest.mark.parametrize(
    ("client", "metrics", "found"),
    [
        ("https://127.0.0.1:2379,https://192.0.2.12:2379", METRICS, ([CLIENT, "https://192.0.2.12:2379"], [METRICS])),
        (
            "https://[::1]:2379,https://[2001:db8::12]:2379",
            "http://[::1]:2381",
            (["https://[::1]:2379", "https://[2001:db8::12]:2379"], ["http://[::1]:2381"]),
        ),
        (
            "https://192.0.2.12:2379,https://127.0.0.1:2379",
            "http://0.0.0.0:2381",
            ([CLIENT, "https://192.0.2.12:2379"], [METRICS]),
        ),
        ("https://[::]:4001", "https://192.0.2.12:9999", (["https://[::1]:4001"], ["https://192.0.2.12:9999"])),
    ],
)
def test_etcd_is_where_its_manifest_says(
    kubeadm: Provider, client: str, metrics: str, found: tuple[list[str], list[str]]
) -> None:
    Path(kubeadm.etcd_mark).write_text(ETCD.format(client, metrics, "node-2"), encoding="utf-8")
    assert endpoints.etcd_urls(kubeadm, "listen-client-urls", "x") == found[0]
    assert endpoints.etcd_urls(kubeadm, "listen-metrics-urls", "x") == found[1]
    assert endpoints.node_name(kubeadm) == "node-2"


def test_without_a_manifest_both_families_are_tried_where_a_control_plane_is(kubeadm: Provider) -> None:
    assert endpoints.etcd_urls(kubeadm, "listen-metrics-urls", METRICS) == [METRICS]
    assert endpoints.etcd_urls(kubeadm, "listen-metrics-urls", METRICS, ipv6=True) == [METRICS, "http://[::1]:2381"]
    assert endpoints.node_name(kubeadm) == ""


def test_the_name_of_a_k3s_node_is_its_member_s_without_the_suffix(k3s: Provider) -> None:
    text = "name: Master-2-0a1b2c3d\nlisten-metrics-urls: http://127.0.0.1:2381\nadvertise-client-urls: https://192.0.2.12:2379\n"
    Path(k3s.etcd_mark).write_text(text, encoding="utf-8")
    assert endpoints.node_name(k3s) == "master-2"
    assert endpoints.etcd_urls(k3s, "listen-metrics-urls", "x") == [METRICS]


def test_an_etcd_that_is_no_static_pod_of_the_host_is_told(kubeadm: Provider) -> None:
    assert endpoints.foreign_etcd(kubeadm) == ""
    write_api(kubeadm, etcd="https://192.0.2.200:2379,https://192.0.2.201:2379")
    assert endpoints.foreign_etcd(kubeadm) == "https://192.0.2.200:2379,https://192.0.2.201:2379"
    Path(kubeadm.etcd_mark).write_text(ETCD.format(CLIENT, METRICS, "x"), encoding="utf-8")
    assert endpoints.foreign_etcd(kubeadm) == ""


@pytest.mark.parametrize(("ip", "endpoint"), [("192.0.2.12", CLIENT), ("2001:db8::12", "https://[::1]:2379")])
def test_etcdctl_asks_the_loopback_address_of_the_node_s_family(ip: str, endpoint: str) -> None:
    for provider in (KUBEADM, K3S):
        argv = etcdctl_argv(provider, node_name="node-2", node_ip=ip, api_port=6440)
        assert argv[argv.index("--endpoints") + 1] == endpoint
    assert any(word.endswith(":6440") for word in etcdctl_argv(KUBEADM, node_name="n", node_ip=ip, api_port=6440))
