# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import run


class Reading(t.NamedTuple):
    """What a reading of a stand-in deployment gives."""

    settled: bool


def test_readings_must_agree_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([Reading(True), Reading(False), Reading(True)])
    taken: list[Reading] = []
    found = types.SimpleNamespace(lost_pods=())
    monkeypatch.setattr(run.deployment, "find", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(run.probe, "probe", lambda *_args, **_kwargs: ())
    monkeypatch.setattr(run.health, "judge", lambda *_args, **_kwargs: taken.append(next(readings)) or taken[-1])
    monkeypatch.setattr(run.report, "report", lambda health, *_args, **_kwargs: {"settled": health.settled})
    params = {
        "namespace": "ns",
        "name": "minio",
        "lost_claims": [],
        "readings": 3,
        "interval": 0,
        "timeout": 1,
        "settle_seconds": 1,
        "expected_deployment_id": "",
        "count_objects": False,
        "readback_max_objects": 0,
        "before_buckets": [],
        "scan": False,
    }
    assert run.run(object(), params) == {"settled": False}
    assert len(taken) == 2
