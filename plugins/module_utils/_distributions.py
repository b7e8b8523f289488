"""The paths, ports, unit and pod names of each distribution. They are defined only in this file."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import re
import typing as t

ETCD_CLIENT_PORT = 2379
ETCD_PEER_PORT = 2380
ETCD_METRICS_PORT = 2381
API_PORT = 6443
KUBELET_PORT = 10250
SSH_PORT = 22

# Snapshots and copies of edited manifests on the hosts. Never inside the manifests folder, which kubelet reads.
HOST_BACKUPS = "/var/backups/cloudpods-ha"
# The folder for the operator's etcdctl, for hosts without one.
PUSHED_PROGRAMS = "/var/lib/cloudpods-ha/bin"


class Provider(t.NamedTuple):
    """A provider of the control plane.

    `etcd_mark` is a file that exists where it runs an etcd member. `api_client` are certificate and key for an API server that answers nobody without them.
    `etcd_in_pod`: etcdctl is in the etcd pod, else it must be on the host. `suffixed_members`: members are named NODE-xxxxxxxx, not like the node.
    `deletes_member`: the distribution removes a deleted Node's member automatically, some time later. `scratch` is a folder that etcdctl and
    the host share under the same path, empty if that is any folder.
    """

    name: str
    admin_kubeconfig: str
    ca_certificate: str
    manifests: str
    kubelet_config: str
    etcd_data: str
    etcd_mark: str
    units: t.Tuple[str, ...]
    etcd_ca: str
    etcd_cert: str
    etcd_key: str
    etcd_in_pod: bool
    suffixed_members: bool
    deletes_member: bool
    scratch: str
    api_client: t.Tuple[str, ...] = ()

    @property
    def keepalived_manifest(self) -> str:
        """The static pod that holds the VIP."""
        return self.manifests + "/keepalived.yaml"

    def node_of_member(self, member: str) -> str:
        """The node name of an etcd member with this name. K3s adds eight hexadecimal digits (source: k3s, pkg/etcd/etcd.go, setName)."""
        match = re.fullmatch(r"(.+)-[0-9a-f]{8}", member) if self.suffixed_members else None
        return match.group(1) if match else member


KUBEADM = Provider(
    name="kubeadm",
    admin_kubeconfig="/etc/kubernetes/admin.conf",
    ca_certificate="/etc/kubernetes/pki/ca.crt",
    manifests="/etc/kubernetes/manifests",
    kubelet_config="/etc/kubernetes/kubelet.conf",
    etcd_data="/var/lib/etcd",
    etcd_mark="/etc/kubernetes/manifests/etcd.yaml",
    units=("kubelet",),
    etcd_ca="/etc/kubernetes/pki/etcd/ca.crt",
    etcd_cert="/etc/kubernetes/pki/etcd/server.crt",
    etcd_key="/etc/kubernetes/pki/etcd/server.key",
    etcd_in_pod=True,
    suffixed_members=False,
    deletes_member=False,
    scratch="/var/lib/etcd",
    api_client=(
        "/etc/kubernetes/pki/apiserver-kubelet-client.crt",
        "/etc/kubernetes/pki/apiserver-kubelet-client.key",
    ),
)

K3S_DATA = "/var/lib/rancher/k3s"
K3S_PROGRAM = "/usr/local/bin/k3s"
K3S_UNIT = "k3s"
K3S_UNIT_FILE = "/etc/systemd/system/k3s.service"
K3S_UNIT_FILES = (K3S_UNIT_FILE, "/usr/lib/systemd/system/k3s.service", "/usr/local/lib/systemd/system/k3s.service")
K3S_ENVIRONMENT = K3S_UNIT_FILE + ".env"
K3S_ENVIRONMENTS = ("/etc/default/k3s", "/etc/sysconfig/k3s", K3S_ENVIRONMENT)
K3S_CONFIG = "/etc/rancher/k3s/config.yaml"
K3S_REGISTRIES = "/etc/rancher/k3s/registries.yaml"
# The administrator's templates of containerd's configuration, which K3s fills in at its start; the second is for containerd 2.
K3S_CONTAINERD = K3S_DATA + "/agent/etc/containerd"
K3S_TEMPLATES = ("config.toml.tmpl", "config-v3.toml.tmpl", "config.toml.d/*.toml", "config-v3.toml.d/*.toml")
K3S_SERVER = K3S_DATA + "/server"
K3S_TOKEN = K3S_SERVER + "/token"
K3S_MANIFESTS = K3S_SERVER + "/manifests"
# The server's state of the cluster that it joined. The host's node password is not included: it stays.
K3S_STATE = (K3S_SERVER, K3S_DATA + "/agent/kubelet.kubeconfig")
K3S_NODE_SECRET = "{0}.node-password.k3s"  # noqa: S105 a name
K3S_FINALIZER = "wrangler.cattle.io/managed-etcd-controller"
K3S_MEMBER_NAME = "etcd.k3s.cattle.io/node-name"
K3S_MEMBER_REMOVED = "etcd.k3s.cattle.io/removed-node-name"
K3S_MEMBER_ADDRESS = "etcd.k3s.cattle.io/node-address"

K3S = Provider(
    name="k3s",
    admin_kubeconfig="/etc/rancher/k3s/k3s.yaml",
    ca_certificate=K3S_SERVER + "/tls/server-ca.crt",
    manifests=K3S_DATA + "/agent/pod-manifests",
    kubelet_config=K3S_DATA + "/agent/kubelet.kubeconfig",
    etcd_data=K3S_SERVER + "/db/etcd",
    etcd_mark=K3S_SERVER + "/db/etcd/config",
    units=(K3S_UNIT,),
    etcd_ca=K3S_SERVER + "/tls/etcd/server-ca.crt",
    etcd_cert=K3S_SERVER + "/tls/etcd/client.crt",
    etcd_key=K3S_SERVER + "/tls/etcd/client.key",
    etcd_in_pod=False,
    suffixed_members=True,
    deletes_member=True,
    scratch="",
    api_client=(K3S_SERVER + "/tls/client-admin.crt", K3S_SERVER + "/tls/client-admin.key"),
)

PROVIDERS: t.Mapping[str, Provider] = {KUBEADM.name: KUBEADM, K3S.name: K3S}

# Interfaces of pods and virtual machines: no other machine reaches an address on one. Not br0, to which Cloudpods moves the host's own address.
INSIDE_INTERFACE = re.compile(
    r"antrea|cali|cbr0$|cilium|cni|docker|egress\.calico|flannel|incusbr|kube-bridge|lxc|lxdbr|mpqemubr|nerdctl|ovn|podman|tunl|vboxnet|veth|virbr|vmnet|vnet"
    r"|vxlan(?:-v6)?\.calico|weave|(?:wireguard|wg-v6)\.cali|br-[0-9a-f]{12}$"
)

# Ports on which a running control-plane machine accepts connections.
PROBE_PORTS = (SSH_PORT, API_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, KUBELET_PORT)


def host_port(address: str, port: int) -> str:
    """An address and a port in the format of a URL."""
    return "[{0}]:{1}".format(address, port) if ":" in address else "{0}:{1}".format(address, port)


def readiness_path(version: str) -> str:
    """The path of the readiness check of an API server with this version: before 1.16 only /healthz exists."""
    match = re.match(r"v1\.(\d+)\.", version)
    return "/healthz" if match and int(match.group(1)) < 16 else "/readyz"


# The oldest Kubernetes minor release whose kubeadm reads each version of its configuration, which the next ones read too.
_KUBEADM_APIS = ((31, "kubeadm.k8s.io/v1beta4"), (22, "kubeadm.k8s.io/v1beta3"), (15, "kubeadm.k8s.io/v1beta2"))
# The newest release whose kubeadm is known to read the last of them.
KUBEADM_KNOWN = 37
_ALWAYS = (0, KUBEADM_KNOWN)
# The phases of kubeadm join and their parts, with the first and the last minor release that have them (source: kubeadm of 1.15, 1.29, 1.30, 1.31, 1.32
# and 1.34, app/cmd/phases/join).
_JOIN_PHASES: t.Mapping[str, t.Tuple[int, int]] = {
    "preflight": _ALWAYS,
    "control-plane-prepare": _ALWAYS,
    "control-plane-prepare/download-certs": _ALWAYS,
    "control-plane-prepare/certs": _ALWAYS,
    "control-plane-prepare/kubeconfig": _ALWAYS,
    "control-plane-prepare/control-plane": _ALWAYS,
    "check-etcd": _ALWAYS,
    "kubelet-start": _ALWAYS,
    "etcd-join": (31, KUBEADM_KNOWN),
    "kubelet-wait-bootstrap": (31, KUBEADM_KNOWN),
    "control-plane-join": _ALWAYS,
    "control-plane-join/etcd": _ALWAYS,
    "control-plane-join/update-status": (0, 30),
    "control-plane-join/mark-control-plane": _ALWAYS,
    "wait-control-plane": (30, KUBEADM_KNOWN),
}
JOIN_PHASES = tuple(_JOIN_PHASES)


def kubeadm_api(version: str) -> str:
    """The configuration API that kubeadm of this Kubernetes release reads; empty for a release of which that is not known."""
    minor = _minor(version)
    if minor > KUBEADM_KNOWN:
        return ""
    return next((api for oldest, api in _KUBEADM_APIS if minor >= oldest), "")


def lacks_join_phase(version: str, phase: str) -> bool:
    """Whether kubeadm of this Kubernetes release stops at the name of this phase; False where the release is not known."""
    oldest, newest = _JOIN_PHASES.get(phase, _ALWAYS)
    minor = _minor(version)
    return 0 < minor <= KUBEADM_KNOWN and not oldest <= minor <= newest


def _minor(version: str) -> int:
    match = re.match(r"v?1\.(\d+)(?:\.|$)", version)
    return int(match.group(1)) if match else 0


def kubectl_argv(provider: Provider, node_ip: str, api_port: int = API_PORT) -> t.List[str]:
    """The start of a kubectl command line on a control-plane host. It uses the host's own API server, since the VIP may be down."""
    return [
        "kubectl",
        "--kubeconfig",
        provider.admin_kubeconfig,
        "--server",
        "https://{0}".format(host_port(node_ip, api_port)),
        "--request-timeout=20s",
    ]


def etcdctl_argv(
    provider: Provider,
    *,
    node_name: str,
    node_ip: str,
    endpoint: str = "",
    program: str = "etcdctl",
    api_port: int = API_PORT,
) -> t.List[str]:
    """The start of an etcdctl command line: in the etcd pod of this host, or `program` of the host itself.

    `endpoint` defaults to the member of this host, at the port that both distributions give it. The command line contains paths but no secrets.
    """
    # The loopback address of the node's family: where it has IPv6 addresses only, etcd listens on ::1.
    loopback = "::1" if ":" in node_ip else "127.0.0.1"
    target = endpoint or "https://{0}".format(host_port(loopback, ETCD_CLIENT_PORT))
    return [
        *_etcd_head(
            provider,
            node_name=node_name,
            node_ip=node_ip,
            program=program,
            pod_program="etcdctl",
            api_port=api_port,
        ),
        *(
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


def etcdutl_argv(
    provider: Provider, *, node_name: str, node_ip: str, program: str = "etcdutl", api_port: int = API_PORT
) -> t.List[str]:
    """The start of an etcdutl command line in the same place: from etcd 3.6 on, only etcdutl reads snapshot files."""
    return _etcd_head(
        provider, node_name=node_name, node_ip=node_ip, program=program, pod_program="etcdutl", api_port=api_port
    )


def _etcd_head(
    provider: Provider, *, node_name: str, node_ip: str, program: str, pod_program: str, api_port: int
) -> t.List[str]:
    if not provider.etcd_in_pod:
        return [program]
    kubectl = kubectl_argv(provider, node_ip, api_port)
    return [*kubectl, "-n", "kube-system", "exec", "etcd-" + node_name, "-c", "etcd", "--", pod_program]
