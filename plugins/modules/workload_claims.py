#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: workload_claims
short_description: Recreate claims whose volumes died with their node
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - For each claim, reads the live objects, decides the next safe action and carries it out, until the goal is reached or O(seconds) are over. Call the
    module in a loop until RV(ended) is true.
  - "The order is: the Node is gone, its pod is gone, the claim is deleted, a Pending pod of the old
    claim is deleted, claim and pod are recreated, the new volume is on the replacement, the pod is Ready there."
  - After a refusal no claim is touched any more.
  - A StatefulSet recreates its claim automatically. A Deployment is deleted after its claim, and an operator recreates both,
    as cloudpods-operator does for its components. The data of such a claim is lost. A Deployment without an owner
    is refused before anything is deleted, since nothing would recreate it.
  - A claim is deleted only when its volume is proven to be on the lost node by UID, claim reference, affinity and the
    provisioner's annotation, and when no pod on a registered node uses it. A pod is deleted only when no node was ever
    assigned to it.
  - "The affinity proves it if each of its terms names only the lost node: C(kubernetes.io/hostname) by the Node's
    hostname label, the field C(metadata.name) by its name, any other key, such as that of a CSI driver for local disks,
    by either. Keys of zones and regions name no node, and of the operators only C(In) does. A volume that may be used on
    another registered Node, by the labels of that Node, never counts as lost."
  - Calls share no state, so a killed run continues where it stopped.
options:
  claims:
    description:
      - The claims whose volumes are lost, in the shape that docs/contracts.md gives under C(ClaimPlan). Used are C(namespace), C(name), C(uid),
        C(pv_name), C(pv_uid) and C(owner), the workload that mounts the claim, with C(kind), C(name) and C(uid).
      - A claim of that name with another UID counts as the recreated one, and so does a Deployment with another UID, which stays. The UID of a
        StatefulSet has no effect.
    type: list
    elements: dict
    required: true
  replacement:
    description: Name of the Node that must have the new volume.
    type: str
    required: true
  goal:
    description:
      - The goal for each claim. V(recreated) is reached as soon as the lost claim is gone and another one has its name.
      - If a pod mounts several lost claims, none is bound before all are recreated, so bring all of them to
        V(recreated) first, and then to V(done).
    type: str
    choices: [recreated, done]
    default: done
  seconds:
    description: Seconds for which a call goes on. With 0 it takes one action for each claim.
    type: int
    default: 0
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
  - cloudpods.ha._lost_node
attributes:
  check_mode:
    description: Reports the next action without carrying it out.
    support: full
  diff_mode:
    description: Shows kind, namespace, name and UID of the object that is deleted, or would be.
    support: full
  idempotent:
    description: A recovered claim is not changed, and RV(ignore:changed=false) is returned.
    support: full
notes:
  - Needs permission to get and delete claims, pods, statefulsets and deployments of the namespace, and to read Nodes and
    PersistentVolumes.
  - A finalizer is never removed and no pod is ever force-deleted. A claim or pod that finalizers hold for more than
    60 seconds is refused as C(held_by_finalizer), with their names.
seealso:
  - module: cloudpods.ha.lost_volume_leftovers
"""

EXAMPLES = r"""
---
- name: Recover the claims of minio-0 and of influxdb, which an operator recreates
  cloudpods.ha.workload_claims:
    kubeconfig: /root/.kube/config
    claims:
      - namespace: onecloud-minio
        name: export-minio-0
        uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
        pv_name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
        pv_uid: 9d0f2c7b-0c7f-4f5e-8a5e-7f0f1b1b2c02
        owner: {kind: StatefulSet, name: minio, uid: 1c0d9e4e-5b0f-4b5e-9a1c-2f3b4c5d6e07}
      - namespace: onecloud
        name: default-influxdb
        uid: 4c1b7a52-0d0e-4b43-9a53-6f0c8a1d2b05
        pv_name: pvc-4c1b7a52-0d0e-4b43-9a53-6f0c8a1d2b05
        pv_uid: 7e2f9c10-5a4b-4d3e-8c21-9b0a1f2e3d06
        owner: {kind: Deployment, name: default-influxdb, uid: 3a9f4b0e-8f3e-4a44-9d29-3a8b3f1f4d03}
    lost_node:
      name: master-1
      uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
      hostname_label: master-1
    replacement: master-4
    seconds: 5
  register: recovery
  until: recovery.ended
  retries: 120
  delay: 2
"""

RETURN = r"""
---
ended:
  description: Whether no further call is needed, since every claim has reached O(goal), one is refused, or check mode does nothing. Not with an API that
    can't be reached.
  type: bool
  returned: always
too_early:
  description: Whether claims are refused only because the lost Node is still registered, or the replacement not yet. That is normal in
    a dry run of a complete replacement.
  type: bool
  returned: when a claim is refused
claims:
  description:
    - The claims that were looked at, in their order; none if the API can't be reached.
    - C(action) is V(wait), V(delete_claim), V(delete_pod), V(delete_workload), V(done) or V(refuse), in check mode the next one, and C(reason) says why.
    - C(done) is whether a new claim is bound on the replacement and its pod is Ready there, C(recreated) whether the lost claim is gone and
      another one has its name, C(ended) whether the claim needs no further call.
    - C(code), C(observed) and C(remedy) exist on a refusal. C(pod) is the pod that mounts the claim, empty without one.
    - Of C(claim), C(new_uid) is empty until it is recreated, C(pv) is its current volume, and C(node) the only node where that can be used.
  type: list
  elements: dict
  returned: always
  sample:
    - action: done
      reason: it is bound on master-4 and its pod minio-0 is Ready
      msg: "onecloud-minio/export-minio-0: recovered: it is bound on master-4 and its pod minio-0 is Ready"
      changed: false
      done: true
      recreated: true
      ended: true
      claim: {namespace: onecloud-minio, name: export-minio-0, old_uid: 0b9e, new_uid: 7c41, pv: pvc-7c41, node: master-4, phase: Bound}
      pod: {name: minio-0, uid: 55d0, node: master-4, phase: Running, ready: true}
diff:
  description: Each object that was deleted, or would be, as text in C(before); C(after) is always empty.
  type: list
  elements: dict
  returned: in diff mode
  sample:
    - before_header: PersistentVolumeClaim onecloud/default-influxdb
      after_header: PersistentVolumeClaim onecloud/default-influxdb
      before: "kind: PersistentVolumeClaim..."
      after: ""
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.advance import advance


def main() -> t.NoReturn:
    """Carry out the next actions, or report why there are none."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "claims": {"type": "list", "elements": "dict", "required": True},
            "lost_node": client.LOST_NODE_ARGUMENT,
            "replacement": {"type": "str", "required": True},
            "goal": {"type": "str", "choices": ["recreated", "done"], "default": "done"},
            "seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    try:
        targets = [client.target_from(item, module.params) for item in module.params["claims"]]
        result = advance(
            connect(module.params["kubeconfig"], check_mode=module.check_mode),
            targets,
            goal=module.params["goal"],
            seconds=module.params["seconds"],
            check_mode=module.check_mode,
            diff=module._diff,
        )
    except HaError as exc:
        module.fail_json(msg=str(exc), ended=False, claims=[])
    if "too_early" in result:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
