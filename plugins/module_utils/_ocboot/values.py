"""Single values that the live cluster gives to ocboot's configuration and to the checks of it. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootHost, OcbootInputs, OcbootNode

# Of each provider: ocboot's name of a network setting and the key that holds it in the survivor's configuration.
NETWORKS = {
    "k3s": {"pod_network_cidr": "cluster-cidr", "service_cidr": "service-cidr", "service_dns_domain": "cluster-domain"},
    "kubeadm": {"pod_network_cidr": "podSubnet", "service_cidr": "serviceSubnet", "service_dns_domain": "dnsDomain"},
}
VERSION = re.compile(r"v?(\d+)\.(\d+)\.\d+\S*|master-\S+")


def at(mapping: t.Any, *path: str) -> t.Any:
    """The value under nested keys, None where one of them is missing."""
    for key in path:
        mapping = mapping.get(key) if isinstance(mapping, t.Mapping) else None
    return mapping


def primary_of(inputs: OcbootInputs) -> OcbootHost:
    """The survivor that holds the VIP. Raises StopIteration when none does, which the checks refuse before."""
    return next(host for host in inputs.survivors if host.holds_vip)


def lost_node(inputs: OcbootInputs) -> t.Optional[OcbootNode]:
    """The lost machine's Node, None when it is deleted."""
    return next((node for node in inputs.nodes if node.name == inputs.lost), None)


def networks_of(inputs: OcbootInputs) -> t.Dict[str, str]:
    """Pod CIDR, service CIDR and DNS domain under ocboot's names; "" where the configuration has none."""
    source = inputs.config if inputs.provider == "k3s" else inputs.config.get("networking") or {}
    found = {}
    for name, key in NETWORKS[inputs.provider].items():
        value = source.get(key)
        found[name] = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")
    return found


def endpoint_of(inputs: OcbootInputs) -> str:
    """The OnecloudCluster's loadBalancerEndpoint, "" when it has none."""
    return str(at(inputs.cluster, "spec", "loadBalancerEndpoint") or "")


def edition_of(inputs: OcbootInputs) -> str:
    """Edition of the product, from the annotation; "ce" without."""
    return str(at(inputs.cluster, "metadata", "annotations", "onecloud.yunion.io/edition") or "ce")


def minio_of(inputs: OcbootInputs) -> t.Optional[bool]:
    """Whether MinIO stores the images; None when the cluster does not say, or contradicts itself."""
    if inputs.options.enable_minio is not None:
        return inputs.options.enable_minio
    found = {at(inputs.cluster, "spec", "minio", "enable"), at(inputs.cluster, "spec", "glance", "switchToS3")}
    found.discard(None)
    return found.pop() is True if len(found) == 1 else None


def product_of(inputs: OcbootInputs) -> str:
    """The product. Cloudpods before 3.9 had one only, which later loaders know as FullStack."""
    found = inputs.options.product_version or str(at(inputs.cluster, "spec", "productVersion") or "")
    return found or ("FullStack" if below_3_9(str(inputs.cluster["spec"]["version"])) else "")


def below_3_9(version: str) -> bool:
    """Whether a Cloudpods version is older than 3.9; False for one that is no release."""
    match = VERSION.fullmatch(version)
    return bool(match and match.group(1)) and tuple(map(int, version.lstrip("v").split(".")[:2])) < (3, 9)


def tag_of(image: str) -> str:
    """The tag of an image REGISTRY:PORT/PATH:TAG@DIGEST, "" without one."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def calico_backend(inputs: OcbootInputs) -> str:
    """Calico's backend as ocboot calls it: vxlan, ipip or none; "" when it is not known."""
    backend = inputs.calico.get("backend")
    if backend == "bird":
        return "none" if inputs.calico.get("ipip") == "Never" else "ipip"
    return "vxlan" if backend == "vxlan" else ""


def joining_hosts(inputs: OcbootInputs) -> t.List[OcbootHost]:
    """The machines of master_nodes: the replacement and, with K3s, every survivor that does not hold the VIP.

    With K3s, ocboot joins no host if the group has one host, and at its end compares the number of control-plane nodes with its file.
    """
    if inputs.provider != "k3s":
        return [inputs.replacement]
    return [inputs.replacement, *(host for host in inputs.survivors if not host.holds_vip)]


def shared_label(inputs: OcbootInputs, hosts: t.Sequence[OcbootHost], label: str) -> t.Optional[bool]:
    """The value of a label (`as_host` or `lbagent`) on all these machines; None when they differ. ocboot has one value for a group."""
    found = {_label(inputs, host, label) for host in hosts}
    return found.pop() if len(found) == 1 else None


def _label(inputs: OcbootInputs, host: OcbootHost, label: str) -> t.Optional[bool]:
    nodes = {node.ip: node for node in inputs.nodes}
    if host != inputs.replacement:
        return bool(getattr(nodes[host.ip], label)) if host.ip in nodes else None
    if label == "as_host" and inputs.options.replacement_as_host is not None:
        return inputs.options.replacement_as_host
    found = {bool(getattr(nodes[item.ip], label)) for item in inputs.survivors if item.ip in nodes}
    if len(found) == 1:
        return found.pop()
    # A label that only some survivors have is not given to the replacement; whether it becomes a host is the operator's decision.
    return None if label == "as_host" else False


def networks_left_out(host: OcbootHost, inputs: OcbootInputs) -> bool:
    """Whether host_networks would fail the run on this machine: a survivor has the interface's address on its bridge."""
    regression = inputs.checkout is None or inputs.checkout.host_networks_regression
    return regression and host in inputs.survivors
