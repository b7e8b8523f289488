#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: join_credentials
short_description: List or revoke the credentials of a kubeadm join
description:
  - Works on the Secrets of kubeadm in C(kube-system), through the API, so that no host has to be reachable. Nothing secret is returned.
  - The token of a join is known by its description. Uploaded certificates are its own if the journal says so. They are deleted by UID and resource
    version, so certificates that somebody uploaded since are kept.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
options:
  state:
    description: V(present) lists, V(absent) deletes the credentials of the join.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: The description of the join's token.
    type: str
    required: true
  before:
    description: What RV(all) was before the join.
    type: list
    elements: dict
    default: []
  made:
    description: What RV(made) was after the join had made its credentials.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    description: Nothing is deleted.
  diff_mode:
    support: none
    description: The names of what was deleted are returned.
  idempotent:
    support: full
    description: Credentials that are gone are no change.
"""

EXAMPLES = r"""
---
- name: List what is there before the join
  cloudpods.ha.join_credentials:
    kubeconfig: /root/.cloudpods-ha/master-1/.run-4242-1171711/kubeconfig
    description: "cloudpods.ha: join of master-4"
  register: before

- name: Revoke the credentials
  cloudpods.ha.join_credentials:
    kubeconfig: /root/.cloudpods-ha/master-1/.run-4242-1171711/kubeconfig
    state: absent
    description: "cloudpods.ha: join of master-4"
    before: "{{ before.all }}"
"""

RETURN = r"""
all:
  description: Every bootstrap token and the uploaded certificates, as C(name), C(uid) and C(version).
  type: list
  elements: dict
  returned: success
  sample: [{name: kubeadm-certs, uid: 0f1e2d3c, version: "4711"}]
made:
  description: Those of the join. With O(state=absent) they were deleted.
  type: list
  elements: dict
  returned: success
  sample: [{name: bootstrap-token-abcdef, uid: 9a8b7c6d, version: "4712"}]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, ObjectChanged
from ansible_collections.cloudpods.ha.plugins.module_utils._join import credentials as rules
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, KubeApi, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def read(api: KubeApi) -> t.List[rules.Credential]:
    """Every bootstrap token, and the uploaded certificates. Raises HaError."""
    found = api.items(rules.SECRETS, fieldSelector="type={0}".format(rules.TOKEN_TYPE))
    certificates = api.get("{0}/{1}".format(rules.SECRETS, rules.CERTIFICATES))
    return [rules.parse(item) for item in (*found, *([certificates] if certificates else []))]


def revoke(api: KubeApi, credentials: t.Iterable[rules.Credential]) -> t.List[rules.Credential]:
    """Delete Secrets by UID and version, and return those that were still there."""
    gone = []
    for item in credentials:
        try:
            if api.delete("{0}/{1}".format(rules.SECRETS, item.name), uid=item.uid, version=item.version):
                gone.append(item)
        except ObjectChanged:
            # Somebody else's by now.
            continue
    return gone


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "description": {"type": "str", "required": True},
            "before": {"type": "list", "elements": "dict", "default": []},
            "made": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        api = connect(params["kubeconfig"], check_mode=module.check_mode)
        found = read(api)
        made = rules.made_for(found, params["description"], before=params["before"], made=params["made"])
        if params["state"] == "absent":
            made = revoke(api, made)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=params["state"] == "absent" and bool(made), all=_told(found), made=_told(made))


def _told(credentials: t.Iterable[rules.Credential]) -> t.List[Json]:
    return [{"name": item.name, "uid": item.uid, "version": item.version} for item in credentials]


if __name__ == "__main__":
    main()
