# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import types
import typing as t
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import look, progress_file, reads
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_drives import RELEASES, drives, survivors
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_minio import StandInApi, find, listed, pod, tunnel

VERSION = "5f8a0de2-0c21-4efe-ada9-637d3850f51d"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "_PAUSE", 0.0)


def prove(server: ThreadingHTTPServer, **more: t.Any) -> dict:
    given = {"max_objects": 100, "seconds": 60, "blocked": "", "timeout": 5, **more}
    return reads.prove(find(StandInApi(pod("minio-0"))), "minio-0", tunnel=tunnel(server), **given)


def named(proof: dict) -> list[str]:
    return [item["name"] for item in proof["lost"]]


def asked(server: ThreadingHTTPServer) -> list[tuple]:
    return sorted(server.state.get("reads", []))  # type: ignore[attr-defined]


def test_a_byte_of_each_object_is_read(minio: ThreadingHTTPServer) -> None:
    proof = prove(minio)
    assert (proof["ok"], proof["how"], proof["objects"], proof["read"], proof["lost"]) == (True, "reads", 3, 3, [])
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
    assert (proof["ok"], proof["how"], proof["objects"]) == (False, "reads", 3)
    assert named(proof) == ["ns/minio/images/two"]
    assert "1 of 3 objects are not proven readable from the remaining drives: images/two (2.0 KiB, " in proof["reason"]
    assert "no quorum" in proof["reason"]


def test_a_byte_that_does_not_come_makes_it_a_no(minio: ThreadingHTTPServer) -> None:
    minio.state["damaged"] = {"two": b""}  # type: ignore[attr-defined]
    proof = prove(minio)
    assert named(proof) == ["ns/minio/images/two"]


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
    assert named(prove(minio)) == [f"ns/minio/images/one?versionId={VERSION}", "ns/minio/images/one"]


def test_a_server_without_versions_is_listed_without(minio: ThreadingHTTPServer) -> None:
    minio.state["versions"] = "refused"  # type: ignore[attr-defined]
    assert (prove(minio)["ok"], prove(minio)["objects"]) == (True, 3)


@pytest.mark.parametrize(
    ("state", "more", "reason"),
    [
        ({"list_fails": "AccessDenied"}, {}, "S3Error"),
        ({}, {"max_objects": 2}, "there are more than the limit of 2 objects"),
        # The same page again and again.
        ({"truncated": True}, {}, "there are more than the limit of 100 objects"),
        ({}, {"seconds": 0}, "the time limit was reached"),
        (
            {},
            {"blocked": "http://minio-1/export is offline"},
            "nothing was looked at, since a drive may not be replaced now: http://minio-1/export is offline",
        ),
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
    assert proof["lost_count"] == 2
    assert "not read within the time limit" in proof["reason"]


def test_a_server_that_does_not_answer_is_a_no() -> None:
    def refused(_pod: str, _port: int) -> t.Any:
        raise ConnectionRefusedError(111, "Connection refused")

    given = {"max_objects": 9, "seconds": 9, "blocked": "", "timeout": 1}
    proof = reads.prove(find(StandInApi(pod("minio-0"))), "minio-0", tunnel=refused, **given)
    assert (proof["ok"], proof["how"]) == (False, "")
    assert "Connection refused" in proof["reason"]


@pytest.mark.parametrize("release", RELEASES)
def test_what_the_drives_prove_is_not_read(minio: ThreadingHTTPServer, tmp_path: Path, release: str) -> None:
    minio.state["versions"] = []  # type: ignore[attr-defined]
    proof = prove(minio, survivors=survivors(drives(tmp_path, release), lost=[0, 3]))
    assert (proof["ok"], proof["how"], proof["listed"], asked(minio)) == (True, "drives", 0, [])
    assert [item["pod"] for item in proof["drives"]] == ["minio-1", "minio-2"]
    assert proof["unlisted_count"] == proof["counted"] > 0


@pytest.mark.parametrize("release", RELEASES)
def test_an_object_on_one_drive_that_s3_does_not_list_is_named(
    minio: ThreadingHTTPServer, tmp_path: Path, release: str
) -> None:
    shutil.rmtree(drives(tmp_path, release) / "d1/onecloud-images/image-5")
    proof = prove(minio, survivors=survivors(tmp_path, lost=[0, 3]))
    assert (proof["ok"], named(proof)) == (False, ["ns/minio/onecloud-images/image-5"])
    assert proof["lost"][0]["size"] == (12 << 20) + 17
    # The objects that S3 lists are on no drive here.
    assert [item[1] for item in asked(minio)] == ["one", "three", "two"]


def test_an_object_that_is_written_meanwhile_is_looked_at_twice(minio: ThreadingHTTPServer, tmp_path: Path) -> None:
    away = drives(tmp_path, "2021-06") / "d1/onecloud-images/image-5"
    away.rename(tmp_path / "away")
    found = survivors(tmp_path, lost=[0, 3])
    look_again = found.look_again
    found.look_again = lambda keys: (
        (tmp_path / "away").exists() and (tmp_path / "away").rename(away),
        look_again(keys),
    )  # type: ignore[method-assign, assignment]
    assert prove(minio, survivors=found)["lost"] == []


def test_where_exec_is_refused_each_listed_object_is_read(minio: ThreadingHTTPServer, tmp_path: Path) -> None:
    proof = prove(minio, survivors=survivors(drives(tmp_path, "2021-06"), lost=[0, 3], refused=[1, 2]))
    assert (proof["ok"], proof["how"], proof["read"]) == (True, "reads", 3)
    assert len(proof["not_looked"]) == 2
    assert "403" in proof["reason"]


def test_no_object_at_all_is_proven(minio: ThreadingHTTPServer) -> None:
    minio.state["versions"] = []  # type: ignore[attr-defined]
    assert (prove(minio)["ok"], prove(minio)["reason"]) == (True, "there is no object")


def test_how_far_it_has_come_is_told_in_a_file(minio: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tell,) = progress_file.tellers(str(tmp_path / "progress"), ["ns/minio"])
    found = survivors(drives(tmp_path / "d", "2021-06"), lost=[0, 3], progress=tell)
    assert prove(minio, survivors=found, progress=tell)["ok"]
    told = (tmp_path / "progress").read_text()
    assert told.startswith("ns/minio: ")
    assert "files on minio-1:" in told
    assert "3 of 3 objects read" in told
    for path in ("", str(tmp_path / "none" / "progress")):
        (tell,) = progress_file.tellers(path, ["ns/minio"])
        tell("x", 1)
