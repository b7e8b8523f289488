# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of the API and of the hosts, as the filters take them, from the short files in fixtures/ocboot."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_configuration import ocboot_configuration
from hypothesis import strategies as st

Json = dict[str, Any]
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "ocboot"
PROVIDERS = K3S, KUBEADM = ("k3s", "kubeadm")

each_provider = pytest.mark.parametrize("provider", PROVIDERS)


def facts(provider: str) -> Json:
    """A cluster as the file of this name describes it."""
    return dict(yaml.safe_load((FIXTURES / (provider + ".yml")).read_text(encoding="utf-8")))


def procedure(provider: str) -> Json:
    """What the operator writes by hand in the procedure."""
    return dict(yaml.safe_load((FIXTURES / (provider + "-procedure.yml")).read_text(encoding="utf-8")))


def node_object(node: Json, version: str) -> Json:
    labels = {"node-role.kubernetes.io/control-plane": "true", "onecloud.yunion.io/controller": "enable"}
    if node.get("as_host", True):
        labels["onecloud.yunion.io/host"] = "enable"
    return {
        "metadata": {"name": node["name"], "labels": labels if node.get("control_plane", True) else {}},
        "status": {
            "addresses": [{"type": "Hostname", "address": "x"}, {"type": "InternalIP", "address": node["ip"]}],
            "conditions": [{"type": "Ready", "status": "True" if node.get("ready", True) else "False"}],
            "nodeInfo": {"kubeletVersion": node.get("version", version)},
        },
    }


def workload(image: str, env: Json | None = None) -> Json:
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    return {"spec": {"template": {"spec": {"containers": [{"image": image, "env": variables}]}}}}


def keepalived_manifest(image: str) -> str:
    return yaml.safe_dump({"kind": "Pod", "spec": {"containers": [{"image": image, "env": []}]}})


def host_conf(machine: Json) -> str:
    networks = machine.get("conf_networks", ["eth0/br0/" + machine["ip"]])
    return yaml.safe_dump({"networks": networks, "host_type": machine.get("host_type", "hypervisor")})


def arguments(found: Json) -> Json:
    """What the filter takes: the answers of the API under `api`, the others by their names."""
    found = copy.deepcopy(found)
    calico = found.get("calico") or {}
    api = {
        "cluster": [found["cluster"]],
        "nodes": [node_object(node, found["version"]) for node in found["nodes"]],
        "kubeadm": [{"data": {"ClusterConfiguration": found["config"]}}] if found["provider"] == "kubeadm" else [],
        "deployments": [workload(found["operator"])] if found.get("operator") else [],
        "calico_config": [{"data": {"calico_backend": calico["backend"]}}] if calico else [],
        "calico_nodes": [
            workload(
                "calico/node",
                {
                    "CALICO_IPV4POOL_IPIP": calico["ipip"],
                    "IP_AUTODETECTION_METHOD": calico["ip_autodetection_method"],
                },
            )
        ]
        if calico
        else [],
    }
    holders = found.get("holders", [found["survivors"][0]["host"]])
    files = {
        machine["host"]: {
            "addresses": [machine["ip"], *([found["vip"]] if machine["host"] in holders else [])],
            "k3s_token_known": found.get("token_known", True) if found["provider"] == "k3s" else None,
            "files": {
                "host_conf": {"text": host_conf(machine)},
                "keepalived": {"text": keepalived_manifest(found["keepalived"])},
                "config": {"text": found["config"] if found["provider"] == "k3s" else ""},
            },
        }
        for machine in found["survivors"]
    }
    names = ("provider", "lost", "replacement", "survivors", "vip", "options", "checkout")
    return {"api": api, "files": files, **{name: found[name] for name in names}}


def outcome(found: Json) -> Json:
    """What the filter returns."""
    return ocboot_configuration(**arguments(found))


def codes(found: Json) -> list[str]:
    return sorted({item["code"] for item in outcome(found)["refusals"]})


def changed(provider: str, path: str, value: Any) -> Json:
    """The facts with one value replaced; the path is of keys and indexes, a value of ... takes the key away."""
    found = facts(provider)
    place: Any = found
    *parents, last = path.split("/")
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return found


@st.composite
def clusters(draw: st.DrawFn) -> Json:
    """A plane of any size, its hosts in any order, any of them holding the VIP."""
    found = facts(draw(st.sampled_from(PROVIDERS)))
    count = draw(st.integers(min_value=2, max_value=6))
    base = draw(st.sampled_from(["192.0.2.", "198.51.100.", "172.31.255."]))
    numbers = draw(st.lists(st.integers(1, 250), min_size=count + 3, max_size=count + 3, unique=True))
    lost, joining, vip, *survivors = [base + str(number) for number in numbers]
    as_host = draw(st.booleans())
    found.update(
        vip=vip,
        lost={"name": "lost-1", "addresses": [lost]},
        replacement={"name": "new-1", "ip": joining},
        survivors=[
            {"host": "h" + ip, "name": "n" + ip, "ip": ip, "port": draw(st.integers(1, 65535))} for ip in survivors
        ],
        nodes=[{"name": "n" + ip, "ip": ip, "as_host": as_host} for ip in survivors],
        holders=["h" + draw(st.sampled_from(survivors))],
    )
    found["nodes"] += [{"name": "worker", "ip": base + "251", "control_plane": False}] * draw(st.integers(0, 1))
    if found.get("calico"):
        found["calico"]["ip_autodetection_method"] = "can-reach=" + lost
    found["cluster"]["spec"]["loadBalancerEndpoint"] = vip
    found["checkout"]["host_networks_regression"] = draw(st.booleans())
    return found
