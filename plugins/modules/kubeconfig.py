#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: kubeconfig
short_description: Keep a kubeconfig for as long as the run lives
description:
  - Writes a kubeconfig to a folder of this run on the controller, mode V(0700), with its keys as files of mode V(0600) beside it.
  - The folder is removed when the run ends, even if it is killed or a host becomes unreachable, by a process that waits for the end. Should that
    process be killed too, the next run removes the folder.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  directory:
    description: Folder on the controller that holds the folder of the run. It is created with mode V(0700) if it does not exist.
    type: path
    required: true
  content:
    description: The kubeconfig, encoded in Base64 as M(ansible.builtin.slurp) returns it. Either O(content) or O(src) is required for O(state=present).
    type: str
  src:
    description: A kubeconfig on the controller. It is copied, never changed.
    type: path
  server:
    description: URL of the API server to use instead of the one in the kubeconfig. Empty keeps it.
    type: str
    default: ""
  state:
    description: V(absent) removes the folder of this run before its end. Other files are never removed.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: The file is written in check mode too, since reading the cluster needs it.
  diff_mode:
    support: none
    description: A kubeconfig is a secret.
  idempotent:
    support: full
    description: A second task of the same run writes the same folder.
"""

EXAMPLES = r"""
---
- name: Read the kubeconfig of a survivor
  ansible.builtin.slurp:
    src: /etc/kubernetes/admin.conf
  delegate_to: master-2
  register: admin
  no_log: true

- name: Keep it for this run, with the survivor's own address
  cloudpods.ha.kubeconfig:
    directory: ~/.cloudpods-ha/master-1
    content: "{{ admin.content }}"
    server: https://192.0.2.12:6443
  register: kept
  no_log: true

- name: Remove it
  cloudpods.ha.kubeconfig:
    directory: ~/.cloudpods-ha/master-1
    state: absent
"""

RETURN = r"""
path:
  description: Path of the kubeconfig.
  type: str
  returned: O(state=present)
  sample: /root/.cloudpods-ha/master-1/.run-4242-1171711/kubeconfig
removed:
  description: Folders of earlier runs, killed together with their guards, that were removed.
  type: list
  elements: str
  returned: O(state=present)
  sample: []
"""

# The work is done by the action plugin of this name; this file is its documentation.
