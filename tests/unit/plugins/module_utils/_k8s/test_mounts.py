# SPDX-License-Identifier: GPL-3.0-or-later
"""What mounts a claim, found in an index of all workloads and pods."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.mounts import Mounts, Wanted
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Owner
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    deployment_object,
    pod_object,
    statefulset_object,
)

Json = dict[str, Any]
BARE = {"metadata": {"name": "x", "uid": "u", "namespace": "n"}}


def workloads(*items: tuple[str, Json]) -> list[Json]:
    return [{**item, "kind": kind} for kind, item in items]


def owners(namespace: str, claim: str, sets: list[Json], pods: list[Json]) -> tuple[Owner, ...]:
    return parse.owners(Mounts(sets, pods).of(namespace, claim))


def test_a_statefulset_owns_the_claims_of_its_ordinals_only() -> None:
    sets = workloads(("StatefulSet", statefulset_object("ns", "minio", "s", replicas=2, template="export")))
    owner = Owner("StatefulSet", "ns", "minio", "s")
    assert owners("ns", "export-minio-1", sets, []) == (owner,)
    assert owners("ns", "export-minio-2", sets, []) == ()
    assert owners("ns", "export-minio-11", sets, []) == ()
    assert owners("other", "export-minio-1", sets, []) == ()


def test_ordinals_may_start_elsewhere_and_replicas_may_be_left_out() -> None:
    item = statefulset_object("ns", "minio", "s", replicas=2, template="export")
    item["spec"]["ordinals"] = {"start": 5}
    assert owners("ns", "export-minio-6", workloads(("StatefulSet", item)), []) != ()
    assert owners("ns", "export-minio-0", workloads(("StatefulSet", item)), []) == ()
    del item["spec"]["replicas"], item["spec"]["ordinals"]
    assert owners("ns", "export-minio-0", workloads(("StatefulSet", item)), []) != ()


def test_a_workload_without_pods_is_found_by_its_template() -> None:
    found = owners("ns", "data", workloads(("Deployment", deployment_object("ns", "db", "d", claim="data"))), [])
    assert found == (Owner("Deployment", "ns", "db", "d", managed=True),)
    alone = deployment_object("ns", "db", "d", claim="data", managed=False)
    assert owners("ns", "data", workloads(("Deployment", alone)), []) == (Owner("Deployment", "ns", "db", "d"),)


def test_a_pod_that_belongs_to_no_known_workload_stands_for_itself() -> None:
    alone = pod_object("ns", "one", "u1", claims=["data"])
    job = pod_object("ns", "two", "u2", claims=["data"], owner="Job/import")
    assert owners("ns", "data", [], [alone, job]) == (
        Owner("Pod", "ns", "one", "u1"),
        Owner("Job", "ns", "import", ""),
    )
    assert owners("ns", "data", [BARE | {"kind": "StatefulSet"}], [BARE]) == ()


@pytest.mark.parametrize(
    "name",
    ["export-minio-00", "export-minio-01", "export-minio--1", "export-minio-", "export-minio-\u0661", "export-minio"],
)
def test_what_only_looks_like_a_number_is_none(name: str) -> None:
    sets = workloads(("StatefulSet", statefulset_object("ns", "minio", "s", replicas=2, template="export")))
    assert owners("ns", name, sets, []) == ()


def test_a_statefulset_may_have_any_number_of_replicas() -> None:
    sets = workloads(("StatefulSet", statefulset_object("ns", "minio", "s", replicas=2**31 - 1, template="export")))
    assert owners("ns", "export-minio-2147483646", sets, []) == (Owner("StatefulSet", "ns", "minio", "s"),)
    assert owners("ns", "export-minio-2147483647", sets, []) == ()
    sets[0]["spec"]["replicas"] = None
    assert owners("ns", "export-minio-0", sets, []) != ()
    assert owners("ns", "export-minio-1", sets, []) == ()


def test_all_workloads_that_mount_a_claim_are_found_in_their_order_and_before_its_pods() -> None:
    one = statefulset_object("ns", "minio", "s", replicas=1, template="export")
    two = deployment_object("ns", "reader", "d", claim="export-minio-0")
    pods = [pod_object("ns", "minio-0", "p", claims=["export-minio-0"], owner="StatefulSet/minio")]
    both = workloads(("Deployment", two), ("StatefulSet", one))
    assert [owner.name for owner in owners("ns", "export-minio-0", both, pods)] == ["reader", "minio"]
    assert [owner.name for owner in owners("ns", "export-minio-0", both[::-1], pods)] == ["minio", "reader"]


def test_what_may_mount_a_wanted_claim_is_told_from_the_rest() -> None:
    wanted = Wanted([("ns", "export-minio-1"), ("ns", "data")])
    assert wanted.by_pod(pod_object("ns", "p", "u", claims=["other", "data"]))
    assert not wanted.by_pod(pod_object("elsewhere", "p", "u", claims=["data"]))
    assert not wanted.by_pod(BARE)
    assert wanted.by_workload(deployment_object("ns", "db", "d", claim="data"))
    assert wanted.by_workload(statefulset_object("ns", "minio", "s", replicas=4, template="export"))
    assert not wanted.by_workload(statefulset_object("ns", "minio", "s", replicas=4, template="other"))
    assert not wanted.by_workload(statefulset_object("elsewhere", "minio", "s", replicas=4, template="export"))
    assert not wanted.by_workload(BARE)


def test_every_object_that_is_found_for_a_claim_is_one_that_may_mount_it() -> None:
    sets = workloads(
        ("StatefulSet", statefulset_object("ns", "minio", "s", replicas=2, template="export")),
        ("Deployment", deployment_object("ns", "db", "d", claim="export-minio-0")),
    )
    pods = [pod_object("ns", "p", "u", claims=["alone"])]
    for claim in ("export-minio-0", "export-minio-1", "export-minio-2", "alone"):
        wanted = Wanted([("ns", claim)])
        kept = Mounts([w for w in sets if wanted.by_workload(w)], [p for p in pods if wanted.by_pod(p)])
        assert kept.of("ns", claim) == Mounts(sets, pods).of("ns", claim)
