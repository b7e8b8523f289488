# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: recoverable
short_description: Decide whether the lost claims can be recovered as planned, and which together
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Each claim to recover must be in one batch of the plan, must belong to a workload that its policy can recover, and
    if it heals, must be in a group that heals.
  - Workloads whose claims have the same C(order) are recovered together, a batch of each at a time. Of a MinIO that is one drive, unless the plan has more.
options:
  _input:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that each claim can be recovered
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "{{ verdict.reason }}"
  vars:
    verdict: "{{ ha_plan | cloudpods.ha.recoverable }}"
"""

RETURN = r"""
_value:
  description:
    - C(ok), the C(reason) if it is false, and C(rounds) and C(minios), both empty if it is false.
    - A round has its C(claims), in the shape that docs/contracts.md gives under C(ClaimPlan), its C(minios), those that have drives among them, and
      whether it is the C(last). A
      MinIO is C(group), C(namespace), C(name), C(lost_claims), C(given_up), C(accept_unproven), and C(replaces), the UIDs of its claims in that round.
    - C(minios) beside the rounds are all of them, with all their claims.
  type: dict
  sample: {ok: false, reason: "The claim onecloud/data has the policy heal and belongs to Deployment: that can't be recovered.", rounds: [], minios: []}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import verdicts


def recoverable(plan: Json) -> Json:
    reason = verdicts.recoverable(plan)
    return {
        "ok": not reason,
        "reason": reason,
        "rounds": [] if reason else verdicts.rounds(plan),
        "minios": [] if reason else verdicts.minios(plan),
    }


class FilterModule:
    """Claims."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"recoverable": recoverable}
