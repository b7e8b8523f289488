#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ocboot_host_files
short_description: Read and copy the files of a survivor that ocboot overwrites
description:
  - Reads host.conf, the keepalived manifest and the files of K3s or Docker that a run of ocboot overwrites, and masks the secrets in them. With
    O(save_as), copies the files unchanged to a folder on the same host.
  - An existing copy is kept, since it was made before the first of several runs.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
options:
  provider:
    description: Kind of the control plane.
    type: str
    choices: [kubeadm, k3s]
    required: true
  save_as:
    description: Name of the folder for the copies, beside the other backups on the host. Nothing is copied when this is empty.
    type: str
    default: ""
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
- name: Copy the files that ocboot may overwrite
  cloudpods.ha.ocboot_host_files:
    provider: k3s
    save_as: master-1
"""

RETURN = r"""
files:
  description:
    - The C(path), C(sha256) and C(text) of each file by its kind (V(host_conf), V(keepalived), V(config), V(unit), V(environment), V(registries),
      V(calico), V(docker)). Sum and text of a missing file are empty. Passwords and tokens are masked in C(text); the sum is of the unmasked file.
  type: dict
  returned: success
  sample: {host_conf: {path: /etc/yunion/host.conf, sha256: 9f86d0..., text: 'host_type: hypervisor'}}
addresses:
  description: Addresses of this host.
  type: list
  elements: str
  returned: success
  sample: [192.0.2.12, 192.0.2.10]
k3s_token_known:
  description: Whether K3s's token is the one that ocboot joins with. Null without a token file. The token itself is not returned.
  type: bool
  returned: success
  sample: true
saved:
  description: The copies that this run made.
  type: list
  elements: dict
  returned: success
  contains:
    source:
      description: Path of the original.
      type: str
    destination:
      description: Path of the copy, which has mode V(0600).
      type: str
  sample: [{source: /etc/yunion/host.conf, destination: /var/backups/cloudpods-ha/ocboot-master-1/etc_yunion_host.conf}]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.addresses import addresses
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import host_files
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "provider": {"type": "str", "choices": ["kubeadm", "k3s"], "required": True},
            "save_as": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    provider, save_as = module.params["provider"], module.params["save_as"]
    try:
        files = host_files.read(provider)
        known = host_files.token_known() if provider == "k3s" else None
        carried = list(addresses(module_runner(module)))
        saved = host_files.save(provider, save_as, check_mode=module.check_mode) if save_as else []
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(
        changed=bool(saved),
        files=files,
        addresses=carried,
        k3s_token_known=known,
        saved=[{"source": source, "destination": destination} for source, destination in saved],
    )


if __name__ == "__main__":
    main()
