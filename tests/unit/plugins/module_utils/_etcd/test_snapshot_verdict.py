# SPDX-License-Identifier: GPL-3.0-or-later
"""When an earlier backup is used again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.filter.backup_verdict import FilterModule

Json = dict[str, Any]
PLAN: Json = {"lost": {"name": "master-1", "uid": "u1", "addresses": []}, "executor": {"host": "master-2"}}
DUMP = "/c/backups/before.json"
TOKEN = "/c/backups/before.token"
BACKUP: Json = {
    "host": "master-2",
    "path": "/var/backups/cloudpods-ha/before.db",
    "controller_path": "/c/backups/before.db",
    "sha256": "ab12",
    "objects_path": DUMP,
    "lost": {"name": "master-1", "uid": "u1"},
}
GOOD = {"valid": True, "error": ""}
BAD = {"valid": False, "error": "the hash at the end of x does not match what is before it"}


def verdict(backup: Json = BACKUP, *, plan: Json = PLAN, provider: str = "kubeadm", **more: Any) -> Json:
    known = {"copy": GOOD, "original": GOOD, "present": [DUMP, TOKEN], **more}
    found: Json = FilterModule().filters()["backup_verdict"](backup, plan, provider, **known)
    return found


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
def test_a_whole_backup_of_the_same_lost_node_is_used_again(provider: str) -> None:
    assert verdict(provider=provider) == {"ok": True, "reason": ""}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"backup": {}}, "no earlier backup"),
        ({"backup": {**BACKUP, "lost": {"name": "master-1", "uid": "u0"}}}, "another lost node (master-1)"),
        ({"backup": {**BACKUP, "lost": {"name": "master-9", "uid": "u1"}}}, "another lost node (master-9)"),
        ({"backup": {key: BACKUP[key] for key in BACKUP if key != "lost"}}, "another lost node (not recorded)"),
        ({"backup": {**BACKUP, "sha256": ""}}, "no SHA-256"),
        ({"copy": BAD}, "on the controller is not good: the hash at the end"),
        ({"copy": {}}, "on the controller is not good: it was not read"),
        ({"original": BAD}, "on master-2 is not good: the hash at the end"),
        ({"original": {}}, "on master-2 is not good: it was not read"),
        ({"present": [TOKEN]}, DUMP + " is missing"),
    ],
)
def test_any_other_is_taken_anew_and_the_reason_is_given(change: Json, reason: str) -> None:
    found = verdict(**change)
    assert not found["ok"]
    assert reason in found["reason"]


def test_the_snapshot_on_another_survivor_is_not_asked_for() -> None:
    assert verdict({**BACKUP, "host": "master-3"}, original={})["ok"]


def test_on_k3s_the_token_must_be_there_too() -> None:
    assert verdict(present=[DUMP])["ok"]
    found = verdict(present=[DUMP], provider="k3s")
    assert not found["ok"]
    assert TOKEN in found["reason"]


def test_a_plan_without_a_lost_node_uses_no_backup_again() -> None:
    assert not verdict({**BACKUP, "lost": {}}, plan={"lost": None, "executor": {"host": "master-2"}})["ok"]
