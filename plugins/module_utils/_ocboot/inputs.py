"""The inputs of ocboot's configuration, read from the answers of the API and of the hosts. Pure; the caller parses YAML."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import CONTROL_PLANE_LABELS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import (
    OcbootCheckout,
    OcbootHost,
    OcbootInputs,
    OcbootNode,
    OcbootOptions,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

# (text, name of the file) to what the YAML says. Raises HaError with the name, and without the text.
Parse = t.Callable[[str, str], t.Any]
_FLAGS = ("enable_minio", "replacement_as_host", "containerd", "skip_cloud", "only_look")
_LISTS = ("registry_mirrors", "insecure_registries")


def read(
    api: t.Mapping[str, t.Sequence[Json]],
    parse: Parse,
    *,
    provider: str,
    lost: Json,
    replacement: Json,
    survivors: t.Sequence[Json],
    files: t.Mapping[str, Json],
    vip: str,
    options: Json,
    checkout: t.Optional[Json] = None,
) -> OcbootInputs:
    """Read the arguments of the filter ocboot_configuration, which describes them.

    Raises HaError for an answer that has another form, TypeError and KeyError for a record with a missing or unknown key. No message quotes a value.
    """
    clusters = api.get("cluster") or []
    if len(clusters) != 1:
        raise HaError("the cluster has {0} OnecloudClusters; exactly one is supported".format(len(clusters)))
    answers = [files.get(machine["host"]) or {} for machine in survivors]
    texts = _texts(answers[0]) if answers else {}
    if provider == "kubeadm":
        stored = [(item.get("data") or {}).get("ClusterConfiguration") or "" for item in api.get("kubeadm") or []]
        config = parse("".join(stored[:1]), "the ConfigMap kubeadm-config")
    else:
        config = parse(texts.get("config", ""), "the survivor's configuration of K3s")
    tokens = {answer.get("k3s_token_known") for answer in answers}
    return OcbootInputs(
        provider=provider,
        cluster=clusters[0],
        config=config if isinstance(config, t.Mapping) else {},
        nodes=tuple(_node(item) for item in api.get("nodes") or []),
        lost=str(lost["name"]),
        lost_addresses=tuple(lost.get("addresses") or ()),
        replacement=host(replacement, conf=None),
        survivors=tuple(
            host(
                machine,
                conf=parse(_texts(answer).get("host_conf", ""), "the host.conf of {0}".format(machine["name"])),
                holds_vip=vip in (answer.get("addresses") or ()),
            )
            for machine, answer in zip(survivors, answers)
        ),
        vip=vip,
        options=_options(options),
        keepalived_image=_keepalived_image(parse(texts.get("keepalived", ""), "the keepalived manifest")),
        operator_image=_operator_image(api.get("deployments") or []),
        checkout=from_json(OcbootCheckout, checkout) if checkout else None,
        k3s_token_known=tokens.pop() if len(tokens) == 1 else False,
        calico=_calico(api.get("calico_config") or [], api.get("calico_nodes") or []),
    )


def host(machine: Json, *, conf: t.Any, holds_vip: bool = False) -> OcbootHost:
    """A machine {name, ip, user, port, host_networks, disk_paths} with the settings of its host.conf; those of the machine go first.

    `conf` is the parsed file, None when there is none. Raises HaError when it is no mapping.
    """
    if conf is not None and not isinstance(conf, t.Mapping):
        raise HaError("the host.conf of {0} is not a mapping".format(machine["name"]))
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


def _options(given: Json) -> OcbootOptions:
    """The options, checked: a text "false" would otherwise count as true."""
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if name in _FLAGS:
            right, wanted = isinstance(value, bool), "true or false"
        elif name in _LISTS:
            right, wanted = isinstance(value, (list, tuple)), "a list"
        else:
            right, wanted = not isinstance(value, (bool, int, float, list, tuple, t.Mapping)), "a text; quote a number"
        if not right:
            raise HaError("the option {0} must be {1}".format(name, wanted))
    return from_json(OcbootOptions, given)


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


def _keepalived_image(manifest: t.Any) -> str:
    containers = ((manifest or {}).get("spec") or {}).get("containers") or [] if isinstance(manifest, t.Mapping) else []
    return str(containers[0].get("image") or "") if containers else ""


def _operator_image(deployments: t.Sequence[Json]) -> str:
    for item in deployments:
        return str(item["spec"]["template"]["spec"]["containers"][0].get("image") or "")
    return ""


def _calico(config_maps: t.Sequence[Json], daemon_sets: t.Sequence[Json]) -> t.Dict[str, str]:
    """{backend, ipip, ip_autodetection_method} from calico-config and calico-node; {} without them."""
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


def _texts(answer: Json) -> t.Dict[str, str]:
    return {what: file.get("text") or "" for what, file in (answer.get("files") or {}).items()}


def _list(value: t.Any) -> t.Tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),)
