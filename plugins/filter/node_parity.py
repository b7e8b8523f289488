# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_parity
short_description: List the labels and taints that match a new control-plane node to the survivors
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Compares labels and taints of one node with those of the other control-plane nodes. Only values that all of them share are added, and only a taint that
    none of them has is removed.
positional: name
options:
  _input:
    description: The RV(cloudpods.ha.control_plane_info#module:cluster).
    type: dict
    required: true
  name:
    description: Name of the new node.
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Compare the replacement with the survivors
  ansible.builtin.set_fact:
    parity: "{{ cluster | cloudpods.ha.node_parity('master-4') }}"
"""

RETURN = r"""
_value:
  description: C(labels) to set, C(taints), the complete list for the node, and C(differs). Empty if the node does not exist.
  type: dict
  sample: {labels: {onecloud.yunion.io/controller: enable}, taints: [], differs: true}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parity import parity
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def node_parity(api: Json, name: str) -> Json:
    cluster = from_json(Cluster, api)
    node = next((item for item in cluster.nodes if item.name == name), None)
    lost = cluster.lost.name if cluster.lost else ""
    others = [item for item in cluster.nodes if item.control_plane and item.name not in (name, lost)]
    return t.cast(Json, to_json(parity(node, others))) if node else {}


class FilterModule:
    """Parity."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"node_parity": node_parity}
