#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: control_plane_info
short_description: Read what the API knows about a lost control-plane node
description:
  - Reads nodes, leases, volumes, claims, pods and workloads through the API and returns the losses of one node. It changes nothing.
  - The node is found by the name or an internal address of its Node object, by the journal of a replacement in progress, or, without both,
    by the volumes that are still bound to it.
  - A cluster that can't be read is a result too, with C(cluster.api_error), so that a plan can report all problems at once.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
  - cloudpods.ha._kubeconfig
options:
  lost:
    description: Name or address of the lost node.
    type: str
    required: true
  provider:
    description: Provider of the control plane; returned unchanged.
    type: str
    default: kubeadm
  replacement:
    description: Name of the Node that takes the place of the lost one. With it the pods of DaemonSets on control-plane Nodes are returned too.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: Read the losses of master-1
  cloudpods.ha.control_plane_info:
    kubeconfig: /root/.kube/config
    lost: master-1
"""

RETURN = r"""
cluster:
  description:
    - The cluster, in the shape that docs/contracts.md gives under C(Cluster), with the parts of hosts and etcd empty.
    - C(cluster.lost) is null if the API has no trace of the node. C(cluster.api_error) is empty if the API answered.
  type: dict
  returned: success
  sample:
    provider: kubeadm
    server: https://192.0.2.12:6443
    lost: {name: master-1, addresses: [192.0.2.11], hostname_label: master-1, uid: 5fe0..., seen_in: [node]}
    api_error: ""
settled:
  description: Whether the API answered and every control-plane Node but the lost one is Ready.
  type: bool
  returned: success
  sample: true
pods_run:
  description:
    Whether no pod of a DaemonSet on O(replacement) lacks what the pods of the same on every other Ready control-plane Node have, to be Ready; true without
    O(replacement), and where the API did not answer.
  type: bool
  returned: success
  sample: true
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.cluster import read, settled
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.verification import pods_run
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "lost": {"type": "str", "required": True},
            "provider": {"type": "str", "default": "kubeadm"},
            "replacement": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    provider = module.params["provider"]
    try:
        cluster = read(
            connect(module.params["kubeconfig"]),
            provider=provider,
            lost_name=module.params["lost"],
            replacement=module.params["replacement"],
        )
    except Unsafe as exc:
        refusal = Refusal(exc.code, "The cluster can't be read: {0}".format(exc.observed), exc.remedy)
        cluster = Cluster(provider=provider, api_error=exc.observed.rstrip("."), api_refusal=refusal)
    except HaError as exc:
        cluster = Cluster(provider=provider, api_error=str(exc))
    module.exit_json(changed=False, cluster=to_json(cluster), settled=settled(cluster), pods_run=pods_run(cluster))


if __name__ == "__main__":
    main()
