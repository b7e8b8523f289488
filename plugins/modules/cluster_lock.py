#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: cluster_lock
short_description: Hold the lock that keeps two runs apart
description:
  - The lock is the Lease C(kube-system/cloudpods-ha). It names its holder as C(USER@CONTROLLER (run NUMBER)), when it was taken and when it was renewed.
  - With O(state=held), the task takes the lock, or proves that this run still holds it. A process beside the run renews it every 10 seconds, also during
    long waits, and releases it when the run ends, even if it is killed. Without a renewal for 60 seconds the lock has expired.
  - The task fails with C(LOCK_HELD) if another run holds the lock. An expired one is taken over with O(take_over) only, since its holder may still act,
    unless the holder is known to have ended, as a killed run on this controller is.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
options:
  state:
    description: Whether to hold or to release the lock. Only this run's lock is released, or that of a killed run on this controller.
    type: str
    choices: [held, released]
    default: held
  take_over:
    description: Whether to take over an expired lock of another run.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: The lock is checked, and not taken.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: full
    description: A lock that this run holds is renewed without a change.
"""

EXAMPLES = r"""
---
- name: Take the lock
  cloudpods.ha.cluster_lock:
    kubeconfig: /root/.cloudpods-ha/master-1/.run-4242-1171711/kubeconfig

- name: Release the lock
  cloudpods.ha.cluster_lock:
    kubeconfig: /root/.cloudpods-ha/master-1/.run-4242-1171711/kubeconfig
    state: released
"""

RETURN = r"""
holder:
  description: How this run is named as holder.
  type: str
  returned: success
  sample: root@controller (run 4242-1171711)
"""

# The work is done by the action plugin of this name; this file is its documentation.
