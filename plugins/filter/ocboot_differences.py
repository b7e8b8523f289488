# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ocboot_differences
short_description: Compare the files of survivors before and after a run of ocboot
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Compares two results of M(cloudpods.ha.ocboot_host_files). A host without an answer on either side is left out.
positional: after
options:
  _input:
    description: The results of a loop over the survivors, from before the run.
    type: list
    elements: dict
    required: true
  after:
    description: The results of the same loop, from after the run.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Compare the survivors' files
  ansible.builtin.set_fact:
    differences: "{{ before.results | cloudpods.ha.ocboot_differences(after.results) }}"
"""

RETURN = r"""
_value:
  description: One entry for each file that differs, with C(host), C(path), C(change) (V(changed), V(new), V(removed)) and C(lines), secrets masked, and
    C(shown), the same as lines to display.
  type: list
  elements: dict
  sample:
    - host: master-2
      path: /etc/yunion/host.conf
      change: changed
      lines: ['-host_type: container', '+host_type: hypervisor']
      shown: ['master-2: /etc/yunion/host.conf changed', '-host_type: container', '+host_type: hypervisor']
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.output import differences


def ocboot_differences(before: t.Sequence[Json], after: t.Sequence[Json]) -> t.List[Json]:
    sides = [
        {
            result[result["ansible_loop_var"]]: {file["path"]: file for file in (result.get("files") or {}).values()}
            for result in results
        }
        for results in (before, after)
    ]
    # The files of a host that did not answer are unknown, not removed.
    hosts = [host for host, files in sides[0].items() if files and sides[1].get(host)]
    return [
        {
            "host": host,
            **found,
            "shown": ["{0}: {1} {2}".format(host, found["path"], found["change"]), *found["lines"]],
        }
        for host in hosts
        for found in differences(sides[0][host], sides[1][host])
    ]


class FilterModule:
    """Comparing files."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ocboot_differences": ocboot_differences}
