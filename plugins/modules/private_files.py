#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: private_files
short_description: Write files on the controller that only their owner can read
description:
  - Creates folders of mode V(0700) and writes files of mode V(0600) into each of them, whatever the host of the task, without starting a module.
  - A file is written beside its place and moved there, so it is whole or as it was. A link in its place is replaced, not followed.
  - What is written is in no result, diff or message.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  folders:
    description: The folders. Those above them are created with mode V(0700) too if they do not exist.
    type: list
    elements: path
    required: true
  files:
    description: The files. Each is written into each of O(folders).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the file in its folder.
        type: str
        required: true
      text:
        description: The text, written as it is, in UTF-8. Either this or O(files[].data) is required.
        type: str
      data:
        description: A value that is written as JSON, indented by 4, with sorted keys and a newline at the end.
        type: raw
attributes:
  check_mode:
    support: full
    description: In check mode it returns what it would change.
  diff_mode:
    support: none
    description: The files are private.
  idempotent:
    support: full
    description: A file that has its content and its mode is left alone.
"""

EXAMPLES = r"""
---
- name: Write the result, and a copy that is kept
  cloudpods.ha.private_files:
    folders: [~/.cloudpods-ha/master-1, ~/.cloudpods-ha/master-1/reports/2026-03-01T120000Z]
    files:
      - {name: result.json, data: "{{ result }}"}
      - {name: result.txt, text: "{{ lines | join('\n') }}\n"}
"""

RETURN = r"""
paths:
  description: The folders and files that were created, written or given their mode, or would be in check mode. On failure, those before the failure.
  type: list
  elements: str
  returned: always
  sample: [/root/.cloudpods-ha/master-1, /root/.cloudpods-ha/master-1/result.json]
"""

# The work is done by the action plugin of this name; this file is its documentation.
