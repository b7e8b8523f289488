#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: set_aside
short_description: Archive a file or folder
description:
  - Moves a file or folder on its host, with a rename if both paths are on the same disk, so that it is never
    visible half moved.
  - A mount point stays, empty, and its content goes into a folder on the same disk.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
options:
  path:
    description: The path to move. If it does not exist, nothing happens.
    type: path
    required: true
  destination:
    description:
      - The new path. The module fails if it already exists.
      - New folders, and O(path) itself if it is a folder, get mode V(0700).
    type: path
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
---
- name: Prevent kubelet from starting the static pod
  cloudpods.ha.set_aside:
    path: /etc/kubernetes/manifests/keepalived.yaml
    destination: /var/backups/cloudpods-ha/retired-20260102T030405Z/manifests/keepalived.yaml
"""

RETURN = r"""
moved:
  description: The moves; empty if O(path) did not exist.
  type: list
  elements: dict
  returned: success
  contains:
    source:
      description: The old path.
      type: str
    destination:
      description: The new path.
      type: str
  sample:
    - source: /var/lib/etcd
      destination: /var/lib/etcd.retired-20260102T030405Z
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.archive import set_aside


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "destination": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    try:
        moved = set_aside(module.params["path"], module.params["destination"], check_mode=module.check_mode)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=bool(moved), moved=[{"source": old, "destination": new} for old, new in moved])


if __name__ == "__main__":
    main()
