# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Documentation shared by all modules that read a MinIO."""

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
      - The claims whose drives are lost, each with C(name) and its former C(uid); other keys are ignored.
      - As long as no Ready pod replaces such a drive, the check passes without it, and it is not waited for.
    type: list
    elements: dict
    default: []
  settle_seconds:
    description: Seconds that each server must have been up, by its own report. MinIO's monitor for new drives runs every 10 seconds.
    type: int
    default: 20
  expected_deployment_id:
    description: The former deployment ID. A different one is a finding that ends the recovery.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for one answer. A server that reports on its peers gets 5 more seconds for each of
      them, and another 10, since it dials dead ones one after another before it answers.
    type: int
    default: 15
requirements:
  - "minio (Python package) >= 7.2"
"""
