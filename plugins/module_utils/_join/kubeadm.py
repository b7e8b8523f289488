"""The contents of kubeadm's configuration files, as mappings. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import API_PORT, kubeadm_api
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError

Json = t.Dict[str, t.Any]
_ARGUMENTS_AS_MAPPING = ("kubeadm.k8s.io/v1beta2", "kubeadm.k8s.io/v1beta3")
_JOIN_WORDS = re.compile(
    r"--token\s+(?P<token>[a-z0-9]{6}\.[a-z0-9]{16}).*--discovery-token-ca-cert-hash\s+(?P<hash>sha256:[0-9a-f]{64})",
    re.DOTALL,
)


def api_version(kubernetes_version: str) -> str:
    """The configuration API that kubeadm of this version reads. Raises HaError for a version of which that is not known."""
    if not re.match(r"v?\d+\.\d+\.", kubernetes_version):
        raise HaError("{0!r} is not a Kubernetes version".format(kubernetes_version))
    found = kubeadm_api(kubernetes_version)
    if not found:
        raise HaError("the configuration that kubeadm of {0} reads is not known".format(kubernetes_version))
    return found


def credentials_configuration(
    *,
    kubernetes_version: str,
    certificate_key: str,
    description: str,
    ttl: str,
    cri_socket: str = "",
) -> t.List[Json]:
    """The configuration for `kubeadm token create` and `kubeadm init phase upload-certs`.

    With a version, kubeadm does not look up the newest one on the Internet. With the socket, it looks for none: on a host with two, it fails.
    """
    version = api_version(kubernetes_version)
    init: Json = {
        "apiVersion": version,
        "kind": "InitConfiguration",
        "certificateKey": certificate_key,
        "bootstrapTokens": [{"description": description, "ttl": ttl}],
    }
    if cri_socket:
        init["nodeRegistration"] = {"criSocket": cri_socket}
    return [
        init,
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
    addresses: t.Sequence[str] = (),
    port: int = API_PORT,
    cri_socket: str = "",
) -> Json:
    """The configuration for `kubeadm join --config` of a control-plane node. It holds the secrets, so that no command line does.

    `addresses` are those of the Node, one of each family, where they are more than `ip`; `port` is that of its API server.
    It has no taints: the survivors' taints are set afterwards.
    """
    version = api_version(kubernetes_version)
    arguments = {"node-ip": ",".join(addresses or (ip,))}
    registration: Json = {
        "name": name,
        "taints": [],
        # A list since v1beta4.
        "kubeletExtraArgs": (
            arguments
            if version in _ARGUMENTS_AS_MAPPING
            else [{"name": key, "value": value} for key, value in arguments.items()]
        ),
    }
    if cri_socket:
        registration["criSocket"] = cri_socket
    return {
        "apiVersion": version,
        "kind": "JoinConfiguration",
        "discovery": {"bootstrapToken": {"apiServerEndpoint": endpoint, "token": token, "caCertHashes": [ca_hash]}},
        "nodeRegistration": registration,
        "controlPlane": {
            "localAPIEndpoint": {"advertiseAddress": ip, "bindPort": port},
            "certificateKey": certificate_key,
        },
    }
