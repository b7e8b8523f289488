# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import (
    Drive,
    Pool,
    erasure_sets,
    host_of,
    merge,
    parse_info,
    quorums,
)

HOST = "minio-{0}.minio-svc.onecloud-minio.svc.cluster.local:9000"


def answer_2021(*, offline: int = 0, drives: int = 4) -> dict:
    """The admin API's info in the shape of RELEASE.2021-06-17: an offline peer's drive carries no index."""
    servers = [
        {
            "state": "online",
            "endpoint": HOST.format(i),
            "uptime": 100 + i,
            "drives": [
                {
                    "endpoint": f"http://{HOST.format(i)}/export",
                    "path": "/export",
                    "state": "ok",
                    "uuid": f"d{i}",
                    "pool_index": 0,
                    "set_index": 0,
                    "disk_index": i,
                }
            ],
        }
        for i in range(drives)
    ]
    for i in range(offline):
        servers[i] = {
            "state": "offline",
            "endpoint": HOST.format(i),
            "drives": [{"endpoint": f"http://{HOST.format(i)}/export", "state": "offline"}],
        }
    backend = {
        "backendType": "Erasure",
        "onlineDisks": drives - offline,
        "offlineDisks": offline,
        "standardSCParity": 2,
        "rrSCParity": 2,
    }
    return {"mode": "online", "deploymentID": "10ea768a", "backend": backend, "servers": servers}


def answer_2026(*, offline: int = 0) -> dict:
    """The shape of 2023 and later."""
    answer = answer_2021(offline=offline)
    answer["backend"].update({"totalSets": [1], "totalDrivesPerSet": [4]})
    return answer


@pytest.mark.parametrize("answer", [answer_2021(offline=2), answer_2026(offline=2)], ids=["2021", "2026"])
def test_sets_and_quorums_come_from_the_server_in_both_shapes(answer: dict) -> None:
    info = parse_info(answer)
    assert info.pools == (Pool(1, 4),)
    (only,) = erasure_sets(pools=info.pools, parity=info.parity, drives=info.drives)
    assert (only.healthy, only.missing, only.read_quorum, only.write_quorum) == (2, 2, 2, 3)
    assert (only.readable, only.writable, only.spare) == (True, False, 0)


@pytest.mark.parametrize(
    ("drives", "parity", "expected"),
    [(4, 2, (2, 3)), (4, 1, (3, 3)), (16, 4, (12, 12)), (6, 3, (3, 4)), (5, 2, (3, 3))],
)
def test_write_quorum_is_one_more_where_data_equals_parity(drives: int, parity: int, expected: tuple[int, int]) -> None:
    assert quorums(drives=drives, parity=parity) == expected


def test_several_sets_are_judged_by_themselves() -> None:
    drives = [Drive(f"http://m-{i}:9000/d", "ok", set_=i % 2, healing=i == 0) for i in range(8)]
    first, second = erasure_sets(pools=[Pool(2, 4)], parity=2, drives=drives[:-1])
    assert (first.healthy, first.healing, first.missing) == (3, 1, 0)
    assert (second.healthy, second.healing, second.missing) == (3, 0, 1)


def test_sets_of_2021_are_counted_by_the_highest_index() -> None:
    answer = answer_2021(drives=8)
    for i, server in enumerate(answer["servers"]):
        server["drives"][0]["set_index"] = i % 2
    assert parse_info(answer).pools == (Pool(2, 4),)


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param({"totalSets": [1, 1], "totalDrivesPerSet": [4, 8]}, id="pools of different width share no parity"),
        pytest.param({"totalSets": [], "totalDrivesPerSet": []}, id="no drive is placed"),
    ],
)
def test_a_layout_that_is_not_told_is_unknown(backend: dict) -> None:
    answer = answer_2021(offline=4)
    answer["backend"].update(backend)
    assert parse_info(answer).pools == ()


def test_a_single_plain_drive_has_no_sets() -> None:
    info = parse_info({"deploymentID": "x", "backend": {"backendType": "FS"}, "servers": []})
    assert (info.erasure, info.pools) == (False, ())


def test_progress_is_read_while_a_drive_heals() -> None:
    answer = answer_2026()
    answer["servers"][0]["drives"][0].update(
        {
            "healing": True,
            "heal_info": {
                "items_healed": 3,
                "items_failed": 1,
                "bytes_done": 50,
                "objects_total_size": 200,
                "queued_buckets": None,
            },
        }
    )
    drive = parse_info(answer).drives[0]
    assert not drive.healthy
    assert drive.progress is not None
    assert (drive.progress.objects_done, drive.progress.objects_failed, drive.progress.percent) == (3, 1, 25)


def test_the_worst_word_about_a_drive_counts() -> None:
    views = [parse_info(answer_2026()) for _ in range(3)]
    healing = answer_2026()
    healing["servers"][1]["drives"][0]["healing"] = True
    merged = merge([*views, parse_info(healing), parse_info(answer_2026(offline=1))])
    assert [(drive.state, drive.healing) for drive in merged] == [
        ("offline", False),
        ("ok", True),
        ("ok", False),
        ("ok", False),
    ]


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://minio-0.minio-svc.ns:9000/export", "minio-0"),
        ("minio-3.minio-svc:9000", "minio-3"),
        ("/export", ""),
        ("", ""),
    ],
)
def test_the_pod_of_an_endpoint_is_its_first_label(endpoint: str, expected: str) -> None:
    assert host_of(endpoint) == expected
