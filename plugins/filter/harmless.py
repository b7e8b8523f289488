# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: harmless
short_description: Decide whether a machine can still act as a master
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - A machine is harmless if it has no static pods, etcd data, kubeconfig of kubelet, pod processes, listening control-plane ports or VIP, if no
    unit that starts pods is active or enabled, and if it has no Node object and no pod is left of a deleted one.
positional: nodes, vip, node_name, pods
options:
  _input:
    description: The RV(cloudpods.ha.control_plane_residue_info#module:residue) of the machine.
    type: dict
    required: true
  nodes:
    description: All Node objects, as the API spells them.
    type: list
    elements: dict
    required: true
  vip:
    description: The VIP, which identifies no machine. Empty without one.
    type: str
    required: true
  node_name:
    description: The Node object of the machine that was deleted. Empty without one.
    type: str
    default: ""
  pods:
    description: The registered result of M(kubernetes.core.k8s_info) for the pods of the deleted Node. Empty if none was deleted.
    type: dict
    default: {}
seealso:
  - plugin: cloudpods.ha.retirement
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Assert that the machine is harmless
  ansible.builtin.assert:
    that: __verdict.ok
    fail_msg: "{{ __verdict.reason }}"
  vars:
    __verdict: "{{ __machine | cloudpods.ha.harmless(__nodes, '192.0.2.10') }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false.
  type: dict
  sample:
    ok: false
    reason: "master-1 is not harmless: listening ports 2379, 6443; the Node object master-1. Run again, or power the machine off and delete its Node object."
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._host.retirement import left
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Residue
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.node_removal import left as objects_left
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json


def harmless(
    residue: Json, nodes: t.Sequence[Json], vip: str, node_name: str = "", pods: t.Optional[Json] = None
) -> Json:
    machine = from_json(Residue, residue)
    found = left(machine, nodes=[parse.node(node, leases=[], now="") for node in nodes], vip=vip, node_name=node_name)
    found += objects_left(pods) if pods else []
    reason = "{0} is not harmless: {1}. Run again, or power the machine off and delete its Node object.".format(
        machine.hostname, "; ".join(found)
    )
    return {"ok": not found, "reason": reason if found else ""}


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"harmless": harmless}
