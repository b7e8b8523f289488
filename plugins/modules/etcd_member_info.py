#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: etcd_member_info
short_description: List the etcd members and read through each one
description:
  - Lists members, alarms and version through the etcd member of this host, and makes a linearizable read through each
    started voter separately.
  - A dead member costs at most five seconds.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
  - cloudpods.ha._etcd
options:
  absent_id:
    description: ID of a member that must be gone, hexadecimal without prefix. While it is listed, RV(gone) and RV(settled) are false and it is a problem.
    type: str
    default: ""
seealso:
  - module: cloudpods.ha.etcd_member
"""

EXAMPLES = r"""
---
- name: Wait until all members are healthy
  cloudpods.ha.etcd_member_info:
    node_name: master-2
    node_ip: 192.0.2.12
    absent_id: 14da7b338b44eee0
  register: members
  until: members.settled
  retries: 12
  delay: 5
"""

RETURN = r"""
etcd:
  description:
    - The etcd cluster, in the shape that docs/contracts.md gives under C(Etcd). IDs are hexadecimal, as etcdctl takes them.
    - C(etcd.executor) is O(node_name), C(etcd.executor_id) the ID of the member of this host. C(etcd.error) is one
      sentence if etcd could not be read, else empty.
  type: dict
  returned: success
  sample:
    executor: master-2
    executor_id: 454ae6f931376261
    cluster_id: cdf818194e3a8c32
    version: 3.5.15
    members:
      - id: 454ae6f931376261
        name: master-2
        peer_urls: ["https://192.0.2.12:2380"]
        client_urls: ["https://192.0.2.12:2379"]
        learner: false
        healthy: true
        error: ""
        cluster_id: cdf818194e3a8c32
        revision: 10477
    alarms: []
    error: ""
lines:
  description: The members for people, one line each.
  type: list
  elements: str
  returned: success
  sample: ["454ae6f931376261 master-2 https://192.0.2.12:2380, voter, healthy"]
problems:
  description: The problems of the cluster, a sentence each. Empty if every member is a started, healthy
    voter, there is no alarm, and the member O(absent_id) is gone.
  type: list
  elements: str
  returned: success
  sample: []
gone:
  description: Whether etcd could be read and lists no member with the ID O(absent_id).
  type: bool
  returned: success
  sample: true
settled:
  description: Whether there are no RV(problems) and the member O(absent_id) is gone.
  type: bool
  returned: success
  sample: true
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import ETCD_ARGUMENTS, EtcdClient
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.parse import hex_id
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import describe, gone, problems
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={**ETCD_ARGUMENTS, "absent_id": {"type": "str", "default": ""}},
        supports_check_mode=True,
    )
    absent_id = module.params["absent_id"]
    try:
        absent_id = absent_id and hex_id(int(absent_id, 16))
    except ValueError:
        module.fail_json(msg="{0!r} is not a member ID in hexadecimal".format(absent_id))
    client = EtcdClient(
        run=module_runner(module),
        provider=PROVIDERS[module.params["provider"]],
        node_name=module.params["node_name"],
        node_ip=module.params["node_ip"],
    )
    try:
        etcd = client.read()
    except HaError as exc:
        etcd = Etcd(executor=client.node_name, error=str(exc))
    found, is_gone = list(problems(etcd, absent_id=absent_id)), gone(etcd, absent_id)
    module.exit_json(
        changed=False,
        etcd=to_json(etcd),
        lines=[describe(member) for member in etcd.members],
        problems=found,
        gone=is_gone,
        settled=is_gone and not found,
    )


if __name__ == "__main__":
    main()
