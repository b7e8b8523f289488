# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import types
import typing as t
from http.server import ThreadingHTTPServer

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import reads
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import Seen
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_minio import StandInApi, find, listed, pod, tunnel

DONE = {"objects": 3, "incomplete": 0, "sample": [], "complete": True}
VERSION = "5f8a0de2-0c21-4efe-ada9-637d3850f51d"


def prove(server: ThreadingHTTPServer, **more: t.Any) -> dict:
    given = {"max_objects": 100, "seconds": 60, "blocked": "", "timeout": 5, **more}
    return reads.prove(find(StandInApi(pod("minio-0"))), "minio-0", tunnel=tunnel(server), **given)


def asked(server: ThreadingHTTPServer) -> list[tuple]:
    return sorted(server.state.get("reads", []))  # type: ignore[attr-defined]


def seen(*good: str, bad: t.Sequence[str] = (), version: str = "") -> Seen:
    found = Seen()
    for name in (*good, *bad):
        item = {"type": "object", "object": name, "versionId": version, "dataBlocks": 2}
        found.note("images", item, "0 of the 2 parts are left" if name in bad else "")
    return found


def test_a_byte_of_each_object_is_read(minio: ThreadingHTTPServer) -> None:
    proof = prove(minio)
    assert proof == {"ok": True, "how": "read", "objects": 3, "unread": [], "reason": "3 objects were read"}
    assert asked(minio) == [("GET", name, "", "bytes=0-0") for name in ("one", "three", "two")]


def test_of_an_empty_object_the_metadata_is_read(minio: ThreadingHTTPServer) -> None:
    empty = [{**listed()[0], "key": "empty", "size": 0}]
    minio.state["versions"] = empty  # type: ignore[attr-defined]
    assert prove(minio)["ok"]
    assert asked(minio) == [("HEAD", "empty", "", "")]
    minio.state["refuses"] = ["empty"]  # type: ignore[attr-defined]
    assert not prove(minio)["ok"]


def test_the_last_byte_of_an_object_of_several_parts_is_read_too(minio: ThreadingHTTPServer) -> None:
    minio.state["versions"] = [{**listed()[0], "etag": "0" * 32 + "-2"}]  # type: ignore[attr-defined]
    assert prove(minio)["ok"]
    assert [item[3] for item in asked(minio)] == ["bytes=0-0", "bytes=999-999"]


def test_an_object_that_can_t_be_read_makes_it_a_no(minio: ThreadingHTTPServer) -> None:
    minio.state["refuses"] = ["two"]  # type: ignore[attr-defined]
    proof = prove(minio)
    assert (proof["ok"], proof["how"], proof["objects"]) == (False, "read", 3)
    assert proof["unread"] == [{"bucket": "images", "key": "two"}]
    assert "1 of 3 objects are not proven readable from the remaining drives: images/two (" in proof["reason"]
    assert "no quorum" in proof["reason"]


def test_a_byte_that_does_not_come_makes_it_a_no(minio: ThreadingHTTPServer) -> None:
    minio.state["damaged"] = {"two": b""}  # type: ignore[attr-defined]
    proof = prove(minio)
    assert proof["unread"] == [{"bucket": "images", "key": "two"}]


def test_each_version_is_read_and_a_delete_marker_is_none(minio: ThreadingHTTPServer) -> None:
    first = listed()[0]
    minio.state["versions"] = [  # type: ignore[attr-defined]
        {**first, "id": VERSION},
        {**first, "latest": "false"},
        {**first, "key": "gone", "id": "marker", "size": 0, "kind": "DeleteMarker"},
    ]
    proof = prove(minio)
    assert (proof["ok"], proof["objects"]) == (True, 2)
    assert [item[1:3] for item in asked(minio)] == [("one", f"versionId={VERSION}"), ("one", "versionId=null")]
    minio.state["refuses"] = ["one"]  # type: ignore[attr-defined]
    named = prove(minio)
    assert named["unread"] == [
        {"bucket": "images", "key": "one", "version": VERSION},
        {"bucket": "images", "key": "one"},
    ]


def test_a_server_without_versions_is_listed_without(minio: ThreadingHTTPServer) -> None:
    minio.state["versions"] = "refused"  # type: ignore[attr-defined]
    assert (prove(minio)["ok"], prove(minio)["objects"]) == (True, 3)


@pytest.mark.parametrize(
    ("state", "more", "reason"),
    [
        ({"list_fails": "AccessDenied"}, {}, "the list of objects is incomplete: S3Error"),
        ({}, {"max_objects": 2}, "there are more than the limit of 2 objects"),
        # The same page again and again.
        ({"truncated": True}, {}, "there are more than the limit of 100 objects"),
        ({}, {"seconds": 0}, "the time limit was reached"),
        (
            {},
            {"blocked": "http://minio-1/export is offline"},
            "3 objects were not read, since a drive may not be replaced",
        ),
        ({"versions": []}, {"blocked": "http://minio-1/export is offline"}, "http://minio-1/export is offline"),
    ],
)
def test_what_was_not_gone_through_to_the_end_is_a_no(
    minio: ThreadingHTTPServer, state: dict, more: dict, reason: str
) -> None:
    minio.state.update(state)  # type: ignore[attr-defined]
    proof = prove(minio, **more)
    assert proof["ok"] is False
    assert reason in proof["reason"]
    assert asked(minio) == []


def test_the_time_limit_ends_the_reads_too(minio: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = types.SimpleNamespace(now=0.0)

    def late(*_args: t.Any, **_more: t.Any) -> None:
        clock.now = 100.0

    monkeypatch.setattr(reads, "_THREADS", 1)
    monkeypatch.setattr(reads.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(reads, "_read_one", late)
    proof = prove(minio, seconds=60)
    assert proof["ok"] is False
    assert len(proof["unread"]) == 2
    assert "not read within the time limit" in proof["reason"]


def test_a_server_that_does_not_answer_is_a_no() -> None:
    def refused(_pod: str, _port: int) -> t.Any:
        raise ConnectionRefusedError(111, "Connection refused")

    given = {"max_objects": 9, "seconds": 9, "blocked": "", "timeout": 1}
    proof = reads.prove(find(StandInApi(pod("minio-0"))), "minio-0", tunnel=refused, **given)
    assert (proof["ok"], proof["how"]) == (False, "")
    assert "Connection refused" in proof["reason"]


def test_what_the_scan_found_readable_is_not_read(minio: ThreadingHTTPServer) -> None:
    proof = prove(minio, scan=DONE, seen=seen("one", "two", "three"))
    assert (proof["ok"], proof["how"], proof["objects"]) == (True, "scan", 3)
    assert asked(minio) == []


def test_what_the_scan_did_not_see_is_read(minio: ThreadingHTTPServer) -> None:
    proof = prove(minio, scan={**DONE, "objects": 9}, seen=seen("one", "three", "not-listed"))
    assert (proof["ok"], proof["how"]) == (True, "read")
    assert proof["reason"] == "the scan saw 2 of 3 objects; 1 objects were read"
    assert [item[1] for item in asked(minio)] == ["two"]


@pytest.mark.parametrize(
    "scan", [{"error": "Storage resources are insufficient for the write operation"}, {**DONE, "complete": False}]
)
def test_a_scan_that_could_not_be_made_is_followed_by_reads(minio: ThreadingHTTPServer, scan: dict) -> None:
    proof = prove(minio, scan=scan, seen=seen())
    assert (proof["ok"], proof["how"]) == (True, "read")
    assert proof["reason"].startswith("the scan could not be used (")
    assert len(asked(minio)) == 3


@pytest.mark.parametrize("name", ["two", "not-listed"])
def test_what_the_scan_found_unreadable_is_a_no_without_a_read(minio: ThreadingHTTPServer, name: str) -> None:
    proof = prove(minio, scan=DONE, seen=seen("one", "three", bad=[name]))
    assert (proof["ok"], proof["how"]) == (False, "scan")
    assert proof["unread"] == [{"bucket": "images", "key": name}]
    assert asked(minio) == []


def test_a_version_that_the_scan_did_not_judge_is_read_whole(minio: ThreadingHTTPServer) -> None:
    minio.state["versions"] = [{**listed()[0], "id": VERSION}]  # type: ignore[attr-defined]
    found = Seen()
    drives = [{"state": "corrupt"}] * 4
    item = {"type": "object", "object": "one", "versionId": VERSION, "detail": "", "dataBlocks": 2}
    found.note("images", {**item, "before": {"drives": drives}}, "0 of the 2 parts are left")
    assert prove(minio, scan=DONE, seen=found)["ok"]
    assert asked(minio) == [("GET", "one", f"versionId={VERSION}", "")]
    minio.state["damaged"] = {"one": b"1" * 999}  # type: ignore[attr-defined]
    assert "999 of 1000 bytes were read" in prove(minio, scan=DONE, seen=found)["reason"]


def test_no_object_at_all_is_proven(minio: ThreadingHTTPServer) -> None:
    minio.state["versions"] = []  # type: ignore[attr-defined]
    assert prove(minio) == {"ok": True, "how": "read", "objects": 0, "unread": [], "reason": "S3 lists no object"}
    assert prove(minio, scan={**DONE, "objects": 0}, seen=seen())["how"] == "scan"
