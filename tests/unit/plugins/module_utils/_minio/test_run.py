# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import run

PARAMS = {
    "namespace": "ns",
    "name": "minio",
    "lost_claims": [],
    "readings": 1,
    "interval": 0,
    "timeout": 1,
    "settle_seconds": 1,
    "expected_deployment_id": "",
    "count_objects": False,
    "count_max_objects": 9,
    "readback_max_objects": 0,
    "readback_max_bytes": 9,
    "before_buckets": [],
    "scan": False,
    "scan_max_objects": 7,
    "scan_timeout": 8,
    "scan_any_release": False,
    "prove_readable": False,
}


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
    assert run.run(object(), {**PARAMS, "readings": 3})["settled"] is False
    assert len(taken) == 2


def proven(monkeypatch: pytest.MonkeyPatch, *, gate: tuple = (), **params: t.Any) -> tuple[dict, dict]:
    """The result, and what was handed to the proof."""
    handed: dict = {}
    found = types.SimpleNamespace(lost_pods=("minio-0",), server=lambda *_args, **_kwargs: None)
    judged = types.SimpleNamespace(settled=True, readable=True, gate=gate)
    views = [types.SimpleNamespace(name="minio-1", info=types.SimpleNamespace(servers=()))]
    scanned = {"objects": 1, "incomplete": 0, "sample": [], "complete": True}
    monkeypatch.setattr(run.deployment, "find", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(run.probe, "probe", lambda *_args, **_kwargs: views)
    monkeypatch.setattr(run.health, "judge", lambda *_args, **_kwargs: judged)
    monkeypatch.setattr(run.report, "report", lambda *_args, **_kwargs: {"msg": "whole"})
    monkeypatch.setattr(run.objects, "read_objects", lambda *_args, **_kwargs: {"buckets": [{"name": "images"}]})
    monkeypatch.setattr(run.scan, "scan", lambda *_args, **kwargs: handed.update(of_scan=kwargs["seen"]) or scanned)
    monkeypatch.setattr(
        run.reads, "prove", lambda *_args, **kwargs: handed.update(kwargs) or {"ok": True, "reason": "read"}
    )
    return run.run(object(), {**PARAMS, "prove_readable": True, **params}), handed


def test_the_proof_is_given_what_the_scan_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    result, handed = proven(monkeypatch, scan=True)
    assert result["proof"]["ok"] is True
    assert handed["scan"] is result["scan"]
    assert handed["seen"] is handed["of_scan"]
    assert (handed["max_objects"], handed["seconds"], handed["blocked"]) == (7, 8, "")


def test_the_proof_is_made_without_a_scan_too(monkeypatch: pytest.MonkeyPatch) -> None:
    result, handed = proven(monkeypatch)
    assert result["proof"]["ok"] is True
    assert (handed["scan"], "scan" in result) == (None, False)


def test_nothing_is_read_while_something_stands_against_replacing_a_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = (types.SimpleNamespace(sentence="minio-1 is healing"), types.SimpleNamespace(sentence="b"))
    assert proven(monkeypatch, gate=gate)[1]["blocked"] == "minio-1 is healing; b"


def test_where_nothing_could_be_judged_nothing_is_proven() -> None:
    result = run.failed("the API is silent", prove_readable=True)
    assert (result["proof"]["ok"], result["gate"]["ok"], result["settled"]) == (False, False, False)
    assert "the API is silent" in result["proof"]["reason"]
    assert "proof" not in run.failed("the API is silent", prove_readable=False)
