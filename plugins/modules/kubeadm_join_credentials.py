#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: kubeadm_join_credentials
short_description: Create the credentials of a joining control-plane node
description:
  - Runs on a healthy control-plane host. Creates a bootstrap token and uploads the control-plane certificates with a new key.
    M(cloudpods.ha.join_credentials) revokes both.
  - No secret appears on a command line. The result holds secrets, so the task that calls it must set C(no_log).
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
options:
  description:
    description: The description of the token, by which it is found again.
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
  cri_socket:
    description: The socket of this host's container runtime. Empty lets kubeadm look for it, which fails on a host with two.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Nothing is created; the credentials are empty.
  diff_mode:
    support: none
    description: A difference would show secrets.
  idempotent:
    support: none
    description: Each call creates new credentials.
"""

EXAMPLES = r"""
---
- name: Create short-lived credentials
  cloudpods.ha.kubeadm_join_credentials:
    description: join of master-4
    kubernetes_version: v1.30.4
  register: credentials
  no_log: true
"""

RETURN = r"""
credentials:
  description: Token, certificate key and the hash of the cluster's CA. Secret.
  type: dict
  returned: success
  contains:
    token: {description: The bootstrap token., type: str, sample: abcdef.0123456789abcdef}
    certificate_key: {description: Hexadecimal key of the uploaded certificates., type: str, sample: 0a1b...}
    cri_socket: {description: Socket of this host's container runtime., type: str, sample: "unix:///run/containerd/containerd.sock"}
    ca_hash: {description: Hash of the CA's public key., type: str, sample: "sha256:9f2c..."}
"""

import json
import os
import secrets
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import KUBEADM
from ansible_collections.cloudpods.ha.plugins.module_utils._endpoints import argument, text_of
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join.kubeadm import (
    credentials_configuration,
    parse_join_command,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner, module_runner, output_of

_INSTANCE = "/var/lib/kubelet/instance-config.yaml"


def make(run: Runner, params: t.Mapping[str, t.Any], folder: str) -> t.Dict[str, str]:
    """Create a token and upload the certificates; `folder` is a private folder for the file with the key."""
    key = secrets.token_hex(32)
    socket = params.get("cri_socket") or runtime_socket()
    path = os.path.join(folder, "kubeadm.json")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as stream:
        documents = credentials_configuration(
            kubernetes_version=params["kubernetes_version"],
            certificate_key=key,
            description=params["description"],
            ttl=params["ttl"],
            cri_socket=socket,
        )
        stream.write("\n---\n".join(json.dumps(document) for document in documents))
    # The token comes first: an interrupted run is found again by it.
    argv = [
        "kubeadm",
        "token",
        "create",
        "--kubeconfig",
        KUBEADM.admin_kubeconfig,
        "--config",
        path,
        "--print-join-command",
    ]
    token, ca_hash = parse_join_command(output_of(run, argv, program="kubeadm token create"))
    argv = ["kubeadm", "init", "phase", "upload-certs", "--upload-certs", "--config", path]
    output_of(run, argv, program="kubeadm init phase upload-certs")
    return {"token": token, "certificate_key": key, "ca_hash": ca_hash, "cri_socket": socket}


def runtime_socket() -> str:
    """The container runtime's socket that kubelet of this host uses; empty if it is not known. Newer releases of kubeadm write it to no annotation."""
    return argument(text_of(_INSTANCE), "containerRuntimeEndpoint")


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "str", "required": True},
            "ttl": {"type": "str", "default": "15m"},
            "kubernetes_version": {"type": "str", "required": True},
            "cri_socket": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    run = module_runner(module)
    try:
        if module.check_mode:
            module.exit_json(
                changed=True, credentials={"token": "", "certificate_key": "", "ca_hash": "", "cri_socket": ""}
            )
        with tempfile.TemporaryDirectory(dir=module.tmpdir) as folder:
            credentials = make(run, module.params, folder)
    except HaError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=True, credentials=credentials)


if __name__ == "__main__":
    main()
