#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ocboot_run
short_description: Run ocboot with a rendered configuration
description:
  - Runs ocboot in its checkout on the target host, with C(umask) 077, in its own process group, which is killed at the time limit. The variables of
    the Ansible that runs this module are not passed on.
  - The module fails when ocboot's exit code is not 0, and when ocboot does not print its success line, since it also exits with 0 when it did nothing.
    Success does not prove that the node joined; check that through the API.
  - Only the last lines of ocboot's output are returned. The passwords of the configuration and the values of O(command) and O(environment) are
    masked in them, in every spelling that YAML, JSON, Python, a shell or a URL gives them, and so is the text after words like password or token.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
options:
  path:
    description: Folder of ocboot's checkout.
    type: path
    required: true
  config:
    description: Path of the configuration, as the role C(cloudpods.ha.ocboot_config) renders it.
    type: path
    required: true
  python:
    description: The Python of the environment that holds ocboot's Ansible. C(ansible-playbook) in the same folder has precedence.
    type: str
    default: python3
  command:
    description:
      - Program and arguments to run instead of C(PYTHON ocboot.py install). The path of O(config) is appended.
      - The values are never logged or returned. Arguments of fewer than four characters are not masked in ocboot's output.
    type: list
    elements: str
    default: []
  environment:
    description:
      - Environment variables for ocboot. C(SKIP_TAGS=cloud) skips the part that applies the product's objects and sets the web user's password.
      - The values are never logged or returned. Values of fewer than four characters are not masked in ocboot's output.
    type: dict
    default: {}
  timeout:
    description: Time limit in seconds. ocboot itself waits without limit.
    type: int
    default: 7200
  keep:
    description:
      - Keep O(config) and the files that ocboot generates from it in its checkout (C(host_inventory.yml), C(oc_vars.yml)). All of them hold
        passwords; by default they are removed, after a failure too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: Nothing is run.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: ocboot acts on every host of its configuration each time it is run.
"""

EXAMPLES = r"""
---
- name: Join with ocboot
  cloudpods.ha.ocboot_run:
    path: /opt/ocboot
    config: /root/.cloudpods-ha/master-1/ocboot.yml
    python: /opt/ocboot-venv/bin/python
    environment:
      SKIP_TAGS: cloud
"""

RETURN = r"""
rc:
  description: Exit code; -1 when the run was stopped at the time limit.
  type: int
  returned: when ocboot was run
  sample: 0
seconds:
  description: Duration in seconds.
  type: int
  returned: when ocboot was run
  sample: 1420
lines:
  description: The last lines that ocboot printed, masked.
  type: list
  elements: str
  returned: when ocboot was run
  sample: [Initialized successfully!]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.output import MASK
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.run import run, secrets_given


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "config": {"type": "path", "required": True},
            "python": {"type": "str", "default": "python3"},
            "command": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "environment": {"type": "dict", "default": {}, "no_log": True},
            "timeout": {"type": "int", "default": 7200},
            "keep": {"type": "bool", "default": False, "no_log": False},
        },
        supports_check_mode=True,
    )
    arguments = {key: module.params[key] for key in ("python", "command", "environment", "timeout", "keep")}
    _hide(module)
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        ran = run(module.params["path"], module.params["config"], **arguments)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    result: t.Dict[str, t.Any] = {"changed": True, "rc": ran.rc, "seconds": ran.seconds, "lines": list(ran.lines)}
    if ran.problem:
        module.fail_json(
            msg="{0}. Its last lines: {1}".format(ran.problem, " | ".join(line[:400] for line in ran.lines[-15:])),
            **result,
        )
    module.exit_json(**result)


def _hide(module: AnsibleModule) -> None:
    """Mask every value of O(command) and O(environment) in the echo of the arguments, and those that may be secrets in the rest of the answer.

    no_log alone would also mask each "1" or "install" of ocboot's output, and with it the reason of a failure.
    """
    command, environment = module.params["command"], module.params["environment"]
    module.no_log_values.intersection_update(secrets_given(command, environment))
    module.params["command"] = [MASK for _value in command]
    module.params["environment"] = dict.fromkeys(environment, MASK)


if __name__ == "__main__":
    main()
