#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: settings
short_description: Check the operator's settings
description:
  - Reads every variable that begins with C(replace_master_), converts it to its type, even if it came as text from the command line, and fails with one
    sentence for each variable that is misspelt, has no value, or has an invalid value. It runs on the controller and changes nothing.
  - Defaults, types and allowed values are those of the role P(cloudpods.ha.replace_master#role), in whose scope it runs.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  hidden:
    description:
      - Return instead the settings with several values, some of which may be secrets, as those of ocboot's environment. Use it in a task with C(no_log).
    type: bool
    default: false
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
- name: Check the settings
  cloudpods.ha.settings:
  register: checked

- name: Read the settings that may hold secrets
  cloudpods.ha.settings:
    hidden: true
  register: hidden
  no_log: true
"""

RETURN = r"""
settings:
  description: The settings with their types, under their names without the prefix. Those that are or may hold secrets are left out.
  type: dict
  returned: success
  sample: {lost: master-1, minimum_down: 60, discard: []}
"""

# The work is done by the action plugin of this name; this file is its documentation.
