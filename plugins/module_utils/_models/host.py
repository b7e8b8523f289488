"""Records of a host of the inventory: its facts, its keepalived, its K3s.

Sizes are bytes, times are RFC 3339 strings in UTC as the API server writes them, durations are seconds, etcd IDs are hexadecimal strings.
Readers of facts and reports find the same shapes in docs/contracts.md.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t


class Keepalived(t.NamedTuple):
    """A host's keepalived static pod. `identity` is a digest of VIP, router ID and password, which compares hosts without showing a secret.

    `copy_error` says why no manifest for another host can be made from it.
    """

    priority: int
    state: str
    router_id: str
    interface: str
    node_ip: str
    vips: t.Tuple[str, ...]
    identity: str
    copy_error: str = ""


class K3s(t.NamedTuple):
    """K3s on a host. `binary` is the SHA-256 of the program, `ca` that of the certificate of the cluster's server CA, `token_ca` that in the host's token;
    the latter two are empty if unknown.
    """

    version: str
    binary: str = ""
    ca: str = ""
    token_ca: str = ""


class Host(t.NamedTuple):
    """The facts of a host of the inventory. `skew_seconds` is its clock minus the controller's at the request; since the answer took
    `answer_seconds`, the true difference may be smaller by up to that.

    `node_name` is that of its Node, empty if it has no etcd member. `foreign_etcd` are the URLs of an etcd that is not a static pod of this host.
    `routes` are those of a replacement: {to, dev, via, src, metric}. `address_given` says that the operator named `node_ip`.

    `unsupported`: `error` says that its control plane is of a kind that is not supported, so there is nothing to repair.

    `join_running`: kubeadm, or a K3s that is not ready yet, is running. `etcdctl` is the path of the program on the host, empty without one.
    """

    name: str
    role: str
    reachable: bool
    error: str = ""
    unsupported: bool = False
    provider: str = ""
    hostname: str = ""
    node_name: str = ""
    api_port: int = 6443
    foreign_etcd: str = ""
    node_ip: str = ""
    address_given: bool = False
    addresses: t.Tuple[str, ...] = ()
    interfaces: t.Mapping[str, str] = {}
    routes: t.Tuple[t.Mapping[str, str], ...] = ()
    skew_seconds: float = 0.0
    answer_seconds: float = 0.0
    kubeadm_version: str = ""
    kubelet_version: str = ""
    joined: bool = False
    etcd_data: bool = False
    join_running: bool = False
    machine_id: str = ""
    architecture: str = ""
    etcdctl: str = ""
    k3s: t.Optional[K3s] = None
    etcd_health: str = ""
    api_ready: str = ""
    kubeconfig: bool = False
    free_bytes: t.Mapping[str, int] = {}
    keepalived: t.Optional[Keepalived] = None
