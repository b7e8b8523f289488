# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import parse_info
from ansible_collections.cloudpods.ha.plugins.module_utils._minio_verdict import Health, PodView, judge, report

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
    return judge(given, lost_pods=lost, settle_seconds=settle, expected_id=expected)


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
        ({"backend": {"backendType": "FS"}}, "standalone"),
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


def test_a_pod_with_stale_peers_is_named() -> None:
    stale = answer()
    stale["servers"][3]["state"] = "offline"
    health = verdict(views(minio_1=stale))
    assert codes(health) == {"peer_offline"}
    assert "minio-1 does not reach minio-3" in health.findings[0].sentence


def test_no_pod_at_all_is_not_whole() -> None:
    assert not verdict([]).converged
    assert not verdict([]).settled


def test_the_report_says_it_in_one_sentence_and_holds_no_record() -> None:
    given = views("hooo", maintenance=412)
    result = report(verdict(given), given, name="ns/minio")
    assert result["msg"].startswith("ns/minio: not whole: " + ENDPOINT.format(0) + " is healing")
    assert result["gate"] == {
        "ok": False,
        "fatal": False,
        "healing": True,
        "codes": ["healing"],
        "sentences": [ENDPOINT.format(0) + " is healing"],
    }
    assert result["sets"][0]["write_quorum"] == 3
    assert result["pods"][0]["uptime"] == 300
