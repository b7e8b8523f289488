# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: phases_to_run
short_description: Choose the requested phases of a plan
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Chooses the phases of a plan by tags. Preparation and backup are added if a phase that acts is chosen. A refused plan has no phases.
  - An unknown tag is refused, and so is a refused plan if any phase was requested.
positional: run_tags, skip_tags, check_mode
options:
  _input:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  run_tags:
    description: The value of C(ansible_run_tags).
    type: list
    elements: str
    required: true
  skip_tags:
    description: The value of C(ansible_skip_tags).
    type: list
    elements: str
    required: true
  check_mode:
    description: The value of C(ansible_check_mode); no phase is chosen then.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: Show the phases that would run
  ansible.builtin.debug:
    msg: "{{ (discovery_plan | cloudpods.ha.phases_to_run(['vip'], [])).phases | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: C(phases), each in the shape that docs/contracts.md gives under C(Phase), and C(refusal), why no phase may run, empty if they may.
  type: dict
  sample: {phases: [{name: verify, role: verify, entry: main, acts: false, closes: true}], refusal: ""}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Phase
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import phases
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def phases_to_run(plan: Json, run_tags: t.Sequence[str], skip_tags: t.Sequence[str], check_mode: bool = False) -> Json:
    held = [from_json(Phase, item) for item in plan["phases"]]
    choice = phases.choose(
        plan["state"], held, plan["refused_text"], run_tags=run_tags, skip_tags=skip_tags, check_mode=check_mode
    )
    return t.cast(Json, to_json(choice))


class FilterModule:
    """Choosing phases."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"phases_to_run": phases_to_run}
