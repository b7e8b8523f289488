#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: consent
short_description: Obtain consent to a plan
description:
  - Compares the plan with the one that the operator agreed to, by its ID, and fails with the difference if it is another. Without an
    ID, asks once at the terminal;
    without a terminal it fails, unless nobody is to be asked.
  - Keeps the acts of each plan in the folder C(plans), so that a later run can show what changed. It runs on the controller.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  plan:
    description: The plan, in the shape that docs/contracts.md gives under C(Plan).
    type: dict
    required: true
  directory:
    description: Folder of this replacement on the controller.
    type: path
    required: true
  acting:
    description: Whether the run is about to carry out a phase that acts. If not, consent is not needed.
    type: bool
    required: true
  wanted:
    description: ID of the plan that was agreed to. Empty if none was named.
    type: str
    default: ""
  confirm:
    description: Whether to ask if no ID was named.
    type: bool
    default: true
  show_command:
    description: Whether to show the command that carries out this plan.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: It changes no host.
  diff_mode:
    support: none
    description: The difference to the plan that was agreed to is always shown.
  idempotent:
    support: full
    description: It changes no host.
"""

EXAMPLES = r"""
---
- name: Obtain consent to the plan
  cloudpods.ha.consent:
    plan: "{{ discovery_plan }}"
    directory: ~/.cloudpods-ha/master-1
    acting: true
    wanted: 3510837d1607
  register: agreed
"""

RETURN = r"""
consent:
  description: ID of the plan that was agreed to; empty if no consent was needed.
  type: str
  returned: success
  sample: 3510837d1607
difference:
  description: What changed since the plan that was agreed to, as lines of a unified diff.
  type: list
  elements: str
  returned: failure
"""

# The work is done by the action plugin of this name; this file is its documentation.
