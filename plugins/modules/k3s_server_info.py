#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: k3s_server_info
short_description: Read the setup of a K3s server
description:
  - Reads the configuration files, unit, environment files, registries and token of the K3s server on the host it runs on, so that another server can be
    set up in the same way. It contacts no other host and changes nothing.
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
- name: Read the K3s setup of the survivor
  cloudpods.ha.k3s_server_info:
  become: true
  register: __k3s_server
  no_log: true
"""

RETURN = r"""
server:
  description: The setup. Secret.
  type: dict
  returned: success
  contains:
    program:
      description: The path of the K3s program.
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
      description: The drop-in files of the unit, each a path and its content.
      type: list
      elements: dict
      returned: always
    environments:
      description: The environment files of the unit, each a path and its content.
      type: list
      elements: dict
      returned: always
    unit_mode:
      description: The mode of the unit, such as V(0644).
      type: str
    templates:
      description: The administrator's templates and drop-ins of containerd's configuration (path, content, mode).
      type: list
      elements: dict
    registries:
      description: The text of C(registries.yaml), empty without one.
      type: str
      returned: always
    token:
      description: The token with which a server joins.
      type: str
      returned: always
    ca:
      description: The CA certificate of the API server, as PEM.
      type: str
      returned: always
    skipped:
      description: Names of files that prevent K3s from deploying a packaged component.
      type: list
      elements: str
      returned: always
      sample: [traefik.yaml.skip]
    links:
      description: Names of links to K3s in the same folder.
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
      description: The folder of manifests that a server deploys automatically.
      type: str
      returned: always
      sample: /var/lib/rancher/k3s/server/manifests
    state:
      description: Paths with the server's state of the cluster that it joined.
      type: list
      elements: str
      returned: always
    more:
      description: C(folders) and C(files) from which K3s would read additional settings.
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
