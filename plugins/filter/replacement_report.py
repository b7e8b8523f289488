# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: replacement_report
short_description: Compose the report of a replacement
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Composes a report for programs, a summary for people and a page for a browser from the plan,
    the journal and the results of the phases. The filter is pure; it contacts no host.
positional: journal, results
options:
  _input:
    description: The plan, C(plan) of P(cloudpods.ha.replacement_plan#filter).
    type: dict
    required: true
  journal:
    description: The journal, with the start and end time of each phase.
    type: dict
    required: true
  results:
    description: The published result of each phase, by the name of the phase.
    type: dict
    required: true
  failure:
    description: Why the run stopped, in one sentence. Empty if the run did not fail.
    type: str
    default: ""
  written:
    description: The time now, RFC 3339 in UTC.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: Report
  ansible.builtin.debug:
    msg: "{{ (discovery_plan | cloudpods.ha.replacement_report(journal, results)).text }}"
"""

RETURN = r"""
_value:
  description:
    C(json), the report for programs (docs/report.schema.json gives its shape), C(text), lines for people,
    and C(html), one page without links to anything.
  type: dict
  sample:
    json: {format: 1, outcome: done, phases: [{phase: backup, seconds: 4}]}
    text: ["DONE: master-1 was replaced by master-4"]
    html: "<!DOCTYPE html>..."
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._report.report import report
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json


def replacement_report(plan: Json, journal: Json, results: Json, failure: str = "", written: str = "") -> Json:
    return report(from_json(Plan, plan), journal, results, failure=failure, written=written)


class FilterModule:
    """Reporting."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"replacement_report": replacement_report}
