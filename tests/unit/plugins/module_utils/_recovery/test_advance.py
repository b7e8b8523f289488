# SPDX-License-Identifier: GPL-3.0-or-later
"""Several claims are taken to their goal together; the single steps are test_client's."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.advance import advance
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import Target

LOST = Lost(name="master-1", addresses=(), hostname_label="master-1", uid="n1")


def target(name: str) -> Target:
    return Target("ns", name, "u-" + name, "pv", "pv-uid", "StatefulSet", "minio", "w", LOST, "master-4")


class Steps:
    """In place of `client.step`: the actions of each claim, one a call; the last one stays."""

    def __init__(self, **actions: list[str]) -> None:
        self.actions = actions
        self.asked: list[str] = []
        self.now = 0.0
        self.slept: list[float] = []

    def step(self, _api: t.Any, *, target: Target, diff: bool, **_mode: bool) -> dict:
        mine = self.actions[target.claim]
        kind = mine.pop(0) if len(mine) > 1 else mine[0]
        self.asked.append(target.claim)
        acted = kind.startswith("delete_")
        found: dict = {
            "action": kind,
            "changed": acted,
            "done": kind == "done",
            "recreated": kind in ("done", "starts"),
            "msg": "{0}: {1}".format(target.claim, kind),
        }
        if kind == "refuse":
            found["too_early"] = False
        if diff:
            found["diff"] = {"before": target.claim if acted else "", "after": ""}
        return found

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict]:
    def call(steps: Steps, *, goal: str = "done", seconds: float = 60, **given: t.Any) -> dict:
        monkeypatch.setattr(client, "step", steps.step)
        return advance(
            t.cast("t.Any", None),
            [target(name) for name in steps.actions],
            goal=goal,
            seconds=seconds,
            sleep=steps.sleep,
            clock=lambda: steps.now,
            **given,
        )

    return call


def test_claims_go_on_side_by_side_and_one_that_has_ended_is_left_alone(run: t.Callable[..., dict]) -> None:
    steps = Steps(a=["delete_claim", "wait", "done"], b=["done"])
    result = run(steps)
    assert steps.asked == ["a", "b", "a", "a"]
    assert (result["changed"], result["ended"], [item["done"] for item in result["claims"]]) == (True, True, [True] * 2)
    # After a deletion the next look comes sooner.
    assert steps.slept[0] < steps.slept[1]


def test_a_claim_that_is_recreated_has_reached_that_goal(run: t.Callable[..., dict]) -> None:
    assert run(Steps(a=["delete_claim", "starts"]), goal="recreated")["ended"] is True
    late = run(Steps(a=["starts"], b=["done"]), seconds=3)
    assert (late["ended"], late["msg"]) == (False, "a: starts")


def test_it_returns_when_the_time_is_over_and_acts_once_without_any(run: t.Callable[..., dict]) -> None:
    steps = Steps(a=["wait"])
    assert run(steps, seconds=3)["ended"] is False
    assert steps.now == pytest.approx(3)
    once = Steps(a=["delete_claim", "wait"], b=["wait"])
    assert run(once, seconds=0)["changed"] is True
    assert once.asked == ["a", "b"]


def test_after_a_refusal_no_claim_is_touched(run: t.Callable[..., dict]) -> None:
    steps = Steps(a=["delete_claim"], b=["refuse"], c=["delete_claim"])
    result = run(steps)
    assert steps.asked == ["a", "b"]
    assert (result["ended"], result["changed"], result["msg"], result["too_early"]) == (True, True, "b: refuse", False)


def test_a_dry_run_looks_at_each_claim_once_and_tells_every_refusal(run: t.Callable[..., dict]) -> None:
    steps = Steps(a=["refuse"], b=["delete_claim"], c=["refuse"])
    result = run(steps, check_mode=True, diff=True)
    assert steps.asked == ["a", "b", "c"]
    assert (result["ended"], result["msg"]) == (True, "a: refuse; c: refuse")
    assert result["diff"] == [{"before": "b", "after": ""}]


def test_no_claim_is_nothing_to_do(run: t.Callable[..., dict]) -> None:
    assert run(Steps()) == {"changed": False, "ended": True, "msg": "there is no claim", "claims": []}
