#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: vip_info
short_description: Read whether a host carries the VIP, and its keepalived manifest
description:
  - Reads the addresses and the keepalived static pod manifest of the host it runs on. It contacts no other host.
  - It does not check whether the API answers at the VIP.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  address:
    description: The VIP.
    type: str
    required: true
  provider:
    description: Provider of the control plane.
    type: str
    choices: [k3s, kubeadm]
    default: kubeadm
"""

EXAMPLES = r"""
---
- name: Wait until this host carries the VIP
  cloudpods.ha.vip_info:
    address: 192.0.2.10
  register: __vip
  until: __vip.vip.holds | default(false)
  retries: 30
  delay: 2
"""

RETURN = r"""
vip:
  description: This host and the VIP.
  type: dict
  returned: success
  contains:
    server:
      description: The URL of the API server at the VIP.
      type: str
    holds:
      description: Whether an interface of this host carries the VIP now.
      type: bool
    interface:
      description: The interface that carries the VIP, empty without one.
      type: str
    manifest:
      description: The path of the keepalived static pod manifest.
      type: str
    manifest_mode:
      description: File mode of the manifest, as V(0600). Empty if the manifest can't be used.
      type: str
    keepalived:
      description:
        - The parsed manifest, in the shape that docs/contracts.md gives under C(Keepalived). Null if the manifest can't be used.
        - C(identity) is a digest of VIP, router ID and password; the password itself is not returned.
      type: dict
    error:
      description: Why the manifest can't be used, empty if it can.
      type: str
    ca_certificate:
      description: The path of the CA certificate of the API server.
      type: str
    client_certificate:
      description: Path of a client certificate for the readiness check of the API server; empty if none is needed. K3s requires one.
      type: str
    client_key:
      description: The path of the key of RV(vip.client_certificate).
      type: str
    backups:
      description: The folder for copies of edited manifests. Kubelet does not read it.
      type: str
  sample:
    server: https://192.0.2.10:6443
    holds: true
    interface: br0
    manifest: /etc/kubernetes/manifests/keepalived.yaml
    manifest_mode: "0600"
    keepalived:
      priority: 90
      state: BACKUP
      router_id: "10"
      interface: eth0
      node_ip: 192.0.2.12
      vips: [192.0.2.10]
      identity: 6a1c...
    error: ""
    ca_certificate: /etc/kubernetes/pki/ca.crt
    client_certificate: ""
    client_key: ""
    backups: /var/backups/cloudpods-ha
msg:
  description: Whether the host carries the VIP, as a sentence, which is shown when a wait times out.
  type: str
  returned: always
  sample: the host carries the VIP 192.0.2.10 on br0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.vip import inspect
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "provider": {"type": "str", "choices": ["k3s", "kubeadm"], "default": "kubeadm"},
        },
        supports_check_mode=True,
    )
    try:
        found = inspect(module_runner(module), PROVIDERS[module.params["provider"]], module.params["address"])
    except HaError as exc:
        module.fail_json(msg=str(exc))
    text = "the host carries the VIP {0} on {1}" if found["holds"] else "the host does not carry the VIP {0}"
    module.exit_json(changed=False, vip=found, msg=text.format(module.params["address"], found["interface"]))


if __name__ == "__main__":
    main()
