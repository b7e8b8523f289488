# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: healers
short_description: List the workloads that heal a lost drive automatically
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Applies the claim policies to the claims of the lost node, and lists the StatefulSets with a claim to heal, as M(cloudpods.ha.minio_health_info) takes
    them.
positional: settings, table
options:
  _input:
    description: The RV(cloudpods.ha.control_plane_info#module:cluster).
    type: dict
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
"""

EXAMPLES = r"""
---
- name: List the workloads that heal
  ansible.builtin.set_fact:
    healers: "{{ cluster | cloudpods.ha.healers(settings, table) }}"
"""

RETURN = r"""
_value:
  description: What the option O(cloudpods.ha.minio_health_info#module:deployments) takes, for each StatefulSet, with what of it may be lost.
  type: list
  elements: dict
  sample:
    - namespace: onecloud-minio
      name: minio
      lost_claims: [{name: export-minio-0, uid: 297ed5e5-66c8-4855-8031-c65a0ccfa4d0}]
      count_objects: true
      prove_readable: true
      given_up: []
      accept_unproven: false
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import healers as plan_healers
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.settings import request
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json


def healers(api: Json, settings: Json, table: t.Sequence[Json]) -> t.List[Json]:
    try:
        return plan_healers.healers(from_json(Cluster, api), request(settings, table))
    except HaError as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    """Policies."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"healers": healers}
