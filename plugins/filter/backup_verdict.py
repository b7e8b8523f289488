# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_verdict
short_description: Decide whether an earlier backup is still good
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - An earlier backup is reused only if it was made for the same lost node, its snapshot is complete and unchanged on the controller and on the
    survivor in use, and the dump of objects exists. On K3s, the cluster's token must exist too.
positional: plan, provider, copy, original, present
options:
  _input:
    description: The result of the role backup in an earlier run. Empty without one.
    type: dict
    required: true
  plan:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  provider:
    description: Provider of the control plane.
    type: str
    required: true
  copy:
    description: The RV(cloudpods.ha.etcd_snapshot_info#module:snapshot) of the copy on the controller, checked against the recorded hash.
    type: dict
    required: true
  original:
    description: The same value for the file on the survivor. Empty if the snapshot was taken on another survivor.
    type: dict
    required: true
  present:
    description: Paths of the files on the controller that exist and are not empty.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that the earlier backup is still good
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "{{ verdict.reason }}"
  vars:
    verdict: "{{ ha_journal.backup | cloudpods.ha.backup_verdict(ha_plan, 'k3s', copy.snapshot, {}, [ha_journal.backup.objects_path]) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false.
  type: dict
  sample: {ok: false, reason: "There is no earlier backup."}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.snapshot_verdict import not_reusable
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def backup_verdict(
    backup: Json, plan: Json, provider: str, copy: Json, original: Json, present: t.Sequence[str]
) -> Json:
    reason = not_reusable(
        backup or {},
        lost=plan.get("lost") or {},
        executor=(plan.get("executor") or {}).get("host") or "",
        provider=provider,
        copy=copy or {},
        original=original or {},
        present=present,
    )
    return {"ok": not reason, "reason": reason}


class FilterModule:
    """The verdict on an earlier backup."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"backup_verdict": backup_verdict}
