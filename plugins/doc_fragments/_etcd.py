# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that use etcd; the specification is ETCD_ARGUMENTS in module_utils/_etcd/client.py."""

    DOCUMENTATION = r"""
notes:
  - Runs on a healthy control-plane host, as root. With kubeadm, C(etcdctl) is run with C(kubectl exec) in the etcd pod of that host, through its own
    API server, which needs C(kubectl) on the host. K3s has no etcd pod and ships no etcdctl, so C(etcdctl) must be on the host, in the C(PATH) or
    under C(/var/lib/cloudpods-ha/bin).
  - Needs etcd 3.4 or later.
options:
  provider:
    description: Provider of the control plane. It determines the paths of certificates and programs.
    type: str
    choices: [k3s, kubeadm]
    default: kubeadm
  node_name:
    description: Name of the Node object of this host. With kubeadm, its etcd pod is named C(etcd-) and this name.
    type: str
    required: true
  node_ip:
    description: Address of this host, at which its own API server answers.
    type: str
    required: true
"""
