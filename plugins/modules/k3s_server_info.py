#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k3s_server_info
short_description: Read what a K3s server was set up with
description:
  - Reads the configuration files, unit, environment files, registries and token of the K3s server on the host it runs on, so that another server can be
    set up alike. It asks no other host and changes nothing.
  - The answer holds the token of the cluster. Use it in tasks with C(no_log) only.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options: {}
seealso:
  - plugin: cloudpods.ha.k3s_join_files
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Read how the survivor was set up
  cloudpods.ha.k3s_server_info:
  become: true
  register: __k3s_server
  no_log: true
"""

RETURN = r"""
server:
  description: What was read. Secret.
  type: dict
  returned: success
  contains:
    program:
      description: The path of K3s.
      type: str
      returned: always
      sample: /usr/local/bin/k3s
    config:
      description: C(config.yaml) and the files beside it in C(config.yaml.d), in the order in which K3s reads them, each a path and its content.
      type: list
      elements: dict
      returned: always
    unit:
      description: The text of the unit file.
      type: str
      returned: always
    unit_drop_ins:
      description: What systemd lays over the unit, each a path and its content.
      type: list
      elements: dict
      returned: always
    environments:
      description: The environment files the unit reads, each a path and its content.
      type: list
      elements: dict
      returned: always
    registries:
      description: The text of C(registries.yaml), empty without one.
      type: str
      returned: always
    token:
      description: The token a server joins with.
      type: str
      returned: always
    ca:
      description: The certificate that vouches for the API server, as PEM.
      type: str
      returned: always
    skipped:
      description: Names of files that keep K3s from deploying a component it brings along.
      type: list
      elements: str
      returned: always
      sample: [traefik.yaml.skip]
    links:
      description: Names of links to K3s beside it.
      type: list
      elements: str
      returned: always
      sample: [crictl, ctr, kubectl]
    service:
      description: The name of its unit.
      type: str
      returned: always
      sample: k3s
    manifests:
      description: The folder of what a server deploys by itself.
      type: str
      returned: always
      sample: /var/lib/rancher/k3s/server/manifests
    state:
      description: What a server keeps of the cluster it joined.
      type: list
      elements: str
      returned: always
    more:
      description: C(folders) and C(files) from which K3s would take more than what a new server is given.
      type: dict
      returned: always
    paths:
      description: Where a new server's files belong, as C(config), C(unit) and C(registries).
      type: dict
      returned: always
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s_server import read


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        server = read()
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, server=server)


if __name__ == "__main__":
    main()
