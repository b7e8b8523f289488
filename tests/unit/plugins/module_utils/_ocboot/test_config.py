# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that ocboot gets."""

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
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import VARIABLES
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import (
    K3S,
    KUBEADM,
    PROVIDERS,
    changed,
    clusters,
    codes,
    each_provider,
    facts,
    outcome,
    procedure,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[5]
TEMPLATE = ROOT / "roles" / "ocboot_config" / "templates" / "ocboot.yml.j2"
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


def rendered(configuration: Json) -> str:
    """The template, laid out as Ansible does it."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)  # noqa: S701  no HTML
    environment.filters["cloudpods.ha.ocboot_value"] = FilterModule().filters()["ocboot_value"]
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(__ocboot_config_made={"configuration": configuration})


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


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


@pytest.mark.parametrize(
    ("provider", "k8s_v115", "wanted"), [(KUBEADM, True, True), (KUBEADM, False, False), (K3S, True, False)]
)
def test_an_ocboot_that_would_install_k3s_on_a_kubeadm_cluster_is_told(
    provider: str, k8s_v115: bool, wanted: bool
) -> None:
    found = changed(provider, "checkout/k8s_v115", k8s_v115)
    environment = outcome(found)["environment"]
    assert ("K8S_V115" in environment) is wanted
    assert set(environment) <= set(VARIABLES)


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
