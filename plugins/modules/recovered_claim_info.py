#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: recovered_claim_info
short_description: Check whether a lost claim was recovered by something else
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - A claim whose volume died with its node is recovered if no claim has its UID any more, and a claim with its
    name is bound. It is also recovered if no claim has its name.
  - The module fails when the claim has the UID of the lost one and another volume.
options:
  namespace:
    description: Namespace of the claim.
    type: str
    required: true
  name:
    description: Name of the claim.
    type: str
    required: true
  uid:
    description: UID of the claim whose volume is lost.
    type: str
    required: true
  pv_name:
    description: Name of the lost volume.
    type: str
    required: true
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
  - cloudpods.ha._kubeconfig
seealso:
  - module: cloudpods.ha.workload_claims
"""

EXAMPLES = r"""
---
- name: Wait until the claim of the database is recovered
  cloudpods.ha.recovered_claim_info:
    kubeconfig: /root/.kube/config
    namespace: orders
    name: data-orders-0
    uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
    pv_name: pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
  register: claim
  until: claim.ok
  retries: 120
  delay: 5
"""

RETURN = r"""
---
ok:
  description: Whether the claim is recovered.
  type: bool
  returned: always
lost:
  description: Whether the claim still is the lost one.
  type: bool
  returned: success
reason:
  description: Why the claim is recovered or not.
  type: str
  returned: success
  sample: is still the lost claim
claim:
  description: The claim that has the name now. All values are empty without one; C(new_uid) is empty while it is the lost one.
  type: dict
  returned: success
  sample: {namespace: onecloud, name: data, old_uid: 0b9e, new_uid: 7c41, pv: pvc-7c41d1c5, node: "", phase: Bound}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client


def main() -> t.NoReturn:
    """Read and judge."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "uid": {"type": "str", "required": True},
            "pv_name": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        result = client.recovered(connect(module.params["kubeconfig"], check_mode=True), module.params)
    except HaError as exc:
        module.fail_json(msg=str(exc), ok=False)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
