#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: etcd_snapshot
short_description: Take an etcd snapshot and prove that it is complete
description:
  - Saves a snapshot of the store of this host's member into the etcd data folder, which the pod shares with the host,
    and moves it to a folder that only root can read.
  - The snapshot is kept only if its own hash matches and its revision is not older than the store's revision at the
    start.
  - A snapshot holds every Secret of the cluster. The folder gets mode 0700, the file 0600.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._etcd
options:
  directory:
    description: Folder on this host for the snapshot. It may be on another file system than etcd's data.
    type: path
    default: /var/backups/cloudpods-ha
  name:
    description: Name of the file in O(directory), which must not exist. The default consists of C(etcd-), O(node_name)
      and the time.
    type: str
    default: ""
  timeout:
    description: Seconds that saving may take.
    type: int
    default: 600
attributes:
  check_mode:
    support: full
    details:
      - Nothing is saved and no file is returned.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run takes another snapshot; M(cloudpods.ha.etcd_snapshot_info) checks whether an earlier one is still good.
seealso:
  - module: cloudpods.ha.etcd_snapshot_info
"""

EXAMPLES = r"""
---
- name: Take a snapshot before the first change
  cloudpods.ha.etcd_snapshot:
    node_name: master-2
    node_ip: 192.0.2.12
  register: snapshot
"""

RETURN = r"""
path:
  description: The snapshot.
  type: str
  returned: success, outside check mode
  sample: /var/backups/cloudpods-ha/etcd-master-2-20240517T031500Z.db
sha256:
  description: SHA-256 of the file, hexadecimal.
  type: str
  returned: success, outside check mode
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
revision:
  description: Revision of the store in the snapshot.
  type: int
  returned: success, outside check mode
  sample: 10477
size_bytes:
  description: Size of the file.
  type: int
  returned: success, outside check mode
  sample: 5431328
taken:
  description: Start time, RFC 3339 in UTC by the clock of this host.
  type: str
  returned: success, outside check mode
  sample: "2024-05-17T03:15:00Z"
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import HOST_BACKUPS, PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import ETCD_ARGUMENTS, EtcdClient
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.snapshot import take
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **ETCD_ARGUMENTS,
            "directory": {"type": "path", "default": HOST_BACKUPS},
            "name": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True)
    client = EtcdClient(
        run=module_runner(module),
        provider=PROVIDERS[module.params["provider"]],
        node_name=module.params["node_name"],
        node_ip=module.params["node_ip"],
    )
    try:
        snapshot = take(
            client, directory=module.params["directory"], name=module.params["name"], timeout=module.params["timeout"]
        )
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=True, **to_json(snapshot))


if __name__ == "__main__":
    main()
