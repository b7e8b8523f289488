# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ports_open
short_description: Decide whether a host reaches every port of other hosts
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Judges the result of module port_probe. A port that is missing in it counts as closed.
positional: addresses, ports
options:
  _input:
    description: The answer, with C(open) and C(closed).
    type: dict
    required: true
  addresses:
    description: The addresses to probe. No address is a failure.
    type: list
    elements: str
    required: true
  ports:
    description: The ports of each address.
    type: list
    elements: int
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that every port is open
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "master-4 {{ verdict.reason }}"
  vars:
    verdict: "{{ probe | cloudpods.ha.ports_open(['192.0.2.12'], [6443]) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false, as the end of a sentence about the host.
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
