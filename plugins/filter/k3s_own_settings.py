# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: k3s_own_settings
short_description: Decide whether K3s would read only its new settings
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - K3s also reads configuration files that an earlier K3s left on a host.
positional: more, files
options:
  _input:
    description: The answer of M(ansible.builtin.find) on the host.
    type: dict
    required: true
  more:
    description: C(more) of RV(cloudpods.ha.k3s_server_info#module:server).
    type: dict
    required: true
  files:
    description: C(files) of P(cloudpods.ha.k3s_join_files#filter).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Assert that no other settings are read
  ansible.builtin.assert:
    that: verdict.ok
    fail_msg: "On master-4 {{ verdict.reason }}"
  vars:
    verdict: "{{ found | cloudpods.ha.k3s_own_settings(server.more, made.files) }}"
"""

RETURN = r"""
_value:
  description: C(ok), and the C(reason) if it is false, as the end of a sentence.
  type: dict
  sample: {ok: true, reason: ""}
"""

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s import foreign_settings
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def k3s_own_settings(answer: Json, more: Json, files: t.Sequence[Json]) -> Json:
    if "files" not in answer:
        reason = "the settings of K3s could not be read: {0}.".format(answer.get("msg") or "no reason given")
        return {"ok": False, "reason": reason}
    found = [item["path"] for item in answer["files"]]
    strange = foreign_settings(found, more, [item["path"] for item in files])
    reason = "K3s would also read {0}. Remove these files first.".format(", ".join(strange)) if strange else ""
    return {"ok": not reason, "reason": reason}


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"k3s_own_settings": k3s_own_settings}
