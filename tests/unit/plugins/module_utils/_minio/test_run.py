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
    "given_up": ["ns/minio/b/a"],
    "accept_unproven": False,
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
    monkeypatch.setattr(run.report, "report", lambda health, *_args, **_kwargs: {"msg": "", "settled": health.settled})
    assert run.run(object(), {**PARAMS, "readings": 3})["settled"] is False
    assert len(taken) == 2


def proven(
    monkeypatch: pytest.MonkeyPatch, *, gate: tuple = (), lost: tuple = ("minio-0",), **params: t.Any
) -> tuple[dict, dict]:
    """The result, and what was handed to the proof."""
    handed: dict = {}
    found = types.SimpleNamespace(
        namespace="ns", name="minio", pods={}, lost_pods=lost, server=lambda *_args, **_kwargs: None
    )
    judged = types.SimpleNamespace(settled=True, readable=True, gate=gate, drives=())
    views = [types.SimpleNamespace(name="minio-1", info=types.SimpleNamespace(servers=()))]
    scanned = {"objects": 1, "incomplete": 0, "sample": [], "complete": True}
    monkeypatch.setattr(run.deployment, "find", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(run.probe, "probe", lambda *_args, **_kwargs: views)
    monkeypatch.setattr(run.health, "judge", lambda *_args, **_kwargs: judged)
    monkeypatch.setattr(run.report, "report", lambda *_args, **_kwargs: {"msg": "whole"})
    monkeypatch.setattr(run.objects, "read_objects", lambda *_args, **_kwargs: {"buckets": [{"name": "images"}]})
    monkeypatch.setattr(run.scan, "scan", lambda *_args, **kwargs: handed.update(scan=kwargs) or scanned)
    monkeypatch.setattr(run.reads, "prove", lambda *_args, **kwargs: handed.update(kwargs) or PROOF)
    return run.run(object(), {**PARAMS, "prove_readable": True, **params}), handed


PROOF = {"ok": True, "reason": "read", "permitted": {"ok": True, "reason": "read"}, "incomplete_count": 0}


def test_the_proof_is_given_the_drives_and_what_was_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    result, handed = proven(monkeypatch)
    assert (result["proof"]["ok"], "scan" in result) == (True, False)
    assert (handed["max_objects"], handed["seconds"], handed["blocked"]) == (7, 8, "")
    assert (handed["given_up"], handed["accept_unproven"]) == (["ns/minio/b/a"], False)
    assert handed["survivors"].looked == []


def test_while_a_drive_is_lost_nothing_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _handed = proven(monkeypatch, scan=True)
    assert "drives are lost" in result["scan"]["error"]


def test_the_scan_knows_which_objects_were_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    _result, handed = proven(monkeypatch, scan=True, lost=(), scan_any_release=True)
    given_up = handed["scan"]["given_up"]
    assert given_up("b", "a", "null") is given_up("b", "a", "") is True
    assert given_up("b", "a", "5f8a0de2-0c21-4efe-ada9-637d3850f51d") is False


def test_nothing_is_read_while_something_stands_against_replacing_a_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = (types.SimpleNamespace(sentence="minio-1 is healing"), types.SimpleNamespace(sentence="b"))
    assert proven(monkeypatch, gate=gate)[1]["blocked"] == "minio-1 is healing; b"


def test_below_read_quorum_nothing_is_listed_and_the_gate_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call asks for the state, the counts and the proof, so what can't be had must not take the rest with it."""
    found = types.SimpleNamespace(namespace="ns", name="minio", pods={}, lost_pods=("minio-0",))
    gate = (types.SimpleNamespace(sentence="one drive too few is left"),)
    judged = types.SimpleNamespace(settled=False, readable=False, gate=gate, drives=())
    gone = types.SimpleNamespace(name="minio-1", info=None, error="refused")
    monkeypatch.setattr(run.deployment, "find", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(run.probe, "probe", lambda *_args, **_kwargs: [gone])
    monkeypatch.setattr(run.health, "judge", lambda *_args, **_kwargs: judged)
    told = {"msg": "one drive too few is left", "gate": {"ok": False, "codes": ["below_read_quorum"]}}
    monkeypatch.setattr(run.report, "report", lambda *_args, **_kwargs: dict(told))
    monkeypatch.setattr(run.objects, "read_objects", lambda *_args, **_kwargs: pytest.fail("it was listed"))
    result = run.run(object(), {**PARAMS, "count_objects": True, "prove_readable": True})
    assert (result["msg"], result["gate"], "buckets" in result) == (told["msg"], told["gate"], False)
    assert "one drive too few is left" in result["proof"]["error"]
    assert result["proof"]["permitted"]["ok"] is False


def test_where_nothing_could_be_judged_nothing_is_proven() -> None:
    given = {"namespace": "ns", "name": "minio", "prove_readable": True, "accept_unproven": False}
    result = run.failed("the API is silent", given)
    assert (result["proof"]["permitted"]["ok"], result["gate"]["ok"], result["settled"]) == (False, False, False)
    assert "the API is silent" in result["proof"]["reason"]
    assert run.failed("the API is silent", {**given, "accept_unproven": True})["proof"]["permitted"]["ok"]
    assert "proof" not in run.failed("the API is silent", {**given, "prove_readable": False})


LACKING = {"bucket": "images", "object": "image-4", "version": "", "error": "2 of 4 parts are there"}


def healed(
    monkeypatch: pytest.MonkeyPatch, proof: dict, *, settled: bool = True, lost: tuple = (), check_mode: bool = False
) -> tuple[dict, list]:
    """The result of the heal, and the folders that MinIO was told to heal."""
    told: list = []
    found = types.SimpleNamespace(namespace="ns", name="minio", pods={}, lost_pods=lost, server=lambda *_a, **_k: None)
    judged = types.SimpleNamespace(settled=settled, gate=(), drives=())
    views = [types.SimpleNamespace(name="minio-1", info=object())]
    monkeypatch.setattr(run.deployment, "find", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(run.probe, "probe", lambda *_args, **_kwargs: views)
    monkeypatch.setattr(run.health, "judge", lambda *_args, **_kwargs: judged)
    monkeypatch.setattr(run.report, "report", lambda *_args, **_kwargs: {"msg": "minio-3 heals"})
    monkeypatch.setattr(run.reads, "prove", lambda *_args, **_kwargs: proof)
    monkeypatch.setattr(run.scan, "heal", lambda _server, folders, **_kwargs: told.extend(folders) or {"objects": 1})
    return run.heal(object(), {**PARAMS, "check_mode": check_mode}), told


def of(*lacking: dict, count: int = 0, ok: bool = True) -> dict:
    return {
        "ok": ok,
        "reason": "1 of 9 objects has too few parts",
        "incomplete": list(lacking),
        "incomplete_count": count or len(lacking),
    }


def test_what_a_heal_left_out_is_healed_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    result, told = healed(monkeypatch, of(LACKING))
    assert (result["changed"], told) == (True, ["images/image-4"])
    assert "1 objects" in result["msg"]


@pytest.mark.parametrize("proof", [of(LACKING, count=21), of(LACKING, {**LACKING, "bucket": ".minio.sys"})])
def test_more_than_are_named_or_minio_s_own_make_it_heal_everything(
    monkeypatch: pytest.MonkeyPatch, proof: dict
) -> None:
    assert healed(monkeypatch, proof)[1] == [""]


def test_nothing_lacks_a_part_or_nothing_may_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert healed(monkeypatch, of()) == ({"changed": False, "msg": "ns/minio: no object lacks a part"}, [])
    result, told = healed(monkeypatch, of(LACKING), check_mode=True)
    assert (result["changed"], told) == (True, [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"proof": of(LACKING, ok=False)}, "too few parts"),
        ({"proof": of(LACKING), "settled": False}, "minio-3 heals"),
        ({"proof": of(LACKING), "lost": ("minio-0",)}, "minio-3 heals"),
    ],
)
def test_nothing_is_healed_while_an_object_would_be_deleted_or_a_drive_is_away(
    monkeypatch: pytest.MonkeyPatch, given: dict, words: str
) -> None:
    with pytest.raises(run.HaError, match="Nothing was healed") as caught:
        healed(monkeypatch, **given)
    assert words in str(caught.value)
