# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: waits
short_description: How long tasks waited for the cluster
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - For the report, which sets what the cluster needs apart from the run's own work.
  - Counts the pauses between the attempts of a task with C(until), or what a module says that it waited, so the time is at least that long.
  - The filter is pure; it contacts no host.
options:
  _input:
    description: What was waited for, the registered result of the task, and its C(delay) in seconds. Shorter lists and skipped tasks count as no wait.
    type: list
    elements: list
    required: true
"""

EXAMPLES = r"""
---
- name: Record how long was waited
  ansible.builtin.set_fact:
    waits: "{{ [['the Node to be Ready', ready, 5]] | cloudpods.ha.waits }}"
"""

RETURN = r"""
_value:
  description: The waits of a second or more.
  type: list
  elements: dict
  sample: [{what: the Node to be Ready, seconds: 25}]
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def waits(tasks: t.Sequence[t.Sequence[t.Any]]) -> t.List[Json]:
    found = [
        (str(what), sum(_seconds(item, float(delay)) for item in _results(result))) for what, result, delay in tasks
    ]
    return [{"what": what, "seconds": int(seconds)} for what, seconds in found if seconds >= 1]


def _results(result: t.Any) -> t.Sequence[Json]:
    """The results of a loop, or the one result."""
    if not isinstance(result, t.Mapping):
        return ()
    loop = result.get("results")
    return [dict(item) for item in loop if isinstance(item, t.Mapping)] if isinstance(loop, list) else [dict(result)]


def _seconds(result: Json, delay: float) -> float:
    if isinstance(result.get("waited"), (int, float)):
        return float(result["waited"])
    return max(0, int(result.get("attempts") or 1) - 1) * delay


class FilterModule:
    """Reporting."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"waits": waits}
