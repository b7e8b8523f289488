#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: kubeadm_join_credentials
short_description: Create or revoke the credentials of a joining control-plane node
description:
  - Runs on a healthy control-plane host. Creates a bootstrap token and uploads the control-plane certificates with a new key, or revokes both.
  - No secret appears on a command line. The result of O(state=present) holds secrets, so the task that calls it must set C(no_log).
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  state:
    description:
      - V(present) creates a new token and a new certificate key. V(absent) deletes the tokens with O(description) and the uploaded certificates.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: The description of the token. Tokens are revoked by it, also those of an interrupted run.
    type: str
    required: true
  ttl:
    description: Lifetime of the token, in kubeadm's format of durations.
    type: str
    default: 15m
  kubernetes_version:
    description: The version of the control plane, such as V(v1.30.4).
    type: str
    required: true
  node_ip:
    description: The address of this host on which its API server listens.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Nothing is created or revoked; V(present) then returns empty credentials.
  diff_mode:
    support: none
    description: A difference would show secrets.
  idempotent:
    support: partial
    description: O(state=absent) is; O(state=present) creates new credentials each time.
"""

EXAMPLES = r"""
---
- name: Create short-lived credentials
  cloudpods.ha.kubeadm_join_credentials:
    description: join of master-4
    kubernetes_version: v1.30.4
    node_ip: 192.0.2.12
  register: credentials
  no_log: true

- name: Revoke the credentials
  cloudpods.ha.kubeadm_join_credentials:
    state: absent
    description: join of master-4
    kubernetes_version: v1.30.4
    node_ip: 192.0.2.12
"""

RETURN = r"""
credentials:
  description: Token, certificate key and the hash of the cluster's CA. Secret.
  type: dict
  returned: O(state=present)
  contains:
    token: {description: The bootstrap token., type: str, sample: abcdef.0123456789abcdef}
    certificate_key: {description: Hexadecimal key of the uploaded certificates., type: str, sample: 0a1b...}
    ca_hash: {description: Hash of the CA's public key., type: str, sample: "sha256:9f2c..."}
revoked:
  description: Names (not secret) of the Secrets that were deleted.
  type: list
  elements: str
  returned: O(state=absent)
  sample: [bootstrap-token-abcdef, kubeadm-certs]
"""

import base64
import json
import os
import secrets
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import KUBEADM, kubectl_argv
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join.kubeadm import parse_join_command, upload_configuration
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner, module_runner, output_of

_CERTIFICATES = "kubeadm-certs"


def make(run: Runner, params: t.Mapping[str, t.Any], folder: str) -> t.Dict[str, str]:
    """Create a token and upload the certificates; `folder` is a private folder for the file with the key."""
    key = secrets.token_hex(32)
    path = os.path.join(folder, "kubeadm.json")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as stream:
        documents = upload_configuration(kubernetes_version=params["kubernetes_version"], certificate_key=key)
        stream.write("\n---\n".join(json.dumps(document) for document in documents))
    # The token comes first: an interrupted run is found again by it.
    argv = ["kubeadm", "token", "create", "--kubeconfig", KUBEADM.admin_kubeconfig, "--ttl", params["ttl"]]
    argv += ["--description", params["description"], "--print-join-command"]
    token, ca_hash = parse_join_command(output_of(run, argv, program="kubeadm token create"))
    argv = ["kubeadm", "init", "phase", "upload-certs", "--upload-certs", "--config", path]
    output_of(run, argv, program="kubeadm init phase upload-certs")
    return {"token": token, "certificate_key": key, "ca_hash": ca_hash}


def revoke(run: Runner, params: t.Mapping[str, t.Any], check_mode: bool) -> t.List[str]:
    """Delete the tokens that carry the description, and the certificates uploaded with them. Returns the names of the Secrets."""
    kubectl = [*kubectl_argv(KUBEADM, params["node_ip"]), "-n", "kube-system"]
    argv = [*kubectl, "get", "secrets", "--field-selector", "type=bootstrap.kubernetes.io/token", "-o"]
    # Only names and descriptions are printed, so that no secret can reach an error message.
    argv.append("jsonpath={range .items[*]}{.metadata.name}{'\\t'}{.data.description}{'\\n'}{end}")
    wanted = encoded(params["description"])
    names = [
        line.split("\t")[0]
        for line in output_of(run, argv, program="kubectl get secrets").splitlines()
        if line.split("\t")[1:] == [wanted]
    ]
    if not names:
        return []
    # The certificates were uploaded for this join, with their own token that limits their lifetime.
    argv = [*kubectl, "get", "secret", _CERTIFICATES, "--ignore-not-found", "-o"]
    argv.append("jsonpath={.metadata.name}{range .metadata.ownerReferences[*]}{'\\n'}{.name}{end}")
    targets = [*names, *output_of(run, argv, program="kubectl get secret").split()]
    if not check_mode:
        output_of(run, [*kubectl, "delete", "secret", "--ignore-not-found", *targets], program="kubectl delete secret")
    return targets


def encoded(text: str) -> str:
    """The text as a Secret encodes it."""
    return base64.b64encode(text.encode()).decode()


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "description": {"type": "str", "required": True},
            "ttl": {"type": "str", "default": "15m"},
            "kubernetes_version": {"type": "str", "required": True},
            "node_ip": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    run = module_runner(module)
    try:
        if module.params["state"] == "absent":
            revoked = revoke(run, module.params, module.check_mode)
            module.exit_json(changed=bool(revoked), revoked=revoked)
        if module.check_mode:
            module.exit_json(changed=True, credentials={"token": "", "certificate_key": "", "ca_hash": ""})
        with tempfile.TemporaryDirectory(dir=module.tmpdir) as folder:
            credentials = make(run, module.params, folder)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=True, credentials=credentials)


if __name__ == "__main__":
    main()
