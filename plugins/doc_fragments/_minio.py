# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""What the modules that ask a MinIO have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of one StatefulSet and its lost drives."""

    DOCUMENTATION = r"""
options:
  namespace:
    description: Namespace of the StatefulSet.
    type: str
    required: true
  name:
    description: Name of the StatefulSet.
    type: str
    required: true
  lost_claims:
    description:
      - The claims whose drives are lost, each with C(name) and the C(uid) it had then; further keys are ignored.
      - The drives of those not yet replaced by a Ready pod may be away without failing the check, and are not
        waited for.
    type: list
    elements: dict
    default: []
  settle_seconds:
    description: Seconds that each server must have been up, by its own report. The monitor for new drives runs each 10 seconds.
    type: int
    default: 20
  expected_deployment_id:
    description: The deployment ID from before. Another one is a finding that ends the recovery.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for one answer. A server that reports on its peers gets 5 seconds more for each of
      them, and 10 more, since it dials dead ones in turn before it answers.
    type: int
    default: 15
requirements:
  - "minio (Python package) >= 7.2"
"""
