#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lost_volumes_info
short_description: Tell which volumes a vanished node took with it
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - Reads the volumes that are bound to one node, the claims they belong to and what mounts these, through the API of a
    cluster. It needs neither the node nor its Node object, and changes nothing.
  - "A volume is on the node when each term of its node affinity names this node alone: C(kubernetes.io/hostname) by the
    Node's hostname label, the field C(metadata.name) by its name, any other key, such as that of a CSI driver for local
    disks, by either. Keys of zones and regions name no node, and of the operators only C(In) does. What may be used on
    another registered Node, by the labels that one has, is never taken for lost."
  - Without an affinity the annotation C(local.path.provisioner/selected-node) of rancher.io/local-path tells the node. Where
    the two disagree and one of them names the node, the volume is told as being in doubt.
    A hostPath or local volume that says nothing at all is told when a pod that mounts it was on the node.
options:
  lost_node:
    description: The node.
    type: dict
    required: true
    suboptions:
      name:
        description: Name of the Node.
        type: str
        required: true
      uid:
        description: UID of its Node object. When a Node of this name with another UID is registered, it has taken the name
          over, and only volumes that are older than it count. By default the Node that has the name is the one.
        type: str
        default: ""
      hostname_label:
        description: Value of its label C(kubernetes.io/hostname). By default that of the Node which has the name, and the
          name itself when there is none any more.
        type: str
        default: ""
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
  - cloudpods.ha._kubeconfig
notes:
  - Needs the rights to list Nodes, PersistentVolumes, and the PersistentVolumeClaims, Pods, StatefulSets and Deployments
    of all namespaces.
  - Once the pods of a vanished node are gone, nothing tells any more that they used a volume which names no node.
seealso:
  - module: cloudpods.ha.statefulset_claim
  - module: cloudpods.ha.deployment_claim
  - module: cloudpods.ha.lost_volume_leftovers_info
"""

EXAMPLES = r"""
---
- name: Ask what master-1 took with it
  cloudpods.ha.lost_volumes_info:
    kubeconfig: /root/.kube/config
    lost_node:
      name: master-1
  register: lost

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.namespace }}/{{ item.name }} ({{ item.size_bytes | human_readable }}): {{ item.why }}"
  loop: "{{ lost.claims }}"

- name: Ask what it took with it, now that another machine has its name
  cloudpods.ha.lost_volumes_info:
    kubeconfig: /root/.kube/config
    lost_node:
      name: master-1
      uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
      hostname_label: master-1
"""

RETURN = r"""
---
lost_node:
  description: The node as it was looked for. C(present) is whether it is still registered, and C(ready) whether it is
    Ready, so that nothing is lost. C(replaced_by) is the UID of another Node that has its name.
  type: dict
  returned: success
  sample:
    name: master-1
    uid: 5b2d1c1a-6f8e-4c0b-8f55-0f9a6f2e6e04
    hostname_label: master-1
    present: false
    ready: false
    replaced_by: ""
claims:
  description:
    - The claims whose volume is on the node, in the shape that C(docs/contracts.md) of the collection gives under C(Claim),
      and C(why) as a sentence.
    - In C(found_by), V(affinity) and V(annotation) say which of the two names the node, and V(conflict) that they disagree.
      With V(elsewhere) the source is none that keeps data on a node's disk (iscsi, nfs, fc). V(pod) says that the volume
      names no node and a pod that mounts it was there.
  type: list
  elements: dict
  returned: success
  sample:
    - namespace: onecloud-minio
      name: export-minio-0
      uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
      phase: Bound
      storage_class: local-path
      pv_name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
      pv_uid: 9d0f2c7b-0c7f-4f5e-8a5e-7f0f1b1b2c02
      pv_phase: Bound
      reclaim_policy: Delete
      path: /opt/local-path-provisioner/pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
      size_bytes: 107374182400
      found_by: [affinity, annotation]
      mounted_by:
        - {kind: StatefulSet, namespace: onecloud-minio, name: minio, uid: 3a9f4b0e-8f3e-4a44-9d29-3a8b3f1f4d03, managed: false}
      volume_kind: hostPath
      labels: {app: minio}
      workload_labels: {app: minio, release: minio}
      finalizers: [kubernetes.io/pvc-protection]
      why: its affinity names master-1 alone, its provisioner made it on master-1
volumes:
  description: Volumes on the node that have no claim of their own, in the shape given under C(Volume), and C(why).
  type: list
  elements: dict
  returned: success
  sample:
    - name: pvc-7c41d1c5-9f41-4a21-8a5f-0a7f4b3f1e06
      uid: 2f6a1d8e-3a9c-4b7d-9e0f-5c4b3a291807
      phase: Released
      reclaim_policy: Retain
      claim: onecloud/default-glance
      claim_uid: 7c41d1c5-9f41-4a21-8a5f-0a7f4b3f1e06
      size_bytes: 107374182400
      found_by: [affinity]
      why: its affinity names master-1 alone
pending_claims:
  description: Claims of the whole cluster that have no volume yet, as C(Claim). They are no loss; they tell what waited
    before.
  type: list
  elements: dict
  returned: success
  sample: []
retained:
  description: Names of those volumes of both lists whose reclaim policy is Retain, so that they stay until somebody deletes
    them.
  type: list
  elements: str
  returned: success
  sample: [pvc-7c41d1c5-9f41-4a21-8a5f-0a7f4b3f1e06]
total_bytes:
  description: Capacity of the volumes of both lists together, in bytes. How much was written to them nobody can tell any more.
  type: int
  returned: success
  sample: 214748364800
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.cluster import lost_volumes


def main() -> t.NoReturn:
    """Read and tell."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "lost_node": {
                "type": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "uid": {"type": "str", "default": ""},
                    "hostname_label": {"type": "str", "default": ""},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        api = connect(module.params["kubeconfig"], check_mode=True)
        result = lost_volumes(api, **module.params["lost_node"])
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
