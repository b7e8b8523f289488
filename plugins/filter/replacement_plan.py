# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: replacement_plan
short_description: Plan the replacement of a control-plane node
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Puts together what the API, the hosts and etcd said, and decides what has to be done, in which order, to which objects, and whether it is safe.
  - It is pure; it contacts nothing.
positional: reports, request
options:
  _input:
    description: The RV(cloudpods.ha.control_plane_info#module:cluster).
    type: dict
    required: true
  reports:
    description:
      - One mapping for each host of the inventory, with C(name), C(role), and the results of tasks as C(host) (M(cloudpods.ha.control_plane_host_info)),
        C(members) (M(cloudpods.ha.etcd_member_info)) and C(probes) (C(addresses), and C(open) and C(closed) of M(cloudpods.ha.port_probe)).
    type: list
    elements: dict
    required: true
  request:
    description: What the operator asked for, in the shape docs/contracts.md gives under C(Request).
    type: dict
    required: true
  minio:
    description: The results of a loop of M(cloudpods.ha.minio_health_info) over what P(cloudpods.ha.healers#filter) returned.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
---
- name: Plan
  ansible.builtin.set_fact:
    discovery_plan: "{{ (cluster | cloudpods.ha.replacement_plan(reports, {'lost': 'master-1'})).plan }}"
"""

RETURN = r"""
_value:
  description: C(cluster), the whole cluster, and C(plan), in the shapes docs/contracts.md gives under C(Cluster) and C(Plan).
  type: dict
  sample:
    plan: {state: needed, refusals: [], steps: [{phase: etcd_cleanup, act: remove the etcd member, objects: []}]}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.plan import plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import compose
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import minio as told
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import from_json, to_json


def replacement_plan(api: Json, reports: t.Sequence[Json], request: Json, minio: t.Sequence[Json] = ()) -> Json:
    try:
        wanted = from_json(Request, request)
        policy.check(wanted.policies)
        policy.check_names(wanted.discard)
        cluster = compose(api=api, hosts=reports, wanted=wanted.lost)
        return {"cluster": to_json(cluster), "plan": to_json(plan(cluster, wanted, told(minio)))}
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    """Planning."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"replacement_plan": replacement_plan}
