# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters about ocboot, on plain mappings as facts hold them."""

from __future__ import annotations

import copy
import importlib
import json
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_configuration import ocboot_configuration
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_differences import ocboot_differences
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_inputs import ocboot_inputs
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import inputs as ocboot_read
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import models
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import from_json, to_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import PROVIDERS, facts, inputs

Json = dict[str, Any]
NAMES = ["ocboot_inputs", "ocboot_configuration", "ocboot_value", "ocboot_differences"]
MACHINE = {"host": "h", "name": "master-2", "ip": "192.0.2.12"}


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_is_registered_under_the_name_of_its_file(name: str) -> None:
    module = importlib.import_module("ansible_collections.cloudpods.ha.plugins.filter." + name)
    assert module.FilterModule().filters() == {name: getattr(module, name)}
    assert yaml.safe_load(module.DOCUMENTATION)["name"] == name


@pytest.mark.parametrize("provider", PROVIDERS)
def test_inputs_are_plain_data_that_makes_the_record(provider: str) -> None:
    found = inputs(facts(provider))
    assert json.loads(json.dumps(found)) == found
    record = from_json(models.OcbootInputs, found)
    assert to_json(record)["survivors"] == found["survivors"]
    assert [host.holds_vip for host in record.survivors] == [True, False]
    assert record.survivors[0].host_networks == ("eth0/br0/" + record.survivors[0].ip,)
    assert record.checkout is not None
    assert record.k3s_token_known is (True if provider == "k3s" else None)


def test_an_unknown_option_is_told_and_not_passed_over() -> None:
    found = inputs(facts("k3s"))
    found["options"]["as_hots"] = True
    with pytest.raises(AnsibleFilterError, match="as_hots"):
        ocboot_configuration(found)


def asked(**changes: Any) -> Json:
    arguments: Json = {
        "provider": "k3s",
        "lost": {"name": "master-1"},
        "replacement": {"name": "master-4", "ip": "192.0.2.14"},
        "survivors": [MACHINE],
        "files": {},
        "vip": "192.0.2.10",
        "options": {},
    }
    api = changes.pop("api", {"cluster": [{"spec": {}}]})
    return ocboot_inputs(api, **{**arguments, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"api": {"cluster": []}}, "0 OnecloudClusters"),
        ({"survivors": [{"host": "h", "name": "x"}]}, r"lacks .*\(ip\)"),
        ({"files": {"h": {"files": {"config": {"text": "token: secret: x\n\t"}}}}}, "no YAML"),
        ({"files": {"h": {"files": {"host_conf": {"text": "- secret"}}}}}, "no mapping"),
    ],
)
def test_an_answer_that_can_not_be_understood_is_a_sentence_without_a_secret(changes: Json, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said) as caught:
        asked(**changes)
    assert "secret" not in str(caught.value)


def test_a_host_that_was_not_asked_is_a_refusal_and_not_a_crash() -> None:
    found = ocboot_configuration(asked())
    assert found["refusals"]
    assert found["configuration"] == {}
    assert found["refused_text"].startswith("OCBOOT_FIELD_MISSING: ")


def test_what_the_operator_gives_for_a_machine_goes_before_its_host_conf() -> None:
    conf = {"networks": ["eth0/br0/192.0.2.12"], "local_image_path": ["/data"], "hugepages_option": "disable"}
    found = ocboot_read.host({**MACHINE, "host_networks": "bond0/br0/192.0.2.12"}, conf=conf)
    assert (found.host_networks, found.disk_paths) == (("bond0/br0/192.0.2.12",), ("/data",))
    assert (found.hugepages, found.containerd) == (False, None)
    with pytest.raises(HaError, match="no mapping"):
        ocboot_read.host(MACHINE, conf=["x"])


def result(host: str, text: str | None) -> Json:
    files = {} if text is None else {"host_conf": {"path": "/etc/yunion/host.conf", "sha256": text, "text": text}}
    return {"ansible_loop_var": "item", "item": host, "files": files}


def test_differences_are_told_by_host_and_a_host_that_did_not_answer_has_none() -> None:
    before = [result("master-2", "a"), result("master-3", "a"), result("master-5", "a")]
    after = [result("master-2", "b"), result("master-3", "a"), result("master-5", None)]
    kept = copy.deepcopy(before)
    (found,) = ocboot_differences(before, after)
    assert before == kept
    assert (found["host"], found["path"], found["change"]) == ("master-2", "/etc/yunion/host.conf", "changed")
    assert found["lines"][1:] == ["-a", "+b"]
    assert found["shown"] == ["master-2: /etc/yunion/host.conf changed", *found["lines"]]
