# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from bedlib import conf, identity


@pytest.mark.parametrize(
    ("vip", "password", "router"), [("10.127.100.102", "de17f785", 12), ("192.168.0.66", None, 66)]
)
def test_identity_is_what_ocadm_derives_from_the_vip(vip: str, password: str | None, router: int) -> None:
    assert identity.router_id(vip) == router
    if password:
        assert identity.keepalived_password(vip) == password


def test_router_id_is_never_zero() -> None:
    assert int("10.0.0.110".replace(".", "")) % 255 == 0
    assert identity.router_id("10.0.0.110") == 100


def manifest(vip: str = "192.0.2.10", **more: object) -> dict[str, object]:
    given = {"node_ip": "192.0.2.11", "vip": vip, "init": True, "image": "registry.example/keepalived:v2.0.25", **more}
    return dict(yaml.safe_load(identity.keepalived_manifest(**given)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("init", "priority", "state"), [(True, "100", "MASTER"), (False, "90", "BACKUP")])
def test_manifest_is_the_static_pod_of_ocadm(init: bool, priority: str, state: str) -> None:
    pod = manifest(init=init)
    assert pod["metadata"]["namespace"] == "kube-system"
    assert pod["spec"]["hostNetwork"] is True
    container = pod["spec"]["containers"][0]
    assert container["command"] == ["/container/tool/run"]
    assert {e["name"]: e["value"] for e in container["env"]} == {
        "KEEPALIVED_PRIORITY": priority,
        "KEEPALIVED_VIRTUAL_IPS": "#PYTHON2BASH:['192.0.2.10']",
        "KEEPALIVED_STATE": state,
        "KEEPALIVED_PASSWORD": identity.keepalived_password("192.0.2.10"),
        "KEEPALIVED_ROUTER_ID": str(identity.router_id("192.0.2.10")),
        "KEEPALIVED_NODE_IP": "192.0.2.11",
        "KEEPALIVED_INTERFACE": "eth0",
    }


def test_every_value_of_the_manifest_is_a_string() -> None:
    # A password of digits, or of digits around an "e", would be a number.
    for last in range(1, 255):
        container = manifest(vip=f"198.51.100.{last}")["spec"]["containers"][0]
        assert all(isinstance(entry["value"], str) for entry in container["env"])


def test_k3s_manifest_has_the_check_and_the_other_password() -> None:
    pod = manifest(vip="192.168.0.66", node_ip="192.168.0.244", k3s=True, init=False)
    container = pod["spec"]["containers"][0]
    env = {e["name"]: e["value"] for e in container["env"]}
    # The values of the runbook.
    assert (env["KEEPALIVED_PASSWORD"], env["KEEPALIVED_ROUTER_ID"]) == ("MTkyLjE2", "66")
    tls = "/var/lib/rancher/k3s/server/tls"
    assert env["CHECK_KUBE_CMD"] == (
        f"curl -k -XGET https://192.168.0.244:6443/healthz --cert {tls}/client-kube-apiserver.crt"
        f" --key {tls}/client-kube-apiserver.key --cacert {tls}/client-ca.crt"
    )
    mount = {"mountPath": "/var/lib/rancher", "name": "rancher", "readOnly": True}
    assert container["volumeMounts"] == [mount]
    assert pod["spec"]["volumes"] == [{"hostPath": {"path": "/var/lib/rancher"}, "name": "rancher"}]


def test_inventory_has_survivors_and_replacement() -> None:
    survivors, replacement = identity.split("master-1", "master-4")
    text = identity.inventory(survivors=survivors, replacement=replacement, state="/state", more={"one": ["more"]})
    read = yaml.safe_load(text)["all"]
    assert list(read["children"]["survivors"]["hosts"]) == ["master-2", "master-3"]
    assert read["children"]["replacement"]["hosts"] == {"master-4": {"ansible_host": conf.host("master-4").ip}}
    assert "UserKnownHostsFile=/state/known_hosts" in read["vars"]["ansible_ssh_common_args"]
    assert read["vars"]["ansible_ssh_private_key_file"] == "/state/id_ed25519"
    assert read["vars"]["one"] == ["more"]


def test_the_spare_survives_once_another_host_is_the_replacement() -> None:
    survivors, replacement = identity.split("master-2", "master-1")
    assert [h.name for h in survivors] == ["master-3", "master-4"]
    assert replacement.name == "master-1"


def test_a_master_made_anew_replaces_itself() -> None:
    survivors, replacement = identity.split("master-1", "master-1")
    assert [h.name for h in survivors] == ["master-2", "master-3"]
    assert replacement.name == "master-1"


def test_the_spare_that_replaced_the_first_master_is_replaced_by_itself() -> None:
    survivors, fresh = identity.split("master-4", "master-4")
    assert ([host.name for host in survivors], fresh.name) == (["master-2", "master-3"], "master-4")
