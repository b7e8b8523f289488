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
def check(root: Path) -> t.Callable[..., Json]:
    defaults = yaml.safe_load((root / "roles/replace_master/defaults/main.yml").read_text(encoding="utf-8"))

    def call(hidden: bool = False, **given: t.Any) -> Json:
        task = types.SimpleNamespace(
            args={"hidden": True} if hidden else {}, check_mode=False, async_val=0, action="x", diff=False
        )
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
        templar = types.SimpleNamespace(template=lambda value: value)
        plugin = action.ActionModule(task, connection, types.SimpleNamespace(), None, templar, None)
        variables = {**defaults, **{"replace_master_" + name: value for name, value in given.items()}, "groups": GROUPS}
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
