# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vip_verdict
short_description: Judge whether only one host carries the VIP and the API answers there
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - A host that could not be read may carry the VIP, so the verdict is negative then.
positional: address, holder
options:
  _input:
    description: The results of a loop of M(cloudpods.ha.vip_info) over the inventory names of all hosts that might carry the VIP.
    type: list
    elements: dict
    required: true
  address:
    description: The VIP.
    type: str
    required: true
  holder:
    description: The inventory host that must carry the VIP.
    type: str
    required: true
  answers:
    description: The results of a loop of M(cloudpods.ha.https_probe) over hosts that queried the API at the VIP. Null if no answer is expected.
    type: list
    elements: dict
"""

EXAMPLES = r"""
---
- name: Assert that only one host carries the VIP
  ansible.builtin.assert:
    that: __verdict.ok
    fail_msg: "{{ __verdict.reason }}"
  vars:
    __verdict: "{{ __asked.results | cloudpods.ha.vip_verdict('192.0.2.10', 'master-2', answers=__answers.results) }}"
"""

RETURN = r"""
_value:
  description:
    - C(ok), the C(reason) if it is false, C(holders), the inventory hosts that carry the VIP, and C(summary), a sentence that names them.
  type: dict
  sample:
    ok: true
    reason: ""
    holders: [master-2]
    summary: The VIP 192.0.2.10 is carried by master-2.
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import by_host, carriers, not_alone, unanswered


def vip_verdict(
    results: t.Sequence[Json], address: str, holder: str, answers: t.Optional[t.Sequence[Json]] = None
) -> Json:
    reports = by_host(results)
    reason = not_alone(reports, address=address, wanted=holder)
    if not reason and answers is not None:
        asked = {result[result["ansible_loop_var"]]: result for result in answers if not result.get("skipped")}
        reason = unanswered(asked, address=address)
    found = carriers(reports)
    summary = "The VIP {0} is carried by {1}.".format(address, ", ".join(found) or "no host")
    return {"ok": not reason, "reason": reason, "holders": found, "summary": summary}


class FilterModule:
    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"vip_verdict": vip_verdict}
