#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: port_probe
short_description: Test which TCP ports of other machines accept a connection
description:
  - Connects from the host it runs on to every port of every address, all at once, and closes the connections again. It sends nothing.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  addresses:
    description: IPv4 and IPv6 addresses.
    type: list
    elements: str
    required: true
  ports:
    description: TCP ports, from 1 to 65535.
    type: list
    elements: int
    required: true
  timeout:
    description: Seconds after which a connection attempt counts as closed.
    type: float
    default: 2
"""

EXAMPLES = r"""
---
- name: Test whether the lost node still accepts connections
  cloudpods.ha.port_probe:
    addresses: [192.0.2.11, "2001:db8::11"]
    ports: [22, 6443]
"""

RETURN = r"""
open:
  description: The ports that accepted a connection, as ADDRESS:PORT, an IPv6 address in brackets.
  type: list
  elements: str
  returned: success
  sample: ["192.0.2.11:22", "[2001:db8::11]:22"]
closed:
  description:
    - The ports that refused the connection, did not answer in time or were unreachable, in the same form.
    - An attempt that failed on this host itself, such as for IPv6 without IPv6, is in neither list.
  type: list
  elements: str
  returned: success
  sample: ["192.0.2.11:6443", "[2001:db8::11]:6443"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._host.ports import probe


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "addresses": {"type": "list", "elements": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "required": True},
            "timeout": {"type": "float", "default": 2},
        },
        supports_check_mode=True,
    )
    wrong = [port for port in module.params["ports"] if not 1 <= port <= 65535]
    if wrong:
        module.fail_json(msg="not a TCP port: {0}".format(", ".join(map(str, wrong))))
    if module.params["timeout"] <= 0:
        module.fail_json(msg="timeout must be more than 0 seconds")
    is_open, is_closed = probe(module.params["addresses"], module.params["ports"], timeout=module.params["timeout"])
    module.exit_json(changed=False, open=is_open, closed=is_closed)


if __name__ == "__main__":
    main()
