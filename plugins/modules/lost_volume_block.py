#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: lost_volume_block
short_description: Prevent the folders of lost volumes from being recreated
description:
  - On a host that takes over the name of a lost node, kubelet would create an empty folder for a volume of the lost machine. This writes a small file
    in place of each folder, so that a pod waits with an error instead.
  - Fails with C(REPLACEMENT_HAS_DATA) if anything but such a file exists at one of the paths. All paths are checked before the first file is written,
    links are not followed, and nothing is removed or overwritten.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
options:
  volumes:
    description: The volumes.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The folder; an absolute path of at least two parts.
        type: str
        required: true
      claim:
        description: The claim of the volume, as NAMESPACE/NAME.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: The paths are checked, and refused, in check mode too.
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
---
- name: Block the folder of a lost volume
  cloudpods.ha.lost_volume_block:
    volumes:
      - path: /opt/cloud/workspace/data
        claim: onecloud/default-data
"""

RETURN = r"""
blocked:
  description: The paths where a file was written, or would be in check mode.
  type: list
  elements: str
  returned: success
  sample: [/opt/cloud/workspace/data]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join.block import block


def main() -> t.NoReturn:
    """Entry point."""
    volume = {"path": {"type": "str", "required": True}, "claim": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={"volumes": {"type": "list", "elements": "dict", "required": True, "options": volume}},
        supports_check_mode=True,
    )
    try:
        blocked = block(module.params["volumes"], check_mode=module.check_mode)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=bool(blocked), blocked=blocked)


if __name__ == "__main__":
    main()
