#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: workload_claim
short_description: Recreate one claim whose volume died with its node
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - Each call reads the live objects, decides the next safe action, carries it out and reports it. Call
    the module in a loop until RV(ended) is true.
  - "The order is: the Node is gone, its pod is gone, the claim is deleted, a Pending pod of the old
    claim is deleted, claim and pod are recreated, the new volume is on the replacement, the pod is Ready there."
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
  kind:
    description: Kind of the workload that mounts the claim.
    type: str
    choices: [StatefulSet, Deployment]
    required: true
  namespace:
    description: Namespace of the claim.
    type: str
    required: true
  name:
    description: Name of the claim.
    type: str
    required: true
  uid:
    description: UID of the claim whose volume is lost. A claim of that name with another UID counts as the recreated
      one.
    type: str
    required: true
  pv_name:
    description: Name of the lost volume.
    type: str
    required: true
  pv_uid:
    description: UID of the lost volume.
    type: str
    required: true
  workload:
    description: Name of the workload that mounts the claim.
    type: str
    required: true
  workload_uid:
    description: UID of the workload when the plan was made. A Deployment with another UID counts as recreated and
      stays; for a StatefulSet it has no effect.
    type: str
    default: ""
  replacement:
    description: Name of the Node that must have the new volume.
    type: str
    required: true
  goal:
    description:
      - The goal for the claim. With V(recreated), RV(ended) is true as soon as the lost claim is gone and another
        one has its name.
      - If a pod mounts several lost claims, none is bound before all are recreated, so bring each of them to
        V(recreated) first, and then to V(done).
    type: str
    choices: [recreated, done]
    default: done
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
- name: Recover the claim of minio-0 step by step
  cloudpods.ha.workload_claim:
    kubeconfig: /root/.kube/config
    kind: StatefulSet
    namespace: onecloud-minio
    name: export-minio-0
    uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
    pv_name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
    pv_uid: 9d0f2c7b-0c7f-4f5e-8a5e-7f0f1b1b2c02
    workload: minio
    lost_node:
      name: master-1
      uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
      hostname_label: master-1
    replacement: master-4
  register: recovery
  until: recovery.ended
  retries: 120
  delay: 5

- name: Recover the claim of influxdb, which an operator recreates
  cloudpods.ha.workload_claim:
    kubeconfig: /root/.kube/config
    kind: Deployment
    namespace: onecloud
    name: default-influxdb
    uid: 4c1b7a52-0d0e-4b43-9a53-6f0c8a1d2b05
    pv_name: pvc-4c1b7a52-0d0e-4b43-9a53-6f0c8a1d2b05
    pv_uid: 7e2f9c10-5a4b-4d3e-8c21-9b0a1f2e3d06
    workload: default-influxdb
    workload_uid: 3a9f4b0e-8f3e-4a44-9d29-3a8b3f1f4d03
    lost_node:
      name: master-1
      uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
      hostname_label: master-1
    replacement: master-4
  register: recovery
  until: recovery.ended
  retries: 120
  delay: 5
"""

RETURN = r"""
---
action:
  description:
    - V(wait), V(delete_claim), V(delete_pod), V(delete_workload), V(done), V(refuse), or V(error) if the API can't
      be reached.
    - In check mode, the next action.
  type: str
  returned: always
  sample: delete_claim
reason:
  description: Why this is the next action, or what the module waits for.
  type: str
  returned: always, except on V(error)
  sample: its volume pvc-297ed5e5 was on master-1, and no pod that was ever placed uses it
ended:
  description: Whether no further call is needed, since O(goal) is reached, the claim is refused, or check mode does nothing.
  type: bool
  returned: always
done:
  description: Whether a new claim is bound on the replacement and its pod is Ready there.
  type: bool
  returned: always
recreated:
  description: Whether the lost claim is gone and another one has its name.
  type: bool
  returned: always, except on V(error)
code:
  description: Short name of a refusal.
  type: str
  returned: on V(refuse)
  sample: not_on_lost_node
too_early:
  description: Whether it is refused only because the lost Node is still registered, or the replacement not yet. That is normal in
    a dry run of a complete replacement.
  type: bool
  returned: on V(refuse)
observed:
  description: The observation that led to the refusal.
  type: str
  returned: on V(refuse)
remedy:
  description: What to do about the refusal.
  type: str
  returned: on V(refuse)
claim:
  description: The claim. C(new_uid) is empty until it is recreated, C(node) is the node of its current volume.
  type: dict
  returned: always, except on V(error)
  sample: {old_uid: 0b9e, new_uid: 7c41, volume: pvc-7c41, node: master-4, phase: Bound}
pod:
  description: The pod that mounts the claim; empty without one.
  type: dict
  returned: always, except on V(error)
  sample: {name: minio-0, uid: 55d0, node: master-4, phase: Running, ready: true}
diff:
  description: The object that was deleted, or would be, as text in C(before), which is empty
    if nothing is deleted; C(after) is always empty.
  type: dict
  returned: in diff mode
  sample:
    before_header: PersistentVolumeClaim onecloud/default-influxdb
    after_header: PersistentVolumeClaim onecloud/default-influxdb
    before: "kind: PersistentVolumeClaim..."
    after: ""
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client


def main() -> t.NoReturn:
    """Carry out the next action, or report why there is none."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "kind": {"type": "str", "required": True, "choices": ["StatefulSet", "Deployment"]},
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "uid": {"type": "str", "required": True},
            "pv_name": {"type": "str", "required": True},
            "pv_uid": {"type": "str", "required": True},
            "workload": {"type": "str", "required": True},
            "workload_uid": {"type": "str", "default": ""},
            "lost_node": client.LOST_NODE_ARGUMENT,
            "replacement": {"type": "str", "required": True},
            "goal": {"type": "str", "choices": ["recreated", "done"], "default": "done"},
        },
        supports_check_mode=True,
    )
    try:
        api = connect(module.params["kubeconfig"], check_mode=module.check_mode)
        result = client.step(
            api, target=client.target_from(module.params), check_mode=module.check_mode, diff=module._diff
        )
    except HaError as exc:
        module.fail_json(msg=str(exc), action="error", done=False, ended=False)
    result["ended"] = module.check_mode or result["action"] in ("done", "refuse") or bool(result[module.params["goal"]])
    if result["action"] == "refuse":
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
