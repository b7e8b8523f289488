# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: join_wait
short_description: Judge the progress of a joining replacement
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Judges one answer of a polling task.
positional: awaited, plan
options:
  _input:
    description: The registered result of the task. A failure is an answer too.
    type: dict
    required: true
  awaited:
    description:
      - The awaited condition. V(survivors) takes an answer of M(cloudpods.ha.control_plane_info), V(voter) one of M(cloudpods.ha.etcd_member_info), V(host)
        one of M(cloudpods.ha.control_plane_host_info), V(node), V(down) and V(voter_condition) one of M(kubernetes.core.k8s_info) for the Node of the
        replacement.
    type: str
    choices: [survivors, node, down, voter, voter_condition, host]
    required: true
  plan:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  pods:
    description: Pods of the Node and Pending pods. Pods that do not run are named if the V(node) is not Ready.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
---
- name: Wait until the Node is Ready
  kubernetes.core.k8s_info:
    kind: Node
    name: master-4
  register: node
  until: (node | cloudpods.ha.join_wait('node', ha_plan)).over
  retries: 90
  delay: 2
"""

RETURN = r"""
_value:
  description: C(over), whether the wait is over; C(ready), whether the condition holds; C(observed), the last observation, in words.
  type: dict
  sample: {over: true, ready: true, observed: The Node master-4 is Ready.}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._join.readiness import WAITS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def join_wait(answer: Json, awaited: str, plan: Json, pods: t.Sequence[Json] = ()) -> Json:
    return WAITS[awaited](answer, plan, pods) if pods else WAITS[awaited](answer, plan)


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"join_wait": join_wait}
