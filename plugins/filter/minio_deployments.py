# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: minio_deployments
short_description: Say what the MinIO modules are asked of each MinIO of a round
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Makes the C(deployments) of M(cloudpods.ha.minio_health), and with O(look) those of M(cloudpods.ha.minio_health_info), from the C(minios) of
    P(cloudpods.ha.recoverable#filter).
positional: known, look, pending
options:
  _input:
    description: The MinIOs.
    type: list
    elements: dict
    required: true
  known:
    description: What each MinIO was before its first drive is replaced, C(deployment_id) and C(buckets), by its C(group).
    type: dict
    required: true
  look:
    description:
      - V(replaceable) counts objects where O(known) has no count, and proves them readable where one of O(pending) is still to be replaced.
      - V(recovered) counts objects, compares them with O(known), and proves them readable.
    type: str
    choices: [replaceable, recovered]
  pending:
    description: The UIDs of the claims that are not recovered.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Wait until each MinIO has healed
  cloudpods.ha.minio_health:
    deployments: "{{ round.minios | cloudpods.ha.minio_deployments(known) }}"
"""

RETURN = r"""
_value:
  description: One item for each MinIO.
  type: list
  elements: dict
  sample:
    - namespace: onecloud-minio
      name: minio
      lost_claims:
        - {namespace: onecloud-minio, name: export-minio-0, uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01}
      expected_deployment_id: ""
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import verdicts


def minio_deployments(
    found: t.Sequence[Json], known: Json, look: str = "", pending: t.Sequence[str] = ()
) -> t.List[Json]:
    return verdicts.deployments(found, known, look, pending)


class FilterModule:
    """Claims."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"minio_deployments": minio_deployments}
