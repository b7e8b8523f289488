# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.report import (
    about_objects,
    compare_buckets,
    recovered,
)


def counted(complete: bool = True, **objects: int) -> list[dict]:
    return [{"name": name, "objects": count, "bytes": 0, "complete": complete} for name, count in objects.items()]


def test_buckets_are_compared_with_those_of_before() -> None:
    found = compare_buckets(counted(a=3, b=4, c=5), counted(a=3, c=1, d=9))
    assert found == {"gone": ["b"], "fewer": [{"bucket": "c", "before": 5, "after": 1}]}


def test_a_count_that_was_cut_short_proves_no_loss() -> None:
    assert compare_buckets(counted(a=3), counted(a=1, complete=False)) == {"gone": [], "fewer": []}
    short = compare_buckets(counted(a=3, complete=False), counted(a=1))
    assert short["fewer"] == [{"bucket": "a", "before": 3, "after": 1}]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"buckets": []}, ""),
        ({"gone": [], "fewer": []}, ""),
        ({"gone": ["a"], "fewer": []}, "these buckets existed before and are missing now: a"),
        ({"gone": [], "fewer": [{"bucket": "c", "before": 5, "after": 1}]}, "bucket c has 1 objects, but had 5 before"),
        ({"scan": {"error": "it broke"}}, "objects are not proven complete on all drives by a scan: it broke"),
        (
            {"scan": {"objects": 7, "incomplete": 0, "sample": [], "complete": False}},
            "the scan found 7 objects complete on all drives; not all objects were scanned",
        ),
        (
            {
                "scan": {
                    "objects": 7,
                    "incomplete": 1,
                    "sample": [{"bucket": "b", "object": "o", "version": "", "error": "1 of 4 drives: missing"}],
                    "complete": True,
                }
            },
            "1 of 7 objects are incomplete, among them b/o (1 of 4 drives: missing). Heal them",
        ),
    ],
)
def test_what_counts_and_scans_found_is_told(result: dict, told: str) -> None:
    assert about_objects(result).startswith(told)
    assert bool(about_objects(result)) is bool(told)


def proof(ok: bool = True, reason: str = "fine", incomplete: int = 0) -> dict:
    lacking = [{"bucket": "b", "object": "o", "version": "", "error": "3 of 4 parts are there"}] * incomplete
    return {
        "ok": ok,
        "reason": reason,
        "permitted": {"ok": ok, "reason": reason},
        "objects": 7,
        "incomplete_count": incomplete,
        "incomplete": lacking,
    }


def test_the_proof_is_told_with_what_is_permitted() -> None:
    assert about_objects({"lost_pods": ["minio-0"], "proof": proof(incomplete=7)}) == "fine"
    told = about_objects({"lost_pods": [], "proof": proof(incomplete=1)})
    assert told.startswith(
        "fine; 1 of 7 objects lack parts on some drive, among them b/o (3 of 4 parts are there). Heal"
    )


WELL = {
    "converged": True,
    "msg": "ns/minio: whole",
    "readback": {"objects": 3, "failed": 0, "failures": []},
    "gone": [],
}


def test_a_minio_is_recovered_when_nothing_that_was_asked_for_speaks_against_it() -> None:
    assert recovered({"converged": True, "msg": "x"}) == {"ok": True, "reason": ""}
    assert recovered({**WELL, "scan": {"objects": 3, "incomplete": 0}, "proof": proof()})["ok"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"converged": False, "msg": "a drive heals"}, "a drive heals"),
        ({"readback": {"objects": 3, "failed": 1, "failures": ["b/o"]}}, "1 of 3 objects could not be read back"),
        ({"gone": ["images"]}, "buckets are gone that were there before: images"),
        (
            {"scan": {"objects": 3, "incomplete": 1, "sample": []}, "proof": proof()},
            "1 of 3 objects are incomplete",
        ),
        ({"scan": {"error": "403"}}, "403"),
        ({"scan": {"error": "403"}, "proof": proof(False, "a limit")}, "a limit"),
        ({"proof": proof(False, "a limit")}, "a limit"),
        ({"proof": proof(incomplete=1)}, "1 of 7 objects lack parts on some drive"),
    ],
)
def test_a_minio_is_not_recovered_when_anything_is_not_proven(change: dict, words: str) -> None:
    found = recovered({**WELL, **change})
    assert not found["ok"]
    assert words in found["reason"]


def test_a_proof_by_reads_stands_for_a_scan_that_could_not_be_made() -> None:
    assert recovered({**WELL, "scan": {"error": "deletes"}, "proof": proof()})["ok"]
