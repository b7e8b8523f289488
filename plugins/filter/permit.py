# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: permit
short_description: Decide whether a role may act now
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - A role may act only if the plan is not refused and has a step in its phase, and a backup was proven for the same lost node.
  - Each acting role checks this itself, so that no command line can bypass it.
positional: phase, backup
options:
  _input:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  phase:
    description: The phase that the role carries out.
    type: str
    required: true
  backup:
    description: The result of role backup, in this run or an earlier one of the same replacement. Empty without one.
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that the plan and a proven backup permit this phase
  ansible.builtin.assert:
    that: permitted.ok
    fail_msg: "{{ permitted.reason }}"
  vars:
    permitted: "{{ ha_plan | cloudpods.ha.permit('node_removal', ha_backup) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false.
  type: dict
  sample: {ok: false, reason: "There is no proven backup, so nothing is changed. Run with --tags backup first."}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import phases


def permit(plan: Json, phase: str, backup: Json) -> Json:
    reason = phases.permit(plan or {}, phase, backup or {})
    return {"ok": not reason, "reason": reason}


class FilterModule:
    """Permission to act."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"permit": permit}
