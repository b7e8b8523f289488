# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: keepalived_for_new_host
short_description: Convert a survivor's keepalived manifest for a joining host
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Converts the manifest of a survivor to that of a host that joins as V(BACKUP) with priority V(90). The VIP, router
    ID and password are the survivor's, since two hosts that differ in them would both hold the VIP.
  - The node's own address is changed in C(KEEPALIVED_NODE_IP) and, if present, in C(CHECK_KUBE_CMD). If it
    remains anywhere else in the text, the filter fails.
  - The manifest holds the VRRP password, so tasks that use this filter need C(no_log).
  - Fails with one sentence if the text is not such a manifest. No message quotes a value other than addresses.
positional: node_ip, interface
options:
  _input:
    description: The text of a survivor's manifest.
    type: str
    required: true
  node_ip:
    description: The address of the new host.
    type: str
    required: true
  interface:
    description: The network interface of the new host that carries O(node_ip).
    type: str
    required: true
seealso:
  - plugin: cloudpods.ha.keepalived_take_over
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Write the manifest of the new host
  ansible.builtin.copy:
    content: "{{ __slurped.content | b64decode | cloudpods.ha.keepalived_for_new_host('192.0.2.14', 'eth0') }}"
    dest: /etc/kubernetes/manifests/keepalived.yaml
    owner: root
    group: root
    mode: "0600"
  no_log: true
  diff: false
"""

RETURN = r"""
_value:
  description: The text of the manifest for the new host.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.manifest import for_new_host


def keepalived_for_new_host(text: str, node_ip: str, interface: str) -> str:
    if not all(isinstance(value, str) for value in (text, node_ip, interface)):
        raise AnsibleFilterError(
            "keepalived_for_new_host needs the text of a manifest, an address and an interface name"
        )
    try:
        return for_new_host(text, node_ip, interface)
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., str]]:
        return {"keepalived_for_new_host": keepalived_for_new_host}
