#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: controller
short_description: Check that the controller has what this collection needs
description:
  - Compares the Python packages of the interpreter that runs Ansible, the collections, and ansible-core itself with what this collection requires, and
    fails with one sentence that names everything that is missing or too old. It runs on the controller and changes nothing.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: N/A
    description: It changes nothing.
  idempotent:
    support: full
    description: It changes nothing.
"""

EXAMPLES = r"""
---
- name: Check the controller
  cloudpods.ha.controller:
"""

RETURN = r"""
missing:
  description: What is missing or too old, in words.
  type: list
  elements: str
  returned: always
  sample: ["the Python package minio (7.2.0 or later) for /usr/bin/python3", "the collection kubernetes.core in 6.0.0 or later, not 2.4.2"]
"""

# The work is done by the action plugin of this name; this file is its documentation.
