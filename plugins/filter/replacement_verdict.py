# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: replacement_verdict
short_description: Judge whether a replacement worked
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Checks nodes, etcd members, API servers, VIP, volumes, pods, cordons and MinIO of a cluster that was read again. The filter is pure; it contacts no host.
positional: reports, lost
options:
  _input:
    description: The RV(cloudpods.ha.control_plane_info#module:cluster).
    type: dict
    required: true
  reports:
    description: The reports, as for P(cloudpods.ha.replacement_plan#filter).
    type: list
    elements: dict
    required: true
  lost:
    description: Name of the lost node.
    type: str
    required: true
  vip_answers:
    description: Whether an API server answered at the VIP.
    type: bool
    default: false
  minio:
    description: The result of M(cloudpods.ha.minio_health_info) for O(healers).
    type: dict
    default: {}
  healers:
    description: The C(healers) of the plan. One that O(minio) lacks, as when the module broke, is a fault.
    type: list
    elements: dict
    default: []
  left_alone:
    description: Claims with the policy ignore, as NAMESPACE/NAME; pods that wait for them are no fault.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Judge
  ansible.builtin.set_fact:
    checks: "{{ cluster | cloudpods.ha.replacement_verdict(reports, 'master-1', vip_answers=true) }}"
"""

RETURN = r"""
_value:
  description:
    C(ok), the C(reason) if it is false, C(checks) (each with C(name), C(ok) and C(observed)),
    C(text), the same as lines, and C(control_plane), what the report draws.
  type: dict
  sample: {ok: true, reason: "", checks: [{name: VIP, ok: true, observed: 192.0.2.10 is on master-2 and the API answers there}], text: []}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.control_plane import control_plane
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.verification import verdict
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import compose
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import minio as told
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def replacement_verdict(
    api: Json,
    reports: t.Sequence[Json],
    lost: str,
    vip_answers: bool = False,
    minio: t.Optional[Json] = None,
    healers: t.Sequence[Json] = (),
    left_alone: t.Sequence[str] = (),
) -> Json:
    cluster = compose(api=api, hosts=reports, wanted=lost)
    checks = verdict(cluster, vip_answers=vip_answers, minio=told(minio or {}, healers), left_alone=left_alone)
    return {
        "ok": all(check.ok for check in checks),
        "reason": "; ".join("{0}: {1}".format(check.name, check.observed) for check in checks if not check.ok),
        "checks": to_json(checks),
        "control_plane": {} if cluster.api_error else control_plane(cluster),
        "text": [
            "{0:<8} {1:<12} {2}".format("ok" if check.ok else "FAILED", check.name, check.observed) for check in checks
        ],
    }


class FilterModule:
    """Judging."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"replacement_verdict": replacement_verdict}
