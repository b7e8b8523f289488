# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.health import Health, judge
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import parse_info, parse_storage
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.report import report
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView

RECORDED = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2026-02.json").read_text(encoding="utf-8")
)
RECORDED_2021 = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2021-06.json").read_text(encoding="utf-8")
)
ENDPOINT = "http://minio-{0}.minio-svc:9000/export"


def answer(states: str = "oooo") -> dict:
    """What a server answers; one letter a drive: o(k), h(ealing), d(own), u(nformatted)."""
    servers = []
    for i, letter in enumerate(states):
        state = {"o": "ok", "h": "ok", "d": "offline", "u": "unformatted"}[letter]
        drive = {
            "endpoint": ENDPOINT.format(i),
            "state": state,
            "healing": letter == "h",
            "pool_index": 0,
            "set_index": 0,
        }
        servers.append(
            {
                "endpoint": f"minio-{i}.minio-svc:9000",
                "state": "offline" if letter == "d" else "online",
                "uptime": 300,
                "drives": [drive],
            }
        )
    backend = {"backendType": "Erasure", "standardSCParity": 2, "totalSets": [1], "totalDrivesPerSet": [4]}
    return {"deploymentID": "one", "backend": backend, "servers": servers}


def views(states: str = "oooo", *, maintenance: int = 200, cluster: int = 200, **answers: dict) -> list[PodView]:
    """All pods of a deployment; one whose drive is down does not answer. `answers` replaces what single pods say."""
    result = []
    for i, letter in enumerate(states):
        if letter == "d":
            result.append(PodView(f"minio-{i}", error="the pod is not running"))
            continue
        info = parse_info(answers.get(f"minio_{i}", answer(states)))
        result.append(PodView(f"minio-{i}", "node", True, 200, cluster, maintenance, info))
    return result


def verdict(given: list[PodView], *lost: str, settle: int = 20, expected: str = "") -> Health:
    return judge(given, lost_pods=lost, settle_seconds=settle, expected_id=expected, namespace="ns")


def codes(health: Health) -> set[str]:
    return {finding.code for finding in health.findings}


def gate(health: Health) -> set[str]:
    return {finding.code for finding in health.gate}


def test_a_whole_deployment_is_converged_and_may_lose_a_drive() -> None:
    health = verdict(views())
    assert health.converged
    assert health.settled
    assert health.may_lose_one_more
    assert not health.gate


@pytest.mark.parametrize(
    ("states", "lost", "expected"),
    [
        ("dood", ("minio-0", "minio-3"), set()),
        ("dooo", ("minio-0",), set()),
        ("oood", ("minio-3",), set()),
        ("dood", ("minio-0",), {"drive_offline"}),
        ("hood", ("minio-3",), {"healing"}),
        ("uood", ("minio-3",), {"drive_offline"}),
        ("dodd", ("minio-0", "minio-2", "minio-3"), {"below_read_quorum"}),
        ("hodd", ("minio-2", "minio-3"), {"below_read_quorum", "healing"}),
        ("dddd", ("minio-0",), {"no_answer"}),
    ],
)
def test_the_gate_opens_only_while_the_survivors_hold_every_object(
    states: str, lost: tuple[str, ...], expected: set[str]
) -> None:
    assert gate(verdict(views(states), *lost)) == expected


def test_a_lost_drive_never_counts_as_a_survivor() -> None:
    given = views("oodd", minio_0=answer("oooo"), minio_1=answer("oooo"))
    assert "below_read_quorum" in gate(verdict(given, "minio-1", "minio-2", "minio-3"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"deploymentID": "two"}, "deployment_ids_differ"),
        (
            {"backend": {"backendType": "Erasure", "standardSCParity": 3, "totalSets": [1], "totalDrivesPerSet": [4]}},
            "layout_unknown",
        ),
        (
            {
                "backend": {
                    "backendType": "Erasure",
                    "standardSCParity": 2,
                    "totalSets": [1, 1],
                    "totalDrivesPerSet": [4, 6],
                }
            },
            "layout_unknown",
        ),
    ],
)
def test_what_no_wait_can_change_is_fatal(change: dict, code: str) -> None:
    health = verdict(views(minio_1={**answer(), **change}))
    assert code in gate(health)
    assert health.gate_fatal
    assert not health.converged


def test_another_deployment_id_than_before_is_fatal() -> None:
    health = verdict(views(), expected="before")
    assert gate(health) == codes(health) == {"other_deployment"}
    assert health.gate_fatal


def test_a_healing_drive_is_waited_for_and_not_fatal() -> None:
    health = verdict(views("hooo", maintenance=412))
    assert not health.settled
    assert not health.gate_fatal
    assert codes(health) == {"healing", "maintenance"}
    assert health.false_412 == ()


def test_one_pod_that_lists_a_healing_drive_is_enough() -> None:
    assert "healing" in codes(verdict(views(minio_2=answer("ooho"))))


def test_a_fresh_server_is_not_yet_believed() -> None:
    young = answer()
    young["servers"][2]["uptime"] = 5
    assert codes(verdict(views(minio_2=young))) == {"settling"}
    assert verdict(views(minio_2=young), settle=5).converged


def test_a_412_while_no_pod_lists_a_healing_drive_is_false() -> None:
    given = views()
    given[1] = PodView("minio-1", "node", True, 200, 200, 412, given[1].info)
    health = verdict(given)
    assert health.false_412 == ("minio-1",)
    assert health.converged
    assert not health.maintenance_ok


def test_a_412_is_not_called_false_while_a_pod_is_silent() -> None:
    given = views("oood", maintenance=412)
    assert verdict(given).false_412 == ()

    silent = [*views(maintenance=412)[:3], PodView("minio-3", error="timed out")]
    assert verdict(silent).false_412 == ()


def test_a_drive_that_no_server_lists_is_missed() -> None:
    short = answer()
    short["servers"] = short["servers"][:3]
    given = views(minio_0=short, minio_1=short, minio_2=short, minio_3=short)
    assert "drives_missing" in codes(verdict(given))
    assert "drives_missing" in gate(verdict(given))
    assert "drives_missing" not in gate(verdict(given, "minio-3"))


def test_a_drive_without_a_set_is_not_whole() -> None:
    fresh = answer()
    fresh["servers"][3]["drives"][0]["set_index"] = -1
    assert "drive_unplaced" in codes(verdict(views(minio_0=fresh, minio_1=fresh, minio_2=fresh, minio_3=fresh)))


def test_a_412_by_layout_is_no_finding() -> None:
    """Two servers of two drives each: without its own two, no server sees a write quorum, ever."""
    wide = answer()
    for i, server in enumerate(wide["servers"]):
        server["drives"][0]["endpoint"] = ENDPOINT.format(i // 2) + str(i)
    first, second, third, fourth = wide["servers"]
    wide["servers"] = [first, second, {**first, "drives": third["drives"]}, {**second, "drives": fourth["drives"]}]
    given = [PodView(f"minio-{i}", "node", True, 200, 200, 412, parse_info(copy.deepcopy(wide))) for i in range(2)]
    health = verdict(given)
    assert health.converged
    assert health.false_412 == ()


def test_settled_means_whole_but_for_the_lost_drives() -> None:
    health = verdict(views("oood", maintenance=412), "minio-3")
    assert health.settled
    assert not health.converged


def test_while_too_many_are_lost_to_write_a_cluster_check_may_fail() -> None:
    assert verdict(views("dood", cluster=503), "minio-0", "minio-3").settled
    assert not verdict(views("oood", cluster=503), "minio-3").settled


def test_a_heal_that_left_objects_behind_is_not_settled() -> None:
    bad = answer()
    bad["servers"][0]["drives"][0]["heal_info"] = {"items_healed": 40, "items_failed": 2, "finished": True}
    health = verdict(views(minio_0=bad))
    assert codes(health) == {"heal_failed"}
    assert not health.settled


def test_a_pod_that_does_not_reach_a_peer_which_answers_is_to_be_restarted() -> None:
    health = verdict(views(minio_1=answer("oood")))
    assert codes(health) == {"peer_stale", "drive_offline"}
    sentence = next(finding.sentence for finding in health.findings if finding.code == "peer_stale")
    assert "minio-1 does not reach minio-3" in sentence
    assert "kubectl -n ns delete pod minio-1" in sentence


@pytest.mark.parametrize("change", [{"ready": False}, {"cluster": 503}, {"live": None}])
def test_a_peer_that_does_not_answer_itself_is_just_away(change: dict) -> None:
    given = views(minio_1=answer("oood"))
    given[3] = dataclasses.replace(given[3], **change)
    assert {"peer_offline"} <= codes(verdict(given))
    assert "peer_stale" not in codes(verdict(given))


def test_a_stale_and_a_missing_peer_are_told_apart() -> None:
    found = {finding.code: finding.sentence for finding in verdict(views("oood", minio_1=answer("oodd"))).findings}
    assert "minio-2" in found["peer_stale"]
    assert "minio-3" not in found["peer_stale"]
    assert found["peer_offline"].endswith("does not reach minio-3.minio-svc:9000")


def late(states: str = "ddoo", drives: str = "ddoo") -> list[PodView]:
    """Two of four are lost, and each of the others calls the other one offline since it answers late; storageinfo tells
    `drives`."""
    given = views(states)
    storage = {"Disks": [server["drives"][0] for server in answer(drives)["servers"]]}
    for i, seen in ((2, "ddod"), (3, "dddo")):
        given[i] = dataclasses.replace(given[i], cluster=503, info=parse_info(answer(seen), storage))
    return given


def test_a_server_that_only_answers_late_is_not_away() -> None:
    health = verdict(late(), "minio-0", "minio-1")
    assert health.readable
    assert not health.gate
    assert codes(health) == set()
    assert health.settled


def test_a_server_whose_drives_are_not_reached_is_away() -> None:
    health = verdict(late(drives="dddd"), "minio-0", "minio-1")
    assert {"drive_offline", "below_read_quorum"} <= gate(health)
    assert {"drive_offline", "peer_offline"} <= codes(health)
    assert not health.settled


def test_a_pod_that_comes_up_is_told_from_one_that_hangs() -> None:
    def starting(change: dict, *lost: str) -> bool:
        given = views("ddoo")
        given[2] = dataclasses.replace(given[2], **change)
        return report(verdict(given, *lost), given, name="ns/minio")["gate"]["starting"]

    lost = "minio-0", "minio-1"
    assert not starting({}, *lost)
    assert starting({"info": None, "error": "the server is still starting"}, *lost)
    assert starting({"ready": False, "live": None, "info": None}, *lost)
    assert not starting({"ready": False, "live": None, "info": None, "timed_out": True}, *lost)
    assert not starting({"info": None, "timed_out": True}, *lost)
    assert starting({}, "minio-0")


def several(drives: int = 2, pods: int = 4, *, without: tuple[str, ...] = ()) -> dict:
    """Several drives in a pod, one set; pods of `without` are not listed at all."""
    servers = [
        {
            "endpoint": f"minio-{i}.minio-svc:9000",
            "state": "online",
            "uptime": 300,
            "drives": [
                {
                    "endpoint": f"http://minio-{i}.minio-svc:9000/export-{k}",
                    "state": "ok",
                    "pool_index": 0,
                    "set_index": 0,
                }
                for k in range(drives)
            ],
        }
        for i in range(pods)
        if f"minio-{i}" not in without
    ]
    backend = {
        "backendType": "Erasure",
        "standardSCParity": 4,
        "totalSets": [1],
        "totalDrivesPerSet": [drives * pods],
    }
    return {"deploymentID": "one", "backend": backend, "servers": servers}


def views_of_several(given: dict) -> list[PodView]:
    return [
        PodView(f"minio-{i}", "node", True, 200, 200, 200, parse_info(given))
        if i != 3
        else PodView("minio-3", error="-")
        for i in range(4)
    ]


def test_all_drives_of_a_lost_pod_are_lost() -> None:
    listed = several()
    listed["servers"][3]["state"] = "offline"
    for drive in listed["servers"][3]["drives"]:
        drive["state"] = "offline"
    health = verdict(views_of_several(listed), "minio-3")
    assert not health.gate
    assert health.settled
    assert (health.sets[0].healthy, health.sets[0].missing) == (6, 2)


def test_drives_of_a_lost_pod_that_nobody_lists_are_not_missed() -> None:
    assert not verdict(views_of_several(several(without=("minio-3",))), "minio-3").gate


def test_a_drive_too_few_is_missed_with_several_in_a_pod() -> None:
    short = several(without=("minio-3",))
    del short["servers"][2]["drives"][1]
    assert "drives_missing" in gate(verdict(views_of_several(short), "minio-3"))


def test_too_many_lost_pods_of_several_drives_leave_no_quorum() -> None:
    assert "below_read_quorum" in gate(verdict(views_of_several(several()), "minio-1", "minio-2", "minio-3"))


def with_drive(state: str, *, seen_by_others: str = "", **more: object) -> list[PodView]:
    given, others = answer(), answer()
    given["servers"][2]["drives"][0].update(state=state, **more)
    others["servers"][2]["drives"][0].update(state=seen_by_others or state)
    return views(minio_0=others, minio_1=others, minio_2=given, minio_3=others)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (with_drive("root-mount"), "root_drive"),
        (with_drive("root-mount", seen_by_others="offline"), "root_drive"),
        (with_drive("unformatted", rootDisk=True), "root_drive"),
        (with_drive("unknown (cause: drive is part of root drive, will not be used)"), "root_drive"),
        (with_drive("offline"), "drive_refused"),
        (with_drive("ok", seen_by_others="offline"), "drive_offline"),
        (with_drive("unformatted"), "drive_offline"),
        (with_drive("faulty"), "drive_offline"),
    ],
)
def test_a_drive_that_its_own_server_refuses_is_told_apart(given: list[PodView], code: str) -> None:
    found = {finding.code: finding.sentence for finding in verdict(given).findings}
    assert set(found) == {code}
    assert ENDPOINT.format(2) in found[code]
    if code != "drive_offline":
        assert "mount the folder of the local volumes" in found[code]
    assert code in gate(verdict(given))


def test_why_a_survivor_s_drive_is_away_is_told() -> None:
    (finding,) = [found for found in verdict(views("dodo"), "minio-0").gate if found.code == "drive_offline"]
    assert finding.sentence.endswith("is offline (minio-2: the pod is not running)")


def test_a_server_that_just_started_may_not_have_its_drive_yet() -> None:
    given = with_drive("offline")
    assert codes(verdict(given, settle=301)) >= {"drive_offline", "settling"}


def test_a_lost_pod_s_drive_is_not_called_refused() -> None:
    assert codes(verdict(with_drive("root-mount"), "minio-2")) == set()


@pytest.mark.parametrize(
    ("name", "states"),
    [("root_drive_at_start", {"offline"}), ("root_drive_while_running", {"root-mount"})],
)
def test_what_a_server_says_of_a_root_drive_is_recorded(name: str, states: set[str]) -> None:
    drives = parse_info(RECORDED[name]).drives
    assert {drive.state for drive in drives if drive.state != "ok"} == states
    assert not any(drive.root_disk for drive in drives)


def test_a_plain_drive_is_standalone() -> None:
    alone = verdict(views("o", minio_0={**answer("o"), "backend": {"backendType": "FS"}})[:1])
    assert "standalone" in gate(alone)
    assert alone.gate_fatal


@pytest.mark.parametrize(
    "backend",
    [
        {"backendType": "Erasure", "standardSCParity": 0, "totalSets": [1], "totalDrivesPerSet": [4]},
        {"backendType": ""},
        {},
    ],
)
def test_a_server_that_has_just_started_is_not_taken_for_one_without_peers(backend: dict) -> None:
    """It tells of no parity for a while, which was once taken for a MinIO that can't heal."""
    started = {**answer(), "backend": backend}
    for first in (views(minio_0=started), views(minio_3=started)):
        health = verdict(first)
        assert gate(health) == {"no_parity"}
        assert not health.gate_fatal
        assert not health.settled
        assert health.parity == 2
    everyone = verdict(views(minio_0=started, minio_1=started, minio_2=started, minio_3=started))
    assert not everyone.gate_fatal
    assert not everyone.settled


def test_a_single_drive_of_later_releases_is_standalone_too() -> None:
    found = judge(
        [PodView("m", "n", True, 200, 200, 200, parse_info(RECORDED["single_drive"]))], lost_pods=(), settle_seconds=0
    )
    assert gate(found) == {"standalone"}
    assert found.gate_fatal
    assert "replace_master_discard" in found.gate[0].sentence


def test_a_recorded_heal_that_failed_is_told_with_its_numbers_and_what_to_do() -> None:
    info = parse_info(RECORDED["heal_failed"])
    health = judge([PodView("", "n", True, 200, 200, 200, info)], lost_pods=(), settle_seconds=0)
    assert codes(health) == gate(health) == {"heal_failed"}
    assert health.gate_fatal
    assert "3 objects (6000 bytes) failed" in health.findings[0].sentence
    assert ".healing.bin" in health.findings[0].sentence


def test_a_lost_drive_whose_own_heal_failed_is_no_matter() -> None:
    bad = answer()
    bad["servers"][3]["drives"][0]["heal_info"] = {"items_failed": 2, "finished": True}
    assert "heal_failed" in gate(verdict(views(minio_0=bad)))
    assert "heal_failed" not in gate(verdict(views(minio_0=bad), "minio-3"))


def test_no_pod_at_all_is_not_whole() -> None:
    assert not verdict([]).converged
    assert not verdict([]).settled


def test_the_report_says_it_in_one_sentence_and_holds_no_record() -> None:
    given = views("hooo", maintenance=412)
    result = report(verdict(given), given, name="ns/minio")
    assert result["msg"].startswith("ns/minio: not healthy: " + ENDPOINT.format(0) + " is healing")
    assert result["gate"] == {
        "ok": False,
        "fatal": False,
        "healing": True,
        "decided": True,
        "starting": False,
        "codes": ["healing"],
        "sentences": [ENDPOINT.format(0) + " is healing"],
    }
    assert result["sets"][0]["write_quorum"] == 3
    assert result["pods"][0]["uptime"] == 300


def recorded(name: str, storage: str = "", *, pods: int = 4, silent: tuple[int, ...] = ()) -> list[PodView]:
    """All pods give the recorded answer, those of `silent` none."""
    told = RECORDED_2021[storage] if storage else None
    info = parse_info(RECORDED_2021[name], told)
    return [
        PodView(f"minio-{i}", error="-") if i in silent else PodView(f"minio-{i}", "n", True, 200, 200, 200, info)
        for i in range(pods)
    ]


def test_a_whole_deployment_of_2021_is_whole() -> None:
    assert verdict(recorded("whole")).converged


@pytest.mark.parametrize(("name", "lost"), [("one_dead", ["minio-3"]), ("two_dead", ["minio-2", "minio-3"])])
def test_lost_drives_of_2021_may_be_replaced(name: str, lost: list[str]) -> None:
    silent = tuple(int(pod[-1]) for pod in lost)
    health = verdict(recorded(name, name + "_storageinfo", silent=silent), *lost)
    assert (gate(health), health.readable, health.settled) == (set(), True, True)
    assert (health.parity, health.sets[0].total, health.sets[0].missing) == (2, 4, len(lost))


def test_a_server_that_is_not_initialized_is_waited_for() -> None:
    """It is listed as online and without drives, for a second at each restart, or for good beside a stale peer."""
    health = verdict(recorded("peer_not_initialized", "peer_not_initialized_storageinfo", silent=(3,)))
    assert gate(health) == {"drives_missing"}
    assert not health.gate_fatal
    assert (health.sets[0].total, health.sets[0].healthy) == (4, 3)


def test_without_storageinfo_its_layout_is_not_known_yet() -> None:
    health = verdict(recorded("peer_not_initialized", silent=(3,)))
    assert gate(health) == {"no_answer"}
    assert (health.gate_fatal, health.readable, health.settled) == (False, False, False)


def test_too_few_drives_of_sixteen_are_below_read_quorum() -> None:
    """Two of four servers are not initialized; eight drives alone would look like a set of eight."""
    backend = RECORDED_2021["sixteen_drives_two_not_initialized_backend_of_storageinfo"]
    info = parse_info(RECORDED_2021["sixteen_drives_two_not_initialized"], {"Backend": backend})
    names = {host.split(".")[0] for host in (server.endpoint for server in info.servers if server.uptime)}
    health = verdict([PodView(name, "n", True, 200, 200, 200, info) for name in sorted(names)])
    assert gate(health) == {"below_read_quorum", "drives_missing"}
    assert (health.readable, health.writable, health.gate_fatal) == (False, False, False)
    alone = parse_info(RECORDED_2021["sixteen_drives_two_not_initialized"])
    assert gate(verdict([PodView("minio-0", "n", True, 200, 200, 200, alone)])) == {"no_answer"}


def test_sixteen_drives_of_2021_are_whole() -> None:
    health = verdict(recorded("sixteen_drives"), settle=0)
    assert (gate(health), health.sets[0].total, health.sets[0].read_quorum) == (set(), 16, 12)


def late_with_storage(name: str, pod: str = "minio-0") -> list[PodView]:
    """Below read quorum a server does not answer `info` in time."""
    storage = parse_storage(RECORDED_2021[name])
    return [PodView(pod, "n", True, 200, 503, 503, error="timed out", timed_out=True, storage=storage)]


def test_below_read_quorum_storageinfo_alone_says_so() -> None:
    health = verdict(late_with_storage("three_dead_storageinfo"))
    assert gate(health) == {"below_read_quorum"}
    assert "1 complete drives of 4, but 2 are needed" in health.gate[0].sentence
    assert gate(verdict(late_with_storage("two_dead_storageinfo"))) == {"no_answer"}
    assert gate(verdict(late_with_storage("two_dead_storageinfo"), "minio-1")) == {"below_read_quorum"}


def test_a_server_below_read_quorum_stands_against_it_though_others_answer() -> None:
    given = [*views()[:3], *late_with_storage("three_dead_storageinfo", "minio-3")]
    assert gate(verdict(given)) == {"below_read_quorum"}
    assert gate(verdict(given, "minio-3")) == set()


def test_wrong_credentials_are_not_waited_for_and_are_named() -> None:
    answer = RECORDED_2021["wrong_credentials"]
    error = "the admin API answers {status}: {message}".format(**answer)
    given = [PodView("minio-0", "n", True, 200, 200, 200, error=error, refused=True)]
    health = verdict(given)
    assert gate(health) == {"no_answer"}
    assert "minio-0 does not accept the credentials" in health.gate[0].sentence
    assert "signature" in health.gate[0].sentence
    assert report(health, given, name="ns/minio")["gate"]["starting"] is False


def test_412_of_the_only_server_is_right_for_good() -> None:
    info = parse_info(RECORDED_2021["four_drives_of_one_server"])
    health = verdict([PodView("minio-0", "n", True, 200, 200, 412, info)], settle=0)
    assert (health.false_412, health.converged) == ((), True)


def test_a_plain_drive_of_2021_is_standalone_and_nothing_else() -> None:
    health = verdict([PodView("minio-0", "n", True, 200, 200, 200, parse_info(RECORDED_2021["single_drive"]))])
    assert gate(health) == {"standalone"}


def test_a_server_that_listens_and_never_initializes_is_named_with_the_act_that_helps() -> None:
    given = views()
    told = RECORDED_2021["not_initialized_answer"]["message"]
    given[2] = PodView("minio-2", "node", True, 200, 503, 503, None, f"the admin API answers 503: {told}")
    (found,) = [item for item in verdict(given, "minio-0").findings if item.code == "not_initialized"]
    assert "minio-2 listens and has not initialized" in found.sentence
    assert "kubectl -n ns delete pod minio-2; then wait with kubectl -n ns wait" in found.sentence
    assert "before another pod is restarted" in found.sentence


def test_a_survivor_restarted_below_the_write_quorum_is_not_to_be_restarted() -> None:
    """Seen on the bed: two drives of four lost, then a survivor's host was rebooted. The others list its drive as ok."""
    told = RECORDED_2021["not_initialized_answer"]["message"]
    given = recorded("two_dead", "two_dead_storageinfo", silent=(2, 3))
    given[1] = PodView("minio-1", "n", True, 200, 503, 412, None, f"AdminRefused: the admin API answers 503: {told}")
    health = verdict(given, "minio-2", "minio-3")
    assert gate(health) == set()
    (found,) = health.findings
    assert found.code == "no_write_quorum"
    assert found.sentence.startswith("minio-1 was restarted and has not initialized")
    assert found.sentence.endswith("restart no pod until then")
    # With one drive lost the quorum is there, and the server would have found it.
    given = recorded("one_dead", "one_dead_storageinfo", silent=(3,))
    given[1] = PodView("minio-1", "n", True, 200, 503, 412, None, f"AdminRefused: the admin API answers 503: {told}")
    assert "not_initialized" in codes(verdict(given, "minio-3"))


def test_a_server_that_hangs_or_refuses_is_not_called_uninitialized() -> None:
    for more in ({"timed_out": True}, {"refused": True}, {"ready": False}):
        given = views()
        given[2] = dataclasses.replace(PodView("minio-2", "node", True, 200, 503, 503, None, "late"), **more)
        assert "not_initialized" not in codes(verdict(given))
