# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: host_reports
short_description: Turn the results of a loop over hosts into reports
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Converts a loop of M(cloudpods.ha.control_plane_host_info) over inventory hosts to the reports of P(cloudpods.ha.replacement_verdict#filter).
positional: survivors, executor, members
options:
  _input:
    description: The results of the loop.
    type: list
    elements: dict
    required: true
  survivors:
    description: The inventory hosts that are survivors; all other hosts are replacements.
    type: list
    elements: str
    required: true
  executor:
    description: The inventory host on which etcd was read. Empty without one.
    type: str
    default: ""
  members:
    description: The result of M(cloudpods.ha.etcd_member_info) on that host.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Convert the answers to reports
  ansible.builtin.set_fact:
    reports: "{{ answers.results | cloudpods.ha.host_reports(['master-2', 'master-3'], 'master-2', members) }}"
"""

RETURN = r"""
_value:
  description: The reports, as O(cloudpods.ha.replacement_plan#filter:reports) describes them.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def host_reports(
    results: t.Sequence[Json], survivors: t.Sequence[str], executor: str = "", members: t.Optional[Json] = None
) -> t.List[Json]:
    reports = []
    for result in results:
        name = result[result["ansible_loop_var"]]
        role = "survivor" if name in survivors else "replacement"
        reports.append(
            {"name": name, "role": role, "host": result, "members": (members or {}) if name == executor else {}}
        )
    return reports


class FilterModule:
    """Reports."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"host_reports": host_reports}
