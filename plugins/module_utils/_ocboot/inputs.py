"""From what the API and the hosts answer to what the configuration is made of. Pure; YAML is parsed by whoever calls."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import CONTROL_PLANE_LABELS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootHost, OcbootNode


def nodes(objects: t.Sequence[Json]) -> t.Tuple[OcbootNode, ...]:
    """Node objects as records."""
    return tuple(_node(item) for item in objects)


def _node(item: Json) -> OcbootNode:
    status, labels = item.get("status") or {}, item["metadata"].get("labels") or {}
    addresses = [entry["address"] for entry in status.get("addresses") or [] if entry.get("type") == "InternalIP"]
    return OcbootNode(
        name=item["metadata"]["name"],
        ip=addresses[0] if addresses else "",
        ready=any(
            entry.get("type") == "Ready" and entry.get("status") == "True" for entry in status.get("conditions") or []
        ),
        control_plane=any(label in labels for label in CONTROL_PLANE_LABELS),
        as_host=labels.get("onecloud.yunion.io/host") == "enable",
        lbagent=labels.get("onecloud.yunion.io/lbagent") == "enable",
        version=(status.get("nodeInfo") or {}).get("kubeletVersion") or "",
    )


def host(machine: Json, *, conf: t.Any, holds_vip: bool = False) -> OcbootHost:
    """A machine {name, ip, user, port, host_networks, disk_paths} with what its host.conf says; what the operator gives goes first.

    `conf` is the parsed file, None when there is none. Raises HaError when it is no mapping.
    """
    if conf is not None and not isinstance(conf, t.Mapping):
        raise HaError("the host.conf of {0} is no mapping".format(machine["name"]))
    conf = conf or {}
    hugepages, kind = conf.get("hugepages_option"), conf.get("host_type")
    return OcbootHost(
        name=str(machine["name"]),
        ip=str(machine["ip"]),
        user=str(machine.get("user") or "root"),
        port=int(machine.get("port") or 22),
        holds_vip=holds_vip,
        host_networks=_list(machine.get("host_networks") or conf.get("networks")),
        disk_paths=_list(machine.get("disk_paths") or conf.get("local_image_path")),
        hugepages=None if hugepages is None else hugepages == "native",
        containerd=None if kind is None else kind == "container",
    )


def keepalived_image(manifest: t.Any) -> str:
    """The image of a keepalived static pod; "" when there is none."""
    containers = ((manifest or {}).get("spec") or {}).get("containers") or [] if isinstance(manifest, t.Mapping) else []
    return str(containers[0].get("image") or "") if containers else ""


def operator_image(deployments: t.Sequence[Json]) -> str:
    """The image of the Deployment onecloud-operator; "" when there is none."""
    for item in deployments:
        return str(item["spec"]["template"]["spec"]["containers"][0].get("image") or "")
    return ""


def calico(config_maps: t.Sequence[Json], daemon_sets: t.Sequence[Json]) -> t.Dict[str, str]:
    """Backend, IPIP mode and address detection of Calico, from calico-config and calico-node; {} without them."""
    found: t.Dict[str, str] = {}
    for item in config_maps:
        found["backend"] = str((item.get("data") or {}).get("calico_backend") or "")
    for item in daemon_sets:
        for container in item["spec"]["template"]["spec"]["containers"]:
            variables = {entry["name"]: str(entry.get("value") or "") for entry in container.get("env") or []}
            found["ipip"] = variables.get("CALICO_IPV4POOL_IPIP", found.get("ipip", ""))
            method = variables.get("IP_AUTODETECTION_METHOD", found.get("ip_autodetection_method", ""))
            found["ip_autodetection_method"] = method
    return {key: value for key, value in found.items() if value}


def _list(value: t.Any) -> t.Tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),)
