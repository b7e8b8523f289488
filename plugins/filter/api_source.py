# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: api_source
short_description: Choose the survivor whose API server is asked
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Chooses a survivor with a ready API server and an administrator's kubeconfig. It is asked at its own address, since the VIP may be down.
options:
  _input:
    description: As O(cloudpods.ha.replacement_plan#filter:reports) describes.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Choose
  ansible.builtin.set_fact:
    source: "{{ reports | cloudpods.ha.api_source }}"
"""

RETURN = r"""
_value:
  description: C(host), C(server) and C(kubeconfig), the path on that host; or C(error), why there is none, and the rest empty.
  type: dict
  sample: {host: master-2, server: "https://192.0.2.12:6443", kubeconfig: /etc/kubernetes/admin.conf, error: ""}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.view import api_source as choose


def api_source(reports: t.Sequence[Json]) -> Json:
    return choose(reports)


class FilterModule:
    """Choosing."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"api_source": api_source}
