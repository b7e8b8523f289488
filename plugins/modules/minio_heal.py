#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: minio_heal
short_description: Let MinIO heal objects that its own heal of a new drive left out
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Counts the parts of every object on the drives, as M(cloudpods.ha.minio_health_info) does to prove that each can be read. If objects lack
    parts, MinIO is told to heal them, as C(mc admin heal -r) does; with more than 20 of them, or of MinIO's own, all objects.
  - MinIO of June 2021 tells the heal of a new drive as done although objects of its last bucket failed, and never heals an object whose key ends in a slash.
  - Only while all drives are back and healthy, none heals, and every object has enough parts. MinIO deletes an object with fewer when it
    heals it, also one that was given up; then it fails, and nothing is healed.
options:
  namespace:
    description: Namespace of the StatefulSet.
    type: str
    required: true
  name:
    description: Name of the StatefulSet.
    type: str
    required: true
  lost_claims:
    description:
      - The claims whose drives are lost, each with C(name) and its former C(uid); other keys are ignored.
      - As long as no Ready pod replaces such a drive, the check passes without it, and it is not waited for.
    type: list
    elements: dict
    default: []
  expected_deployment_id:
    description: The former deployment ID. A different one is a finding that ends the recovery.
    type: str
    default: ""
  scan_max_objects:
    description: Most objects, versions counted singly. More make it fail.
    type: int
    default: 20000
  scan_timeout:
    description: Most seconds for the count, and for the heal, each.
    type: int
    default: 600
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
  - cloudpods.ha._minio
attributes:
  check_mode:
    description: Counts, and does not heal.
    support: full
  diff_mode:
    description: An object has no text to compare.
    support: none
  idempotent:
    description: Where no object lacks a part nothing is healed.
    support: full
notes:
  - Needs the permissions of M(cloudpods.ha.minio_health_info).
seealso:
  - module: cloudpods.ha.minio_health_info
"""

EXAMPLES = r"""
---
- name: Heal what lacks parts
  cloudpods.ha.minio_heal:
    kubeconfig: /root/.kube/config
    namespace: onecloud-minio
    name: minio
"""

RETURN = r"""
---
lacking:
  description: The objects that lacked parts, 20 at most of C(lacking_count).
  type: list
  elements: dict
  returned: if objects lacked parts
  sample: [{bucket: onecloud-images, object: image-4, version: "", error: 2 of 4 parts are there}]
lacking_count:
  description: How many objects lacked parts.
  type: int
  returned: if objects lacked parts
healed:
  description: What MinIO told of the heal, C(objects) looked at, how many are still C(incomplete), a C(sample) of these, and whether the heal came to its end.
  type: dict
  returned: if it was healed
  sample: {objects: 1, incomplete: 0, sample: [], complete: true}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import EACH, ONE
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import check_imports
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.run import heal


def main() -> t.NoReturn:
    """Count, and heal."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            **ONE,
            **EACH,
            "scan_max_objects": {"type": "int", "default": 20000},
            "scan_timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    fixed = {"given_up": [], "accept_unproven": False, "check_mode": module.check_mode}
    try:
        check_imports()
        result = heal(connect(module.params["kubeconfig"], check_mode=True), {**module.params, **fixed})
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
