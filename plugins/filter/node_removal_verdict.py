# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_removal_verdict
short_description: Decide whether the lost Node may be deleted now
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Compares the current Node with the plan. A Node with another UID, a Node that is Ready, or one whose kubelet renewed its lease is not deleted, unless
    the plan is to drain it.
  - On K3s, deleting the Node removes its etcd member, so the member must not answer either.
positional: plan, provider, leases, etcd
options:
  _input:
    description: The result of M(kubernetes.core.k8s_info) for the Node of the lost node's name, read just before.
    type: dict
    required: true
  plan:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  provider:
    description: Provider of the control plane.
    type: str
    required: true
  leases:
    description: The result for all Leases of the namespace kube-node-lease. The newest lease is the cluster's clock. Empty if they were not read yet.
    type: dict
    default: {}
  etcd:
    description: The RV(cloudpods.ha.etcd_member_info#module:etcd) read just before. Needed on K3s.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Assert that the Node may be deleted
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "{{ verdict.reason }}"
  vars:
    verdict: "{{ node | cloudpods.ha.node_removal_verdict(ha_plan, 'kubeadm', leases) }}"
"""

RETURN = r"""
_value:
  description: The verdict.
  type: dict
  contains:
    ok:
      description: Whether the Node may be deleted. Also true if there is no Node to delete.
      type: bool
    reason:
      description: Why not, beginning with a code.
      type: str
    present:
      description: Whether the planned Node exists.
      type: bool
    foreign:
      description: Whether the plan had the Node as gone, and another Node has its name.
      type: bool
    waits:
      description: Whether the Node could not be read, or still appears alive, which passes if the machine was powered off a moment ago.
      type: bool
    version:
      description: The judged resourceVersion, a precondition of the deletion.
      type: str
  sample: {ok: true, reason: "", present: true, foreign: false, waits: false, version: "4711"}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.node_removal import verdict


def node_removal_verdict(
    node: Json,
    plan: Json,
    provider: str,
    leases: t.Optional[Json] = None,
    etcd: t.Optional[Json] = None,
) -> Json:
    return verdict(node, plan=plan, provider=provider, leases=leases or {}, etcd=etcd)


class FilterModule:
    """The verdict just before the deletion."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"node_removal_verdict": node_removal_verdict}
