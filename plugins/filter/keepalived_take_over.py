# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: keepalived_take_over
short_description: Convert a keepalived manifest for the holder of the VIP
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Sets C(KEEPALIVED_PRIORITY) to O(priority) and C(KEEPALIVED_STATE) to V(MASTER) in the static pod manifest that ocboot
    or ocadm wrote. Every other byte is unchanged.
  - The manifest holds the VRRP password, so tasks that use this filter need C(no_log).
  - Fails with one sentence if the text is not such a manifest, or an entry is missing or occurs twice. No message
    quotes a value.
positional: priority
options:
  _input:
    description: The text of the manifest.
    type: str
    required: true
  priority:
    description: The VRRP priority of the host, as P(cloudpods.ha.vip_holder#filter) returns it.
    type: int
    required: true
seealso:
  - plugin: cloudpods.ha.keepalived_for_new_host
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Write the manifest of the new holder
  ansible.builtin.copy:
    content: "{{ __slurped.content | b64decode | cloudpods.ha.keepalived_take_over(100) }}"
    dest: /etc/kubernetes/manifests/keepalived.yaml
    mode: "0600"
  no_log: true
  diff: false
"""

RETURN = r"""
_value:
  description: The text of the manifest with the two values changed. It equals the input if they already had these values.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.manifest import take_over


def keepalived_take_over(text: str, priority: int) -> str:
    if not isinstance(text, str) or not isinstance(priority, int):
        raise AnsibleFilterError("keepalived_take_over needs the text of a manifest and a priority")
    try:
        return take_over(text, priority)
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., str]]:
        return {"keepalived_take_over": keepalived_take_over}
