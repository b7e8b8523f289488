# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: machine_silent
short_description: Decide whether the lost machine is still silent
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Judges a probe that was made just before the member or the Node of the lost machine is removed. A probe that failed proves nothing.
positional: plan
options:
  _input:
    description: The registered result of M(cloudpods.ha.port_probe) for the addresses in C(probe) of the plan.
    type: dict
    required: true
  plan:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that the lost machine is silent
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "{{ verdict.reason }}"
  vars:
    verdict: "{{ probe | cloudpods.ha.machine_silent(ha_plan) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false.
  type: dict
  sample:
    ok: false
    reason: "NODE_ANSWERS: The lost machine master-1 accepts connections at 192.0.2.11:22 now. Power the machine off, then run again."
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.node_removal import silent


def machine_silent(probe: Json, plan: Json) -> Json:
    return silent(probe, plan=plan)


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"machine_silent": machine_silent}
