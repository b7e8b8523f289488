# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_removal_verdict
short_description: Tell whether the lost Node may be deleted now
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Compares the Node as it is now with the plan. A Node with another UID, a Node that is Ready, or one whose kubelet renewed its lease is not deleted, unless
    the plan is to drain it.
  - On K3s, where deleting the Node removes its etcd member, the member must not answer either.
positional: plan, provider, leases, etcd
options:
  _input:
    description: What M(kubernetes.core.k8s_info) returned for the Node of the lost node's name just before.
    type: dict
    required: true
  plan:
    description: The plan, in the shape docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  provider:
    description: How the control plane is run.
    type: str
    required: true
  leases:
    description: The same for all Leases of the namespace kube-node-lease. The newest of them is the cluster's clock. Empty while they were not read.
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
  description: The judgement.
  type: dict
  contains:
    ok:
      description: Whether the Node may be deleted. True as well when there is nothing to delete.
      type: bool
    reason:
      description: Why not, a code first.
      type: str
    present:
      description: Whether the planned Node is there.
      type: bool
    foreign:
      description: Whether the plan knew the Node to be gone, and another one has its name.
      type: bool
    waits:
      description: Whether it could not be read, or still looks alive, which ends by itself when the machine was powered off a moment ago.
      type: bool
    version:
      description: The resourceVersion that was judged, a precondition of the deletion.
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
    """The judgement just before the deletion."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"node_removal_verdict": node_removal_verdict}
