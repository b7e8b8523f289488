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
        ({"scan": {"error": "it broke"}}, "objects are not proven complete on all drives: it broke"),
        (
            {"scan": {"objects": 7, "incomplete": 0, "sample": [], "complete": False}},
            "7 objects are complete on all drives; not all objects were scanned",
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
        (
            {
                "lost_pods": ["minio-0"],
                "scan": {
                    "objects": 7,
                    "incomplete": 1,
                    "sample": [
                        {
                            "bucket": "b",
                            "object": "o",
                            "version": "",
                            "error": "only 1 of the 2 parts needed to read it are left",
                        }
                    ],
                    "complete": True,
                },
            },
            "1 of 7 objects can't be read from the remaining drives, among them b/o (only 1 of the 2 parts needed to read it are left). Once",
        ),
        (
            {"lost_pods": ["minio-0"], "scan": {"objects": 7, "incomplete": 0, "sample": [], "complete": True}},
            "7 objects are readable from the remaining drives",
        ),
    ],
)
def test_what_counts_and_scans_found_is_told(result: dict, told: str) -> None:
    assert about_objects(result).startswith(told)
    assert bool(about_objects(result)) is bool(told)


def test_a_proof_by_reads_takes_the_place_of_a_scan_that_could_not_be_made() -> None:
    result = {
        "lost_pods": ["minio-0"],
        "scan": {"error": "it stopped"},
        "proof": {"ok": True, "reason": "3 objects were read"},
    }
    assert about_objects(result) == "3 objects were read"
    failed = about_objects({**result, "proof": {"ok": False, "reason": "1 of 3 objects"}})
    assert failed == "objects are not proven readable from the remaining drives: it stopped; 1 of 3 objects"
    assert about_objects({**result, "lost_pods": []}).endswith("it stopped; 3 objects were read")


WELL = {
    "converged": True,
    "msg": "ns/minio: whole",
    "readback": {"objects": 3, "failed": 0, "failures": []},
    "gone": [],
}


def test_a_minio_is_recovered_when_nothing_that_was_asked_for_speaks_against_it() -> None:
    assert recovered({"converged": True, "msg": "x"}) == {"ok": True, "reason": ""}
    assert recovered({**WELL, "scan": {"objects": 3, "incomplete": 0}, "proof": {"ok": True, "reason": "fine"}})["ok"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"converged": False, "msg": "a drive heals"}, "a drive heals"),
        ({"readback": {"objects": 3, "failed": 1, "failures": ["b/o"]}}, "1 of 3 objects could not be read back"),
        ({"gone": ["images"]}, "buckets are gone that were there before: images"),
        (
            {"scan": {"objects": 3, "incomplete": 1, "sample": []}, "proof": {"ok": True, "reason": ""}},
            "1 of 3 objects are incomplete",
        ),
        ({"scan": {"error": "403"}}, "403"),
        ({"scan": {"error": "403"}, "proof": {"ok": False, "reason": "a limit"}}, "a limit"),
        ({"proof": {"ok": False, "reason": "a limit"}}, "a limit"),
    ],
)
def test_a_minio_is_not_recovered_when_anything_is_not_proven(change: dict, words: str) -> None:
    found = recovered({**WELL, **change})
    assert not found["ok"]
    assert words in found["reason"]


def test_a_proof_by_reads_stands_for_a_scan_that_could_not_be_made() -> None:
    assert recovered({**WELL, "scan": {"error": "deletes"}, "proof": {"ok": True, "reason": "read"}})["ok"]
