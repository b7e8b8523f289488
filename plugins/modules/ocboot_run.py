#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ocboot_run
short_description: Run ocboot with a rendered configuration
description:
  - Runs ocboot in its checkout on the host it runs on, with C(umask) 077, without the variables of the Ansible that runs this module, and in a process
    group of its own that is ended when the time is over.
  - It fails when ocboot ends with another exit code than 0, and also when ocboot does not print its line of success, since it ends with 0 when it did
    nothing. A success does not say that the node is there; ask the API.
  - Of what ocboot prints only the last lines are returned, and the passwords of the configuration are masked in them in every spelling that YAML, JSON,
    Python, a shell or a URL gives them, and so is whatever stands after a word like password or token.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
options:
  path:
    description: The checkout.
    type: path
    required: true
  config:
    description: The configuration, as the role C(cloudpods.ha.ocboot_config) renders it.
    type: path
    required: true
  python:
    description: The Python of the environment that ocboot's Ansible is in. C(ansible-playbook) is looked for beside it first.
    type: str
    default: python3
  command:
    description: What to run instead of C(PYTHON ocboot.py install). The path of O(config) is put behind it.
    type: list
    elements: str
    default: []
  environment:
    description: Variables to run it with. C(SKIP_TAGS=cloud) leaves out the part that applies the product's objects and sets the web user's password.
    type: dict
    default: {}
  timeout:
    description: Seconds it may take. ocboot itself waits without limit.
    type: int
    default: 7200
  keep:
    description:
      - Leave O(config) and what ocboot generates from it in its checkout (C(host_inventory.yml), C(oc_vars.yml)) where they are. All of them hold
        passwords; without this they are removed, also after a failure.
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
  description: Exit code; -1 when it was stopped.
  type: int
  returned: when it was run
  sample: 0
seconds:
  description: How long it took.
  type: int
  returned: when it was run
  sample: 1420
lines:
  description: The last lines it printed, masked.
  type: list
  elements: str
  returned: when it was run
  sample: [Initialized successfully!]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.run import run


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "config": {"type": "path", "required": True},
            "python": {"type": "str", "default": "python3"},
            "command": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 7200},
            "keep": {"type": "bool", "default": False, "no_log": False},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True)
    arguments = {key: module.params[key] for key in ("python", "command", "environment", "timeout", "keep")}
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


if __name__ == "__main__":
    main()
