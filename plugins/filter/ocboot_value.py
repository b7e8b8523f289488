# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ocboot_value
short_description: Write a value as YAML on one line
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Writes strings quoted and in ASCII only, so that YAML reads each string unchanged, whatever the default encoding of the reader's Python.
    C(to_json) is no substitute - it writes a character beyond the first 65536 as two surrogates, which YAML does not combine.
options:
  _input:
    description: A string, number, boolean, list or mapping.
    type: raw
    required: true
"""

EXAMPLES = r"""
---
- name: Quote a password
  ansible.builtin.set_fact:
    line: "db_password: {{ password | cloudpods.ha.ocboot_value }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: The YAML.
  type: str
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.output import yaml_value


def ocboot_value(value: t.Any) -> str:
    return yaml_value(value)


class FilterModule:
    """Writing YAML."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ocboot_value": ocboot_value}
