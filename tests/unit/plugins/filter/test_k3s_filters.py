# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a K3s join, as a role gets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.filter.k3s_join_files import FilterModule as JoinFiles
from ansible_collections.cloudpods.ha.plugins.filter.k3s_own_settings import FilterModule as OwnSettings
from ansible_collections.cloudpods.ha.plugins.filter.k3s_why import FilterModule as Why

Json = dict[str, Any]

FIXTURES = Path(__file__).parents[2] / "fixtures" / "k3s"
VIP = "192.168.0.66"
SURVIVOR = {"hostname": "lzx-ha-env-2", "addresses": ["192.168.0.244", VIP, "10.0.0.244"]}
PATHS = {"config": "/x/config.yaml", "unit": "/x/k3s.service", "registries": "/x/registries.yaml"}
PASSWORD = "mytoken@yunionio"


def text(name: str) -> str:
    return (FIXTURES / name).read_text(encoding="utf-8")


def server(**fields: Any) -> Json:
    return {
        "config": [{"path": "/x/config.yaml", "content": text("config/ocboot/config.yaml")}],
        "unit": text("unit/ocboot-join.service"),
        "unit_drop_ins": [],
        "environments": [{"path": "/x/k3s.service.env", "content": text("unit/env-dash.env")}],
        "registries": "",
        "token": text("token/server-token").strip(),
        "ca": text("cacerts.pem"),
        "paths": PATHS,
        **fields,
    }


def made(found: Json | None = None, **options: Any) -> Json:
    known: Json = {"endpoint": "192.168.0.244", "ip": "192.168.0.239", "vip": VIP}
    files: Json = JoinFiles().filters()["k3s_join_files"](found or server(), SURVIVOR, **{**known, **options})
    return files


def test_a_host_gets_every_file_and_only_the_unit_is_for_all_to_read() -> None:
    drop_in = {"path": "/x/k3s.service.d/a.conf", "content": "[Service]\nLimitNOFILE=1\n"}
    private = {**drop_in, "path": "/x/k3s.service.d/b.conf", "mode": "0600"}
    found = made(server(registries=text("registries.yaml"), unit_drop_ins=[drop_in, private]))
    assert {item["path"]: item["mode"] for item in found["files"]} == {
        "/x/config.yaml": "0600",
        "/x/k3s.service": "0644",
        "/x/k3s.service.d/a.conf": "0644",
        "/x/k3s.service.d/b.conf": "0600",
        "/x/k3s.service.env": "0600",
        "/x/registries.yaml": "0600",
    }
    assert (found["error"], found["ping"]) == ("", "https://192.168.0.244:6443/ping")
    readable = [item["content"] for item in found["files"] if item["mode"] == "0644"]
    assert not [item for item in readable if PASSWORD in item]
    assert not [item for item in made()["files"] if item["path"] == PATHS["registries"]]


def test_templates_are_carried_and_modes_are_kept() -> None:
    template = {"path": "/x/config.toml.tmpl", "content": "[plugins]\n", "mode": "0640"}
    found = made(server(templates=[template], unit_mode="0600"))["files"]
    assert template in found
    assert {item["path"]: item["mode"] for item in found}["/x/k3s.service"] == "0600"


def test_the_configuration_is_yaml_that_k3s_reads_as_it_was_meant() -> None:
    former = {"write-kubeconfig-mode": "0644", "node-label": ["a=1"], "cluster-domain": None, "debug": True}
    found = made(server(config=[{"path": "/x", "content": yaml.safe_dump(former)}]))
    config = yaml.safe_load(found["files"][0]["content"])
    assert {key: config[key] for key in former} == former
    assert config["server"] == "https://192.168.0.244:6443"
    assert config["token"] == text("token/server-token").strip()
    assert config["node-ip"] == "192.168.0.239"


def test_the_vip_is_no_address_of_the_survivor() -> None:
    assert made()["error"] == ""
    content = "kube-apiserver-arg: [service-account-issuer=https://{0}:6443]".format(VIP)
    found = server(config=[{"path": "/x", "content": content}])
    assert made(found)["error"] == ""
    assert VIP in made(found, vip="")["error"]
    assert made(found, vip="", overrides={"kube-apiserver-arg": None})["error"] == ""


def test_an_ipv6_endpoint_stands_in_brackets() -> None:
    found = server(config=[], unit=text("unit/installer-no-arguments.service"))
    assert made(found, endpoint="fd00::244")["ping"] == "https://[fd00::244]:6443/ping"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"config": [{"path": "/x", "content": "token: {0}\n  - x: [".format(PASSWORD)}]}, "is not YAML"),
        ({"config": [{"path": "/x", "content": PASSWORD}]}, "not a mapping"),
        ({"unit": "[Service]\nExecStart=/bin/k3s agent --token " + PASSWORD}, "does not start 'k3s server'"),
        ({"unit": "[Service]\nExecStart=/bin/k3s server {0} 'x".format(PASSWORD)}, "does not start 'k3s server'"),
        (
            {"environments": [{"path": "/x", "content": "K3S_DATASTORE_ENDPOINT=a:" + PASSWORD}]},
            "K3S_DATASTORE_ENDPOINT",
        ),
    ],
)
def test_what_cannot_be_made_is_told_without_a_secret(fields: Json, error: str) -> None:
    found = made(server(**fields))
    assert set(found) == {"error"}
    assert error in found["error"]
    assert PASSWORD not in found["error"]


def why(text: str, *secrets: str) -> str:
    log = {"rc": 0, "stdout": text}
    said: str = Why().filters()["k3s_why"](log, secrets, {"state": "stopped"}, {"msg": "it failed"})
    return said


def test_every_secret_is_kept_from_what_k3s_said() -> None:
    token = text("token/server-token").strip()
    log = 'level=fatal msg="token {0} or password {1} refused"'.format(token, PASSWORD)
    assert why(log, *made()["secrets"]) == "token *** or password *** refused. K3s is stopped."
    assert PASSWORD in why(log)
    assert json.dumps(made()["secrets"]).count(PASSWORD) == 3


def test_what_looks_like_a_date_stays_text() -> None:
    found = made(
        server(config=[{"path": "/x", "content": "agent-token: 2024-05-01\nnode-label: [since=x, 2024-05-01]"}])
    )
    config = json.loads(found["files"][0]["content"])
    assert (config["agent-token"], config["node-label"]) == ("2024-05-01", ["since=x", "2024-05-01"])


def test_settings_beside_those_of_the_join_are_refused() -> None:
    own_settings = OwnSettings().filters()["k3s_own_settings"]
    more = {"folders": ["/x/config.yaml.d"], "files": []}
    files = [{"path": "/x/config.yaml"}]
    assert own_settings({"files": [{"path": "/x/config.yaml"}]}, more, files) == {"ok": True, "reason": ""}
    found = own_settings({"files": [{"path": "/x/config.yaml.d/1.yaml"}]}, more, files)
    assert found == {"ok": False, "reason": "K3s would also read /x/config.yaml.d/1.yaml. Remove these files first."}
    assert own_settings({"msg": "no way"}, more, files)["reason"] == ("the settings of K3s could not be read: no way.")
