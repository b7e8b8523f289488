#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: etcd_snapshot_info
short_description: Check whether a file is a complete etcd snapshot
description:
  - Reads a file and checks the hash that C(etcdctl snapshot save) appended to it. Needs no
    etcd, so a copy can be verified anywhere.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  path:
    description: The file.
    type: path
    required: true
  sha256:
    description: SHA-256 that the file must have, hexadecimal. A snapshot with another SHA-256 is not valid. Empty accepts any.
    type: str
    default: ""
seealso:
  - module: cloudpods.ha.etcd_snapshot
"""

EXAMPLES = r"""
---
- name: Check that the copy on this machine is still good
  cloudpods.ha.etcd_snapshot_info:
    path: /root/.cloudpods-ha/backups/etcd-master-2-20240517T031500Z.db
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  register: copy
  failed_when: not copy.snapshot.valid
"""

RETURN = r"""
snapshot:
  description: The file and its verification.
  type: dict
  returned: success
  contains:
    path:
      description: The file.
      type: str
      returned: always
      sample: /root/.cloudpods-ha/backups/etcd-master-2-20240517T031500Z.db
    exists:
      description: Whether the file exists.
      type: bool
      returned: always
      sample: true
    valid:
      description: Whether it is a complete snapshot, with O(sha256) if that was given.
      type: bool
      returned: always
      sample: true
    sha256:
      description: SHA-256 of the file, hexadecimal; empty without a file.
      type: str
      returned: always
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    size_bytes:
      description: Its size.
      type: int
      returned: always
      sample: 5431328
    error:
      description: Why it is not valid, or empty.
      type: str
      returned: always
      sample: ""
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.snapshot import inspect
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "sha256": {"type": "str", "default": ""}},
        supports_check_mode=True,
    )
    found = inspect(module.params["path"], sha256=module.params["sha256"])
    module.exit_json(changed=False, snapshot=to_json(found))


if __name__ == "__main__":
    main()
