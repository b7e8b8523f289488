# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json

import yaml
from bedlib import cluster, conf, limited


def test_the_kubeconfig_has_the_token_of_the_secret_and_the_vip() -> None:
    data = {"token": base64.b64encode(b"a.b.c").decode(), "ca.crt": base64.b64encode(b"authority").decode()}
    made = json.loads(limited.content(data))
    assert made["clusters"][0]["cluster"] == {
        "server": f"https://{conf.VIP}:6443",
        "certificate-authority-data": data["ca.crt"],
    }
    assert made["users"][0]["user"] == {"token": "a.b.c"}
    (context,) = made["contexts"]
    assert (context["name"], context["context"]) == (made["current-context"], {"cluster": "bed", "user": "limited"})


def test_the_account_is_bound_to_the_role_of_the_documents_and_to_no_other() -> None:
    role = yaml.safe_load(limited.ROLE.read_text())
    account, binding, token = yaml.safe_load_all(cluster.manifest("limited.yaml"))
    assert (role["kind"], role["metadata"]["name"]) == ("ClusterRole", binding["roleRef"]["name"])
    named = {"kind": "ServiceAccount", **account["metadata"]}
    assert binding["subjects"] == [named]
    assert token["metadata"]["annotations"] == {"kubernetes.io/service-account.name": account["metadata"]["name"]}
