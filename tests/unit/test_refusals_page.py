# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/refusals.md is what the code says; each refusal has a test that makes it, and what lifts it does lift it.

That the named unit tests make their refusals is checked at the end of a whole run, in conftest.py.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils import _codes
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import lock
from ansible_collections.cloudpods.ha.tests import refusals
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    DISCARD,
    NOW,
    POLICIES,
    STORAGE,
    StandInCluster,
)

TEXT = refusals.PAGE.read_text(encoding="utf-8")
LISTED = refusals.listed(TEXT)


def test_the_page_is_what_the_code_says() -> None:
    assert refusals.page(LISTED) == TEXT, "make refusals"


@pytest.mark.parametrize("code", _codes.RUNBOOK)
def test_a_refusal_has_a_message_and_a_test_that_makes_it(code: str) -> None:
    assert refusals.made()[code], "nothing in the code refuses with it"
    assert LISTED.get(code), "no test makes it: write one, then make refusals"


def test_each_named_test_is_there() -> None:
    for file, name in {tuple(test.split("::")) for tests in LISTED.values() for test in tests}:
        tree = ast.parse((refusals.ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {item.name for item in ast.walk(tree) if isinstance(item, ast.FunctionDef)}, (file, name)


def test_a_setting_that_lifts_a_refusal_is_one_and_is_named_by_a_remedy() -> None:
    specs = yaml.safe_load((refusals.ROOT / "roles/replace_master/meta/argument_specs.yml").read_text(encoding="utf-8"))
    made = refusals.made()
    for setting in _codes.OVERRIDES.values():
        assert setting in specs["argument_specs"]["main"]["options"]
    for code, texts in made.items():
        if any("replace_master_fenced=true" in remedy for _message, remedy in texts):
            assert _codes.OVERRIDES.get(code) in ("replace_master_fenced", "replace_master_minimum_down"), code


def ready(cluster: StandInCluster) -> None:
    cluster.set_ready(cluster.lost, True)


def answering(cluster: StandInCluster) -> None:
    cluster.answers = [22]


def unprobed(cluster: StandInCluster) -> None:
    cluster.node("master-1")["status"]["addresses"] = []
    cluster._probe = lambda: {"addresses": [], "open": [], "closed": []}  # type: ignore[method-assign]


def just_down(cluster: StandInCluster) -> None:
    cluster.set_ready(cluster.lost, False, since=NOW[:19] + "Z")


def named_as_the_lost(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", hostname="master-1")


def skewed(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", skew_seconds=30.0)


def full(cluster: StandInCluster) -> None:
    cluster.change_host("master-4", free_bytes={STORAGE: 1, "/mnt/large": 2**40})


def undecided(cluster: StandInCluster) -> None:
    cluster.add_statefulset("tools", "cache", "data", [cluster.lost])


POLICY = {"namespace": "tools", "claim": "data-*", "policy": "ignore", "reason": "a cache"}
LIFTED: dict[str, tuple[Callable[[StandInCluster], Any], dict[str, Any], dict[str, Any]]] = {
    "NODE_READY": (ready, {}, {"fenced": True}),
    "NODE_ANSWERS": (answering, {}, {"fenced": True}),
    "NODE_UNPROBED": (unprobed, {}, {"fenced": True}),
    "NODE_DOWN_TOO_SHORT": (just_down, {}, {"minimum_down_seconds": 0}),
    "REPLACEMENT_IS_LOST": (named_as_the_lost, {}, {"fenced": True}),
    "CLOCK_SKEW": (skewed, {}, {"maximum_skew_seconds": 60.0}),
    "DISK_SPACE": (full, {}, {"storage_path": "/mnt/large"}),
    "CLAIM_UNDECIDED": (undecided, {}, {"policies": (POLICY, *POLICIES)}),
    "DISCARD_UNAPPROVED": (lambda _cluster: None, {"discard": ()}, {"discard": DISCARD}),
}


def test_an_expired_lock_is_taken_over_by_its_setting() -> None:
    expired = lock.parse(lock.lease("root@b (run 2-2)", "boot/ns/2/2", now=1000.0))

    def check(take_over: bool) -> bool:
        return lock.check(expired, "root@a (run 1-1)", now=9000.0, has_ended=False, take_over=take_over)

    with pytest.raises(Unsafe, match="LOCK_HELD"):
        check(False)
    check(True)
    assert set(LIFTED) | {"LOCK_HELD"} == set(_codes.OVERRIDES)


@pytest.mark.parametrize("code", LIFTED)
def test_the_setting_lifts_the_refusal(code: str) -> None:
    change, refused, lifted = LIFTED[code]
    cluster = StandInCluster()
    change(cluster)
    assert code in cluster.codes(**refused)
    assert code not in cluster.codes(**lifted)
