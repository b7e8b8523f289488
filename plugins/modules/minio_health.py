#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: minio_health
short_description: Wait until MinIO StatefulSets are complete, and report the progress of healing
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - Polls M(cloudpods.ha.minio_health_info) for all O(deployments) that are still waited for, and prints one line for each that has news, with the drives that
    heal, percent, objects, bytes, bytes per second and the remaining time.
  - Succeeds when each deployment has healed except for its O(deployments[].lost_claims). Fails immediately if waiting can't help one of them, and
    says what to do. Also fails after O(wait_timeout), and names those that have not healed.
  - "These cases are hopeless: a heal that ended with failures, even if MinIO dropped its numbers at the end; a heal with failures that
    makes no progress for O(heal_stall); other deployment IDs; a drive that its server refuses as part of the root
    drive; a pod that keeps an outdated address of a peer, or does not initialize, for O(stale_peer_timeout)."
  - A heal that does not move for a minute is told, with what to look at; it is waited for if it had no failures.
options:
  deployments:
    description: The StatefulSets to wait for. For none it ends at once.
    type: list
    elements: dict
    required: true
    suboptions:
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
      expected_deployment_id:
        description: The former deployment ID. A different one is a finding that ends the recovery.
        type: str
        default: ""
  readings:
    description: How many consecutive readings must agree before a poll reports a deployment as healed.
    type: int
    default: 2
  interval:
    description: Seconds between two readings of a poll.
    type: int
    default: 3
  wait_for:
    description: V(healed) ends the wait for a deployment as soon as no drive of it heals, whatever other problems prevent V(whole).
    type: str
    choices: [whole, healed]
    default: whole
  wait_timeout:
    description: Total seconds to wait, for all together. A terabyte takes hours.
    type: int
    default: 86400
  delay:
    description: Seconds between two polls.
    type: int
    default: 5
  stale_peer_timeout:
    description: Seconds that a pod may fail to reach a peer that is Ready and answers, or to initialize; and, if longer than
      O(settle_seconds), that a server may run without its own drive. A drive on the root drive must be seen as such for
      at least O(settle_seconds) before it counts.
    type: int
    default: 45
  heal_stall:
    description: Seconds that a heal that had failures may make no progress, and that polls may fail.
      A heal without failures is waited for until O(wait_timeout).
    type: int
    default: 300
  quiet:
    description: Seconds between two lines when there is no news.
    type: int
    default: 30
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
  - cloudpods.ha._minio
attributes:
  check_mode:
    description: Polls once and does not wait.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
seealso:
  - module: cloudpods.ha.minio_health_info
"""

EXAMPLES = r"""
---
- name: Wait until the replaced drives of both have healed
  cloudpods.ha.minio_health:
    kubeconfig: /root/.kube/config
    deployments:
      - namespace: onecloud-minio
        name: minio
      - namespace: onecloud-monitoring
        name: monitor-minio
"""

RETURN = r"""
---
msg:
  description: The state of each in one sentence; for a failure, the observation and what to do, for each deployment that will not heal or was not done in time.
  type: str
  returned: always
  sample: "onecloud-minio/minio: healthy: every pod is healthy and no drive is healing"
looks:
  description: How many polls were made.
  type: int
  returned: always
  sample: 12
waited:
  description: Seconds waited.
  type: int
  returned: always
  sample: 61
deployments:
  description: Each deployment, in the order of O(deployments), as M(cloudpods.ha.minio_health_info) returned it at its last poll.
  type: list
  elements: dict
  returned: always
  contains:
    namespace:
      description: Namespace of the StatefulSet.
      type: str
      returned: always
    name:
      description: Name of the StatefulSet.
      type: str
      returned: always
    outcome:
      description: How the wait ended, with V(settled), V(healed), V(hopeless) or V(timeout). V(wait) is the outcome of one that is not done when the wait
        ends by another one, or after the single poll in check mode.
      type: str
      returned: always
      sample: settled
    looks:
      description: How many polls were made of it.
      type: int
      returned: always
      sample: 8
    waited:
      description: Seconds until its last poll.
      type: int
      returned: always
      sample: 42
    settled:
      description: Whether it has healed except for the lost drives. All other values are as M(cloudpods.ha.minio_health_info) returns them.
      type: bool
      returned: when a poll succeeded
      sample: true
"""

# The work is done by the action plugin of this name; this file is its documentation.
