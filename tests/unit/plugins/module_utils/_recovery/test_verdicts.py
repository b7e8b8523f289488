# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.verdicts import hooked, recoverable, rounds
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


def told(found: list[list[dict]]) -> list[list[str]]:
    return [
        ["{0}: {1}".format(item["group"], ",".join(c["name"] for c in item["batch"])) for item in one] for one in found
    ]


def recovery(**groups: list[list[dict]]) -> dict:
    return {"recovery": [{"group": name, "heals": True, "batches": batches} for name, batches in groups.items()]}


def test_a_round_has_one_batch_of_each_workload_of_the_same_order() -> None:
    found = rounds(
        recovery(
            a=[[claim("a0")], [claim("a1"), claim("a2")], [claim("a3")]],
            b=[[claim("b0")], [claim("b1")]],
            c=[[claim("c0", order=9)]],
            d=[[claim("d0", order=11), claim("d1", order=8)]],
        )
    )
    assert told(found) == [["d: d0,d1"], ["c: c0"], ["a: a0", "b: b0"], ["a: a1,a2", "b: b1"], ["a: a3"]]
    assert found[2][0]["batches"][2][0]["name"] == "a3"
    assert rounds({}) == rounds(recovery(a=[])) == []


def test_claims_that_do_not_heal_are_recovered_beside_the_first_workload_of_their_round() -> None:
    plan = recovery(db=[[claim("db0")], [claim("db1")]], a=[[claim("a0")]], b=[[claim("b0")]], tsdb=[[claim("t0")]])
    for group in plan["recovery"]:
        group["heals"] = group["group"] in "ab"
    found = rounds(plan)
    assert told(found) == [["a: a0", "b: b0"], ["db: db1"]]
    assert [[[c["name"] for c in item["beside"]] for item in one] for one in found] == [[["db0", "t0"], []], [[]]]


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
    assert sorted(planned) == sorted(c["name"] for one in found for item in one for c in item["batch"] + item["beside"])
    for one in found:
        assert len({item["group"] for item in one}) == len(one)
        assert not any(c["name"].startswith("heals") for item in one for c in item["beside"])
    for group in (group for group in plan["recovery"] if group["heals"]):
        assert [item["batch"] for one in found for item in one if item["group"] == group["group"]] == group["batches"]
