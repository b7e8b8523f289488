# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import Listed, Seen, left_open, verdict

VERSION = "5f8a0de2-0c21-4efe-ada9-637d3850f51d"


def item(name: str = "a", version: str = "", *states: str, blocks: int = 2, detail: str = "") -> dict:
    drives = [{"state": state} for state in states or ("ok",) * 4]
    return {
        "type": "object",
        "object": name,
        "versionId": version,
        "dataBlocks": blocks,
        "detail": detail,
        "before": {"drives": drives},
    }


def noted(given: dict, why: str = "") -> Seen:
    seen = Seen()
    seen.note("b", given, why)
    return seen


@pytest.mark.parametrize(
    ("scanned", "listed", "proven"),
    [
        ("", Listed("b", "a", "null", True, 1), True),
        ("null", Listed("b", "a", "", True, 1), True),
        ("", Listed("b", "a", VERSION, True, 1), True),
        ("", Listed("b", "a", VERSION, False, 1), False),
        ("", Listed("b", "a", "null", False, 1), False),
        ("null", Listed("b", "a", "null", False, 1), True),
        (VERSION, Listed("b", "a", VERSION, False, 1), True),
        (VERSION, Listed("b", "a", "other", False, 1), False),
        ("", Listed("c", "a", "", True, 1), False),
        ("", Listed("b", "z", "", True, 1), False),
    ],
)
def test_an_item_of_a_scan_proves_the_version_that_it_is_about(scanned: str, listed: Listed, proven: bool) -> None:
    assert left_open([listed], noted(item("a", scanned))).read == ([] if proven else [listed])


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (item("a", VERSION, "corrupt", "corrupt", "offline"), "doubtful"),
        (item("a", VERSION, "corrupt", "missing"), "bad"),
        (item("a", VERSION, "corrupt", detail="file is corrupted"), "bad"),
        (item("a", VERSION, "offline", "offline"), "bad"),
        # As recorded of an image that was damaged.
        (item("a", "null", "corrupt", "corrupt"), "bad"),
        (item("a", "", "corrupt", "corrupt"), "bad"),
    ],
)
def test_only_a_version_that_all_drives_report_as_corrupt_was_not_judged(given: dict, kind: str) -> None:
    seen = noted(given, "0 of the 2 parts are left")
    assert (bool(seen.doubtful), bool(seen.bad), bool(seen.good)) == (kind == "doubtful", kind == "bad", False)


def test_an_item_that_reports_no_data_blocks_proves_nothing() -> None:
    assert not noted(item(blocks=0)).good
    assert not noted({**item(), "type": "bucket"}).good


def test_the_last_word_about_an_object_counts() -> None:
    seen = noted(item(), "0 of the 2 parts are left")
    seen.note("b", item(), "")
    assert (seen.bad, seen.good) == ({}, {("b", "a", "")})
    seen.note("b", item(), "0 of the 2 parts are left")
    assert not seen.good
    seen.forget("b", [("a", "")])
    assert not seen.bad


def test_up_to_five_objects_are_named_and_all_are_counted() -> None:
    unread = [(("b", f"o{i}", VERSION if not i else ""), "no quorum") for i in range(120)]
    proof = verdict(listed=200, scanned=False, unread=unread, reads=200)
    assert proof["reason"].startswith(
        "120 of 200 objects are not proven readable from the remaining drives: b/o0 version " + VERSION
    )
    assert proof["reason"].endswith("b/o4 (no quorum) and 115 more")
    assert "o5" not in proof["reason"]
    assert len(proof["unread"]) == 100


def test_an_error_alone_is_a_no() -> None:
    proof = verdict(listed=0, scanned=False, error="no pod answers")
    assert (proof["ok"], proof["how"], proof["unread"]) == (False, "", [])
    assert "no pod answers" in proof["reason"]
