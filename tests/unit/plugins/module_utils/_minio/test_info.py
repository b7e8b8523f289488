# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import (
    Drive,
    Healing,
    Pool,
    erasure_sets,
    host_of,
    merge,
    parse_info,
    quorums,
)

RECORDED = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2026-02.json").read_text(encoding="utf-8")
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


def test_pools_of_different_width_have_their_own_parity_where_the_data_drives_are_told() -> None:
    info, storage = RECORDED["pools_of_two_widths"], RECORDED["pools_of_two_widths_storageinfo"]
    assert parse_info(info).pools == ()
    found = parse_info(info, storage)
    assert found.pools == (Pool(1, 4, 2), Pool(1, 6, 2))
    small, wide = erasure_sets(pools=found.pools, parity=found.parity, drives=found.drives)
    assert (small.read_quorum, small.write_quorum, small.healthy) == (2, 3, 4)
    assert (wide.read_quorum, wide.write_quorum, wide.healthy) == (4, 4, 6)


def test_parity_of_a_pool_is_its_width_without_the_data_drives() -> None:
    answer = answer_2026()
    answer["backend"].update({"totalSets": [1, 2], "totalDrivesPerSet": [4, 8], "standardSCData": [2, 5]})
    del answer["backend"]["standardSCParity"]
    info = parse_info(answer)
    assert info.pools == (Pool(1, 4, 2), Pool(2, 8, 3))
    assert [item.read_quorum for item in erasure_sets(pools=info.pools, parity=info.parity, drives=[])] == [2, 5, 5]


def test_pools_of_2021_get_their_width_from_the_data_drives_of_storageinfo() -> None:
    answer = answer_2021(drives=10)
    for i, server in enumerate(answer["servers"]):
        server["drives"][0]["pool_index"] = int(i >= 4)
    storage = {"Backend": {"Type": 2, "StandardSCData": [2, 4], "StandardSCParity": 2}}
    assert parse_info(answer).pools == ()
    assert parse_info(answer, storage).pools == (Pool(1, 4, 2), Pool(1, 6, 2))


def test_a_drive_that_info_misses_is_there_when_storageinfo_has_it() -> None:
    answer = answer_2026()
    drives = [server["drives"][0] for server in answer["servers"]]
    storage = {"Disks": copy.deepcopy(drives)}
    drives[1]["state"] = drives[2]["state"] = "offline"
    storage["Disks"][2]["state"] = "offline"
    found = parse_info(answer, storage)
    assert [drive.state for drive in found.drives] == ["ok", "ok", "offline", "ok"]


def test_storageinfo_takes_no_drive_away_that_info_has() -> None:
    answer = answer_2026()
    storage = {"Disks": [{**server["drives"][0], "state": "offline"} for server in answer["servers"]]}
    assert parse_info(answer, storage) == parse_info(answer)


def test_a_set_that_is_away_as_a_whole_still_counts() -> None:
    answer = answer_2021(drives=8, offline=4)
    slots = [{"state": "ok" if i >= 4 else "offline", "pool_index": 0, "set_index": int(i < 4)} for i in range(8)]
    storage = {"Disks": slots, "Backend": {"StandardSCData": [2], "StandardSCParity": 2}}
    assert parse_info(answer, storage).pools == (Pool(2, 4, 2),)


def test_a_pool_whose_sets_nobody_lists_is_no_known_layout() -> None:
    storage = {"Backend": {"StandardSCData": [2, 4], "StandardSCParity": 2}}
    assert parse_info(answer_2021(), storage).pools == ()


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


def test_a_heal_is_read_as_a_server_tells_it() -> None:
    looks = [look["drive"] for look in RECORDED["drive_while_healing_with_failures"]]
    told = [parse_info({"backend": {}, "servers": [{"drives": [drive]}]}).drives[0] for drive in looks]
    first = next(drive for drive in told if drive.state == "ok" and drive.healing)
    assert first.progress is not None
    assert (first.progress.objects_total, first.progress.bytes_total, first.progress.finished) == (398, 12418000, False)
    assert first.progress.queued == (".minio.sys/buckets", "logs", "images")
    assert first.progress.healed == (".minio.sys/config",)
    assert [drive.progress.retries for drive in told if drive.progress][-1] == 4
    last = told[-1].progress
    assert last is not None
    assert (last.finished, last.queued, last.objects_failed, last.bytes_failed) == (True, (), 3, 6000)
    assert last.ended_badly
    assert not told[-1].healing


def test_a_heal_that_ends_with_buckets_in_its_queue_ended_badly() -> None:
    item = {"items_healed": 3, "finished": True, "queued_buckets": ["images"]}
    assert parse_heal(item).ended_badly
    assert not parse_heal({**item, "queued_buckets": None}).ended_badly
    assert not parse_heal({**item, "finished": False}).ended_badly
    assert parse_heal({"items_healed": 3}).queued is None


def parse_heal(item: dict) -> Healing:
    answer = answer_2026()
    answer["servers"][0]["drives"][0]["heal_info"] = item
    found = parse_info(answer).drives[0].progress
    assert found is not None
    return found


def test_of_two_words_that_a_drive_heals_the_one_that_tells_more_counts() -> None:
    quiet, telling = answer_2026(), answer_2026()
    for answer in (quiet, telling):
        answer["servers"][1]["drives"][0]["healing"] = True
    telling["servers"][1]["drives"][0]["heal_info"] = {"items_healed": 7}
    (drive,) = [drive for drive in merge([parse_info(quiet), parse_info(telling)]) if drive.healing]
    assert drive.progress is not None
    assert drive.progress.objects_done == 7


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
