# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: k3s_why
short_description: Explain why K3s did not join
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Returns the last fatal line, else the last error, else the last line, with three stars in place of every secret. Without a line, returns why
    the start failed. Also reports whether K3s is stopped now.
positional: secrets, stopped, started
options:
  _input:
    description: The answer of C(journalctl -o json --all), as a task registered it.
    type: dict
    required: true
  secrets:
    description: Words that must not be shown.
    type: list
    elements: str
    required: true
  stopped:
    description: The answer of the task that stopped the service.
    type: dict
    required: true
  started:
    description: The failure of the task that started it.
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Report why K3s did not join
  ansible.builtin.fail:
    msg: "{{ log | cloudpods.ha.k3s_why([token], stopped, ansible_failed_result) }}"
"""

RETURN = r"""
_value:
  description: One line.
  type: str
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s_log import failure
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def k3s_why(log: Json, secrets: t.Sequence[str], stopped: Json, started: Json) -> str:
    return failure(log, stopped, started, secrets)


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"k3s_why": k3s_why}
