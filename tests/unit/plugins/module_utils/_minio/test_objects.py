# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from http.server import ThreadingHTTPServer

from ansible_collections.cloudpods.ha.plugins.module_utils._minio import objects
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_minio import (
    StandInApi,
    find,
    pod,
    tunnel,
)


def read(server: ThreadingHTTPServer, **limits: int) -> dict:
    given = {"count_max": 100, "read_max": 10, "read_max_bytes": 10**6, **limits}
    return objects.read_objects(find(StandInApi(pod("minio-0"))), "minio-0", tunnel=tunnel(server), timeout=5, **given)


def test_objects_are_counted_and_read_back_whole(minio: ThreadingHTTPServer) -> None:
    result = read(minio)
    assert result["buckets"] == [{"name": "images", "objects": 3, "bytes": 6000, "complete": True}]
    assert result["readback"] == {"objects": 3, "bytes": 6000, "hashed": 3, "failed": 0, "failures": []}


def test_the_newest_objects_are_read_within_the_limits(minio: ThreadingHTTPServer) -> None:
    assert read(minio, read_max=1)["readback"]["bytes"] == 3000
    assert read(minio, read_max_bytes=2500)["readback"]["objects"] == 1
    assert read(minio, read_max=0)["readback"]["objects"] == 0
    assert read(minio, count_max=2)["buckets"][0] == {"name": "images", "objects": 2, "bytes": 3000, "complete": False}


def test_a_damaged_and_an_unreadable_object_are_told(minio: ThreadingHTTPServer) -> None:
    minio.state.update(lost="one", damaged={"two": b"x" * 2000, "three": b"short"})  # type: ignore[attr-defined]
    back = read(minio)["readback"]
    assert (back["objects"], back["failed"]) == (0, 3)
    told = {item["object"]: item["error"] for item in back["failures"]}
    assert "ETag" in told["two"]
    assert "5 of 3000 bytes" in told["three"]
    assert "no quorum" in told["one"]
