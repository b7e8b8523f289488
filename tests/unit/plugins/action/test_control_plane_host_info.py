# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that asks a host; the answers are given, and time passes by itself."""

from __future__ import annotations

import types
import typing as t

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.action import control_plane_host_info as action
from ansible_collections.cloudpods.ha.plugins.modules import control_plane_host_info as module

Json = dict[str, t.Any]


def answer(*, epoch: float = 0.0, joining: bool = False) -> Json:
    return {"changed": False, "epoch": epoch, "host": {"name": "m4", "join_running": joining, "skew_seconds": 0.0}}


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[Json, list[str], list[Json]]]:
    def call(*answers: Json, took: float = 0.0, **more: t.Any) -> tuple[Json, list[str], list[Json]]:
        given, lines, asked = iter(answers), [], []
        clock = types.SimpleNamespace(now=1000.0)

        def passes(seconds: float) -> None:
            clock.now += seconds

        stand_in = types.SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now, sleep=passes)
        monkeypatch.setattr(action, "time", stand_in)
        monkeypatch.setattr(action, "Display", lambda: types.SimpleNamespace(display=lines.append))
        task = types.SimpleNamespace(
            args={"name": "m4", "role": "replacement", **more}, check_mode=False, async_val=0, action="x", diff=False
        )
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
        plugin = action.ActionModule(task, connection, types.SimpleNamespace(), None, None, None)

        def execute(*, module_name: str, module_args: Json, task_vars: object) -> Json:
            assert (module_name, task_vars) == ("cloudpods.ha.control_plane_host_info", {})
            asked.append(module_args)
            passes(took)
            return next(given)

        monkeypatch.setattr(plugin, "_execute_module", execute)
        return plugin.run(task_vars={}), lines, asked

    return call


def test_the_clocks_are_compared_where_both_are_known(ask: t.Callable[..., t.Any]) -> None:
    result, lines, asked = ask(answer(epoch=1012.5), took=2.0)
    assert (result["host"]["skew_seconds"], result["host"]["answer_seconds"], lines) == (12.5, 2.0, [])
    known = {"name": "m4", "role": "replacement", "storage_paths": [], "node_ip": "", "wait_seconds": 300, "delay": 5}
    assert asked == [known]


def test_a_join_that_runs_is_waited_for_and_the_clock_read_anew(ask: t.Callable[..., t.Any]) -> None:
    result, lines, asked = ask(answer(joining=True), answer(joining=True), answer(epoch=1014.0), took=1.0)
    assert (result["host"]["join_running"], result["host"]["skew_seconds"], len(asked)) == (False, 2.0, 3)
    assert lines == ["m4: a join is still running on this host; waiting for its end, at most 300 s"]


@pytest.mark.parametrize(("wait", "times"), [(0, 1), (10, 3)])
def test_a_join_without_end_is_reported_when_the_time_is_over(
    wait: int, times: int, ask: t.Callable[..., t.Any]
) -> None:
    result, _lines, asked = ask(*[answer(joining=True)] * 9, wait_seconds=wait)
    assert (result["host"]["join_running"], result.get("failed"), len(asked)) == (True, None, times)


@pytest.mark.parametrize("failure", [{"failed": True, "msg": "ip failed"}, {"skipped": True}])
def test_a_failure_is_handed_on_as_it_is(failure: Json, ask: t.Callable[..., t.Any]) -> None:
    assert ask(dict(failure))[0] == failure


def test_the_module_documents_the_options_of_its_action_plugin() -> None:
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    for name, option in action._OPTIONS.items():
        assert {key: documented[name].get(key) for key in option} == option, name
    assert set(documented) == set(action._OPTIONS)
