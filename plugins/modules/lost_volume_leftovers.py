#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lost_volume_leftovers
short_description: Remove the leftovers of a lost node's volumes from the API
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - After the claim of a node-bound volume was deleted, the volume's object often stays Released or Failed, since the
    provisioner waits for a pod on the lost node. This module decides for each volume of the plan whether its
    object may be deleted, and deletes it, and the provisioner's pods that wait on the lost node.
  - The provisioner makes another pod for each of its tries until the volume is gone, so the module looks again after each removal.
  - Only the volumes named in O(claims) are touched, each by name and UID. An object that changed since it was read is read again.
options:
  claims:
    description: The lost claims and their volumes, with the UIDs at the time of the loss. Other keys are
      ignored.
    type: list
    elements: dict
    required: true
  wait_timeout:
    description: Seconds for the claims to release the volumes and for deleted ones to go. After that, the last findings are returned.
    type: int
    default: 0
  delay:
    description: Seconds between two polls.
    type: int
    default: 3
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
  - cloudpods.ha._lost_node
attributes:
  check_mode:
    description: Reads once; RV(removed_volumes) and RV(removed_pods) are what would be removed now.
    support: full
  diff_mode:
    description: The names of what was removed are returned.
    support: none
  idempotent:
    description: Changes nothing when nothing is left.
    support: full
seealso:
  - module: cloudpods.ha.workload_claims
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
---
- name: Remove the leftovers of the volumes of master-1
  cloudpods.ha.lost_volume_leftovers:
    kubeconfig: /root/.kube/config
    lost_node:
      name: master-1
      uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
      hostname_label: master-1
    claims:
      - namespace: onecloud-minio
        name: export-minio-0
        uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
        pv_name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
        pv_uid: 9d0f2c7b-0c7f-4f5e-8a5e-7f0f1b1b2c02
    wait_timeout: 120
  register: left
"""

RETURN = r"""
---
removed_volumes:
  description: Names of the PersistentVolumes that were deleted.
  type: list
  elements: str
  returned: success
  sample: [pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01]
removed_pods:
  description: Names of the provisioner's pods that were deleted.
  type: list
  elements: str
  returned: success
  sample: [helper-pod-delete-pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01]
volumes:
  description:
    - The volumes of the plan that still exist. C(act) is V(delete), V(keep) for reclaim policy Retain, V(wait), or
      V(refuse) if it is no longer the planned volume. C(reason) names finalizers that hold it.
  type: list
  elements: dict
  returned: success
  sample:
    - name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
      uid: 9d0f2c7b-0c7f-4f5e-8a5e-7f0f1b1b2c02
      phase: Released
      reclaim_policy: Delete
      finalizers: []
      act: delete
      reason: its claim and its node are gone
held:
  description: The RV(volumes) that must be deleted and still exist, whether they are waited for or may be deleted.
  type: list
  elements: dict
  returned: success
  sample: []
msg:
  description: For each of RV(held), why it still exists; empty without any.
  type: str
  returned: success
  sample: "pvc-0b9e6f0e: its phase is Bound"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import clear, client


def main() -> t.NoReturn:
    """Read, judge and delete."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "lost_node": client.LOST_NODE_ARGUMENT,
            "claims": {"type": "list", "elements": "dict", "required": True},
            "wait_timeout": {"type": "int", "default": 0},
            "delay": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    try:
        for claim in module.params["claims"]:
            client.check_claim(claim)
        result = clear.clear(
            connect(module.params["kubeconfig"], check_mode=module.check_mode),
            lost=client.lost_from(module.params["lost_node"]),
            claims=module.params["claims"],
            seconds=module.params["wait_timeout"],
            delay=module.params["delay"],
            check_mode=module.check_mode,
        )
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=bool(result["removed_volumes"] or result["removed_pods"]), **result)


if __name__ == "__main__":
    main()
