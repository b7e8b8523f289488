# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: retirement
short_description: Decide whether a machine may be retired
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - A machine may be retired if it was a master of this cluster and no longer is. It is refused if it is an etcd
    member by name or by any of its addresses, if it looks like a worker in use, if it belongs to another cluster,
    and if the members could not be listed.
positional: survivor, nodes, etcd, vip, provider
options:
  _input:
    description: The RV(cloudpods.ha.control_plane_residue_info#module:residue) of the machine.
    type: dict
    required: true
  survivor:
    description: The same value of a survivor of the cluster, for comparison.
    type: dict
    required: true
  nodes:
    description: All Node objects, as the API spells them.
    type: list
    elements: dict
    required: true
  etcd:
    description: The RV(cloudpods.ha.etcd_member_info#module:etcd) of the same survivor.
    type: dict
    required: true
  vip:
    description: The VIP, which identifies no machine. Empty without one.
    type: str
    required: true
  provider:
    description: Provider of the control plane. It determines the names of etcd members.
    type: str
    choices: [k3s, kubeadm]
    default: kubeadm
"""

EXAMPLES = r"""
---
- name: Decide whether the machine may be retired
  ansible.builtin.set_fact:
    __retirement: "{{ __machine | cloudpods.ha.retirement(__survivor, __nodes, __etcd, '192.0.2.10') }}"
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
  contains:
    node_name:
      description: The Node object to delete, empty without one.
      type: str
    node_uid:
      description: UID of that Node object.
      type: str
    needed:
      description: Whether there is anything to do; false if P(cloudpods.ha.harmless#filter) is true.
      type: bool
    ok:
      description: Whether the machine may be retired.
      type: bool
    reason:
      description: Why not, as a code, what was observed and what to do. Empty if it may.
      type: str
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._host.retirement import decide
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Residue
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def retirement(
    residue: Json, survivor: Json, nodes: t.Sequence[Json], etcd: Json, vip: str, provider: str = "kubeadm"
) -> Json:
    try:
        decision = decide(
            from_json(Residue, residue),
            nodes=[parse.node(node, leases=[], now="") for node in nodes],
            etcd=from_json(Etcd, etcd),
            vip=vip,
            ca_digest=survivor["ca_digest"],
            provider=provider,
        )
    except Unsafe as exc:
        return {"node_name": "", "node_uid": "", "needed": False, "ok": False, "reason": str(exc)}
    return {**to_json(decision), "ok": True, "reason": ""}


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"retirement": retirement}
