"""The wait for several MinIOs with one poll for all: which are still waited for, and how the wait of each ended."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.progress import (
    FAILED,
    WAIT,
    Json,
    Limits,
    Memory,
    look,
)

HEALED, TIMEOUT = "healed", "timeout"


@dataclass(frozen=True)
class Awaited:
    """One MinIO: what is `asked` of it, what the polls left, the last one's `result`, `line` of news (empty without) and reasons to give up (`why`),
    and how its wait ended (`outcome`: wait, settled, healed, hopeless, timeout)."""

    asked: t.Mapping[str, t.Any]
    memory: Memory = field(default_factory=Memory)
    result: t.Mapping[str, t.Any] = field(default_factory=dict)
    line: str = ""
    why: t.Tuple[str, ...] = ()
    outcome: str = WAIT
    looks: int = 0
    waited: float = 0.0

    @property
    def name(self) -> str:
        """NAMESPACE/NAME."""
        return qualified(self.asked["namespace"], self.asked["name"])


def pending(all_of_them: t.Iterable[Awaited]) -> t.List[Awaited]:
    """Those that are still waited for."""
    return [item for item in all_of_them if item.outcome == WAIT]


def judged(
    all_of_them: t.Sequence[Awaited], answer: Json, *, now: float, limits: Limits, wait_for: str
) -> t.List[Awaited]:
    """All, after a poll of the pending ones. `answer` is the result of minio_health_info, `now` the seconds since the wait began.

    A module that broke has no `deployments`; that is the last word on all that it was asked for.
    """
    broke = str(answer.get("msg") or "the check failed")
    told = iter(answer.get("deployments") or [{"msg": broke, "error": broke}] * len(pending(all_of_them)))
    return [
        _judged(item, next(told), now=now, limits=limits, wait_for=wait_for)
        if item.outcome == WAIT
        else replace(item, line="")
        for item in all_of_them
    ]


def _judged(item: Awaited, result: Json, *, now: float, limits: Limits, wait_for: str) -> Awaited:
    memory, seen = look(item.memory, result, name=item.name, now=now, limits=limits)
    healed = seen.state == WAIT and wait_for == HEALED and not result["error"] and not result["healing"]
    return Awaited(
        item.asked,
        memory,
        result,
        line=seen.line,
        why=seen.why,
        outcome=HEALED if healed else seen.state,
        looks=item.looks + 1,
        waited=now,
    )


def expired(all_of_them: t.Sequence[Awaited]) -> t.List[Awaited]:
    """All, when the time is over."""
    return [replace(item, outcome=TIMEOUT) if item.outcome == WAIT else item for item in all_of_them]


def failure(all_of_them: t.Iterable[Awaited]) -> str:
    """A sentence for each that will not heal, or for which the time is over; empty without."""
    return "; ".join(_failure(item) for item in all_of_them if item.outcome in (FAILED, TIMEOUT))


def _failure(item: Awaited) -> str:
    if item.outcome == FAILED:
        return "{0}: MinIO will not heal by waiting: {1}".format(item.name, "; ".join(item.why))
    return "{0}: not healed within the time limit of {1} s. {2}. Run again to continue waiting".format(
        item.name, int(item.waited), item.result.get("msg") or "no check succeeded"
    )


def ended(all_of_them: t.Sequence[Awaited], *, dry: bool) -> Json:
    """The result of minio_health: {failed, msg, deployments}. A `dry` run looks once, and fails only where it could not."""
    told = "; ".join(dict.fromkeys(str(item.result["msg"]) for item in all_of_them))
    why = "" if dry else failure(all_of_them)
    blind = dry and any(item.result["error"] for item in all_of_them)
    return {
        "failed": bool(why) or blind,
        "msg": why or told,
        "deployments": [
            {
                "namespace": item.asked["namespace"],
                "name": item.asked["name"],
                **item.result,
                "outcome": item.outcome,
                "looks": item.looks,
                "waited": int(item.waited),
            }
            for item in all_of_them
        ],
    }
