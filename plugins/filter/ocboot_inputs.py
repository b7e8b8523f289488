# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ocboot_inputs
short_description: Put together what the configuration of ocboot is made of
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Parses the answers of the API and of the hosts, and returns what P(cloudpods.ha.ocboot_configuration#filter) reads. It decides nothing.
  - The result holds the passwords of the database and of the web user, so tasks that use this filter need C(no_log).
  - It fails with one sentence when an answer can't be understood. No message quotes a value.
options:
  _input:
    description:
      - The answers of the API. C(cluster), C(kubeadm), C(deployments), C(calico_config) and C(calico_nodes) are lists of objects as
        M(kubernetes.core.k8s_info) returns them under C(resources), of OnecloudCluster, ConfigMap kubeadm-config, Deployment onecloud-operator,
        ConfigMap calico-config and DaemonSet calico-node; C(nodes) are all Nodes.
    type: dict
    required: true
  provider:
    description: How the control plane is run.
    type: str
    choices: [kubeadm, k3s]
    required: true
  lost:
    description: The lost node, with its C(name) and C(addresses).
    type: dict
    required: true
  replacement:
    description: The replacement, as one of O(survivors).
    type: dict
    required: true
  survivors:
    description:
      - Every control-plane machine that lives. C(host) is the key under which O(files) has its answer, C(name) and C(ip) are those of its Node,
        C(user) and C(port) are for SSH (root and 22 without), C(host_networks) and C(disk_paths) go before what its host.conf says.
    type: list
    elements: dict
    required: true
  files:
    description: The results of M(cloudpods.ha.ocboot_host_files) by C(host).
    type: dict
    required: true
  vip:
    description: The virtual address.
    type: str
    required: true
  options:
    description: What the operator says; docs/ocboot.md lists the keys.
    type: dict
    required: true
  checkout:
    description: The RV(cloudpods.ha.ocboot_checkout_info#module:checkout), empty when nothing is known of it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Make the configuration
  ansible.builtin.set_fact:
    made: "{{ api | cloudpods.ha.ocboot_inputs(provider='k3s', lost=lost, replacement=replacement, survivors=survivors, files=files, vip='192.0.2.10',
      options={'onecloud_user_password': password}) | cloudpods.ha.ocboot_configuration }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: The inputs, as docs/ocboot.md describes them.
  type: dict
"""

import typing as t

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import inputs as read
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def ocboot_inputs(
    api: Json,
    *,
    provider: str,
    lost: Json,
    replacement: Json,
    survivors: t.Sequence[Json],
    files: t.Mapping[str, Json],
    vip: str,
    options: Json,
    checkout: t.Optional[Json] = None,
) -> Json:
    clusters = api.get("cluster") or []
    if len(clusters) != 1:
        raise AnsibleFilterError("there are {0} OnecloudClusters, not one".format(len(clusters)))
    asked = [files.get(machine["host"]) or {} for machine in survivors]
    first = asked[0] if asked else {}
    texts = _texts(first)
    config: t.Any = _parsed(texts.get("config", ""), "the survivor's configuration of K3s")
    if provider == "kubeadm":
        stored = [(item.get("data") or {}).get("ClusterConfiguration") or "" for item in api.get("kubeadm") or []]
        config = _parsed("".join(stored[:1]), "the ConfigMap kubeadm-config")
    try:
        hosts = [
            read.host(
                machine,
                conf=_parsed(_texts(answer).get("host_conf", ""), "a host.conf"),
                holds_vip=vip in (answer.get("addresses") or []),
            )
            for machine, answer in zip(survivors, asked)
        ]
        joining = read.host(replacement, conf=None)
        nodes = read.nodes(api.get("nodes") or [])
    except (HaError, KeyError, TypeError, ValueError) as exc:
        raise AnsibleFilterError(str(exc) if isinstance(exc, HaError) else _lacks(exc)) from None
    known = {answer.get("k3s_token_known") for answer in asked}
    return {
        "provider": provider,
        "cluster": clusters[0],
        "config": config if isinstance(config, t.Mapping) else {},
        "nodes": to_json(nodes),
        "lost": str(lost["name"]),
        "lost_addresses": list(lost.get("addresses") or []),
        "replacement": to_json(joining),
        "survivors": to_json(hosts),
        "vip": vip,
        "options": {key: value for key, value in options.items() if value is not None},
        "keepalived_image": read.keepalived_image(_parsed(texts.get("keepalived", ""), "the keepalived manifest")),
        "operator_image": read.operator_image(api.get("deployments") or []),
        "checkout": dict(checkout) if checkout else None,
        "k3s_token_known": known.pop() if len(known) == 1 else False,
        "calico": read.calico(api.get("calico_config") or [], api.get("calico_nodes") or []),
    }


def _texts(answer: Json) -> t.Dict[str, str]:
    return {what: file.get("text") or "" for what, file in (answer.get("files") or {}).items()}


def _parsed(text: str, name: str) -> t.Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise AnsibleFilterError("{0} is no YAML".format(name)) from None


def _lacks(exc: Exception) -> str:
    return "ocboot_inputs: a machine or a Node lacks what is needed, or has it in another form ({0})".format(
        exc.args[0] if isinstance(exc, KeyError) else type(exc).__name__
    )


class FilterModule:
    """What is known."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ocboot_inputs": ocboot_inputs}
