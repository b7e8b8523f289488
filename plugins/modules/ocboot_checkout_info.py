#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ocboot_checkout_info
short_description: Describe the release of ocboot in a folder
description:
  - Reads the files of a checkout or an unpacked release of ocboot on the target host. Neither git nor ocboot is run.
  - P(cloudpods.ha.ocboot_configuration#filter) decides whether that release can be used.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  path:
    description: Folder of the checkout.
    type: path
    required: true
"""

EXAMPLES = r"""
---
- name: Read the release of ocboot
  cloudpods.ha.ocboot_checkout_info:
    path: /opt/ocboot
  register: checkout
"""

RETURN = r"""
checkout:
  description: The release.
  type: dict
  returned: success
  contains:
    version:
      description: Content of its file VERSION.
      type: str
    branch:
      description: Branch or tag that is checked out, empty when it is unknown.
      type: str
    k3s_role:
      description: Whether it can join K3s servers.
      type: bool
    k8s_v115:
      description: Whether it installs K3s unless the variable C(K8S_V115) is C(TRUE).
      type: bool
    host_networks_regression:
      description: Whether it fails when C(host_networks) names an interface in a bridge, as on every survivor that runs the host service.
      type: bool
  sample: {version: v4.0.3, branch: master-v4.0.3-6, k3s_role: true, k8s_v115: true, host_networks_regression: false}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checkout import look
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    try:
        checkout = look(module.params["path"])
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, checkout=to_json(checkout))


if __name__ == "__main__":
    main()
