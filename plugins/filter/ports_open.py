# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ports_open
short_description: Tell whether a host reaches every port of others
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Takes the answer of the module port_probe. A port that it does not name counts as closed.
positional: addresses, ports
options:
  _input:
    description: The answer, with C(open) and C(closed).
    type: dict
    required: true
  addresses:
    description: The addresses that were to be tried. None at all is a failure.
    type: list
    elements: str
    required: true
  ports:
    description: The ports of each.
    type: list
    elements: int
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that every port is reached
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "master-4 {{ verdict.reason }}"
  vars:
    verdict: "{{ probe | cloudpods.ha.ports_open(['192.0.2.12'], [6443]) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) when it is false, as the rest of a sentence about the host.
  type: dict
  sample: {ok: true, reason: ""}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._join import readiness
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def ports_open(answer: Json, addresses: t.Sequence[str], ports: t.Sequence[int]) -> Json:
    reason = readiness.closed_ports(answer, addresses, ports)
    return {"ok": not reason, "reason": reason}


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ports_open": ports_open}
