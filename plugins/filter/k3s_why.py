# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: k3s_why
short_description: Tell from the log of K3s why it stopped
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Takes the last fatal line, else the last error, else the last line, and puts three stars in the place of every secret.
positional: secrets
options:
  _input:
    description: The log.
    type: str
    required: true
  secrets:
    description: Words that must not be shown.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Say why
  ansible.builtin.fail:
    msg: "{{ log | cloudpods.ha.k3s_why([token]) }}"
"""

RETURN = r"""
_value:
  description: One line.
  type: str
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s import why


def k3s_why(log: str, secrets: t.Sequence[str] = ()) -> str:
    return why(log, secrets)


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"k3s_why": k3s_why}
