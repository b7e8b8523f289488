#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: etcd_member
short_description: Remove an etcd member if that is safe
description:
  - Reads all members again, then removes one by its ID. Refuses if that is not safe.
  - It never removes a healthy member, the member of its own host, or a member that differs from the description; and
    the remaining healthy voters must be a quorum of the remaining voters.
  - It also refuses while there is a learner, a member that never started, an alarm, or a member of another cluster.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._etcd
options:
  state:
    description: Members can only be removed; the tool that joins a node adds members.
    type: str
    choices: [absent]
    required: true
  id:
    description: ID of the member, hexadecimal without prefix. A member that is not in the list is no change.
    type: str
    required: true
  name:
    description: The name the member must have, unless it has none because it never started.
    type: str
    default: ""
  peer_urls:
    description: The only peer URLs the member may have. This or O(addresses) is required.
    type: list
    elements: str
    default: []
  addresses:
    description: The only hosts that the member's peer URLs may contain. This or O(peer_urls) is required.
    type: list
    elements: str
    default: []
  unstarted:
    description: Remove only the member of a broken join, which is a learner or a member that never
      started.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: cloudpods.ha.etcd_member_info
"""

EXAMPLES = r"""
---
- name: Remove the member of a lost machine
  cloudpods.ha.etcd_member:
    state: absent
    node_name: master-2
    node_ip: 192.0.2.12
    id: 14da7b338b44eee0
    name: master-1
    addresses: [192.0.2.11]

- name: Remove the member of a broken join
  cloudpods.ha.etcd_member:
    state: absent
    node_name: master-2
    node_ip: 192.0.2.12
    id: 5afd19948b9009f6
    peer_urls: ["https://192.0.2.14:2380"]
    unstarted: true
"""

RETURN = r"""
before:
  description: The members before, one line each.
  type: list
  elements: str
  returned: success or refusal
  sample: ["14da7b338b44eee0 master-1 https://192.0.2.11:2380, voter, not healthy: context deadline exceeded"]
after:
  description: The members after, or as they would be in check mode, one line each.
  type: list
  elements: str
  returned: success or refusal
  sample: ["454ae6f931376261 master-2 https://192.0.2.12:2380, voter, healthy"]
refusals:
  description: Why nothing was removed, each with a code that is a section of docs/runbook.md.
  type: list
  elements: dict
  returned: refusal
  contains:
    code:
      description: The code.
      type: str
      returned: always
      sample: QUORUM_UNSAFE
    observed:
      description: What was observed.
      type: str
      returned: always
      sample: After the removal 1 of 2 voters would be healthy and 2 must be.
    remedy:
      description: What to do.
      type: str
      returned: always
      sample: Bring a survivor back, or restore etcd from a snapshot as the runbook says; nothing here does that by
        itself.
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import ETCD_ARGUMENTS, EtcdClient, remove_member
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.parse import hex_id
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import Target, describe
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **ETCD_ARGUMENTS,
            "state": {"type": "str", "choices": ["absent"], "required": True},
            "id": {"type": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "peer_urls": {"type": "list", "elements": "str", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "unstarted": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        member_id = hex_id(int(module.params["id"], 16))
    except ValueError:
        module.fail_json(msg="{0!r} is not a member ID in hexadecimal".format(module.params["id"]))
    target = Target(
        id=member_id,
        name=module.params["name"],
        peer_urls=tuple(module.params["peer_urls"]),
        addresses=tuple(module.params["addresses"]),
        unstarted=module.params["unstarted"],
    )
    if not (target.peer_urls or target.addresses):
        module.fail_json(msg="one of peer_urls and addresses is required: a member is never removed by its ID only")
    client = EtcdClient(
        run=module_runner(module),
        provider=PROVIDERS[module.params["provider"]],
        node_name=module.params["node_name"],
        node_ip=module.params["node_ip"],
        check_mode=module.check_mode,
    )
    try:
        removal = remove_member(client, target)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    before = [describe(member) for member in removal.before.members]
    after = [describe(member) for member in removal.after.members]
    if removal.refusals:
        msg = "\n".join("{0.code}: {0.observed} {0.remedy}".format(item) for item in removal.refusals)
        module.fail_json(msg=msg, before=before, after=after, refusals=to_json(removal.refusals))
    diff = {"before": "".join(line + "\n" for line in before), "after": "".join(line + "\n" for line in after)}
    module.exit_json(changed=removal.changed, before=before, after=after, diff=diff)


if __name__ == "__main__":
    main()
