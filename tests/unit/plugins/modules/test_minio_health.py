# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that waits for MinIOs; the looks are given, and time passes by itself."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.action import minio_health
from ansible_collections.cloudpods.ha.plugins.doc_fragments import _kubeconfig, _minio
from ansible_collections.cloudpods.ha.plugins.modules import minio_health as documented
from ansible_collections.cloudpods.ha.plugins.modules import minio_health_info

MINIO = {"namespace": "ns", "name": "minio"}
MONITOR = {"namespace": "ns", "name": "monitor-minio", "lost_claims": [{"name": "export-0", "uid": "u"}]}
GIVEN = {"kubeconfig": "/nowhere", "deployments": [MINIO], "delay": 5, "wait_timeout": 60}
ROOT = Path(__file__).resolve().parents[4]


def options_of(module: t.Any) -> dict:
    """The options that a module documents, with those of the fragments."""
    texts = [module.DOCUMENTATION, *(part.ModuleDocFragment.DOCUMENTATION for part in (_kubeconfig, _minio))]
    return {name: option for text in texts for name, option in yaml.safe_load(text)["options"].items()}


def seen(*, settled: bool = False, **findings: str) -> dict:
    return {
        "msg": "ns/minio: stands",
        "error": "",
        "settled": settled,
        "gate": {},
        "drives": [],
        "healing": [],
        "findings": [{"code": code, "sentence": sentence} for code, sentence in findings.items()],
    }


# What is said of one MinIO, at each poll of it; the last one again and again.
Looks = t.Sequence[dict]
BROKE = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback"}


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[dict, list[str], list[dict]]]:
    def call(*looks: dict, check_mode: bool = False, **more: t.Any) -> tuple[dict, list[str], list[dict]]:
        """`others` are the looks at each further deployment. A look without `error` is the end of the module."""
        others: dict[str, Looks] = more.pop("others", {})
        given = {name: list(told) for name, told in {"minio": looks, **others}.items()}
        lines: list[str] = []
        asked: list[dict] = []
        clock = types.SimpleNamespace(now=0.0)
        monkeypatch.setattr(minio_health.time, "monotonic", lambda: clock.now)
        monkeypatch.setattr(minio_health.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))
        monkeypatch.setattr(minio_health, "Display", lambda: types.SimpleNamespace(display=lines.append))
        task = types.SimpleNamespace(
            args={**GIVEN, **more}, check_mode=check_mode, async_val=0, action="minio_health", diff=False
        )
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
        plugin = minio_health.ActionModule(task, connection, types.SimpleNamespace(), None, None, None)

        def look(*, module_name: str, module_args: dict, task_vars: object) -> dict:
            assert (module_name, task_vars) == ("cloudpods.ha.minio_health_info", {})
            asked.append(module_args)
            told = []
            for item in module_args["deployments"]:
                left = given[item["name"]]
                told.append(dict(left.pop(0) if len(left) > 1 else left[0]))
                if "error" not in told[-1]:
                    return told[-1]
            return {"failed": any(item["error"] for item in told), "msg": "all of them", "deployments": told}

        monkeypatch.setattr(plugin, "_execute_module", look)
        return plugin.run(task_vars={}), lines, asked

    return call


def names(asked: list[dict]) -> list[list[str]]:
    return [[item["name"] for item in given["deployments"]] for given in asked]


def test_it_ends_when_the_deployment_is_whole(wait: t.Callable[..., t.Any]) -> None:
    result, lines, asked = wait(seen(pod_unhealthy="minio-1 does not answer"), seen(settled=True))
    (told,) = result["deployments"]
    assert (told["namespace"], told["name"], told["outcome"], told["settled"]) == ("ns", "minio", "settled", True)
    assert (told["looks"], told["waited"], result["looks"], result["waited"]) == (2, 5, 2, 5)
    assert (result["failed"], result["changed"], result["msg"]) == (False, False, "ns/minio: stands")
    assert lines == ["ns/minio: minio-1 does not answer", "ns/minio: stands"]
    assert asked[0]["readings"] == 2
    options = options_of(minio_health_info)
    assert set(asked[0]) <= set(options)
    assert set(asked[0]["deployments"][0]) <= set(options["deployments"]["suboptions"])


def test_what_no_wait_changes_fails_with_what_to_do(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, _asked = wait(seen(heal_failed="2 objects failed, do this"))
    assert (result["failed"], result["deployments"][0]["outcome"]) == (True, "hopeless")
    assert result["msg"] == "ns/minio: MinIO will not heal by waiting: 2 objects failed, do this"


def test_the_time_limit_is_the_end(wait: t.Callable[..., t.Any]) -> None:
    result, lines, asked = wait(seen(settling="minio-1 is up for 3 s"))
    assert (result["failed"], result["deployments"][0]["outcome"], result["waited"]) == (True, "timeout", 60)
    assert "not healed within the time limit of 60 s" in result["msg"]
    assert (len(asked), len(lines)) == (13, 3)


def test_a_stale_peer_ends_it_at_its_own_limit(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, _asked = wait(seen(peer_stale="minio-1 is stale"), stale_peer_timeout=20)
    assert (result["deployments"][0]["outcome"], result["waited"]) == ("hopeless", 20)


def test_for_what_heals_it_waits_only_while_it_heals(wait: t.Callable[..., t.Any]) -> None:
    healing = {**seen(healing="d1 is healing", drive_offline="d2 is offline"), "healing": ["d1"]}
    result, _lines, asked = wait(healing, seen(drive_offline="d2 is offline"), wait_for="healed")
    assert (result["deployments"][0]["outcome"], len(asked)) == ("healed", 2)
    assert not result.get("failed")
    blind = {"error": "no API", "msg": "no API", "gate": {}}
    assert len(wait(blind, seen(), wait_for="healed")[2]) == 2


def test_a_heal_that_ends_with_failures_is_no_healed_drive(wait: t.Callable[..., t.Any]) -> None:
    told = dict.fromkeys((f"{k}_{n}" for k in ("objects", "bytes") for n in ("done", "failed", "skipped", "total")), 2)
    drive = {"endpoint": "d1", "state": "ok", "healing": True, "progress": {**told, "started": "", "retries": 0}}
    healing = {**seen(healing="d1 is healing"), "healing": ["d1"], "drives": [drive]}
    after = {**seen(settling="m-1 is up for 3 s"), "drives": [{**drive, "healing": False, "progress": {}}]}
    result, _lines, _asked = wait(healing, after, wait_for="healed")
    assert (result["failed"], result["deployments"][0]["outcome"]) == (True, "hopeless")
    assert "the heal of d1 ended incomplete" in result["msg"]


def test_a_dry_run_takes_one_look(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, asked = wait(seen(heal_failed="x"), check_mode=True)
    assert (len(asked), result["deployments"][0]["outcome"]) == (1, "hopeless")
    assert not result.get("failed")
    result, _lines, asked = wait({"error": "no API", "msg": "no API", "gate": {}}, check_mode=True)
    assert (len(asked), result["failed"], result["msg"]) == (1, True, "no API")


def test_each_poll_asks_for_those_that_are_not_done_alone(wait: t.Callable[..., t.Any]) -> None:
    busy, done = {**seen(settling="m-1 is up"), "msg": "ns/monitor-minio: settles"}, seen(settled=True)
    result, lines, asked = wait(
        seen(pod_unhealthy="m-0 is silent"),
        done,
        others={"monitor-minio": [busy, busy, busy, {**done, "msg": "ns/monitor-minio: stands"}]},
        deployments=[MINIO, MONITOR],
    )
    assert names(asked) == [["minio", "monitor-minio"]] * 2 + [["monitor-minio"]] * 2
    assert asked[-1]["deployments"] == [{**MONITOR, "expected_deployment_id": ""}]
    assert [(item["name"], item["outcome"], item["looks"], item["waited"]) for item in result["deployments"]] == [
        ("minio", "settled", 2, 5),
        ("monitor-minio", "settled", 4, 15),
    ]
    assert (result["failed"], result["looks"], result["waited"]) == (False, 4, 15)
    assert result["msg"] == "ns/minio: stands; ns/monitor-minio: stands"
    # The news of each, and nothing of one that is done.
    assert lines == [
        "ns/minio: m-0 is silent",
        "ns/monitor-minio: m-1 is up",
        "ns/minio: stands",
        "ns/monitor-minio: stands",
    ]


def test_each_is_judged_by_its_own_looks(wait: t.Callable[..., t.Any]) -> None:
    stale, calm = seen(peer_stale="minio-1 is stale"), seen(settling="m-1 is up")
    turns = {"monitor-minio": [calm, stale, calm, stale]}
    result, _lines, asked = wait(
        stale, calm, stale, others=turns, deployments=[MINIO, MONITOR], stale_peer_timeout=10, wait_timeout=30
    )
    # Since the third look, not since the first one of the other.
    assert [item["outcome"] for item in result["deployments"]] == ["hopeless", "wait"]
    assert len(asked) == 5


def test_one_that_will_not_heal_ends_the_wait_and_is_named(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, asked = wait(
        seen(settling="m-1 is up"),
        others={"monitor-minio": [seen(settling="m-1 is up"), seen(heal_failed="2 objects failed")]},
        deployments=[MINIO, MONITOR],
    )
    assert (result["failed"], len(asked)) == (True, 2)
    assert result["msg"] == "ns/monitor-minio: MinIO will not heal by waiting: 2 objects failed"
    assert [item["outcome"] for item in result["deployments"]] == ["wait", "hopeless"]


def test_at_the_end_of_the_time_those_that_are_not_done_are_named(wait: t.Callable[..., t.Any]) -> None:
    third = {"namespace": "ns", "name": "third"}
    result, _lines, _asked = wait(
        seen(settling="m-1 is up"),
        others={"monitor-minio": [seen(settled=True)], "third": [{**seen(settling="t-1 is up"), "msg": "settles"}]},
        deployments=[MINIO, MONITOR, third],
    )
    assert result["msg"] == (
        "ns/minio: not healed within the time limit of 60 s. ns/minio: stands. Run again to continue waiting; "
        "ns/third: not healed within the time limit of 60 s. settles. Run again to continue waiting"
    )
    assert [item["outcome"] for item in result["deployments"]] == ["timeout", "settled", "timeout"]
    assert (result["failed"], result["waited"], result["deployments"][1]["waited"]) == (True, 60, 0)


def test_one_that_cannot_be_read_for_a_while_does_not_keep_the_other_from_its_end(wait: t.Callable[..., t.Any]) -> None:
    blind = {"error": "no API", "msg": "no API", "gate": {}}
    result, lines, asked = wait(
        blind, seen(settled=True), others={"monitor-minio": [seen(settled=True)]}, deployments=[MINIO, MONITOR]
    )
    assert names(asked) == [["minio", "monitor-minio"], ["minio"]]
    assert lines[0] == "ns/minio: could not be checked: no API"
    assert not result["failed"]


def test_a_module_that_broke_is_not_asked_again_and_nothing_of_it_is_hidden(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, asked = wait(BROKE, others={"monitor-minio": [seen()]}, deployments=[MINIO, MONITOR])
    assert (result["failed"], result["module_stderr"], len(asked)) == (True, "Traceback", 1)
    for name in ("minio", "monitor-minio"):
        assert "ns/{0}: MinIO will not heal by waiting: MODULE FAILURE".format(name) in result["msg"]
    assert [item["outcome"] for item in result["deployments"]] == ["hopeless", "hopeless"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_for_no_minio_nothing_is_asked(wait: t.Callable[..., t.Any], check_mode: bool) -> None:
    result, lines, asked = wait(deployments=[], check_mode=check_mode)
    assert (lines, asked) == ([], [])
    assert result == {"failed": False, "msg": "", "deployments": [], "looks": 0, "waited": 0, "changed": False}


def test_the_documentation_has_every_option_and_its_default() -> None:
    spec = {**minio_health._DEPLOYMENTS, **minio_health._ASKED, **minio_health._WAITING}
    options = options_of(documented)
    inner, own = options["deployments"]["suboptions"], spec["deployments"]["options"]
    assert {name: (item.get("default"), item["type"]) for name, item in inner.items()} == {
        name: (item.get("default"), item["type"]) for name, item in own.items()
    }
    assert {name: option.get("default") for name, option in options.items()} == {
        name: option.get("default") for name, option in spec.items()
    }
    assert {name: option["type"] for name, option in options.items()} == {n: o["type"] for n, o in spec.items()}
