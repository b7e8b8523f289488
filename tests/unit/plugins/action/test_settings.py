# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that checks the operator's variables, with the defaults and the specification of the role."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.action import settings as action

Json = dict[str, t.Any]
GROUPS = {"survivors": ["master-2", "master-3"], "replacement": ["master-4"]}


@pytest.fixture
def check(root: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Json]:
    defaults = yaml.safe_load((root / "roles/replace_master/defaults/main.yml").read_text(encoding="utf-8"))

    def call(
        hidden: bool = False, limit: str = "", before: Json | None = None, extra: Json | None = None, **given: t.Any
    ) -> Json:
        task = types.SimpleNamespace(
            args={"hidden": True} if hidden else {}, check_mode=False, async_val=0, action="x", diff=False
        )
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
        templar = types.SimpleNamespace(template=lambda value: value)
        plugin = action.ActionModule(task, connection, types.SimpleNamespace(), None, templar, None)
        variables = {**defaults, **{"replace_master_" + name: value for name, value in given.items()}, "groups": GROUPS}
        if limit:
            variables["ansible_limit"] = limit
        variables.update(before or {})
        monkeypatch.setattr(
            action, "load_extra_vars", lambda _loader: {**(extra or {}), "replace_master_lost": "master-1"}
        )
        return plugin.run(task_vars=variables)

    return call


def test_settings_have_their_types_and_no_secret(check: t.Callable[..., Json]) -> None:
    found = check(
        lost="master-1",
        minimum_down="20",
        maximum_skew="2",
        fenced="yes",
        discard="a/b",
        join_skip_phases="preflight",
        k3s_config='{"node-ip": null}',
        ocboot_user_password="marked-secret",
    )
    made = found["settings"]
    assert (made["minimum_down"], made["maximum_skew"], made["fenced"]) == (20, 2.0, True)
    assert (made["discard"], made["join_skip_phases"]) == (["a/b"], ["preflight"])
    assert made["drives_at_once"] == 1
    assert "ocboot_user_password" not in made
    assert "marked-secret" not in str(found)


MAY_HOLD_SECRETS: Json = {
    "k3s_config": {"agent-token": "marked-secret"},
    "ocboot_command": ["podman", "run", "-e", "TOKEN=marked-secret"],
    "ocboot_environment": {"PASSWORD": "marked-secret"},
    "ocboot_replacement": {"password": "marked-secret"},
    "ocboot_options": {"onecloud_user_password": "marked-secret"},
}


def test_settings_that_may_hold_secrets_are_returned_to_a_task_that_is_not_shown_alone(
    check: t.Callable[..., Json],
) -> None:
    given = {
        **MAY_HOLD_SECRETS,
        "k3s_config": '{"agent-token": "marked-secret"}',
        "ocboot_user_password": "marked-secret",
    }
    found = check(lost="master-1", **given)
    assert "marked-secret" not in str(found)
    assert not set(MAY_HOLD_SECRETS) & set(found["settings"])
    assert check(lost="master-1", hidden=True, **given)["settings"] == MAY_HOLD_SECRETS


@pytest.mark.parametrize("name", sorted(MAY_HOLD_SECRETS))
@pytest.mark.parametrize("value", ["{marked-secret", "marked-secret: [", {"a": "marked-secret"}, [["marked-secret"]]])
def test_a_setting_that_may_hold_secrets_is_refused_without_its_value(
    check: t.Callable[..., Json], name: str, value: t.Any
) -> None:
    found = check(lost="master-1", **{name: value})
    assert "marked-secret" not in str(found)
    if found.get("failed"):
        assert "replace_master_{0} is not a ".format(name) in found["msg"]


def test_a_policy_may_come_as_json_text(check: t.Callable[..., Json]) -> None:
    policies = [{"claim": "x", "policy": "ignore", "reason": "r", "order": 3}]
    text = '[{"claim": "x", "policy": "ignore", "reason": "r", "order": 3}]'
    assert check(lost="master-1", claim_policies=text)["settings"]["claim_policies"] == policies
    assert check(lost="master-1", claim_policies=policies)["settings"]["claim_policies"] == policies


@pytest.mark.parametrize(
    "given",
    [
        {"namespace": "db", "claim": "x", "policy": "discard", "reason": "y"},
        "namespace: db\nclaim: x\npolicy: discard\nreason: y",
        '{"namespace": "db", "claim": "x", "policy": "discard", "reason": "y"}',
        "- namespace: db\n  claim: x\n  policy: discard\n  reason: y",
        "---\n- {namespace: db, claim: x, policy: discard, reason: y}",
        ['{"namespace": "db", "claim": "x", "policy": "discard", "reason": "y"}'],
    ],
)
def test_one_policy_needs_no_list(check: t.Callable[..., Json], given: t.Any) -> None:
    policy = {"namespace": "db", "claim": "x", "policy": "discard", "reason": "y"}
    assert check(lost="master-1", claim_policies=given)["settings"]["claim_policies"] == [policy]


@pytest.mark.parametrize("given", ["", "[]", []])
def test_no_policy_is_none(check: t.Callable[..., Json], given: t.Any) -> None:
    assert check(lost="master-1", claim_policies=given)["settings"]["claim_policies"] == []


@pytest.mark.parametrize(
    ("given", "item"),
    [
        ("[1]", "1"),
        ([1], "1"),
        ("[null]", "null"),
        ("discard", '"discard"'),
        ("a,b", '"a,b"'),
        (["a"], '"a"'),
        ("[[x]]", '["x"]'),
        (["a: b: c"], '"a: b: c"'),
    ],
)
def test_a_policy_that_is_no_mapping_is_told_in_one_sentence(
    check: t.Callable[..., Json], given: t.Any, item: str
) -> None:
    sentence = "replace_master_claim_policies has the item {0}, which is not a mapping. Nothing was changed."
    assert check(lost="master-1", claim_policies=given)["msg"] == sentence.format(item)


@pytest.mark.parametrize("given", ["{1: marked-secret}", "{true: marked-secret}", {None: "marked-secret"}])
def test_a_key_that_is_not_text_is_refused_in_the_first_task(check: t.Callable[..., Json], given: t.Any) -> None:
    for name in ("k3s_config", "ocboot_options", "ocboot_environment", "ocboot_replacement"):
        told = check(lost="master-1", **{name: given})["msg"]
        assert "replace_master_{0} is not a mapping whose keys are text".format(name) in told
        assert "marked-secret" not in told
    told = check(lost="master-1", addresses="{7: 192.0.2.12}")["msg"]
    assert told == "replace_master_addresses has the key 7, which is not text. Nothing was changed."


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "-e replace_master_lost=NAME"),
        ({"lost": None}, "replace_master_lost has no value"),
        (
            {"lost": "master-1", "minimum_down": "10m"},
            "replace_master_minimum_down is '10m', which is not a whole number",
        ),
        ({"lost": "master-1", "drives_at_once": 0}, "replace_master_drives_at_once is 0"),
        ({"lost": "master-1", "join_method": "kubeadm"}, "join_method"),
        ({"lost": "master-1", "provider": "rke2"}, "provider"),
        (
            {"lost": "master-1", "discrad": "a/b"},
            "The variable replace_master_discrad does not exist; did you mean replace_master_discard?",
        ),
        ({"lost": "master-1", "claim_policies": "[{"}, "neither YAML nor JSON"),
        (
            {
                "lost": "master-1",
                "claim_policies": [{"claim": "x", "policy": "hook", "reason": "r", "tasks": "/nonexistent.yml"}],
            },
            "The file /nonexistent.yml in replace_master_claim_policies does not exist",
        ),
    ],
)
def test_what_can_not_be_used_fails_in_the_first_task(check: t.Callable[..., Json], given: Json, words: str) -> None:
    found = check(**given)
    assert found["failed"]
    assert words in found["msg"]
    assert found["msg"].endswith("Nothing was changed.")
    assert "settings" not in found


def test_every_fault_is_told_at_once(check: t.Callable[..., Json]) -> None:
    message = check(lost="master-1", minimum_down="x", lots=1, drives_at_once="one")["msg"]
    for words in ("replace_master_lots", "replace_master_minimum_down", "replace_master_drives_at_once"):
        assert words in message


@pytest.mark.parametrize("limit", ["localhost", "all", "localhost,survivors,replacement", "all:!master-3"])
def test_a_part_of_the_inventory_is_refused(check: t.Callable[..., Json], limit: str) -> None:
    # Even all hosts of the inventory are without the one that cleans up.
    found = check(lost="master-1", limit=limit)
    assert found["failed"]
    assert found["msg"].startswith("Run without --limit {0}: ".format(limit))
    assert found["msg"].endswith("Nothing was changed.")


@pytest.mark.parametrize("name", ["ha_plan", "ha_backup", "replace_master_settings", "discovery_plan", "backup_result"])
def test_an_extra_variable_that_would_replace_what_the_run_makes_is_refused(
    check: t.Callable[..., Json], name: str
) -> None:
    given = {name: {"refusals": []}}
    found = check(lost="master-1", before=given, extra=given)
    assert found[
        "msg"
    ] == "{0} is made by the run itself: leave it out of the extra variables. Nothing was changed.".format(name)


def test_a_second_replacement_in_one_run_is_refused(check: t.Callable[..., Json]) -> None:
    # What inspect_master leaves is read anew.
    assert "failed" not in check(lost="master-1", before={"discovery_plan": {}, "replace_master_settings": {}})
    found = check(lost="master-1", before={"replace_master_consent": {"consent": "0123"}, "backup_result": {}})
    assert found["msg"].startswith("This ansible-playbook has carried out a replacement already: ")
