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
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_configuration import RETURN, ocboot_configuration
from ansible_collections.cloudpods.ha.plugins.filter.ocboot_differences import ocboot_differences
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import PROVIDERS, facts, outcome

Json = dict[str, Any]
NAMES = ["ocboot_configuration", "ocboot_value", "ocboot_differences"]
MACHINE = {"host": "h", "name": "master-2", "ip": "192.0.2.12"}


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_is_registered_under_the_name_of_its_file(name: str) -> None:
    module = importlib.import_module("ansible_collections.cloudpods.ha.plugins.filter." + name)
    assert module.FilterModule().filters() == {name: getattr(module, name)}
    assert yaml.safe_load(module.DOCUMENTATION)["name"] == name


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="as_hots"):
        asked(options={"as_hots": True})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_outcome_is_plain_data(provider: str) -> None:
    found = outcome(facts(provider))
    assert json.loads(json.dumps(found)) == found
    assert (found["ok"], found["reason"], found["refusals"]) == (True, "", [])
    assert set(found) == set(yaml.safe_load(RETURN)["_value"]["contains"])


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
    return ocboot_configuration(api, **{**arguments, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"api": {"cluster": []}}, "0 OnecloudClusters"),
        ({"survivors": [{"host": "h", "name": "x"}]}, "'ip' is missing"),
        ({"files": {"h": {"files": {"config": {"text": "token: secret: x\n\t"}}}}}, "not valid YAML"),
        ({"files": {"h": {"files": {"config": {"text": "[" * 20000}}}}}, "not valid YAML"),
        ({"files": {"h": {"files": {"config": {"text": "day: 2024-13-45"}}}}}, "not valid YAML"),
        ({"files": {"h": {"files": {"host_conf": {"text": "- secret"}}}}}, "is not a mapping"),
        ({"survivors": [{**MACHINE, "port": "secret"}]}, "unexpected form"),
        ({"options": {"skip_cloud": "secret"}}, "skip_cloud must be true or false"),
        ({"lost": "secret"}, "unexpected form"),
    ],
)
def test_an_answer_that_can_not_be_understood_is_a_sentence_without_a_secret(changes: Json, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said) as caught:
        asked(**changes)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("only_look", "end"), [(True, "Nothing was changed."), (False, "ocboot was not run.")])
def test_a_host_without_files_is_a_refusal_and_not_a_crash(only_look: bool, end: str) -> None:
    found = asked(options={"only_look": only_look})
    assert found["ok"] is False
    assert found["refusals"]
    assert found["configuration"] == {}
    assert found["reason"].startswith("OCBOOT_FIELD_MISSING: ")
    assert found["reason"].endswith(" " + end)


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
