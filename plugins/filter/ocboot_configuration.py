# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ocboot_configuration
short_description: Make the configuration with which ocboot joins a replacement
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Makes, from the answers of the API and of the hosts, the configuration with which a run of ocboot joins the replacement and changes nothing else in
    the cluster, or returns why ocboot must not be run. The filter contacts nothing.
  - The configuration holds the passwords of the database and of the web user, so tasks that use this filter need C(no_log). RV(_value.reason) and
    RV(_value.warnings) hold no secret.
  - The filter fails with one sentence when an answer cannot be parsed or an option has the wrong type. No message quotes a value.
options:
  _input:
    description:
      - The answers of the API. C(cluster), C(kubeadm), C(deployments), C(calico_config) and C(calico_nodes) are lists of objects as
        M(kubernetes.core.k8s_info) returns them under C(resources), of OnecloudCluster, ConfigMap kubeadm-config, Deployment onecloud-operator,
        ConfigMap calico-config and DaemonSet calico-node; C(nodes) are all Nodes.
    type: dict
    required: true
  provider:
    description: Kind of the control plane.
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
      - Every live control-plane machine. C(host) is the key under which O(files) has its files, C(name) and C(ip) are those of its Node.
        C(user) and C(port) are for SSH and default to root and 22. C(host_networks) and C(disk_paths) override the machine's host.conf.
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
    description: The operator's options; docs/ocboot.md lists the keys.
    type: dict
    required: true
  checkout:
    description: The RV(cloudpods.ha.ocboot_checkout_info#module:checkout), empty when the release is unknown.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Make the configuration
  ansible.builtin.set_fact:
    made: "{{ api | cloudpods.ha.ocboot_configuration(provider='k3s', lost=lost, replacement=replacement, survivors=survivors, files=files,
      vip='192.0.2.10', options={'onecloud_user_password': password}) }}"
  no_log: true

- name: Assert that ocboot can be run
  ansible.builtin.assert:
    that: made.ok
    fail_msg: "{{ made.reason }}"
"""

RETURN = r"""
_value:
  description: The outcome.
  type: dict
  contains:
    ok:
      description: Whether ocboot can be run.
      type: bool
    reason:
      description: Why ocboot must not be run, as one line of all refusals; empty when it can be run.
      type: str
    refusals:
      description: The refusals, each with C(code), C(observed) and C(remedy).
      type: list
      elements: dict
    configuration:
      description: The groups of ocboot's file; empty after a refusal.
      type: dict
    environment:
      description: Variables that a native run of ocboot needs; empty after a refusal.
      type: dict
    primary:
      description: Name of the survivor that is primary_master_node; empty after a refusal.
      type: str
    warnings:
      description: Sentences for the operator.
      type: list
      elements: str
"""

import typing as t

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.config import configuration
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.inputs import read
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def ocboot_configuration(api: Json, **arguments: t.Any) -> Json:
    try:
        found: Json = to_json(configuration(read(api, _parsed, **arguments)))
    except HaError as exc:
        raise AnsibleFilterError("ocboot_configuration: {0}".format(exc)) from None
    except KeyError as exc:
        raise AnsibleFilterError("ocboot_configuration: {0} is missing".format(exc)) from None
    except (AttributeError, IndexError, TypeError, ValueError) as exc:
        # Of Python's own messages only those on a missing or unknown argument are sure to quote no value.
        known = isinstance(exc, TypeError) and " argument" in str(exc)
        reason = str(exc) if known else "a machine or an object of the API has an unexpected form"
        raise AnsibleFilterError("ocboot_configuration: {0}".format(reason)) from None
    return found


def _parsed(text: str, name: str) -> t.Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise HaError("{0} is not valid YAML".format(name)) from None


class FilterModule:
    """Making ocboot's configuration."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ocboot_configuration": ocboot_configuration}
