# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that waits for a MinIO; the looks are given, and time passes by itself."""

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

GIVEN = {"kubeconfig": "/nowhere", "namespace": "ns", "name": "minio", "delay": 5, "wait_timeout": 60}
ROOT = Path(__file__).resolve().parents[4]


def options_of(module: t.Any) -> dict:
    """The options that a module documents, with those of the fragments."""
    texts = [module.DOCUMENTATION, *(part.ModuleDocFragment.DOCUMENTATION for part in (_kubeconfig, _minio))]
    return {name: option for text in texts for name, option in yaml.safe_load(text)["options"].items()}


def seen(*, settled: bool = False, **findings: str) -> dict:
    return {
        "msg": "ns/minio: stands",
        "settled": settled,
        "gate": {},
        "drives": [],
        "healing": [],
        "findings": [{"code": code, "sentence": sentence} for code, sentence in findings.items()],
    }


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[dict, list[str], list[dict]]]:
    def call(*looks: dict, check_mode: bool = False, **more: t.Any) -> tuple[dict, list[str], list[dict]]:
        given, lines, asked = iter(looks), [], []
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
            last = next(given, None)
            return dict(last if last is not None else looks[-1])

        monkeypatch.setattr(plugin, "_execute_module", look)
        return plugin.run(task_vars={}), lines, asked

    return call


def test_it_ends_when_the_deployment_is_whole(wait: t.Callable[..., t.Any]) -> None:
    result, lines, asked = wait(seen(pod_unhealthy="minio-1 does not answer"), seen(settled=True))
    assert (result["outcome"], result["looks"], result["waited"], result["settled"]) == ("settled", 2, 5, True)
    assert not result.get("failed")
    assert lines == ["ns/minio: minio-1 does not answer", "ns/minio: stands"]
    assert asked[0]["readings"] == 2
    assert set(asked[0]) <= set(options_of(minio_health_info))


def test_what_no_wait_changes_fails_with_what_to_do(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, _asked = wait(seen(heal_failed="2 objects failed, do this"))
    assert (result["failed"], result["outcome"]) == (True, "hopeless")
    assert result["msg"] == "ns/minio: MinIO will not heal by waiting: 2 objects failed, do this"


def test_the_time_limit_is_the_end(wait: t.Callable[..., t.Any]) -> None:
    result, lines, asked = wait(seen(settling="minio-1 is up for 3 s"))
    assert (result["failed"], result["outcome"], result["waited"]) == (True, "timeout", 60)
    assert "not healed within the time limit of 60 s" in result["msg"]
    assert (len(asked), len(lines)) == (13, 3)


def test_a_stale_peer_ends_it_at_its_own_limit(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, _asked = wait(seen(peer_stale="minio-1 is stale"), stale_peer_timeout=20)
    assert (result["outcome"], result["waited"]) == ("hopeless", 20)


def test_for_what_heals_it_waits_only_while_it_heals(wait: t.Callable[..., t.Any]) -> None:
    healing = {**seen(healing="d1 is healing", drive_offline="d2 is offline"), "healing": ["d1"]}
    result, _lines, asked = wait(healing, seen(drive_offline="d2 is offline"), wait_for="healed")
    assert (result["outcome"], len(asked)) == ("healed", 2)
    assert not result.get("failed")
    blind = {"failed": True, "msg": "no API", "gate": {}}
    assert len(wait(blind, seen(), wait_for="healed")[2]) == 2


def test_a_heal_that_ends_with_failures_is_no_healed_drive(wait: t.Callable[..., t.Any]) -> None:
    told = dict.fromkeys((f"{k}_{n}" for k in ("objects", "bytes") for n in ("done", "failed", "skipped", "total")), 2)
    drive = {"endpoint": "d1", "state": "ok", "healing": True, "progress": {**told, "started": "", "retries": 0}}
    healing = {**seen(healing="d1 is healing"), "healing": ["d1"], "drives": [drive]}
    after = {**seen(settling="m-1 is up for 3 s"), "drives": [{**drive, "healing": False, "progress": {}}]}
    result, _lines, _asked = wait(healing, after, wait_for="healed")
    assert (result["failed"], result["outcome"]) == (True, "hopeless")
    assert "the heal of d1 ended incomplete" in result["msg"]


def test_a_dry_run_takes_one_look(wait: t.Callable[..., t.Any]) -> None:
    result, _lines, asked = wait(seen(heal_failed="x"), check_mode=True)
    assert len(asked) == 1
    assert not result.get("failed")


def test_the_documentation_has_every_option_and_its_default() -> None:
    spec = {**minio_health._ASKED, **minio_health._WAITING}
    options = options_of(documented)
    assert {name: option.get("default") for name, option in options.items()} == {
        name: option.get("default") for name, option in spec.items()
    }
    assert {name: option["type"] for name, option in options.items()} == {n: o["type"] for n, o in spec.items()}
