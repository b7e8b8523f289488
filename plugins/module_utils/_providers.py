# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Where a distribution keeps things. Paths, ports, unit and pod names stand in this file and nowhere else."""

from __future__ import annotations

import dataclasses
import typing as t

ETCD_CLIENT_PORT = 2379
ETCD_PEER_PORT = 2380
ETCD_METRICS_PORT = 2381
API_PORT = 6443
KUBELET_PORT = 10250
SSH_PORT = 22


@dataclasses.dataclass(frozen=True)
class Provider:
    """One way of running a control plane. `kubectl` and `etcdctl` are heads of command lines, see etcdctl_argv()."""

    name: str
    admin_kubeconfig: str
    ca_certificate: str
    manifests: str
    kubelet_config: str
    etcd_data: str
    etcd_manifest: str
    units: t.Tuple[str, ...]
    storage: str
    etcd_ca: str
    etcd_cert: str
    etcd_key: str

    @property
    def keepalived_manifest(self) -> str:
        """The static pod that holds the VIP."""
        return self.manifests + "/keepalived.yaml"


KUBEADM = Provider(
    name="kubeadm",
    admin_kubeconfig="/etc/kubernetes/admin.conf",
    ca_certificate="/etc/kubernetes/pki/ca.crt",
    manifests="/etc/kubernetes/manifests",
    kubelet_config="/etc/kubernetes/kubelet.conf",
    etcd_data="/var/lib/etcd",
    etcd_manifest="/etc/kubernetes/manifests/etcd.yaml",
    units=("kubelet",),
    storage="/opt/local-path-provisioner",
    etcd_ca="/etc/kubernetes/pki/etcd/ca.crt",
    etcd_cert="/etc/kubernetes/pki/etcd/server.crt",
    etcd_key="/etc/kubernetes/pki/etcd/server.key",
)

PROVIDERS: t.Mapping[str, Provider] = {KUBEADM.name: KUBEADM}

# Ports on which a control-plane machine that is still alive would accept a connection.
PROBE_PORTS = (SSH_PORT, API_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, KUBELET_PORT)

# Kept on the hosts themselves: snapshots and copies of edited manifests. Never inside the manifests folder, which kubelet reads.
HOST_BACKUPS = "/var/backups/cloudpods-ha"


def host_port(address: str, port: int) -> str:
    """An address and a port as they stand in a URL."""
    return "[{0}]:{1}".format(address, port) if ":" in address else "{0}:{1}".format(address, port)


def kubectl_argv(provider: Provider, node_ip: str) -> t.List[str]:
    """The head of a kubectl command line on a control-plane host. It asks the host's own API server: the VIP may be down."""
    return [
        "kubectl",
        "--kubeconfig",
        provider.admin_kubeconfig,
        "--server",
        "https://{0}".format(host_port(node_ip, API_PORT)),
        "--request-timeout=20s",
    ]


def etcdctl_argv(provider: Provider, *, node_name: str, node_ip: str, endpoint: str = "") -> t.List[str]:
    """The head of an etcdctl command line, run in the etcd pod of this host (kubeadm ships no etcdctl on the host).

    `endpoint` defaults to the member of this host. No secret stands on the command line, only paths.
    """
    target = endpoint or "https://127.0.0.1:{0}".format(ETCD_CLIENT_PORT)
    return [
        *_etcd_pod_argv(provider, node_name=node_name, node_ip=node_ip),
        *(
            "etcdctl",
            "--endpoints",
            target,
            "--cacert",
            provider.etcd_ca,
            "--cert",
            provider.etcd_cert,
            "--key",
            provider.etcd_key,
        ),
        *("--dial-timeout=2s", "--command-timeout=5s"),
    ]


def etcdutl_argv(provider: Provider, *, node_name: str, node_ip: str) -> t.List[str]:
    """The head of an etcdutl command line in the same pod: from etcd 3.6 on it reads snapshot files, which etcdctl no longer does."""
    return [*_etcd_pod_argv(provider, node_name=node_name, node_ip=node_ip), "etcdutl"]


def _etcd_pod_argv(provider: Provider, *, node_name: str, node_ip: str) -> t.List[str]:
    return [*kubectl_argv(provider, node_ip), "-n", "kube-system", "exec", "etcd-" + node_name, "-c", "etcd", "--"]
