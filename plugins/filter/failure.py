# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: failure
short_description: Return the reason of a failed task in one sentence
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Finds the reason in the result of a failed task, a loop, a program or a crashed module. The text is never empty.
positional: task
options:
  _input:
    description: The result, such as C(ansible_failed_result).
    type: dict
    required: true
  task:
    description: Name of the task.
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Report the reason
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result | cloudpods.ha.failure(ansible_failed_task.name) }}"
"""

RETURN = r"""
_value:
  description: The name of the task and the reason.
  type: str
  sample: "kubeadm | Join master-4: kubeadm failed with exit code 1: couldn't validate the identity of the API Server"
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.failure import reason


def failure(result: Json, task: str) -> str:
    return "{0}: {1}".format(task, reason(result))


class FilterModule:
    """Reasons."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"failure": failure}
