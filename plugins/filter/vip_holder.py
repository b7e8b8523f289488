# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vip_holder
short_description: Choose the survivor that carries the VIP
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Compares the keepalived manifests of all survivors. Exactly one may say MASTER, with the highest priority, and all
    must share VIP, router ID and password.
  - Manifests that contradict each other or O(promote) are a refusal.
positional: address, promote
options:
  _input:
    description: The results of a loop of M(cloudpods.ha.vip_info) over the inventory names of all survivors.
    type: list
    elements: dict
    required: true
  address:
    description: The VIP.
    type: str
    required: true
  promote:
    description: The survivor that becomes MASTER. Empty if there is one already.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: Choose the holder of the VIP
  ansible.builtin.set_fact:
    __holder: "{{ __asked.results | cloudpods.ha.vip_holder('192.0.2.10', 'master-2') }}"
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
  contains:
    name:
      description: The survivor that must carry the VIP, empty after a refusal.
      type: str
    edit:
      description: Whether its manifest must be edited.
      type: bool
    priority:
      description: Its VRRP priority, after the edit if there is one. V(0) after a refusal.
      type: int
    ok:
      description: Whether the manifests agree with each other and with O(promote).
      type: bool
    reason:
      description: Why not, as a code, what was observed and what to do. Empty if they agree.
      type: str
  sample:
    name: master-2
    edit: true
    priority: 100
    ok: true
    reason: ""
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import by_host, holder


def vip_holder(results: t.Sequence[Json], address: str, promote: str = "") -> Json:
    try:
        chosen = holder(by_host(results), address=address, promote=promote)
    except Unsafe as exc:
        return {"name": "", "edit": False, "priority": 0, "ok": False, "reason": str(exc)}
    return {**to_json(chosen), "ok": True, "reason": ""}


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"vip_holder": vip_holder}
