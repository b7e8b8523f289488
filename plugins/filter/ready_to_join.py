# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ready_to_join
short_description: Decide whether a replacement may join now
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - A replacement may join if the lost node is gone from the API and from etcd, and etcd has neither an unhealthy member nor an alarm. The member of an
    interrupted join of this collection does not count.
positional: lost_nodes, plan
options:
  _input:
    description: The answer of M(cloudpods.ha.etcd_member_info).
    type: dict
    required: true
  lost_nodes:
    description: The answer of M(kubernetes.core.k8s_info) for the lost Node.
    type: dict
    required: true
  plan:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that the replacement may join
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "{{ verdict.reason }}"
  vars:
    verdict: "{{ etcd | cloudpods.ha.ready_to_join(lost_node, ha_plan) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false.
  type: dict
  sample: {ok: true, reason: ""}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._join import readiness
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def ready_to_join(etcd: Json, lost_nodes: Json, plan: Json) -> Json:
    reason = readiness.ready_to_join(etcd, lost_nodes, plan)
    return {"ok": not reason, "reason": reason}


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ready_to_join": ready_to_join}
