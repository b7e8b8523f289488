#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: control_plane_host_info
short_description: Read the state of a control-plane host from the host itself
description:
  - Reads versions, clock, addresses, free disk space, the keepalived static pod, and the health of the etcd member and the API server of the host it
    runs on. It contacts no other host and changes nothing.
  - An action plugin of the same name runs on the controller. It compares the host's clock with the controller's, and waits while a join is running.
  - The health of etcd is the member's answer on its own metrics port after a linearizable read, so it is known even if the API server is down.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  name:
    description: The name of this host in the inventory; returned unchanged.
    type: str
    required: true
  role:
    description: The role of this host in a replacement.
    type: str
    choices: [survivor, replacement]
    required: true
  storage_paths:
    description: Folders whose free space matters. A folder need not exist yet.
    type: list
    elements: path
    default: []
  node_ip:
    description: The address of this host's Node, where it has several and the wrong one would be taken. Empty reads it from the host.
    type: str
    default: ""
  wait_seconds:
    description:
      - How long to wait while kubeadm, or a K3s that is not ready yet, runs on the host. Its outcome is known when it has ended.
      - After that time, C(host.join_running) is true in the result. V(0) does not wait.
    type: int
    default: 300
  delay:
    description: Seconds between two polls.
    type: int
    default: 5
"""

EXAMPLES = r"""
---
- name: Read the state of each survivor
  cloudpods.ha.control_plane_host_info:
    name: "{{ inventory_hostname }}"
    role: survivor
    storage_paths: [/opt/local-path-provisioner]
"""

RETURN = r"""
host:
  description:
    - The host, in the shape that docs/contracts.md gives under C(Host). Sizes are bytes, C(host.skew_seconds) is this host's clock minus the controller's.
    - The clock was read between the controller's request and the answer, C(host.answer_seconds) apart.
    - C(host.keepalived.identity) is a digest of VIP, router ID and password; the password itself is not returned.
    - C(host.etcd_health) and C(host.api_ready) are V(ok), empty if nothing listens here, or the reason.
  type: dict
  returned: success
  sample:
    name: master-2
    role: survivor
    reachable: true
    provider: kubeadm
    hostname: master-2
    addresses: [192.0.2.12, 192.0.2.10]
    skew_seconds: 0.4
    kubeadm_version: v1.30.4
    kubelet_version: v1.30.4
    etcd_health: ok
    api_ready: ok
probe_ports:
  description: TCP ports on which a running control-plane machine accepts connections.
  type: list
  elements: int
  returned: success
  sample: [22, 6443, 2379, 2380, 10250]
epoch:
  description: The host's clock in seconds since 1970.
  type: float
  returned: success
  sample: 1735282800.5
programs:
  description: The folder on the host for a program that is copied on request.
  type: str
  returned: success
  sample: /var/lib/cloudpods-ha/bin
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROBE_PORTS, PUSHED_PROGRAMS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.facts import gather
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "role": {"type": "str", "choices": ["survivor", "replacement"], "required": True},
            "storage_paths": {"type": "list", "elements": "path", "default": []},
            "node_ip": {"type": "str", "default": ""},
            # The action plugin waits.
            "wait_seconds": {"type": "int", "default": 300},
            "delay": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    epoch = time.time()
    try:
        host = gather(
            module_runner(module),
            name=module.params["name"],
            role=module.params["role"],
            storage_paths=module.params["storage_paths"],
            node_ip=module.params["node_ip"],
        )
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(
        changed=False,
        host=to_json(host),
        probe_ports=list(PROBE_PORTS),
        programs=PUSHED_PROGRAMS,
        epoch=epoch,
    )


if __name__ == "__main__":
    main()
