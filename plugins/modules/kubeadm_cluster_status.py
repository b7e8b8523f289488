#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_cluster_status
short_description: Remove a lost node from kubeadm's ClusterStatus
description:
  - Before Kubernetes 1.22 kubeadm kept the API endpoint of each control-plane node in the key C(ClusterStatus) of the
    ConfigMap C(kube-system/kubeadm-config), and a join could fail on the address of a dead one. This removes the
    endpoint of one node.
  - A cluster without that key, or without that node in it, is no change.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._kubeconfig
options:
  state:
    description: Endpoints can only be removed; kubeadm adds them.
    type: str
    choices: [absent]
    required: true
  name:
    description: Name of the lost node.
    type: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
---
- name: Remove the endpoint of master-1
  cloudpods.ha.kubeadm_cluster_status:
    kubeconfig: /root/.kube/config
    name: master-1
    state: absent
"""

RETURN = r"""
before:
  description: The nodes before. Empty if the cluster has no ClusterStatus.
  type: list
  elements: str
  returned: success
  sample: [master-1, master-2, master-3]
after:
  description: The nodes after, or as they would be in check mode.
  type: list
  elements: str
  returned: success
  sample: [master-2, master-3]
former:
  description: The former text, for a restore by hand. Empty without one.
  type: str
  returned: success
  sample: "apiEndpoints:\n  master-1:\n    advertiseAddress: 192.0.2.11\n    bindPort: 6443\n"
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join.cluster_status import CONFIG_MAP, KEY, without
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["absent"], "required": True},
        },
        supports_check_mode=True,
    )
    try:
        api = connect(module.params["kubeconfig"], check_mode=module.check_mode)
        config_map = api.get(CONFIG_MAP)
        edit = without(config_map, module.params["name"])
        if config_map is not None and edit.changed:
            # With the resourceVersion that was read, so the API refuses this change after a concurrent one.
            api.replace(CONFIG_MAP, {**config_map, "data": {**config_map["data"], KEY: edit.text}})
    except HaError as exc:
        module.fail_json(msg=str(exc))
    diff = {"before": edit.former, "after": edit.text, "before_header": CONFIG_MAP, "after_header": CONFIG_MAP}
    module.exit_json(
        changed=edit.changed, before=list(edit.before), after=list(edit.after), former=edit.former, diff=diff
    )


if __name__ == "__main__":
    main()
