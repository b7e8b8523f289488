# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: objects_left
short_description: List the objects that still exist
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - One text for each object that M(kubernetes.core.k8s_info) found, with the finalizers that hold it. A failed read is a text too, so an empty list
    proves that no object is left.
positional: uids, only
options:
  _input:
    description: The registered result of M(kubernetes.core.k8s_info), or of a loop of it.
    type: dict
    required: true
  uids:
    description: Only objects with one of these UIDs count. Empty counts all.
    type: list
    elements: str
    default: []
  only:
    description: Only objects being deleted count (V(ending)), or only pods that no DaemonSet and no kubelet owns (V(evictable)). Empty counts all.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: Wait until no pod names the Node
  kubernetes.core.k8s_info:
    kind: Pod
    field_selectors: [spec.nodeName=master-1]
  register: pods
  until: (pods | cloudpods.ha.objects_left) == []
"""

RETURN = r"""
_value:
  description: One text for each object.
  type: list
  elements: str
  sample: ["Node master-1 (being deleted since 2024-05-17T03:15:00Z; held by the finalizers wrangler.cattle.io/node)"]
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.node_removal import left


def objects_left(found: Json, uids: t.Sequence[str] = (), only: str = "") -> t.List[str]:
    return left(found, uids=uids, only=only)


class FilterModule:
    """The remaining objects after a deletion."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"objects_left": objects_left}
