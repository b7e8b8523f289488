# SPDX-License-Identifier: GPL-3.0-or-later
"""Against answers that were recorded from a real server; the server behind is a stand-in."""

from __future__ import annotations

import copy
import json
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import scan as minio_scan
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import AdminRefused
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import Seen

RECORDED = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2026-02.json").read_text(encoding="utf-8")
)
STATUS = RECORDED["scan_status"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    now = types.SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(minio_scan.time, "monotonic", lambda: now.seconds)
    monkeypatch.setattr(minio_scan.time, "sleep", lambda seconds: setattr(now, "seconds", now.seconds + seconds))
    return now


class StandInServer:
    """Gives one list of answers per start of a scan; the last one again and again."""

    def __init__(self, **scans: list[list[dict]]) -> None:
        self.scans = {bucket: iter(answers) for bucket, answers in scans.items()}
        self.running: dict[str, t.Iterator[dict]] = {}
        self.calls: list[tuple[str, dict, dict | None]] = []

    def admin(self, method: str, path: str, *, query: dict | None = None, body: dict | None = None) -> dict:
        assert method == "POST"
        bucket = path.removeprefix("heal/")
        self.calls.append((bucket, query or {}, body))
        if query == {"forceStart": "true"}:
            if bucket not in self.scans:
                raise AdminRefused(404, "The specified bucket does not exist")
            self.running[bucket] = iter(next(self.scans[bucket]))
            return RECORDED["scan_start"]
        if "forceStop" in query:
            return RECORDED["scan_start"]
        assert query == {"clientToken": RECORDED["scan_start"]["clientToken"]}
        return next(self.running[bucket])


def answer(*names: str, summary: str = "finished", state: str = "ok") -> dict:
    (good,) = [item for item in STATUS["images"]["Items"] if item["type"] == "object" and not item["detail"]]
    items = []
    for name in names:
        item = {**copy.deepcopy(good), "object": name}
        item["after"]["drives"][1]["state"] = item["before"]["drives"][1]["state"] = state
        items.append(item)
    return {"Summary": summary, "Items": items or None}


def scan(server: StandInServer, *buckets: str, limit: int = 1000, seconds: float = 60) -> dict:
    return minio_scan.scan(server, buckets, judge=minio_scan.incomplete, max_objects=limit, seconds=seconds)  # type: ignore[arg-type]


def test_recorded_answers_are_read() -> None:
    server = StandInServer(images=[[STATUS["images"]]] * 2, logs=[[STATUS["logs"]]] * 2)
    result = scan(server, "images", "logs")
    assert (result["objects"], result["incomplete"], result["complete"]) == (6, 4, True)
    told = {item["object"]: item["error"] for item in result["sample"]}
    assert set(told.values()) == {"file is corrupted", "1 of 4 drives: missing"}
    assert told["dir2/o5"] == "1 of 4 drives: missing"


def test_it_is_asked_for_a_dry_run_and_nothing_else() -> None:
    server = StandInServer(images=[[answer("a")]])
    scan(server, "images")
    body = server.calls[0][2]
    assert body is not None
    assert (body["dryRun"], body["remove"], body["recreate"], body["recursive"]) == (True, False, False, True)


def test_an_object_that_can_t_be_judged_is_incomplete() -> None:
    assert minio_scan.incomplete(RECORDED["scan_of_a_gone_object"]) == "Object not found: logs/dir0/o0"
    assert minio_scan.incomplete({"type": "object", "before": {"drives": None}, "after": {}}) == "no drive is reported"
    assert minio_scan.incomplete(STATUS["images"]["Items"][0]) == ""


def test_what_is_complete_the_second_time_is_complete() -> None:
    """It was just being written, or deleted."""
    result = scan(StandInServer(images=[[answer("a", "b", state="missing")], [answer("a"), answer()]]), "images")
    assert (result["objects"], result["incomplete"], result["sample"]) == (2, 0, [])


def seen_by(*passes: dict, limit: int = 1000) -> tuple[dict, Seen]:
    seen = Seen()
    server = StandInServer(images=[[answers] for answers in passes])
    given = {"judge": minio_scan.unreadable, "max_objects": limit, "seconds": 60, "seen": seen}
    return minio_scan.scan(server, ["images"], **given), seen  # type: ignore[arg-type]


def damaged(*names: str, fine: tuple[str, ...] = ()) -> dict:
    found = answer(*names, *fine)
    for item in found["Items"][: len(names)]:
        item["before"]["drives"] = [{"state": "missing"}] * 4
    return found


def test_it_keeps_of_each_object_whether_it_can_be_read() -> None:
    _result, seen = seen_by(damaged("bad", "deleted", "late", fine=("a",)), damaged("bad", fine=("a", "late")))
    assert {key[1] for key in seen.good} == {"a", "late"}
    assert {key[1] for key in seen.bad} == {"bad"}


def test_what_a_second_look_did_not_reach_stays_as_it_was() -> None:
    endless = [{**damaged("bad", fine=("late",)), "Summary": "running"}, *[answer(summary="running")] * 1000]
    first = damaged("bad", "unreached", "late")
    seen = Seen()
    server = StandInServer(images=[[first], endless])
    given = {"judge": minio_scan.unreadable, "max_objects": 9, "seconds": 10, "seen": seen}
    result = minio_scan.scan(server, ["images"], **given)  # type: ignore[arg-type]
    assert result["incomplete"] == 2
    assert {key[1] for key in seen.bad} == {"bad", "unreached"}


def test_what_is_incomplete_twice_is_told_with_its_name() -> None:
    bad = answer("a", "b", state="missing")
    result = scan(StandInServer(images=[[bad], [answer("a", "c", state="missing")]]), "images")
    assert result["incomplete"] == 1
    assert result["sample"] == [
        {"bucket": "images", "object": "a", "version": "null", "error": "1 of 4 drives: missing"}
    ]


def test_answers_are_taken_until_the_server_has_finished() -> None:
    parts = [answer("a", summary="running"), answer(summary="running"), answer("b")]
    assert scan(StandInServer(images=[parts]), "images")["objects"] == 2


def test_the_limit_of_objects_stops_it_and_the_server() -> None:
    server = StandInServer(images=[[answer("a", "b", "c")]], logs=[[answer("d")]])
    result = scan(server, "images", "logs", limit=2)
    assert (result["objects"], result["complete"]) == (2, False)
    assert server.calls[-1][:2] == ("images", {"forceStop": "true"})
    assert server.calls[-1][2] is not None  # without a body the request is refused


def test_the_time_limit_stops_it(clock: types.SimpleNamespace) -> None:
    endless = [answer(f"o{i}", summary="running") for i in range(1000)]
    result = scan(StandInServer(images=[endless]), "images", seconds=10)
    assert result["complete"] is False
    assert 10 <= clock.seconds < 12


@pytest.mark.parametrize(
    ("server", "error"),
    [
        (StandInServer(), "the admin API answers 404"),
        (StandInServer(images=[[{"Summary": "stopped", "Detail": "no quorum"}]]), "no quorum"),
        (StandInServer(images=[[{"Summary": "finished", "Items": [3]}]]), "the scan broke off"),
    ],
)
def test_an_api_that_can_t_be_asked_proves_nothing(server: StandInServer, error: str) -> None:
    result = scan(server, "images")
    assert error in result["error"]
    assert (result["incomplete"], result["complete"]) == (0, False)


@pytest.mark.parametrize(
    ("versions", "allowed"),
    [
        ({"2021-06-17T00:10:46Z"}, True),
        ({"2021-07-21T22:15:23Z"}, True),
        ({"2021-08-20T18:32:01Z"}, False),
        ({"2021-06-17T00:10:46Z", "2025-10-15T17:29:55Z"}, False),
        ({"2021-06-17T00:10:46Z", ""}, False),
        ({"DEVELOPMENT.GOGET"}, False),
        (set(), False),
    ],
)
def test_a_release_whose_dry_run_deletes_is_scanned_only_where_that_is_allowed(
    versions: set[str], allowed: bool
) -> None:
    refused = minio_scan.refusal(versions, settled=True, lost=False, any_release=False)
    assert (refused == "") is allowed
    assert allowed or "scan_any_release" in refused
    assert minio_scan.refusal(versions, settled=True, lost=False, any_release=True) == ""


@pytest.mark.parametrize("lost", [True, False])
def test_what_is_not_whole_is_never_scanned(lost: bool) -> None:
    assert "deployment is not healthy" in minio_scan.refusal(
        {"2021-06-17T00:10:46Z"}, settled=False, lost=lost, any_release=True
    )


def test_while_drives_are_lost_any_release_is_scanned() -> None:
    assert minio_scan.refusal({"2026-02-12T00:00:00Z"}, settled=True, lost=True, any_release=False) == ""


def parts(*states: str, needs: int = 2, detail: str = "") -> dict:
    drives = [{"endpoint": "/d{0}".format(n), "state": state} for n, state in enumerate(states)]
    return {"type": "object", "detail": detail, "dataBlocks": needs, "before": {"drives": drives}}


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (parts("offline", "ok", "ok", "offline"), ""),
        (parts("offline", "missing", "ok", "offline"), "only 1 of the 2 parts needed to read it are left"),
        # As recorded: the states are said to be ok, and the object can't be read.
        (parts("ok", "ok", "ok", "ok", detail="corrupted backend"), "corrupted backend"),
        (parts("ok", "ok", "ok", "offline", needs=4), "only 3 of the 4 parts needed to read it are left"),
        # As seen with half of the servers away.
        ({"type": "bucket", "detail": "insufficient for the write operation", "before": {"drives": None}}, ""),
    ],
)
def test_an_object_is_readable_while_enough_parts_are_left(item: dict, told: str) -> None:
    assert minio_scan.unreadable(item).startswith(told)
    assert bool(minio_scan.unreadable(item)) is bool(told)


def test_locks_that_can_t_be_had_are_not_waited_for_while_drives_are_lost() -> None:
    server = StandInServer(images=[[answer("a")]])
    minio_scan.scan(server, ["images"], judge=minio_scan.unreadable, max_objects=9, seconds=60)  # type: ignore[arg-type]
    assert server.calls[0][2]["nolock"] is True
    server = StandInServer(images=[[answer("a")]])
    scan(server, "images")
    assert server.calls[0][2]["nolock"] is False


def test_a_server_that_tells_nothing_proves_nothing() -> None:
    endless = [answer(summary="running")] * 1000
    result = scan(StandInServer(images=[endless]), "images", seconds=10)
    assert result["error"] == "the servers reported no object within 10 s"
