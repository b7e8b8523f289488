# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ocboot_configuration
short_description: Make the configuration that lets ocboot join a replacement
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Returns what ocboot's file has to say so that a run joins the replacement and writes nothing into the cluster that is not there already, or why
    ocboot must not be run. It is pure; it contacts nothing.
  - The configuration holds the passwords of the database and of the web user, so tasks that use this filter need C(no_log). Refusals and warnings
    hold no secret.
options:
  _input:
    description: What P(cloudpods.ha.ocboot_inputs#filter) returned. docs/ocboot.md describes it.
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Make it
  ansible.builtin.set_fact:
    made: "{{ inputs | cloudpods.ha.ocboot_configuration }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: The outcome. The configuration is empty with refusals.
  type: dict
  contains:
    configuration:
      description: The groups of ocboot's file.
      type: dict
    environment:
      description: Variables that a native run of ocboot needs.
      type: dict
    primary:
      description: Name of the survivor that is primary_master_node.
      type: str
    refusals:
      description: Why ocboot must not be run, each with C(code), C(seen) and C(advice).
      type: list
      elements: dict
    refused_text:
      description: The refusals as one line.
      type: str
    warnings:
      description: Sentences.
      type: list
      elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import config
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootInputs
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import from_json, to_json


def ocboot_configuration(inputs: Json) -> Json:
    try:
        made = config.configuration(from_json(OcbootInputs, inputs))
    except TypeError as exc:
        # A key that is missing or unknown; the values are not in the message.
        raise AnsibleFilterError("ocboot_configuration: {0}".format(exc)) from None
    refused = " ".join("{0}: {1} {2}".format(item.code, item.seen, item.advice) for item in made.refusals)
    found: Json = {**to_json(made), "refused_text": refused}
    return found


class FilterModule:
    """What ocboot is told."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ocboot_configuration": ocboot_configuration}
