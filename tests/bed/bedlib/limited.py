# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig that may do what docs/cluster-role.yml lists and nothing else, for replace_master_kubeconfig."""

from __future__ import annotations

import base64
import json

from . import cluster, conf
from .conf import HERE, STATE, wait_for

KUBECONFIG = STATE / "kubeconfig-limited"
ROLE = HERE.parent.parent / "docs" / "cluster-role.yml"


def content(data: dict[str, str]) -> str:
    """The kubeconfig for the token of a Secret, given its data; the server is the VIP."""
    server = {"server": f"https://{conf.VIP}:{cluster.PORT}", "certificate-authority-data": data["ca.crt"]}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bed", "cluster": server}],
        "users": [{"name": "limited", "user": {"token": base64.b64decode(data["token"]).decode()}}],
        "contexts": [{"name": "limited", "context": {"cluster": "bed", "user": "limited"}}],
        "current-context": "limited",
    }
    return json.dumps(kubeconfig, indent=2) + "\n"


def write() -> None:
    """Create the role, a ServiceAccount that has it, and the kubeconfig."""
    cluster.apply(ROLE.read_text())
    cluster.apply(cluster.manifest("limited.yaml"))

    def filled() -> dict[str, str]:
        secret = json.loads(cluster.kubectl("-n", "kube-system", "get", "secret", "cloudpods-ha", "-o", "json"))
        data: dict[str, str] = secret.get("data") or {}
        return data if {"token", "ca.crt"} <= data.keys() else {}

    cluster.write_private(KUBECONFIG, content(wait_for("A token for the limited kubeconfig", filled, seconds=60)))
