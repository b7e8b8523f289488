#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_claim
short_description: Recreate the claim of a Deployment whose volume died with its node
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - As M(cloudpods.ha.statefulset_claim), for a Deployment whose claim and object are made again by an operator, as
    cloudpods-operator does for its components. The data of the claim is lost.
  - After the claim is gone, the Deployment is deleted too; the operator creates both. A Deployment that nothing owns
    is refused before anything is deleted, since nobody would create it again.
  - Each call does one act and says what it was. Call it in a loop until RV(done) is true.
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
  - cloudpods.ha._claim
notes:
  - Needs the rights to get and delete claims, pods and deployments of the namespace, and to read Nodes and
    PersistentVolumes.
seealso:
  - module: cloudpods.ha.statefulset_claim
"""

EXAMPLES = r"""
---
- name: Recover the claim of influxdb, one safe act after the other
  cloudpods.ha.deployment_claim:
    kubeconfig: /root/.kube/config
    namespace: onecloud
    name: default-influxdb
    uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
    pv_name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
    pv_uid: 9d0f2c7b-0c7f-4f5e-8a5e-7f0f1b1b2c02
    workload: default-influxdb
    workload_uid: 3a9f4b0e-8f3e-4a44-9d29-3a8b3f1f4d03
    lost_node:
      name: master-1
      uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
      hostname_label: master-1
    replacement: master-4
  register: recovery
  until: recovery.done or recovery.action == 'refuse'
  retries: 120
  delay: 5
"""

RETURN = r"""
---
action:
  description:
    - V(wait), V(delete_claim), V(delete_pod), V(delete_workload), V(done), V(refuse), or V(error) when the API can't
      be asked.
    - In check mode, the act that would be next.
  type: str
  returned: always
  sample: delete_claim
reason:
  description: Why this act is next, or what is waited for.
  type: str
  returned: always, except on V(error)
  sample: its volume pvc-297ed5e5 was on master-1, and no pod that was ever placed uses it
done:
  description: Whether a new claim is bound on the replacement and its pod is Ready there.
  type: bool
  returned: always
recreated:
  description: Whether the lost claim is gone and another one has its name. Where a pod mounts several lost claims, none
    is bound before all are recreated, so wait for this first, for each of them, and for RV(done) after.
  type: bool
  returned: always, except on V(error)
code:
  description: Short name of a refusal.
  type: str
  returned: on V(refuse)
  sample: not_on_lost_node
seen:
  description: What was found that forbids to go on.
  type: str
  returned: on V(refuse)
advice:
  description: What to do about a refusal.
  type: str
  returned: on V(refuse)
claim:
  description: The claim. C(new_uid) is empty until it is recreated, C(node) is where its present volume is.
  type: dict
  returned: always, except on V(error)
  sample: {old_uid: 0b9e, new_uid: 7c41, volume: pvc-7c41, node: master-4, phase: Bound}
pod:
  description: The pod that mounts the claim; empty when there is none.
  type: dict
  returned: always, except on V(error)
  sample: {name: minio-0, uid: 55d0, node: master-4, phase: Running, ready: true}
diff:
  description: The object that was deleted, or would be, as text in C(before), which is empty
    when nothing is; C(after) is always empty.
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
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import connect
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client


def main() -> t.NoReturn:
    """Do the next act, or say why there is none."""
    module = AnsibleModule(argument_spec=client.argument_spec(), supports_check_mode=True)
    try:
        api = connect(module.params["kubeconfig"], check_mode=module.check_mode)
        target = client.target_from(module.params, kind="Deployment")
        result = client.step(api, target=target, check_mode=module.check_mode, diff=module._diff)
    except HaError as exc:
        module.fail_json(msg=str(exc), action="error", done=False)
    if result["action"] == "refuse":
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
