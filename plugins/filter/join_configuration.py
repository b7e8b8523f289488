# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: join_configuration
short_description: Make the configuration file of kubeadm join
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Returns the configuration that C(kubeadm join --config) reads to add a control-plane node. It holds the secrets, so that no command line does.
options:
  _input:
    description: The RV(cloudpods.ha.kubeadm_join_credentials#module:credentials). Secret; use it in tasks with C(no_log) only.
    type: dict
    required: true
  kubernetes_version:
    description: Version of the control plane.
    type: str
    required: true
  endpoint:
    description: Address of the survivor to join through.
    type: str
    required: true
  name:
    description: Name of the new node.
    type: str
    required: true
  ip:
    description: Address of the new node.
    type: str
    required: true
  addresses:
    description: Addresses of the new node, one of each family, if the nodes of the cluster have more than one.
    type: list
    elements: str
    default: []
  port:
    description: Port of the API servers.
    type: int
    default: 6443
  cri_socket:
    description: Socket of its container runtime. Empty stands for that in the credentials, which is the survivor's.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: Write the join configuration
  ansible.builtin.copy:
    content: "{{ credentials | cloudpods.ha.join_configuration(kubernetes_version='v1.30.4', endpoint='192.0.2.12', name='master-4', ip='192.0.2.14') }}"
    dest: /root/join.yaml
    mode: "0600"
  no_log: true
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

import json
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import API_PORT, host_port
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join import kubeadm


def join_configuration(
    credentials: t.Mapping[str, str],
    *,
    kubernetes_version: str,
    endpoint: str,
    name: str,
    ip: str,
    addresses: t.Sequence[str] = (),
    port: int = API_PORT,
    cri_socket: str = "",
) -> str:
    try:
        document = kubeadm.join_configuration(
            kubernetes_version=kubernetes_version,
            endpoint=host_port(endpoint, int(port)),
            token=credentials["token"],
            ca_hash=credentials["ca_hash"],
            certificate_key=credentials["certificate_key"],
            name=name,
            ip=ip,
            addresses=addresses,
            port=int(port),
            cri_socket=cri_socket or credentials.get("cri_socket") or "",
        )
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None
    # JSON is YAML in which every string stays a string.
    return json.dumps(document, indent=2)


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"join_configuration": join_configuration}
