# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vip_holder
short_description: Decide which survivor is to carry the VIP
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Compares the keepalived manifests of all survivors. Exactly one may say MASTER, with the highest priority, and all
    must share VIP, router ID and password.
  - It fails with a code and one sentence when the manifests contradict each other or O(promote).
positional: address, promote
options:
  _input:
    description: The RV(cloudpods.ha.vip_info#module:vip) of every survivor, by inventory name.
    type: dict
    required: true
  address:
    description: The VIP.
    type: str
    required: true
  promote:
    description: The survivor that is to become MASTER. Empty when one is already.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: Decide who carries the VIP
  ansible.builtin.set_fact:
    __holder: "{{ __reports | cloudpods.ha.vip_holder('192.0.2.10', 'master-2') }}"
"""

RETURN = r"""
_value:
  description: The survivor, and whether its manifest has to be edited.
  type: dict
  sample:
    name: master-2
    edit: true
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models import to_json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip_holder import holder


def vip_holder(reports: t.Mapping[str, t.Any], address: str, promote: str = "") -> t.Dict[str, t.Any]:
    try:
        return t.cast("t.Dict[str, t.Any]", to_json(holder(reports, address=address, promote=promote)))
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"vip_holder": vip_holder}
