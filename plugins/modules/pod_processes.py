#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: pod_processes
short_description: Terminate the processes of all pods on a host
description:
  - Finds the processes of pods by their control group, of version 1 or 2, terminates them and kills the rest. No
    container runtime is needed.
  - It is for a machine that is removed from a cluster. A running kubelet would start the pods again, so stop it
    first.
  - It refuses on a machine that is itself a pod.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
options:
  state:
    description: The wanted state. Only V(absent) is supported.
    type: str
    choices: [absent]
    required: true
  grace_seconds:
    description: Seconds for them to terminate before they are killed.
    type: int
    default: 30
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
- name: Terminate all processes of pods
  cloudpods.ha.pod_processes:
    state: absent
"""

RETURN = r"""
ended:
  description: The terminated processes, as process ID and program.
  type: list
  elements: str
  returned: success
  sample: ["1201 etcd", "1320 keepalived"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.processes import end_pod_processes, pod_processes


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["absent"], "required": True},
            "grace_seconds": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    grace = module.params["grace_seconds"]
    try:
        ended = pod_processes() if module.check_mode else end_pod_processes(grace_seconds=grace)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=bool(ended), ended=[str(process) for process in ended])


if __name__ == "__main__":
    main()
