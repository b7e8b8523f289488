# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.health import judge
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import parse_info
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.progress import Limits, Look, Memory, look
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.report import report
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView

RECORDED = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2026-02.json").read_text(encoding="utf-8")
)
MIB = 1024 * 1024
LIMITS = Limits(settle=15, stale_peer=120, heal_stall=300, quiet=30)


def seen(*, settled: bool = False, findings: dict | None = None, **drives: dict | None) -> dict:
    """What minio_health_info says of one MinIO; drives by name, with their heal's numbers, or None for one that does not heal."""
    return {
        "msg": "m/m: stands",
        "error": "",
        "settled": settled,
        "gate": {},
        "findings": [{"code": code, "sentence": sentence} for code, sentence in (findings or {}).items()],
        "drives": [
            {"endpoint": name, "state": "ok", "healing": told is not None, "progress": numbers(**told) if told else {}}
            for name, told in drives.items()
        ],
    }


def numbers(**given: object) -> dict:
    names = ("done", "failed", "skipped", "total")
    told = {**{f"{kind}_{name}": 0 for kind in ("objects", "bytes") for name in names}, "started": "a", "retries": 0}
    return {**told, **given}


def looks(*given: tuple[float, dict]) -> list[Look]:
    memory, found = Memory(), []
    for now, result in given:
        memory, judged = look(memory, result, name="m/m", now=now, limits=LIMITS)
        found.append(judged)
    return found


def half(**more: object) -> dict:
    return {"objects_done": 20, "objects_total": 40, "bytes_done": 512 * MIB, "bytes_total": 1024 * MIB, **more}


def test_a_line_tells_percent_objects_bytes_rate_and_time_left() -> None:
    first, second = looks((0, seen(d1=half())), (10, seen(d1=half(objects_done=30, bytes_done=768 * MIB))))
    assert first.line == "m/m: healing d1 50 %, 20 of 40 objects, 512.0 MiB of 1.0 GiB"
    assert second.line == ("m/m: healing d1 75 %, 30 of 40 objects, 768.0 MiB of 1.0 GiB, 25.6 MiB/s, about 10 s left")
    assert {first.state, second.state} == {"wait"}


@pytest.mark.parametrize(
    ("code", "seen_now", "advice"),
    [
        ("peer_stale", "minio-1 does not reach http://minio-0:9000/export, which is Ready and answers", "restart it"),
        ("drive_refused", "http://minio-0:9000/export is offline for its own server, which runs", "restart the pod"),
        ("root_drive", "http://minio-0:9000/export is on the root drive of node n", "mount the folder"),
    ],
)
def test_nothing_is_advised_before_it_has_lasted(code: str, seen_now: str, advice: str) -> None:
    sentences = {
        "peer_stale": seen_now + ". If this lasts, minio-1 keeps an outdated address: restart it, and no other pod",
        "drive_refused": seen_now
        + ": MinIO does this with a folder on the root drive. See the log; restart the pod, then run again",
        "root_drive": seen_now + ", so MinIO does not use it (state ok): mount the folder of the local volumes there",
    }
    result = seen(findings={code: sentences[code]}, d1=half())
    first, *_others, last = looks((0, result), (10, result), (200, result))
    assert seen_now in first.line
    assert advice not in first.line
    assert advice in " ".join(last.why)


def test_totals_that_are_not_told_are_left_out() -> None:
    (only,) = looks((0, seen(d1={"objects_done": 3, "bytes_done": 2048})))
    assert only.line == "m/m: healing d1, 3 objects, 2.0 KiB"


def test_the_rate_is_between_looks_that_saw_another_number() -> None:
    """The server writes its numbers down once a minute: ten looks in between see the same."""
    given = [(float(t), seen(d1=half(bytes_done=(512 + t // 60 * 60) * MIB))) for t in range(0, 121, 5)]
    assert "1.0 MiB/s" in looks(*given)[-1].line


def test_without_news_a_line_comes_each_half_minute() -> None:
    lines = [item.line for item in looks(*((float(t), seen(d1=half())) for t in range(0, 65, 5)))]
    assert [t * 5 for t, line in enumerate(lines) if line] == [0, 30, 60]


def test_news_are_told_at_once() -> None:
    given = [
        (0, seen(findings={"settling": "m-1 is up for 3 s of the 15 s to settle"})),
        (1, seen(findings={"settling": "m-1 is up for 4 s of the 15 s to settle"})),
        (2, seen(findings={"pod_unhealthy": "m-1 does not answer"})),
        (3, seen(d1={"objects_done": 1})),
        (4, seen(d1={"objects_done": 2})),
    ]
    assert [bool(item.line) for item in looks(*given)] == [True, False, True, True, True]


def test_settled_is_the_end() -> None:
    assert looks((0, seen(d1=half())), (5, seen(settled=True, d1=None)))[-1] == Look("settled", "m/m: stands")


@pytest.mark.parametrize("code", ["heal_failed", "deployment_ids_differ", "other_deployment", "standalone"])
def test_what_no_wait_changes_ends_it_at_once(code: str) -> None:
    (only,) = looks((0, seen(findings={code: "so it is", "settling": "x"})))
    assert (only.state, only.why) == ("hopeless", ("so it is",))


@pytest.mark.parametrize(("code", "seconds"), [("root_drive", 15), ("drive_refused", 120), ("peer_stale", 120)])
def test_what_may_pass_is_believed_when_every_look_saw_it_long_enough(code: str, seconds: int) -> None:
    there, away = seen(findings={code: "m-1 is bad"}), seen(findings={"settling": "m-1 is up"})
    states = [item.state for item in looks((0, there), (seconds - 1, there), (seconds, there))]
    assert states == ["wait", "wait", "hopeless"]
    interrupted = looks((0, there), (seconds - 1, away), (seconds, there), (seconds + 5, there))
    assert {item.state for item in interrupted} == {"wait"}
    other = seen(findings={code: "m-2 is bad"})
    assert looks((0, there), (seconds, other))[-1].state == "wait"


def test_a_heal_whose_failures_are_forgotten_at_its_end_has_failed() -> None:
    """As before 2023: no numbers after the end."""
    last = looks((0, seen(d1=half(objects_failed=2, bytes_failed=70))), (5, seen(settled=True, d1=None)))[-1]
    assert last.state == "hopeless"
    assert "the heal of d1 ended incomplete: 2 objects (70 bytes) failed, 20 were healed" in last.why[0]


def test_where_the_numbers_are_kept_they_are_the_last_word() -> None:
    kept = seen(settled=True, d1=None)
    kept["drives"][0]["progress"] = numbers(objects_done=40)
    assert looks((0, seen(d1=half(objects_failed=2))), (5, kept))[-1].state == "settled"


def test_a_drive_that_goes_away_while_it_heals_has_not_ended() -> None:
    away = seen(d1=None)
    away["drives"][0]["state"] = "offline"
    assert looks((0, seen(d1=half(objects_failed=2))), (5, away))[-1].state == "wait"


def test_a_heal_with_failures_that_stalls_has_failed() -> None:
    stuck = seen(d1=half(objects_failed=2, bytes_failed=70))
    states = looks((0, stuck), (299, stuck), (300, stuck))
    assert [item.state for item in states] == ["wait", "wait", "hopeless"]
    assert "2 objects (70 bytes) failed, and for 300 s it has been at 20 objects" in states[-1].why[0]


def test_a_heal_without_failures_may_stand_still() -> None:
    assert looks((0, seen(d1=half())), (9000, seen(d1=half())))[-1].state == "wait"


def test_a_heal_with_failures_that_comes_further_is_waited_for() -> None:
    given = [(float(t), seen(d1=half(objects_done=20 + t, objects_failed=2))) for t in range(0, 1000, 100)]
    assert {item.state for item in looks(*given)} == {"wait"}


def test_a_heal_that_is_begun_anew_counts_only_what_no_pass_had() -> None:
    """Each pass heals the same 30 objects in front of the one that fails."""
    given = [
        (float(t), seen(d1={"objects_done": t // 10 % 4 * 10, "bytes_done": t // 10 % 4, "retries": t // 40}))
        for t in range(0, 341, 10)
    ]
    states = [item.state for item in looks(*given)]
    assert states.index("hopeless") == (30 + 300) // 10


def test_a_tracker_that_begins_anew_without_failures_is_another_heal() -> None:
    anew = seen(d1={"objects_done": 1, "started": "b", "objects_failed": 1})
    assert looks((0, seen(d1=half())), (290, anew), (589, anew), (590, anew))[-2].state == "wait"


def test_a_recorded_heal_with_failures_ends_with_its_numbers() -> None:
    """Ten seconds between passes, four more passes; failures show for less than a second before each is begun anew."""
    memory, states, lines = Memory(), [], []
    for item in RECORDED["drive_while_healing_with_failures"][2:]:
        info = parse_info(
            {
                "deploymentID": "x",
                "backend": RECORDED["heal_failed"]["backend"],
                "servers": [
                    {
                        "endpoint": "m:9000",
                        "state": "online",
                        "uptime": 99,
                        "drives": [
                            item["drive"] if drive["endpoint"] == item["drive"]["endpoint"] else drive
                            for drive in RECORDED["heal_failed"]["servers"][0]["drives"]
                        ],
                    }
                ],
            }
        )
        views = [PodView("m", "n", True, 200, 200, 200, info)]
        result = report(judge(views, lost_pods=(), settle_seconds=15), views, name="m/m")
        memory, judged = look(memory, result, name="m/m", now=item["after_seconds"], limits=LIMITS)
        states.append(judged.state)
        lines.append(judged.line)
    assert set(states[:-1]) == {"wait"}
    assert states[-1] == "hopeless"
    assert "3 objects (6000 bytes) failed" in judged.why[0]
    assert any("pass 5, since objects failed in the one before" in line for line in lines)
    assert "m/m: healing /d2 0 %, 1 of 398 objects, 13 B of 11.8 MiB" in lines
    assert any("healing /d2 51 %, 211 of 398 objects, 6.1 MiB of 11.8 MiB" in line for line in lines)
    assert any("healing /d2 99 %, 406 of 406 objects" in line and "3 objects failed" in line for line in lines)


def test_looks_that_fail_are_endured_for_a_while() -> None:
    silent = {"error": "the API server does not answer", "gate": {}}
    states = looks((0, silent), (299, silent), (300, silent))
    assert [item.state for item in states] == ["wait", "wait", "hopeless"]
    assert states[0].line == "m/m: could not be checked: the API server does not answer"
    assert looks((0, silent), (200, seen(d1=half())), (301, silent))[-1].state == "wait"


def test_a_look_that_broke_is_not_repeated() -> None:
    for more in ({}, {"gate": {}, "traceback": "Traceback"}):
        (only,) = looks((0, {"error": "MODULE FAILURE", **more}))
        assert (only.state, only.why) == ("hopeless", ("MODULE FAILURE",))


def test_a_heal_that_does_not_move_is_told_within_a_minute_and_waited_for() -> None:
    given = [(float(t), seen(**{"http://minio-0.svc:9000/export": half()})) for t in range(0, 125, 5)]
    found = looks(*given)
    assert {item.state for item in found} == {"wait"}
    told = [t * 5 for t, item in enumerate(found) if "has not moved for" in item.line]
    assert told[0] == 60
    assert "kubectl -n m delete pod minio-0, and wait until it is Ready" in found[12].line
    moving = [(float(t), seen(d1=half(objects_done=20 + t))) for t in range(0, 125, 5)]
    assert not any("has not moved" in item.line for item in looks(*moving))


def silent(endpoint: str) -> dict:
    result = seen()
    result["drives"] = [{"endpoint": endpoint, "state": "ok", "healing": True, "progress": {}}]
    return result


def test_a_heal_of_which_minio_tells_no_numbers_is_told_within_a_minute_and_waited_for() -> None:
    found = looks(*((float(t), silent("http://minio-3.svc:9000/export")) for t in range(0, 125, 5)))
    assert {item.state for item in found} == {"wait"}
    told = [t * 5 for t, item in enumerate(found) if "MinIO does not say how far it is" in item.line]
    assert told[0] == 60
    assert "http://minio-3.svc:9000/export has been healing for 60 s" in found[12].line
    assert "kubectl -n m logs minio-3" in found[12].line
    # Numbers that come late are those of a heal that moves.
    late = (
        *((float(t), silent("d1")) for t in range(0, 50, 5)),
        *((float(t), seen(d1=half(objects_done=t))) for t in range(50, 125, 5)),
    )
    assert not any("does not say" in item.line or "not moved" in item.line for item in looks(*late))


def test_a_heal_that_begins_anew_with_nothing_healed_has_not_moved() -> None:
    again = [(float(t), seen(d1={"started": str(t), "objects_total": 40})) for t in range(0, 125, 5)]
    found = looks(*again)
    assert next(t * 5 for t, item in enumerate(found) if "has not moved for" in item.line) == 60
    assert {item.state for item in found} == {"wait"}


def test_a_server_that_never_initializes_is_hopeless_within_a_minute() -> None:
    words = "minio-2 listens and has not initialized (503): it waits for its peers"
    memory, states = Memory(), []
    for now in range(0, 65, 5):
        result = seen(findings={"not_initialized": words})
        memory, judged = look(memory, result, name="m/m", now=float(now), limits=Limits())
        states.append(judged.state)
    assert states[0] == "wait"
    assert states[12] == "hopeless"
    assert judged.why == (words,)
