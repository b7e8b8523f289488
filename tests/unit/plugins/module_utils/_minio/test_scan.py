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
    return minio_scan.scan(server, buckets, max_objects=limit, seconds=seconds)  # type: ignore[arg-type]


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
    refused = minio_scan.refusal(versions, settled=True, lost=(), any_release=False)
    assert (refused == "") is allowed
    assert allowed or "scan_any_release" in refused
    assert minio_scan.refusal(versions, settled=True, lost=(), any_release=True) == ""


def test_what_is_not_whole_is_never_scanned() -> None:
    old = {"2021-06-17T00:10:46Z"}
    assert "deployment is not healthy" in minio_scan.refusal(old, settled=False, lost=(), any_release=True)
    assert "drives are lost" in minio_scan.refusal(old, settled=True, lost=("minio-0",), any_release=True)


OLD = json.loads((Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2021-06.json").read_text())


def deep(answers: dict) -> dict:
    """What the second scan, with data, says of the same objects: as seen of that release, all are whole, and no version has its ID."""
    found = copy.deepcopy(answers)
    for item in found["Items"]:
        if item["type"] == "object":
            item["versionId"] = ""
        for drive in (item.get("before") or {}).get("drives") or []:
            drive["state"] = "ok"
        item["after"] = item["before"]
    return found


def doubtful() -> list[dict]:
    return [item for item in OLD["scan_status_whole"]["vers"]["Items"] if minio_scan.not_judged(item)]


def names() -> list[str]:
    return sorted({item["object"] for item in doubtful()})


def test_versions_that_look_corrupt_on_all_drives_are_scanned_with_their_data() -> None:
    first = OLD["scan_status_whole"]["vers"]
    assert doubtful(), "the recorded answers hold the case"
    scans = {
        f"vers/{name}": [[deep({**first, "Items": [i for i in doubtful() if i["object"] == name]})]] for name in names()
    }
    server = StandInServer(vers=[[first]], **scans)
    result = scan(server, "vers")
    assert (result["incomplete"], result["complete"], result["deep"]) == (0, True, len(doubtful()))
    modes = {(path, body["scanMode"]) for path, query, body in server.calls if body and "forceStart" in query}
    assert modes == {("vers", 1), *((f"vers/{name}", 2) for name in names())}


def test_many_such_versions_make_a_scan_of_the_whole_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio_scan, "_SINGLY", 0)
    first = OLD["scan_status_whole"]["vers"]
    assert scan(StandInServer(vers=[[first], [deep(first)]]), "vers")["incomplete"] == 0


def test_what_neither_scan_judges_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio_scan, "_SINGLY", 0)
    first = OLD["scan_status_whole"]["vers"]
    result = scan(StandInServer(vers=[[first], [first]]), "vers")
    assert result["incomplete"] == len(doubtful())
    assert {item["error"] for item in result["sample"]} == {"neither scan judged it"}
    broken = deep(first)
    broken["Items"] = [item for item in broken["Items"] if item["object"] != names()[0]]
    assert scan(StandInServer(vers=[[first], [broken]]), "vers")["incomplete"] > 0


def test_one_version_of_several_that_is_damaged_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio_scan, "_SINGLY", 0)
    first = OLD["scan_status_whole"]["vers"]
    broken = deep(first)
    item = next(item for item in broken["Items"] if item["object"] == names()[0])
    item["before"]["drives"][1]["state"] = "corrupt"
    result = scan(StandInServer(vers=[[first], [broken]]), "vers")
    assert [(one["object"], one["error"]) for one in result["sample"]] == [(names()[0], "1 of 4 drives: corrupt")]


def drives(item: dict, *states: str, version: str = "null", detail: str = "") -> dict:
    return {**item, "versionId": version, "detail": detail, "before": {"drives": [{"state": s} for s in states]}}


def test_only_a_version_that_is_corrupt_everywhere_was_not_judged() -> None:
    item = {"type": "object", "object": "a"}
    version = "5f8a0de2-0c21-4efe-ada9-637d3850f51d"
    assert minio_scan.not_judged(drives(item, "corrupt", "corrupt", version=version))
    assert minio_scan.not_judged(drives(item, "corrupt", "offline", version=version))
    assert not minio_scan.not_judged(drives(item, "offline", "offline", version=version))
    assert not minio_scan.not_judged(drives(item, "corrupt", "missing", version=version))
    assert not minio_scan.not_judged(drives(item, "corrupt", "corrupt", version=version, detail="file is corrupted"))
    assert not minio_scan.not_judged(drives(item, "corrupt", "corrupt"))
    assert not minio_scan.not_judged(drives(item, version=version))


def test_an_object_that_was_given_up_does_not_count() -> None:
    bad = answer("a", "b", state="missing")
    result = minio_scan.scan(
        StandInServer(images=[[bad], [bad]]),  # type: ignore[arg-type]
        ["images"],
        max_objects=9,
        seconds=60,
        given_up=lambda bucket, name, _version: (bucket, name) == ("images", "a"),
    )
    assert [item["object"] for item in result["sample"]] == ["b"]


def test_a_server_that_tells_nothing_proves_nothing() -> None:
    endless = [answer(summary="running")] * 1000
    result = scan(StandInServer(images=[endless]), "images", seconds=10)
    assert result["error"] == "the servers reported no object within 10 s"


def test_a_heal_is_no_dry_run_and_tells_what_stays_incomplete() -> None:
    server = StandInServer(**{"images/a": [[answer("a")]], "images/b": [[answer("b", state="missing")]]})
    result = minio_scan.heal(server, ["images/a", "images/b"], seconds=60)  # type: ignore[arg-type]
    assert (result["objects"], result["incomplete"], result["complete"]) == (2, 1, True)
    assert [item["object"] for item in result["sample"]] == ["b"]
    started = [body for _bucket, query, body in server.calls if "forceStart" in query]
    assert all(body is not None and body["dryRun"] is False and body["remove"] is False for body in started)


def test_a_scan_is_a_dry_run() -> None:
    server = StandInServer(images=[[answer("a")]])
    scan(server, "images")
    assert [body["dryRun"] for _bucket, query, body in server.calls if body and "forceStart" in query] == [True]


def test_a_heal_that_breaks_off_ends_in_one_sentence() -> None:
    server = StandInServer(**{"images/a": [[{"Items": 3}]]})
    with pytest.raises(minio_scan.HaError, match="the heal broke off"):
        minio_scan.heal(server, ["images/a"], seconds=60)  # type: ignore[arg-type]


def test_a_heal_counts_objects_of_one_name_in_two_buckets() -> None:
    missing = answer("a", state="missing")
    server = StandInServer(**{"images/a": [[missing]], "logs/a": [[missing]]})
    assert minio_scan.heal(server, ["images/a", "logs/a"], seconds=60)["incomplete"] == 2  # type: ignore[arg-type]
