# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.parts import Key, Left
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import (
    Compared,
    Failure,
    Listed,
    compare,
    name,
    verdict,
)

VERSION = "5f8a0de2-0c21-4efe-ada9-637d3850f51d"
DRIVES = [{"pod": "minio-1", "path": "/export", "files": 9, "error": ""}]
SILENT = [*DRIVES, {"pod": "minio-2", "path": "/export", "files": 0, "error": "403: Forbidden"}]


def item(key: str = "a", version: str = "null") -> Listed:
    return Listed("b", key, version, True, 1)


def seen(*listed: Listed, complete: bool = True, **parts: int) -> Compared:
    left: list[tuple[Key, Left]] = [(("b", key, ""), Left(count, 2, 4, 7)) for key, count in parts.items()]
    return compare(listed, left, complete=complete)


def test_enough_parts_need_no_read() -> None:
    found = seen(item("a"), item("c"), a=2, c=4)
    assert (found.few, found.read, found.unlisted, found.counted) == ([], [], [], 2)
    assert found.incomplete == [(("b", "a", ""), "2 of 4 parts are there")]


def test_too_few_parts_are_named_whether_s3_lists_the_object_or_not() -> None:
    found = seen(item("a"), a=1, c=0)
    assert [(one.key[1], one.size, one.parts, one.needed) for one in found.few] == [("a", 7, 1, 2), ("c", 7, 0, 2)]
    assert found.read == [], "newer releases delete it when it is read"


def test_what_s3_lists_and_no_drive_has_is_read() -> None:
    assert seen(item("a"), item("new"), a=4).read == [item("new")]


def test_while_a_drive_was_not_looked_at_what_s3_lists_is_read() -> None:
    found = seen(item("a"), complete=False, a=1, c=1)
    assert ([one.key[1] for one in found.few], found.read) == (["c"], [item("a")])


def test_what_s3_does_not_list_is_told_but_not_minio_s_own() -> None:
    left = [(("b", "a", ""), Left(2, 2, 4, 7)), ((".minio.sys", "config/x", ""), Left(2, 2, 4, 7))]
    assert compare([], left, complete=True).unlisted == [("b", "a", "")]


def test_a_delete_marker_needs_no_parts() -> None:
    assert compare([], [(("b", "a", VERSION), Left(0, 0, 0, 0))], complete=True).counted == 0


def lost(*keys: Key) -> Compared:
    return Compared(
        [Failure(key, "1 of the 2 parts needed to read it are left", 7, 1, 2) for key in keys], [], [], [], 9
    )


def made(**more: t.Any) -> dict:
    return verdict(group="ns/minio", **{"drives": DRIVES, "listed": 9, **more})


def test_what_was_looked_at_and_how_is_told() -> None:
    found = made(compared=lost())
    assert (found["ok"], found["how"], found["objects"]) == (True, "drives", 9)
    assert found["reason"] == (
        "all 9 objects are readable from the remaining drives; the parts of 9 versions were counted on 1 drives; S3 lists 9"
    )
    assert found["permitted"] == {"ok": True, "reason": found["reason"]}


def test_what_could_not_be_looked_at_is_told() -> None:
    found = made(compared=lost(), drives=SILENT, read=4)
    assert (found["ok"], found["how"], found["not_looked"]) == (
        True,
        "drives and reads",
        ["minio-2:/export: 403: Forbidden"],
    )
    assert "a byte of 4 was read" in found["reason"]
    assert "which S3 does not list was not looked for there: minio-2:/export" in found["reason"]


def test_a_lost_object_is_named_with_version_and_size() -> None:
    found = made(compared=lost(("b", "a", ""), ("b", "a", VERSION)))
    assert (found["ok"], found["permitted"]["ok"], found["lost_count"]) == (False, False, 2)
    assert [one["name"] for one in found["lost"]] == ["ns/minio/b/a", f"ns/minio/b/a?versionId={VERSION}"]
    assert found["lost"][0]["size"] == 7
    assert f"b/a version {VERSION} (7 B, 1 of the 2 parts" in found["reason"]
    assert "replace_master_give_up_objects" in found["permitted"]["reason"]


def test_only_all_of_them_by_name_let_it_go_on() -> None:
    two = lost(("b", "a", ""), ("b", "a", VERSION))
    names = [name("ns/minio", one.key) for one in two.few]
    assert not made(compared=two, given_up=names[:1])["permitted"]["ok"]
    assert not made(compared=two, given_up=["ns/minio/b", "ns/other/b/a"])["permitted"]["ok"]
    found = made(compared=two, given_up=[*names, "ns/minio/b/other"])
    assert (found["ok"], found["permitted"]["ok"], found["given_up"]) == (False, True, names)
    assert "given up by name: b/a (7 B" in found["permitted"]["reason"]


@pytest.mark.parametrize("error", ["there are more than the limit of 9 objects", "403"])
def test_what_was_not_proven_goes_on_only_when_that_is_accepted(error: str) -> None:
    found = made(error=error)
    assert (found["ok"], found["permitted"]["ok"]) == (False, False)
    assert error in found["permitted"]["reason"]
    assert "replace_master_accept_unproven" in found["permitted"]["reason"]
    found = made(error=error, accept_unproven=True)
    assert (found["ok"], found["permitted"]["ok"]) == (False, True)
    assert "accepted without proof" in found["permitted"]["reason"]


def test_an_object_that_is_known_to_be_lost_must_be_named_though_the_rest_is_accepted() -> None:
    found = made(compared=lost(("b", "a", "")), error="a limit", accept_unproven=True)
    assert not found["permitted"]["ok"]
    assert made(compared=lost(("b", "a", "")), error="a limit", accept_unproven=True, given_up=["ns/minio/b/a"])[
        "permitted"
    ]["ok"]


def test_up_to_five_objects_are_named_and_all_are_counted() -> None:
    unread = [Failure(("b", f"o{i}", ""), "no quorum", 1) for i in range(1200)]
    found = made(unread=unread, read=1200)
    assert "b/o4 (1 B, no quorum) and 1195 more" in found["reason"]
    assert "b/o5" not in found["reason"]
    assert (found["lost_count"], len(found["lost"])) == (1200, 1000)


def test_no_object_at_all_is_proven() -> None:
    found = made(compared=Compared([], [], [], [], 0), listed=0)
    assert (found["ok"], found["reason"].split(";")[0]) == (True, "there is no object")
