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
  - Combines the reports of the API, the hosts and etcd, and decides the steps, their order, their objects, and whether they are safe.
  - The filter is pure; it contacts no host.
positional: reports, settings, table
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
  settings:
    description: The result of M(cloudpods.ha.settings).
    type: dict
    required: true
  table:
    description: Claim policies that apply if no policy of the operator matches, in the same shape.
    type: list
    elements: dict
    required: true
  minio:
    description: The result of M(cloudpods.ha.minio_health_info) for the result of P(cloudpods.ha.healers#filter). What it lacks of these, as when the
      module broke, is refused.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Plan the replacement
  ansible.builtin.set_fact:
    discovery_plan: "{{ (cluster | cloudpods.ha.replacement_plan(reports, settings, table)).plan }}"
"""

RETURN = r"""
_value:
  description:
    - C(cluster), the complete cluster, C(plan), and C(connection), how roles reach the cluster, in the shapes that docs/contracts.md gives under C(Cluster),
      C(Plan) and C(Connection).
  type: dict
  sample:
    plan: {state: needed, refusals: [], steps: [{phase: etcd_cleanup, act: remove the etcd member, objects: []}]}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.connection import connection
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.healers import healers
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.plan import plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.settings import request as replacement_request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import compose
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import minio as answers_of_minio
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def replacement_plan(
    api: Json,
    reports: t.Sequence[Json],
    settings: Json,
    table: t.Sequence[Json],
    minio: t.Optional[Json] = None,
) -> Json:
    try:
        request = replacement_request(settings, table)
        cluster = compose(api=api, hosts=reports, wanted=request.lost)
        made = plan(cluster, request, answers_of_minio(minio or {}, healers(cluster, request)))
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None
    return {"cluster": to_json(cluster), "plan": to_json(made), "connection": connection(cluster)}


class FilterModule:
    """Planning."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"replacement_plan": replacement_plan}
