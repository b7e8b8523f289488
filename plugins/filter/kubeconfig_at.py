# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: kubeconfig_at
short_description: Point a kubeconfig at another address of the same cluster
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Replaces the address of the API server in the cluster of the current context. The certificates stay the same, so the address must be one that the
    API server's certificate names.
positional: server
options:
  _input:
    description: The text of the kubeconfig. Secret; use it in tasks with C(no_log) only.
    type: str
    required: true
  server:
    description: The URL of the API server.
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Use a survivor instead of the VIP
  ansible.builtin.copy:
    content: "{{ admin_conf | cloudpods.ha.kubeconfig_at('https://192.0.2.12:6443') }}"
    dest: /root/kubeconfig
    mode: "0600"
  no_log: true
"""

RETURN = r"""
_value:
  description: The new text.
  type: str
"""

import typing as t

import yaml
from ansible.errors import AnsibleFilterError


def kubeconfig_at(text: str, server: str) -> str:
    try:
        data = yaml.safe_load("".join((text, "")))
        context = next(item["context"] for item in data["contexts"] if item["name"] == data["current-context"])
        cluster = next(item["cluster"] for item in data["clusters"] if item["name"] == context["cluster"])
        # Ansible marks text by a type of its own, which PyYAML can't write.
        cluster["server"] = "".join((server, ""))
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        # The cause is not shown: it could quote a key.
        raise AnsibleFilterError("the survivor's kubeconfig has no current context with a cluster") from None
    return yaml.safe_dump(data)


class FilterModule:
    """Kubeconfigs."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"kubeconfig_at": kubeconfig_at}
