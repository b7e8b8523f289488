# SPDX-License-Identifier: GPL-3.0-or-later
"""What is waited for, and how far it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._console import waits

ROLES = Path(__file__).resolve().parents[5] / "roles"


def tasks(found: Any) -> Any:
    for task in found or []:
        yield task
        for key in ("block", "rescue", "always"):
            yield from tasks(task.get(key))


NAMES = {
    re.split(r"[,(]? ?(?:\{\{|\()| of \{\{", task["name"], maxsplit=1)[0].strip().rstrip(",")
    for path in ROLES.glob("*/tasks/**/*.yml")
    for task in tasks(yaml.safe_load(path.read_text(encoding="utf-8")))
    if "name" in task
}


@pytest.mark.parametrize("name", sorted(waits.WAITS))
def test_each_wait_is_that_of_a_task(name: str) -> None:
    assert [known for known in NAMES if known.startswith(name) or name.startswith(known)], name


def test_a_wait_is_found_by_the_name_that_ansible_tells() -> None:
    name = "cloudpods.ha.join : preflight | Wait until the pods of the lost node are deleted (40 to 60 s are normal)"
    found = waits.of(name)
    assert found
    assert found.usual == "40 to 60 s"
    assert waits.of("cloudpods.ha.node_removal : act | Cordon master-1") is None


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"resources": [{}, {}]}, "2 pods left"),
        ({"problems": ["master-1 is still a member"]}, "master-1 is still a member"),
        (
            {
                "deployments": [
                    {"gate": {"sentences": []}},
                    {"gate": {"sentences": ["m does not reach n. If this lasts"]}},
                ]
            },
            "m does not reach n",
        ),
        ({"msg": "waits for the pod"}, "waits for the pod"),
        ({}, ""),
        ({"deployments": [{"gate": None}, None], "problems": None, "msg": None}, ""),
        ({"deployments": None}, ""),
    ],
)
def test_how_far_a_wait_is(result: Any, told: str) -> None:
    assert waits.left(waits.Wait("x", count="pods"), result) == told
