#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: journal
short_description: Write the journal of a replacement
description:
  - Writes the ConfigMap C(kube-system/cloudpods-ha-LOST). It is written only in the version that was read, so that a run whose plan is out of date fails
    instead of overwriting what another run recorded.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
options:
  lost:
    description: Name of the lost node.
    type: str
    required: true
  state:
    description: >-
      The whole journal, in the shape that docs/contracts.md gives under The journal. Its C(version) is the resource version in which it was read; without one
      there must be no journal yet, or only the finished one of an earlier loss of a node of this name.
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: Nothing is written.
  diff_mode:
    support: none
    description: The journal is long; read the ConfigMap.
  idempotent:
    support: full
    description: A journal that says the same is not written again.
"""

EXAMPLES = r"""
---
- name: Record whose join begins
  cloudpods.ha.journal:
    kubeconfig: /root/.cloudpods-ha/master-1/.run-4242-1171711/kubeconfig
    lost: master-1
    state: "{{ ha_journal | combine({'joining': discovery_plan.joining}) }}"
"""

RETURN = r"""
journal:
  description: The journal as it is now, with its new C(version).
  type: dict
  returned: success
  sample: {version: "4711", lost: {name: master-1}}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import journal as rules
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, KubeApi, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def write(api: KubeApi, lost: str, state: Json) -> t.Tuple[bool, Json]:
    """Write the journal; return whether it changed, and the journal with its version. Raises Unsafe if another run wrote it meanwhile."""
    path = "{0}/{1}".format(rules.PATH, rules.name(lost))
    found = api.get(path)
    body = rules.configmap(lost, state, found=found)
    if body is None:
        return False, rules.with_version(state, found)
    try:
        written = api.replace(path, body) if found else api.create(rules.PATH, body)
    except ApiRefused as exc:
        if exc.status not in (404, 409):
            raise
        raise rules.changed(lost) from exc
    return True, rules.with_version(state, written)


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "lost": {"type": "str", "required": True},
            "state": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        api = connect(module.params["kubeconfig"], check_mode=module.check_mode)
        changed, journal = write(api, module.params["lost"], module.params["state"])
    except Unsafe as exc:
        module.fail_json(msg=str(exc), code=exc.code)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=changed, journal=journal)


if __name__ == "__main__":
    main()
