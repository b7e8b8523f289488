"""The contents of kubeadm's configuration files, as mappings. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

Json = t.Dict[str, t.Any]
_JOIN_WORDS = re.compile(
    r"--token\s+(?P<token>[a-z0-9]{6}\.[a-z0-9]{16}).*--discovery-token-ca-cert-hash\s+(?P<hash>sha256:[0-9a-f]{64})",
    re.DOTALL,
)


def api_version(kubernetes_version: str) -> str:
    """The newest configuration API that kubeadm of this and the next versions reads: v1beta2 from 1.15, v1beta3 from 1.22."""
    match = re.match(r"v?(\d+)\.(\d+)\.", kubernetes_version)
    if not match:
        raise HaError("{0!r} is not a Kubernetes version".format(kubernetes_version))
    return (
        "kubeadm.k8s.io/v1beta3" if (int(match.group(1)), int(match.group(2))) >= (1, 22) else "kubeadm.k8s.io/v1beta2"
    )


def upload_configuration(*, kubernetes_version: str, certificate_key: str) -> t.List[Json]:
    """The configuration for `kubeadm init phase upload-certs`. With a version, kubeadm does not look up the newest one on the Internet."""
    version = api_version(kubernetes_version)
    return [
        {"apiVersion": version, "kind": "InitConfiguration", "certificateKey": certificate_key},
        {"apiVersion": version, "kind": "ClusterConfiguration", "kubernetesVersion": kubernetes_version},
    ]


def parse_join_command(text: str) -> t.Tuple[str, str]:
    """The token and the hash of the CA from the output of `kubeadm token create --print-join-command`. No error quotes the text."""
    match = _JOIN_WORDS.search(text)
    if not match:
        raise HaError("kubeadm printed no valid join command")
    return match.group("token"), match.group("hash")


def join_configuration(
    *,
    kubernetes_version: str,
    endpoint: str,
    token: str,
    ca_hash: str,
    certificate_key: str,
    name: str,
    ip: str,
    cri_socket: str = "",
) -> Json:
    """The configuration for `kubeadm join --config` of a control-plane node. It holds the secrets, so that no command line does.

    It has no taints: the survivors' taints are set afterwards.
    """
    registration: Json = {"name": name, "taints": [], "kubeletExtraArgs": {"node-ip": ip}}
    if cri_socket:
        registration["criSocket"] = cri_socket
    return {
        "apiVersion": api_version(kubernetes_version),
        "kind": "JoinConfiguration",
        "discovery": {"bootstrapToken": {"apiServerEndpoint": endpoint, "token": token, "caCertHashes": [ca_hash]}},
        "nodeRegistration": registration,
        "controlPlane": {
            "localAPIEndpoint": {"advertiseAddress": ip, "bindPort": 6443},
            "certificateKey": certificate_key,
        },
    }
