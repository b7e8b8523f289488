#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: show_text
short_description: Print lines without quotes
description:
  - Prints lines to the terminal without quotes or brackets, whichever callback is in use. It runs on the controller.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  lines:
    description: The lines.
    type: list
    elements: str
    required: true
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
- name: Show a plan
  cloudpods.ha.show_text:
    lines: ["PLAN", "  one step"]
"""

RETURN = r"""
lines:
  description: The lines.
  type: list
  elements: str
  returned: always
  sample: ["PLAN", "  one step"]
"""

# The work is done by the action plugin of this name; this file is its documentation.
