# SPDX-License-Identifier: GPL-3.0-or-later
"""What ocboot is told, and when it must not be run."""

from __future__ import annotations

import copy
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_value import FilterModule
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import checks
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import PROVIDERS, facts, outcome, procedure
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[5]
TEMPLATE = ROOT / "roles" / "ocboot_config" / "templates" / "ocboot.yml.j2"
K3S, KUBEADM = PROVIDERS
# What every release of ocboot's loader fills with a default and hands on; source: lib/ocboot.py of ocboot.
DEFAULTED = {
    "port",
    "db_user",
    "db_port",
    "operator_version",
    "restore_mode",
    "ip_type",
    "onecloud_user",
    "onecloud_user_password",
    "use_ee",
    "image_repository",
    "enable_minio",
    "pod_network_cidr",
    "service_cidr",
    "service_dns_domain",
    "product_version",
    "region",
    "zone",
    "controlplane_port",
    "as_host",
    "as_host_on_vm",
    "high_availability",
    "keepalived_version_tag",
    "enable_lbagent",
    "enable_containerd",
    "registry_mirrors",
    "insecure_registries",
}
# Why a value differs from the procedure's; docs/ocboot.md says more.
LEFT_OUT = {"ha_using_local_registry": "no release of ocboot reads it"}

each_provider = pytest.mark.parametrize("provider", PROVIDERS)


def rendered(configuration: Json) -> str:
    """The template, laid out as Ansible does it."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)  # noqa: S701  no HTML
    environment.filters["cloudpods.ha.ocboot_value"] = FilterModule().filters()["ocboot_value"]
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(__ocboot_config_made={"configuration": configuration})


def codes(found: Json) -> list[str]:
    return sorted({item["code"] for item in outcome(found)["refusals"]})


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


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


@each_provider
def test_the_values_of_the_procedure_are_those_of_the_procedure(provider: str) -> None:
    made, wanted = outcome(facts(provider))["configuration"], procedure(provider)
    assert list(made) == list(wanted) == ["primary_master_node", "master_nodes"]
    for group, mapping in wanted.items():
        for key, value in mapping.items():
            if key in LEFT_OUT:
                assert key not in made[group]
            elif key == "host_networks":
                assert made[group][key] == [value]  # a list is what the loader makes of it
            elif key == "db_port":
                assert made[group][key] == int(value)  # the OnecloudCluster has a number
            elif key != "hosts":
                assert made[group][key] == value, key
    for host, by_hand in zip(made["master_nodes"]["hosts"], wanted["master_nodes"]["hosts"], strict=True):
        assert host.items() >= {**by_hand, "host_networks": [by_hand["host_networks"]]}.items()


@each_provider
def test_every_key_that_ocboot_would_fill_is_given(provider: str) -> None:
    made = outcome(facts(provider))["configuration"]
    assert set(made["primary_master_node"]) >= DEFAULTED
    assert set(made["master_nodes"]) >= {"as_host", "as_host_on_vm", "controlplane_port", "keepalived_version_tag"}
    assert ("calico_backend" in made["primary_master_node"]) is (provider == K3S)


@each_provider
def test_the_rendered_file_is_the_mapping_and_is_ascii(provider: str) -> None:
    made = outcome(facts(provider))["configuration"]
    text = rendered(made)
    assert yaml.safe_load(text) == made
    assert text.isascii()
    assert len(re.findall(r"^  # ", text, flags=re.MULTILINE)) >= 10
    golden = ROOT / "tests" / "unit" / "fixtures" / "ocboot" / (provider + "-rendered.txt")
    assert text == golden.read_text(encoding="utf-8")


def test_a_key_that_no_block_names_is_not_lost() -> None:
    made = {"primary_master_node": {"hostname": "a", "a_new_key": "b"}, "master_nodes": {"hosts": []}}
    assert yaml.safe_load(rendered(made))["primary_master_node"] == made["primary_master_node"]


ODD = [
    '"',
    "'",
    "\\",
    "{{ x }}",
    "{% raw %}",
    "!vault |",
    "007",
    "yes",
    "null",
    "~",
    "a: b # c",
    " lead",
    "ü€😀",
    "\u2028",
]


@given(st.one_of(st.sampled_from(ODD), st.text(min_size=1).filter(str.strip)), st.sampled_from(PROVIDERS))
@example("\x85 \x7f\ufeff\t\n", K3S)
@settings(max_examples=80, deadline=None)
def test_any_password_comes_through_the_file_as_it_was(password: str, provider: str) -> None:
    found = facts(provider)
    found["cluster"]["spec"]["mysql"]["password"] = password
    found["options"]["onecloud_user_password"] = password[::-1]
    primary = yaml.safe_load(rendered(outcome(found)["configuration"]))["primary_master_node"]
    assert primary["db_password"] == password
    assert primary["onecloud_user_password"] == password[::-1]


BREAKAGES = [
    (K3S, "provider", "rke2", "OCBOOT_PROVIDER"),
    (K3S, "cluster/spec/region", ..., "OCBOOT_FIELD_MISSING"),
    (K3S, "cluster/spec/mysql/port", "x", "OCBOOT_FIELD_MISSING"),
    (KUBEADM, "cluster/spec/mysql", ..., "OCBOOT_FIELD_MISSING"),
    (K3S, "config", "node-ip: 192.168.0.244", "OCBOOT_FIELD_MISSING"),
    (KUBEADM, "config", "networking: {dnsDomain: cluster.local}", "OCBOOT_FIELD_MISSING"),
    (K3S, "config", "cluster-cidr: a,b\nservice-cidr: 10.96.0.0/12\ncluster-domain: c", "OCBOOT_IP_FAMILY"),
    (K3S, "replacement/ip", "2001:db8::9", "OCBOOT_IP_FAMILY"),
    (
        K3S,
        "config",
        "cluster-cidr: 192.168.0.0/24\nservice-cidr: 10.96.0.0/12\ncluster-domain: c",
        "OCBOOT_CIDR_CLASH",
    ),
    (KUBEADM, "replacement/ip", "10.96.0.1", "OCBOOT_CIDR_CLASH"),
    (K3S, "vip", "vip.example.com", "OCBOOT_VIP"),
    (KUBEADM, "vip", "", "OCBOOT_VIP"),
    (K3S, "keepalived", "registry:5000/keepalived", "OCBOOT_VIP"),
    (K3S, "survivors/1/ip", "192.168.0.244", "OCBOOT_HOST_TWICE"),
    (K3S, "replacement/ip", "192.168.0.243", "OCBOOT_HOST_TWICE"),
    (K3S, "replacement/name", "lzx-ha-env-2", "OCBOOT_HOST_TWICE"),
    (KUBEADM, "replacement/ip", "10.127.100.102", "OCBOOT_HOST_TWICE"),
    (K3S, "replacement/ip", "192.168.0.254", "OCBOOT_LOST_LISTED"),
    (K3S, "replacement/name", "lzx-ha-env", "OCBOOT_LOST_LISTED"),
    (K3S, "cluster/spec/mysql/host", "192.168.0.254", "OCBOOT_LOST_LISTED"),
    (KUBEADM, "cluster/spec/mysql/host", "lzx-ocboot-ha-test", "OCBOOT_LOST_LISTED"),
    (K3S, "survivors/1/conf_networks", ["eth0/br0/192.168.0.254"], "OCBOOT_LOST_LISTED"),
    (K3S, "holders", [], "OCBOOT_PRIMARY"),
    (K3S, "holders", ["lzx-ha-env-2", "lzx-ha-env-3"], "OCBOOT_PRIMARY"),
    (K3S, "nodes/1/ready", False, "OCBOOT_SURVIVORS"),
    (KUBEADM, "nodes/1/control_plane", False, "OCBOOT_SURVIVORS"),
    (K3S, "nodes/1/ip", "192.168.0.99", "OCBOOT_SURVIVORS"),
    (KUBEADM, "cluster/spec/version", "latest", "OCBOOT_VERSION"),
    (K3S, "cluster/spec/version", "v3.11", "OCBOOT_VERSION"),
    (K3S, "cluster/spec/productVersion", "virt", "OCBOOT_PRODUCT_VERSION"),
    (K3S, "cluster/spec/productVersion", ..., "OCBOOT_PRODUCT_VERSION"),
    (K3S, "cluster/spec/glance/switchToS3", False, "OCBOOT_MINIO"),
    (KUBEADM, "cluster/spec/imageRepository", "registry.example.com/mine", "OCBOOT_IMAGE_REPOSITORY"),
    (K3S, "options", {}, "OCBOOT_PASSWORD_MISSING"),
    (K3S, "nodes/1/as_host", False, "OCBOOT_LABELS"),
    (K3S, "options/replacement_as_host", False, "OCBOOT_LABELS"),
    (KUBEADM, "nodes/0/as_host", False, "OCBOOT_LABELS"),
    (K3S, "replacement/host_networks", ["eth0"], "OCBOOT_HOST_NETWORKS"),
    (K3S, "checkout/k3s_role", False, "OCBOOT_CHECKOUT"),
    (K3S, "version", "v1.30.2+k3s1", "OCBOOT_K3S_VERSION"),
    (K3S, "token_known", False, "OCBOOT_K3S_TOKEN"),
    (K3S, "token_known", None, "OCBOOT_K3S_TOKEN"),
]


@pytest.mark.parametrize(("provider", "path", "value", "code"), BREAKAGES)
def test_each_rule_refuses(provider: str, path: str, value: Any, code: str) -> None:
    found = changed(provider, path, value)
    assert code in codes(found)
    assert outcome(found)["configuration"] == {}


def test_every_code_is_tried_and_documented_and_none_besides() -> None:
    source = Path(checks.__file__).read_text(encoding="utf-8")
    emitted = set(re.findall(r'"(OCBOOT_[A-Z0-9_]+)"', source))
    text = (ROOT / "docs" / "ocboot.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (OCBOOT_\w+)\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    assert set(sections) == emitted
    assert all("**Do**" in section for section in sections.values())
    here = Path(__file__).read_text(encoding="utf-8")
    assert {code for code in emitted if '"{0}"'.format(code) not in here} == set()


def test_what_the_cloud_part_would_damage_is_refused_only_when_it_runs() -> None:
    for value, code in (("ce/support", "OCBOOT_EDITION"), ("ee", "OCBOOT_EDITION")):
        found = facts(K3S)
        found["cluster"]["metadata"]["annotations"]["onecloud.yunion.io/edition"] = value
        assert codes(found) == []
        found["options"]["skip_cloud"] = False
        assert code in codes(found)
    for path, value, code in (
        ("cluster/spec/mysql/password", 'a"b', "OCBOOT_PASSWORD_UNSAFE"),
        ("cluster/spec/loadBalancerEndpoint", "192.168.0.77", "OCBOOT_VIP"),
    ):
        found = changed(K3S, path, value)
        assert codes(found) == []
        found["options"].update(skip_cloud=False, onecloud_user_password="plain")
        assert codes(found) == [code]


def test_a_lost_node_that_is_still_there_is_refused_unless_it_is_only_looked_at() -> None:
    found = facts(K3S)
    found["nodes"].append({"name": "lzx-ha-env", "ip": "192.168.0.254", "ready": False})
    assert codes(found) == ["OCBOOT_LOST_NODE_THERE"]
    found["options"]["only_look"] = True
    assert codes(found) == []
    assert any("still there" in line for line in outcome(found)["warnings"])


def test_ocboot_is_not_run_where_it_would_join_nobody() -> None:
    found = facts(K3S)
    del found["survivors"][1], found["nodes"][1]
    assert codes(found) == ["OCBOOT_SURVIVORS"]
    found = facts(KUBEADM)
    del found["survivors"][1], found["nodes"][1]
    assert codes(found) == []


def test_a_data_folder_that_ocboot_would_not_use_is_refused() -> None:
    found = facts(K3S)
    found["config"] += "data-dir: /data/k3s\n"
    assert codes(found) == ["OCBOOT_K3S_DATA_DIR"]


def test_a_k3s_that_is_not_ocboots_is_refused_with_the_native_join_named_before_anything_is_written() -> None:
    found = {**changed(K3S, "version", "v1.30.4+k3s1"), "token_known": False}
    found["nodes"].append({"name": "lzx-ha-env", "ip": "192.168.0.254", "ready": False})
    found["options"]["only_look"] = True
    assert codes(found) == ["OCBOOT_K3S_TOKEN", "OCBOOT_K3S_VERSION"]
    told = outcome(found)["refused_text"]
    assert "The cluster runs v1.30.4+k3s1, ocboot installs v1.28.5+k3s1." in told
    assert told.count("Join natively instead") == 2


@each_provider
def test_no_refusal_or_warning_tells_a_password(provider: str) -> None:
    found = facts(provider)
    found["cluster"]["spec"]["mysql"]["password"] = "zq{{7'\""
    found["options"].update(onecloud_user_password="vw'8", skip_cloud=False)
    found["checkout"] = {}
    told = str([outcome(found)[key] for key in ("refusals", "warnings", "refused_text")])
    assert "OCBOOT_PASSWORD_UNSAFE" in told
    assert "zq{{" not in told
    assert "vw'8" not in told


def test_host_networks_are_left_out_where_a_release_fails_with_them() -> None:
    found = changed(K3S, "checkout/host_networks_regression", True)
    made = outcome(found)
    assert "host_networks" not in made["configuration"]["primary_master_node"]
    joining, survivor = made["configuration"]["master_nodes"]["hosts"]
    assert joining["host_networks"] == ["eth0/br0/192.168.0.239"]
    assert "host_networks" not in survivor
    assert any("host_networks" in line for line in made["warnings"])
    # A second network would be lost by that.
    found["survivors"][1]["conf_networks"] = ["eth0/br0/192.168.0.243", "eth1/br1/198.51.100.3"]
    assert codes(found) == ["OCBOOT_HOST_NETWORKS"]


def test_nothing_known_of_the_checkout_is_taken_for_the_worst() -> None:
    found = {**facts(K3S), "checkout": {}}
    assert "host_networks" not in outcome(found)["configuration"]["primary_master_node"]
    assert any("Nothing is known" in line for line in outcome(found)["warnings"])


@pytest.mark.parametrize(
    ("provider", "k8s_v115", "wanted"), [(KUBEADM, True, True), (KUBEADM, False, False), (K3S, True, False)]
)
def test_an_ocboot_that_would_install_k3s_on_a_kubeadm_cluster_is_told(
    provider: str, k8s_v115: bool, wanted: bool
) -> None:
    found = changed(provider, "checkout/k8s_v115", k8s_v115)
    assert ("K8S_V115" in outcome(found)["environment"]) is wanted


@pytest.mark.parametrize(
    ("backend", "ipip", "wanted"), [("vxlan", "Never", "vxlan"), ("bird", "Always", "ipip"), ("bird", "Never", "none")]
)
def test_calico_stays_what_it_is(backend: str, ipip: str, wanted: str) -> None:
    found = facts(K3S)
    found["calico"] = {"backend": backend, "ipip": ipip, "ip_autodetection_method": "interface=eth0"}
    primary = outcome(found)["configuration"]["primary_master_node"]
    assert (primary["calico_backend"], primary["enable_ipip"]) == (wanted, wanted == "ipip")
    assert primary["ip_autodetection_method"] == "interface=eth0"


def test_a_container_host_stays_one() -> None:
    found = facts(K3S)
    found["survivors"][1]["host_type"] = "container"
    made = outcome(found)["configuration"]
    assert made["master_nodes"]["enable_containerd"] is True
    assert made["primary_master_node"]["enable_containerd"] is False


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


@given(clusters())
@settings(max_examples=60, deadline=None)
def test_whatever_the_cluster_the_file_obeys_the_rules(found: Json) -> None:
    before = copy.deepcopy(found)
    result = outcome(found)
    assert found == before
    assert result["refusals"] == []
    made = yaml.safe_load(rendered(result["configuration"]))
    primary, masters = made["primary_master_node"], made["master_nodes"]
    listed = [host["hostname"] for host in masters["hosts"]]
    survivors = {machine["ip"] for machine in found["survivors"]}
    assert "h" + primary["hostname"] == found["holders"][0]
    assert primary["hostname"] not in listed
    assert len(listed) == len(set(listed))
    if found["provider"] == K3S:
        # ocboot compares the count of control-plane nodes with the length of master_nodes and one.
        assert {primary["hostname"], *listed} == survivors | {found["replacement"]["ip"]}
        assert len(listed) >= 2
    else:
        assert listed == [found["replacement"]["ip"]]
    assert primary["controlplane_host"] == masters["controlplane_host"] == found["vip"]
    ipaddress.ip_address(primary["controlplane_host"])
    assert not any(found["lost"]["addresses"][0] in re.split(r"[^\d.]", text) for text in strings(made))
    assert "lost-1" not in strings(made)
    regression = found["checkout"]["host_networks_regression"]
    for machine in (primary, *masters["hosts"]):
        assert ("host_networks" in machine) is (machine["hostname"] in survivors and not regression)
    for network in (primary["pod_network_cidr"], primary["service_cidr"]):
        for ip in (primary["hostname"], found["vip"], *listed):
            assert ipaddress.ip_address(ip) not in ipaddress.ip_network(network)


@given(clusters(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_survivor_that_is_not_listed_is_never_overlooked(found: Json, data: st.DataObject) -> None:
    assume(len(found["survivors"]) > 1)
    index = data.draw(st.integers(0, len(found["survivors"]) - 1))
    del found["survivors"][index]
    assert "OCBOOT_SURVIVORS" in codes(found)
