# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: drives_replaceable
short_description: Decide whether the lost drives of a round may be replaced now
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Each MinIO must allow it by its C(gate), and where a drive is still to be replaced, its objects must be proven readable from the remaining drives.
  - What M(cloudpods.ha.minio_health_info) did not answer, permits nothing.
positional: answer, known, pending
options:
  _input:
    description: The C(minios) of a round, of P(cloudpods.ha.recoverable#filter).
    type: list
    elements: dict
    required: true
  answer:
    description: The registered result of M(cloudpods.ha.minio_health_info), asked with P(cloudpods.ha.minio_deployments#filter).
    type: dict
    required: true
  known:
    description: What each MinIO was before its first drive is replaced, C(deployment_id) and C(buckets), by its C(group).
    type: dict
    required: true
  pending:
    description: The UIDs of the claims that are not recovered.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that the drives may be replaced
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "{{ verdict.reason }}"
  vars:
    verdict: "{{ round.minios | cloudpods.ha.drives_replaceable(answer, known, pending) }}"
"""

RETURN = r"""
_value:
  description:
    - C(ok), and C(reason) if it is false. C(decided) is whether waiting for the answer to change is of no use, or for a heal.
    - C(healing) are the MinIOs that only a running heal keeps from it.
    - C(known) with what this answer adds, and C(proofs), the proof of each MinIO that has a drive to be replaced, by C(group).
  type: dict
  sample:
    ok: false
    decided: true
    reason: >-
      No drive of onecloud-minio/minio may be replaced now (below_read_quorum): set 0 of pool 0 has 1 of 2 drives. Repair MinIO first, then run again.
    healing: []
    known: {}
    proofs: {}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import verdicts


def drives_replaceable(found: t.Sequence[Json], answer: Json, known: Json, pending: t.Sequence[str]) -> Json:
    return verdicts.replaceable(found, answer, known, pending)


class FilterModule:
    """Claims."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"drives_replaceable": drives_replaceable}
