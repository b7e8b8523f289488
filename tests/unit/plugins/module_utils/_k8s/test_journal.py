# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal in its ConfigMap: what is read, and when it may be written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import journal
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.plugins.modules import journal as module
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import journal_object

Json = dict[str, Any]
LOST = {"name": "master-1", "addresses": ["192.0.2.11"], "hostname_label": "master-1", "uid": "u"}

CLAIM = ClaimPlan(
    namespace="ns",
    name="data",
    uid="c",
    pv_name="pv",
    pv_uid="p",
    policy="discard",
    reason="made again, empty",
    order=0,
    group="g",
    size_bytes=1,
)


def stored(state: Json, version: str = "7") -> Json:
    found = journal_object("cloudpods-ha-master-1", state)
    found["metadata"]["resourceVersion"] = version
    return found


def test_a_journal_is_what_was_written_and_the_version_it_was_read_in() -> None:
    state = {"lost": LOST, "joining": {"host": "ünïcode"}}
    assert journal.parse(stored(state)) == {**state, "version": "7"}


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"state": "{not json"},
        {"state": ""},
        {"state": "null"},
        {"state": "[]"},
        {"state": "[" * 100000},
        {"state": '{"lost": null}'},
        {"state": json.dumps({"lost": {"name": "master-1"}})},
    ],
)
def test_a_journal_that_cannot_be_read_is_told_by_name_and_is_not_taken_for_an_empty_one(data: Json | None) -> None:
    with pytest.raises(HaError, match="kube-system/cloudpods-ha-master-1 can't be read"):
        journal.parse({"metadata": {"name": "cloudpods-ha-master-1"}, "data": data})


def test_the_first_journal_is_created_and_a_later_one_replaces_the_version_it_was_read_in() -> None:
    first = journal.configmap("master-1", {"lost": LOST}, found=None)
    assert first is not None
    assert "resourceVersion" not in first["metadata"]
    read = journal.parse(stored({"lost": LOST}))
    later = journal.configmap("master-1", {**read, "joining": {"host": "h"}}, found=stored({"lost": LOST}))
    assert later is not None
    assert later["metadata"]["resourceVersion"] == "7"
    assert json.loads(later["data"]["state"]) == {"lost": LOST, "joining": {"host": "h"}}


def test_a_journal_that_says_the_same_is_not_written() -> None:
    assert journal.configmap("master-1", journal.parse(stored({"lost": LOST})), found=stored({"lost": LOST})) is None


@pytest.mark.parametrize(
    ("state", "found"),
    [
        # Written meanwhile, begun meanwhile, deleted meanwhile.
        ({"lost": LOST, "version": "6"}, stored({"lost": LOST})),
        ({"lost": LOST}, stored({"lost": LOST, "finished": None})),
        # Even if it is finished: this plan was made before.
        ({"lost": LOST}, stored({"lost": LOST, "finished": "2026-03-01T12:20:00Z"})),
        ({"lost": LOST, "version": "7"}, None),
        ({"lost": {**LOST, "uid": "new"}}, stored({"lost": LOST, "finished": None})),
    ],
)
def test_another_run_s_journal_is_not_overwritten(state: Json, found: Json | None) -> None:
    with pytest.raises(Unsafe, match="JOURNAL_CHANGED: another run wrote the journal of master-1"):
        journal.configmap("master-1", state, found=found)


def test_the_finished_journal_of_an_earlier_loss_makes_room_for_the_next_one() -> None:
    old = stored({"lost": LOST, "finished": "2026-03-01T12:20:00Z"})
    made = journal.configmap("master-1", {"lost": {**LOST, "uid": "new"}}, found=old)
    assert made is not None
    assert made["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize(
    "state", [{}, {"joining": {"host": "master-4"}}, {"lost": None}, {"lost": {"name": "master-1"}}]
)
def test_a_journal_without_its_loss_is_never_written(state: Json) -> None:
    for found in (None, stored({"lost": LOST})):
        with pytest.raises(HaError, match="not written that no later run could read: lost is not"):
            journal.configmap("master-1", {**state, "version": "7" if found else ""}, found=found)


WHOLE: Json = {
    "replacement": "master-4",
    "node": "master-4",
    "claims": to_json([CLAIM]),
    "minio": {"a/b": {"deployment_id": "d", "buckets": ["x"]}},
    "before": {"vip": "192.0.2.100"},
    "approved": "0123",
    "touched": to_json([ObjectRef("Node", "", "master-1", "u")]),
    "backup": dict.fromkeys(("host", "path", "controller_path", "sha256", "objects_path", "taken"), "x"),
    "joining": {"host": "master-4"},
    "credentials": {"before": [], "made": []},
    "phases": {"backup": {"started": "2026-03-01T12:20:00Z"}},
    "finished": None,
}


@pytest.mark.parametrize("left_out", [set(), *({key} for key in WHOLE)])
def test_a_journal_may_lack_what_its_run_had_not_come_to(left_out: set[str]) -> None:
    state = {"lost": LOST, **{key: value for key, value in WHOLE.items() if key not in left_out}}
    assert journal.parse(stored(state)) == {**state, "version": "7"}
    assert journal.configmap("master-1", state, found=None) is not None


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *((key, value) for key in WHOLE for value in (7, ["x"]) if key not in ("claims", "touched") or value == 7),
        *((key, {"x": 1}) for key in ("replacement", "claims", "touched", "minio", "phases", "finished")),
        ("claims", [{"namespace": "ns"}]),
        ("claims", [{**to_json(CLAIM), "of another release": 1}]),
        ("claims", ["ns/name"]),
        ("touched", [{"kind": "Node"}]),
        ("touched", [None]),
        # As an extra variable ha_backup would have it.
        ("backup", {"sha256": "0"}),
        ("backup", {**WHOLE["backup"], "controller_path": None}),
    ],
)
def test_a_damaged_part_is_named_and_neither_read_nor_written(part: str, value: Any) -> None:
    state = {"lost": LOST, **WHOLE, part: value}
    with pytest.raises(Unsafe, match="JOURNAL_UNREADABLE: .* can't be read: {0} is not what a run writes".format(part)):
        journal.parse(stored(state))
    with pytest.raises(HaError, match="no later run could read: {0} is not".format(part)):
        journal.configmap("master-1", state, found=None)


def test_the_records_of_a_finished_journal_may_be_of_another_release() -> None:
    state = {"lost": LOST, **WHOLE, "finished": "2026-03-01T12:20:00Z", "claims": [{"of another release": 1}]}
    assert journal.parse(stored(state))["claims"] == [{"of another release": 1}]


@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("found", [None, stored({"lost": LOST})])
def test_a_write_that_another_run_s_came_before_is_a_refusal(status: int, found: Json | None) -> None:
    class StandInApi:
        def get(self, _path: str) -> Json | None:
            return found

        def replace(self, path: str, _body: Json) -> Json:
            raise ApiRefused("PUT", path, status, "the object has been modified")

        create = replace

    state = {"lost": LOST, "joining": {"host": "h"}, "version": "7" if found else ""}
    with pytest.raises(Unsafe, match="JOURNAL_CHANGED"):
        module.write(StandInApi(), "master-1", state)  # type: ignore[arg-type]
