# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: api_source
short_description: Choose the survivor whose API server is used
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Chooses a survivor with a ready API server and an admin kubeconfig. Its own address is used, since the VIP may be down.
options:
  _input:
    description: The reports, as O(cloudpods.ha.replacement_plan#filter:reports) describes them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Choose the survivor whose API server is used
  ansible.builtin.set_fact:
    source: "{{ reports | cloudpods.ha.api_source }}"
"""

RETURN = r"""
_value:
  description:
    - C(host), C(name) and C(ip), the survivor's inventory name, hostname and address; C(provider), C(server), and C(kubeconfig), a path on that host.
    - C(api_path), the path of the API server's readiness check, and C(vip), empty without one.
    - C(error), why no survivor can be used; all other values are empty then.
  type: dict
  sample:
    host: master-2
    name: master-2
    ip: 192.0.2.12
    provider: kubeadm
    server: https://192.0.2.12:6443
    kubeconfig: /etc/kubernetes/admin.conf
    api_path: /readyz
    vip: 192.0.2.10
    error: ""
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
