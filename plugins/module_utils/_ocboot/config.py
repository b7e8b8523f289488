"""The configuration with which ocboot joins a replacement and changes as little else as possible. Pure.

The values come from the live cluster. ocboot writes a default into the cluster for every key that its file lacks, so every such key is given.
docs/ocboot.md names the source of each value, and the rules under the codes of the refusals.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import refusals as refuse
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import values
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootHost, OcbootInputs

PRIMARY = "primary_master_node"
MASTERS = "master_nodes"
DEFAULT_API_PORT = "6443"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """`ok`: ocboot can be run with `configuration` (the groups of its file) and the variables of `environment`; `primary` is primary_master_node.

    Otherwise these are empty and `reason` is one line of all `refusals`. No sentence quotes a secret.
    """

    ok: bool
    reason: str = ""
    refusals: t.Tuple[Refusal, ...] = ()
    configuration: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    primary: str = ""
    warnings: t.Tuple[str, ...] = ()


def configuration(inputs: OcbootInputs) -> Outcome:
    """Return ocboot's configuration, or why ocboot must not be run."""
    refusals, warnings = tuple(refuse.refusals(inputs)), tuple(refuse.warnings(inputs))
    made: Json = {}
    if not refusals:
        made = _made(inputs)
        # Whatever the source of a value, the lost node must not be in it.
        refusals = tuple(refuse.refusals_of(made, inputs))
    if refusals:
        sentences = ["{0}: {1} {2}".format(item.code, item.observed, item.remedy) for item in refusals]
        sentences.append("Nothing was changed." if inputs.options.only_look else "ocboot was not run.")
        return Outcome(False, " ".join(sentences), refusals, warnings=warnings)
    return Outcome(
        True,
        configuration=made,
        environment=environment(inputs),
        primary=values.primary_of(inputs).name,
        warnings=warnings,
    )


def environment(inputs: OcbootInputs) -> t.Dict[str, str]:
    """The variables that a native run needs. ocboot's container script does not pass them on."""
    found = {"NO_REBOOT": "1"}
    if inputs.options.skip_cloud:
        found["SKIP_TAGS"] = "cloud"
    if inputs.provider == "kubeadm" and inputs.checkout is not None and inputs.checkout.k8s_v115:
        found["K8S_V115"] = "TRUE"
    return found


def _made(inputs: OcbootInputs) -> Json:
    primary = values.primary_of(inputs)
    joining = values.joining_hosts(inputs)
    return {
        PRIMARY: {
            "hostname": primary.ip,
            "use_local": False,
            **_machine(primary, inputs),
            "node_ip": primary.ip,
            **_of_cluster(inputs),
            **_of_calico(inputs, primary),
            **_of_group(inputs, [primary]),
        },
        MASTERS: {
            "as_controller": True,
            **_of_group(inputs, joining),
            "hosts": [{"hostname": host.ip, **_machine(host, inputs), "node_ip": host.ip} for host in joining],
        },
    }


def _machine(host: OcbootHost, inputs: OcbootInputs) -> Json:
    found: Json = {"user": host.user, "port": int(host.port)}
    if host.host_networks and not values.networks_left_out(host, inputs):
        found["host_networks"] = list(host.host_networks)
    if host.disk_paths:
        found["disk_paths"] = list(host.disk_paths)
    if host.hugepages is not None:
        found["enable_hugepage"] = host.hugepages
    return found


def _of_cluster(inputs: OcbootInputs) -> Json:
    spec, options, networks = inputs.cluster["spec"], inputs.options, values.networks_of(inputs)
    version = str(spec["version"])
    return {
        "onecloud_version": version,
        "operator_version": options.operator_version or values.tag_of(inputs.operator_image) or version,
        "db_host": str(spec["mysql"]["host"]),
        "db_port": int(spec["mysql"]["port"]),
        "db_user": str(spec["mysql"]["username"]),
        "db_password": str(spec["mysql"]["password"]),
        "onecloud_user": options.onecloud_user,
        "onecloud_user_password": options.onecloud_user_password,
        "image_repository": str(spec["imageRepository"]),
        "product_version": values.product_of(inputs),
        "region": str(spec["region"]),
        "zone": str(spec["zone"]),
        "use_ee": values.edition_of(inputs) == "ee",
        "enable_minio": values.minio_of(inputs),
        "restore_mode": False,
        "ip_type": "ipv4",
        "pod_network_cidr": networks["pod_network_cidr"],
        "service_cidr": networks["service_cidr"],
        "service_dns_domain": networks["service_dns_domain"],
    }


def _of_calico(inputs: OcbootInputs, primary: OcbootHost) -> Json:
    """Calico's settings, for K3s, where ocboot applies its own manifest of Calico again."""
    backend = values.calico_backend(inputs)
    if inputs.provider != "k3s" or not backend:
        return {}
    method = str(inputs.calico.get("ip_autodetection_method") or "")
    if not method or any(address in method for address in inputs.lost_addresses):
        method = "can-reach={0}".format(primary.ip)
    # Releases before 4.0.4 read enable_ipip only, later ones prefer calico_backend.
    return {"calico_backend": backend, "enable_ipip": backend == "ipip", "ip_autodetection_method": method}


def _of_group(inputs: OcbootInputs, hosts: t.Sequence[OcbootHost]) -> Json:
    as_host = values.shared_label(inputs, hosts, "as_host")
    containerd = next((host.containerd for host in hosts if host.containerd is not None), inputs.options.containerd)
    return {
        "controlplane_host": str(ipaddress.ip_address(inputs.vip)),
        "controlplane_port": _port(inputs),
        "high_availability": True,
        "keepalived_version_tag": values.tag_of(inputs.keepalived_image),
        "as_host": bool(as_host),
        # A virtual machine keeps the label only with both settings.
        "as_host_on_vm": bool(as_host),
        "enable_lbagent": bool(values.shared_label(inputs, hosts, "lbagent")),
        "enable_containerd": bool(containerd),
        "registry_mirrors": list(inputs.options.registry_mirrors),
        "insecure_registries": list(inputs.options.insecure_registries),
    }


def _port(inputs: OcbootInputs) -> str:
    endpoint = str(inputs.config.get("controlPlaneEndpoint") or "")
    _host, colon, port = endpoint.rpartition(":")
    return port if colon and port.isdigit() else DEFAULT_API_PORT
