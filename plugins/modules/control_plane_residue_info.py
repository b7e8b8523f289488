#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: control_plane_residue_info
short_description: List the residue of a control plane on a machine
description:
  - Reads everything that makes a machine act as a master, now or later, such as static pods, kubelet, etcd data,
    ports, pods and the VIP.
  - It contacts no other host and changes nothing.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  vip:
    description: The VIP, to check whether this machine carries it. Empty without one.
    type: str
    default: ""
  provider:
    description: Provider of the control plane.
    type: str
    choices: [k3s, kubeadm]
    default: kubeadm
"""

EXAMPLES = r"""
---
- name: List the residue of the old master
  cloudpods.ha.control_plane_residue_info:
    vip: 192.0.2.10
  register: __residue
"""

RETURN = r"""
residue:
  description: The findings. Paths that do not exist are empty.
  type: dict
  returned: success
  contains:
    hostname:
      description: The name of the machine, in lower case, as kubelet registers it.
      type: str
    addresses:
      description: The addresses it carries now.
      type: list
      elements: str
    control_plane:
      description: Whether there is an etcd member's data or static pod.
      type: bool
    ca_digest:
      description: SHA-256 of the CA certificate of the API server, which identifies the cluster.
      type: str
    manifests:
      description: The paths of static pod manifests.
      type: list
      elements: str
    kubelet_config:
      description: The path of the kubeconfig that kubelet registers with.
      type: str
    etcd_data:
      description: The path of the etcd data.
      type: str
    units:
      description: The systemd units that start pods, each with C(name), C(active), C(enabled), C(masked) and
        C(fragment), its unit file.
      type: list
      elements: dict
    listening:
      description: The listening ports of etcd and the API server.
      type: list
      elements: int
    pods:
      description: The processes of pods, as process ID and program.
      type: list
      elements: str
    retired:
      description: The archive folders of earlier retirements.
      type: list
      elements: str
    vip:
      description: The VIP with its prefix length while the machine carries it.
      type: str
    vip_interface:
      description: The interface that carries the VIP.
      type: str
    backups:
      description: The folder for archived files.
      type: str
  sample:
    hostname: master-1
    addresses: [192.0.2.11]
    control_plane: true
    ca_digest: 2f0e...
    manifests: [/etc/kubernetes/manifests/etcd.yaml]
    kubelet_config: /etc/kubernetes/kubelet.conf
    etcd_data: /var/lib/etcd
    units: [{name: kubelet, active: true, enabled: true, masked: false, fragment: /lib/systemd/system/kubelet.service}]
    listening: [2379, 2380, 6443]
    pods: [1201 etcd]
    retired: []
    vip: ""
    vip_interface: ""
    backups: /var/backups/cloudpods-ha
serving:
  description: Whether the machine still carries the VIP, or something listens on a port of etcd or the API server.
  type: bool
  returned: success
left:
  description: What makes the machine harmful, in words.
  type: list
  elements: str
  returned: success
  sample: ["static pods /etc/kubernetes/manifests/etcd.yaml", "listening ports 2379, 6443"]
msg:
  description: RV(left) as a sentence, which is shown when a wait times out.
  type: str
  returned: always
  sample: "still there: static pods /etc/kubernetes/manifests/etcd.yaml; listening ports 2379, 6443"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.residue import gather
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import module_runner
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "vip": {"type": "str", "default": ""},
            "provider": {"type": "str", "choices": ["k3s", "kubeadm"], "default": "kubeadm"},
        },
        supports_check_mode=True,
    )
    try:
        residue = gather(module_runner(module), PROVIDERS[module.params["provider"]], vip=module.params["vip"])
    except HaError as exc:
        module.fail_json(msg=str(exc))
    left = residue.harms
    module.exit_json(
        changed=False,
        residue=to_json(residue),
        serving=bool(residue.listening or residue.vip),
        left=left,
        msg="still present: {0}".format("; ".join(left)) if left else "no residue of a control plane",
    )


if __name__ == "__main__":
    main()
