#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: minio_health
short_description: Wait until a MinIO StatefulSet is complete, and report the progress of healing
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - Polls M(cloudpods.ha.minio_health_info), and prints one line for each poll that has news, with the drives that
    heal, percent, objects, bytes, bytes per second and the remaining time.
  - Succeeds when the deployment has healed except for O(lost_claims). Fails immediately if waiting can't help, and
    says what to do. Also fails after O(wait_timeout).
  - "These cases are hopeless: a heal that ended with failures, even if MinIO dropped its numbers at the end; a heal with failures that
    makes no progress for O(heal_stall); other deployment IDs; a drive that its server refuses as part of the root
    drive; a pod that keeps an outdated address of a peer, or does not initialize, for O(stale_peer_timeout)."
  - A heal that does not move for a minute is told, with what to look at; it is waited for if it had no failures.
options:
  readings:
    description: How many consecutive readings must agree before a poll reports the deployment as healed.
    type: int
    default: 2
  interval:
    description: Seconds between two readings of a poll.
    type: int
    default: 3
  wait_for:
    description: V(healed) ends the wait as soon as no drive heals, whatever other problems prevent V(whole).
    type: str
    choices: [whole, healed]
    default: whole
  wait_timeout:
    description: Total seconds to wait. A terabyte takes hours.
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
- name: Wait until the replaced drive has healed
  cloudpods.ha.minio_health:
    kubeconfig: /root/.kube/config
    namespace: onecloud-minio
    name: minio
"""

RETURN = r"""
---
msg:
  description: The state in one sentence; for a failure, the observation and what to do.
  type: str
  returned: always
  sample: "onecloud-minio/minio: healthy: every pod is healthy and no drive is healing"
outcome:
  description: How the wait ended, with V(settled), V(healed), V(hopeless) or V(timeout). V(wait) is the outcome of the single poll in check mode.
  type: str
  returned: always
  sample: settled
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
settled:
  description: Whether the deployment has healed except for the lost drives. All other values are as M(cloudpods.ha.minio_health_info)
    returned it at the last poll.
  type: bool
  returned: when a poll succeeded
  sample: true
"""

# The work is done by the action plugin of this name; this file is its documentation.
