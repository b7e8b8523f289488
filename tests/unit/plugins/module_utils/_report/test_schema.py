# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json has the published shape, whatever the outcome, and the schema is strict enough to notice another one."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._report.report import FORMAT, report
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils._report.reports import KINDS, done
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster

SCHEMA = json.loads((Path(__file__).resolve().parents[5] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
CONTRACTS = Path(__file__).resolve().parents[5] / "docs" / "contracts.md"


def faults(data: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)]


def test_the_schema_is_one_and_of_this_format() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["format"] == {"const": FORMAT}


def test_the_schema_knows_every_field_of_the_lost_node() -> None:
    shape = SCHEMA["$defs"]["lost"]
    assert set(shape["properties"]) == {field.name for field in dataclasses.fields(Lost)}
    assert set(shape["required"]) == set(shape["properties"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_each_outcome_has_the_published_shape(kind: str) -> None:
    assert faults(json.loads(json.dumps(KINDS[kind]()["json"]))) == []


def test_the_report_of_every_interruption_has_the_published_shape() -> None:
    acts = 0
    while True:
        cluster = StandInCluster()
        made = cluster.plan()
        whole = cluster.run(made, acts=acts) < acts
        again = cluster.plan()
        found = report(again, dict(cluster.journal or {}), {}, failure="" if whole else "killed")
        assert faults(json.loads(json.dumps(found["json"]))) == [], acts
        assert found["html"]
        if whole:
            break
        acts += 1
    assert acts > 5


def test_the_sample_in_the_contracts_has_the_published_shape() -> None:
    text = CONTRACTS.read_text(encoding="utf-8")
    (sample,) = re.findall(r"^```json\n(.*?)^```$", text[text.index("\n## report.json") :], re.MULTILINE | re.DOTALL)[
        :1
    ]
    assert faults(json.loads(sample)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "perhaps"},
        {"format": 2},
        {"extra": 1},
        {"failure": "a failure beside DONE"},
        {"refusals": [{"code": "NOT_DOWN", "observed": "x", "remedy": "y"}]},
        {"phases": [{"phase": "join", "started": "", "seconds": -1, "waits": []}]},
        {"written": "yesterday"},
        {"claims": [{"name": "x"}]},
        {"before": {"nodes": []}},
    ],
)
def test_another_shape_is_noticed(change: dict[str, Any]) -> None:
    assert faults({**json.loads(json.dumps(done()["json"])), **change})


@pytest.mark.parametrize("key", SCHEMA["properties"])
def test_a_missing_key_is_noticed(key: str) -> None:
    data = dict(done()["json"])
    del data[key]
    assert faults(data)
