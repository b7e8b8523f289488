# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cut_short
short_description: Say why a run was cut short by an unreachable host
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Names the hosts that can't be reached now, with the reason. The host that ended the run may answer again by then; the text says so.
positional: phase
options:
  _input:
    description: The results of a loop of M(ansible.builtin.ping) that is delegated to each host, with the host as the only loop variable.
    type: list
    elements: dict
    required: true
  phase:
    description: The phase that was cut short.
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Report the reason
  ansible.builtin.debug:
    msg: "{{ __answers.results | cloudpods.ha.cut_short('join') }}"
"""

RETURN = r"""
_value:
  description: One sentence for each host, and what to do.
  type: str
  sample: "The phase join was cut short: master-4 can't be reached: Connection timed out. Run again when it can be."
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.failure import unreachable


def cut_short(answers: t.Sequence[Json], phase: str) -> str:
    return unreachable(answers, phase)


class FilterModule:
    """Reasons."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"cut_short": cut_short}
