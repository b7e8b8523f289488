# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.verdicts import (
    deployments,
    hooked,
    minios,
    recoverable,
    replaceable,
    rounds,
)
from hypothesis import given
from hypothesis import strategies as st


def claim(name: str = "export-minio-0", policy: str = "heal", kind: str = "StatefulSet", order: int = 10) -> dict:
    return {
        "namespace": "ns",
        "name": name,
        "uid": "u-" + name,
        "policy": policy,
        "order": order,
        "owner": {"kind": kind} if kind else None,
    }


def plan(*groups: tuple[bool, list[list[dict]]], claims: list[dict] | None = None) -> dict:
    recovery = [{"group": "ns/minio", "heals": heals, "batches": batches} for heals, batches in groups]
    every = [item for _heals, batches in groups for batch in batches for item in batch]
    return {"claims": every if claims is None else claims, "recovery": recovery}


ONE, TWO = claim(), claim("export-minio-1")
GIVEN_UP = claim("data", policy="discard", kind="Deployment")
HOOKED = claim("orders", policy="hook", kind="")


def test_claims_that_stand_in_one_batch_each_may_be_recovered() -> None:
    assert recoverable(plan((True, [[ONE], [TWO]]), (False, [[GIVEN_UP]]), (False, [[HOOKED]]))) == ""
    assert recoverable(plan((True, [[ONE, TWO]]))) == ""
    assert recoverable({}) == ""
    ignored = claim("cache", policy="ignore", kind="DaemonSet")
    assert recoverable(plan((True, [[ONE]]), claims=[ONE, ignored])) == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            plan((True, [[ONE]]), claims=[ONE, TWO]), "each claim to recover exactly once", id="a claim in no batch"
        ),
        pytest.param(
            plan((True, [[ONE], [ONE]]), claims=[ONE]),
            "each claim to recover exactly once",
            id="a claim in two batches",
        ),
        pytest.param(
            plan((True, [[ONE], [TWO]]), claims=[ONE]),
            "each claim to recover exactly once",
            id="a claim not in the plan",
        ),
        pytest.param({"claims": [ONE]}, "each claim to recover exactly once", id="no batches at all"),
        pytest.param(plan((False, [[ONE]])), "not planned as one that heals", id="drives without a check"),
        pytest.param(plan((True, [[claim(kind="Deployment")]])), "ns/export-minio-0", id="a Deployment heals nothing"),
        pytest.param(plan((False, [[claim("x", "discard", "DaemonSet")]])), "DaemonSet", id="nobody makes it again"),
        pytest.param(plan((False, [[claim("x", "discard", "")]])), "belongs to nothing", id="no owner"),
        pytest.param(
            plan((False, [[claim("x", "ignore")]]), claims=[]), "policy ignore", id="a policy that is left alone"
        ),
    ],
)
def test_what_could_not_be_recovered_safely_stops_before_anything_is_changed(given: dict, words: str) -> None:
    assert words in recoverable(given)


TARGET = {"uid": "old", "pv_name": "pv-old"}


@pytest.mark.parametrize(
    ("now", "ok", "lost"),
    [
        (None, True, False),
        ({"uid": "old", "volume": "pv-old", "phase": "Bound"}, False, True),
        ({"uid": "old", "volume": "pv-old", "phase": "Lost"}, False, True),
        ({"uid": "new", "volume": "pv-new", "phase": "Bound"}, True, False),
        ({"uid": "new", "volume": "", "phase": "Pending"}, False, False),
        ({"uid": "new", "volume": "pv-new", "phase": "Lost"}, False, False),
    ],
)
def test_a_hook_has_recovered_its_claim_when_it_is_gone_or_made_again_and_bound(
    now: t.Any, ok: bool, lost: bool
) -> None:
    verdict = hooked(TARGET, now)
    assert (verdict["ok"], verdict["lost"]) == (ok, lost)
    assert verdict["reason"]


def told(found: list[dict]) -> list[str]:
    return [
        "{0}; {1}".format(
            ",".join(c["name"] for c in one["claims"]),
            " ".join(
                "{0}:{1}".format(item["group"], ",".join(uid[2:] for uid in item["replaces"])) for item in one["minios"]
            ),
        )
        for one in found
    ]


def recovery(**groups: list[list[dict]]) -> dict:
    return {"recovery": [{"group": "n/" + name, "heals": True, "batches": batches} for name, batches in groups.items()]}


def test_a_round_has_one_batch_of_each_workload_of_the_same_order() -> None:
    plan = recovery(
        a=[[claim("a0")], [claim("a1"), claim("a2")], [claim("a3")]],
        b=[[claim("b0")], [claim("b1")]],
        c=[[claim("c0", order=9)]],
        d=[[claim("d0", order=11), claim("d1", order=8)]],
    )
    found = rounds(plan)
    assert told(found) == [
        "d0,d1; n/d:d0,d1",
        "c0; n/c:c0",
        "a0,b0; n/a:a0 n/b:b0",
        "a1,a2,b1; n/a:a1,a2 n/b:b1",
        "a3; n/a:a3",
    ]
    (first, _second) = found[2]["minios"]
    assert (first["namespace"], first["name"]) == ("n", "a")
    # A MinIO has all its lost claims in each round.
    assert [item["name"] for item in first["lost_claims"]] == ["a0", "a1", "a2", "a3"]
    assert [one["last"] for one in found] == [False, False, False, False, True]
    assert rounds({}) == rounds(recovery(a=[])) == []
    assert [len(item["replaces"]) for item in minios(plan)] == [4, 2, 1, 2]


def test_claims_that_do_not_heal_are_in_the_first_rounds_and_in_no_minio() -> None:
    plan = recovery(db=[[claim("db0")], [claim("db1")]], a=[[claim("a0")]], b=[[claim("b0")]], tsdb=[[claim("t0")]])
    for group in plan["recovery"]:
        group["heals"] = group["group"] in ("n/a", "n/b")
    assert told(rounds(plan)) == ["a0,b0,db0,t0; n/a:a0 n/b:b0", "db1; "]
    assert [item["group"] for item in minios(plan)] == ["n/a", "n/b"]


@given(
    st.lists(
        st.lists(st.lists(st.integers(-2, 2), min_size=1, max_size=3), min_size=1, max_size=4), min_size=0, max_size=4
    ),
    st.integers(0, 15),
)
def test_every_claim_is_in_one_round_and_those_of_a_workload_never_meet(
    orders: list[list[list[int]]], healing: int
) -> None:
    plan = recovery(
        **{
            "g{0}".format(g): [
                [
                    claim("{3}{0}-{1}-{2}".format(g, b, n, "heals" if healing >> g & 1 else ""), order=o)
                    for n, o in enumerate(batch)
                ]
                for b, batch in enumerate(group)
            ]
            for g, group in enumerate(orders)
        }
    )
    for number, group in enumerate(plan["recovery"]):
        group["heals"] = bool(healing >> number & 1)
    found = rounds(plan)
    planned = [c["name"] for group in plan["recovery"] for batch in group["batches"] for c in batch]
    assert sorted(planned) == sorted(c["name"] for one in found for c in one["claims"])
    for one in found:
        assert len({item["group"] for item in one["minios"]}) == len(one["minios"])
        replaced = sorted(uid for item in one["minios"] for uid in item["replaces"])
        assert replaced == sorted(c["uid"] for c in one["claims"] if c["name"].startswith("heals"))
    for group in (group for group in plan["recovery"] if group["heals"]):
        turns = [item["replaces"] for one in found for item in one["minios"] if item["group"] == group["group"]]
        assert turns == [[c["uid"] for c in batch] for batch in group["batches"]]


MINIO = {
    "group": "n/a",
    "namespace": "n",
    "name": "a",
    "lost_claims": [claim("a0"), claim("a1")],
    "given_up": ["n/a/x"],
    "accept_unproven": False,
    "replaces": ["a0"],
}
OTHER = {**MINIO, "group": "n/b", "name": "b", "replaces": ["b0"]}
MAY = {"ok": True, "fatal": False, "healing": False, "decided": True}
READABLE = {"permitted": {"ok": True, "reason": "all is there"}}


def look(name: str, **values: t.Any) -> dict:
    return {"namespace": "n", "name": name, "gate": MAY, "deployment_id": "id", "buckets": [1], **values}


def test_minios_are_asked_for_what_is_not_known_and_for_a_proof_where_a_drive_is_replaced() -> None:
    asked = deployments([MINIO, OTHER], {"n/b": {"deployment_id": "b-id", "buckets": []}}, "replaceable", ["a0"])
    assert [(item["count_objects"], item["prove_readable"], item["expected_deployment_id"]) for item in asked] == [
        (True, True, ""),
        (False, False, "b-id"),
    ]
    assert asked[0]["given_up"] == ["n/a/x"]
    (waited,) = deployments([MINIO], {})
    assert sorted(waited) == ["expected_deployment_id", "lost_claims", "name", "namespace"]
    (counted,) = deployments([MINIO], {"n/a": {"deployment_id": "i", "buckets": [7]}}, "recovered")
    assert (counted["count_objects"], counted["prove_readable"], counted["before_buckets"]) == (True, True, [7])


def test_drives_are_replaced_when_every_minio_allows_it_and_what_was_counted_first_is_kept() -> None:
    answer = {"deployments": [look("a", proof=READABLE), look("b", deployment_id="later", buckets=[2])]}
    verdict = replaceable([MINIO, OTHER], answer, {"n/b": {"deployment_id": "b-id", "buckets": [9]}}, ["a0"])
    assert (verdict["ok"], verdict["decided"], verdict["reason"], verdict["healing"]) == (True, True, "", [])
    assert verdict["known"] == {
        "n/a": {"deployment_id": "id", "buckets": [1]},
        "n/b": {"deployment_id": "b-id", "buckets": [9]},
    }
    assert verdict["proofs"] == {"n/a": READABLE}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"msg": "MODULE FAILURE"}, "No drive of n/a may be replaced now (no_answer): MODULE FAILURE."),
        ({}, "MinIO could not be read"),
        ({"deployments": [look("other", proof=READABLE)]}, "No drive of n/a may be replaced now"),
        ({"deployments": [look("a", gate={"ok": "yes"}, proof=READABLE)]}, "No drive of n/a may be replaced now"),
        ({"deployments": [look("a", gate={**MAY, "ok": False, "codes": ["x"], "sentences": ["s"]})]}, "now (x): s."),
        ({"deployments": [look("a")]}, "No drive of n/a is replaced: nothing was proven readable"),
        ({"deployments": [look("a", proof={"permitted": {"ok": False, "reason": "gone"}})]}, "is replaced: gone"),
    ],
)
def test_no_drive_is_replaced_without_gate_and_proof(answer: dict, words: str) -> None:
    verdict = replaceable([MINIO], answer, {}, ["a0"])
    assert verdict["ok"] is False
    assert words in verdict["reason"]


def test_a_minio_without_a_drive_to_be_replaced_needs_no_proof_but_its_gate() -> None:
    assert replaceable([MINIO], {"deployments": [look("a")]}, {}, ["b0"])["ok"] is True
    assert replaceable([MINIO], {"deployments": [look("a", gate={"ok": False})]}, {}, ["b0"])["ok"] is False


def test_a_heal_is_waited_for_unless_waiting_is_of_no_use() -> None:
    heals = {"ok": False, "fatal": False, "healing": True, "decided": True}
    starts = {"ok": False, "fatal": False, "healing": False, "decided": False}
    broken = {"ok": False, "fatal": True, "healing": True, "decided": True}

    def judged(one: dict, two: dict) -> tuple[bool, list[str]]:
        answer = {"deployments": [look("a", gate=one), look("b", gate=two)]}
        verdict = replaceable([MINIO, OTHER], answer, {}, [])
        assert verdict["ok"] is False
        return verdict["decided"], [item["group"] for item in verdict["healing"]]

    assert judged(heals, MAY) == (True, ["n/a"])
    assert judged(heals, starts) == (False, ["n/a"])
    assert judged(starts, broken) == (True, [])
