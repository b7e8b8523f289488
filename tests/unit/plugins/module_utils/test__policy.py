# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a lost claim."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils import _policy
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models import Claim, Cluster, Owner
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import POLICIES, StandInCluster

SET = Owner("StatefulSet", "ns", "minio", "s")
HEAL = {"namespace": "ns", "claim": "export-*", "policy": "heal", "reason": "peers"}


def claim(name: str = "export-minio-0", namespace: str = "ns", owners: tuple[Owner, ...] = (SET,)) -> Claim:
    return Claim(namespace=namespace, name=name, uid="u", phase="Bound", mounted_by=owners)


def test_the_first_policy_that_matches_wins() -> None:
    other = {**HEAL, "claim": "*", "policy": "discard"}
    assert _policy.decide(claim(), [HEAL, other]).policy == "heal"
    assert _policy.decide(claim(), [other, HEAL]).policy == "discard"


@pytest.mark.parametrize("unnamed", [claim(namespace="other"), claim(name="my-export-0"), claim(name="EXPORT-0")])
def test_a_claim_nobody_named_is_refused(unnamed: Claim) -> None:
    found = _policy.decide(unnamed, [HEAL])
    assert (found.policy, found.reason) == ("refuse", "no policy names this claim")
    assert _policy.decide(unnamed, []).policy == "refuse"


@pytest.mark.parametrize(
    "owners",
    [
        (),
        (SET, Owner("StatefulSet", "ns", "other", "o")),
        (Owner("Pod", "ns", "p", "p"),),
        (Owner("Job", "ns", "j", ""),),
    ],
)
@pytest.mark.parametrize("policy", ["heal", "discard"])
def test_only_the_claim_of_one_known_workload_is_recreated(policy: str, owners: tuple[Owner, ...]) -> None:
    found = _policy.decide(claim(owners=owners), [{**HEAL, "policy": policy}])
    assert found.policy == "refuse"
    assert "exactly one StatefulSet or Deployment" in found.reason


def test_a_deployment_that_nothing_would_make_again_is_not_discarded() -> None:
    discard = {**HEAL, "policy": "discard"}
    assert (
        _policy.decide(claim(owners=(Owner("Deployment", "ns", "db", "d", managed=True),)), [discard]).policy
        == "discard"
    )
    found = _policy.decide(claim(owners=(Owner("Deployment", "ns", "db", "d"),)), [discard])
    assert (found.policy, found.reason) == (
        "refuse",
        "nothing would create the Deployment db again, since nothing owns it",
    )


def test_an_ignored_claim_may_be_mounted_by_anything() -> None:
    assert _policy.decide(claim(owners=()), [{**HEAL, "policy": "ignore"}]).policy == "ignore"


def test_a_policy_may_differ_for_a_claim_that_nothing_mounts() -> None:
    policy = {**HEAL, "policy": "refuse", "unmounted": "ignore"}
    assert _policy.decide(claim(), [policy]).policy == "refuse"
    found = _policy.decide(claim(owners=()), [policy])
    assert (found.policy, found.reason) == ("ignore", "no workload mounts it")


@pytest.mark.parametrize(
    ("namespace", "name", "kind", "policy"),
    [
        ("onecloud-minio", "export-minio-3", "StatefulSet", "heal"),
        ("onecloud-monitoring", "export-monitor-minio-0", "StatefulSet", "heal"),
        ("onecloud", "default-victoria-metrics", "Deployment", "discard"),
        ("onecloud", "default-influxdb", "Deployment", "discard"),
        ("onecloud", "default-glance", "Deployment", "refuse"),
        ("onecloud", "default-baremetal-agent", "Deployment", "refuse"),
        ("onecloud", "default-esxi-agent", "Deployment", "refuse"),
        ("onecloud-monitoring", "monitor-loki-0", "StatefulSet", "refuse"),
        ("default", "export-minio-0", "StatefulSet", "refuse"),
    ],
)
def test_the_table_of_the_role_decides_about_the_volumes_of_cloudpods(
    namespace: str, name: str, kind: str, policy: str
) -> None:
    found = _policy.decide(claim(name, namespace, (Owner(kind, namespace, "w", "w", managed=True),)), POLICIES)
    assert found.policy == policy


def test_the_table_of_the_role_is_one_that_can_be_applied() -> None:
    _policy.check(POLICIES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": ""}, "has no reason"),
        ({"claim": None, "namespace": ""}, "has no namespace and no claim"),
        ({"policy": "delete"}, "says delete, which is none of heal, discard, ignore, refuse"),
        ({"unmounted": "drop"}, "says drop"),
        ({"order": "first"}, "order"),
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    with pytest.raises(HaError, match=words):
        _policy.check([HEAL, {**HEAL, **change}])


def test_claims_are_recovered_by_order_then_workload_then_name() -> None:
    active, kept = _policy.claims(StandInCluster().cluster(), POLICIES)
    assert [item.name for item in active] == [
        "export-minio-0",
        "export-minio-1",
        "default-influxdb",
        "default-victoria-metrics",
    ]
    assert kept == []


def test_claims_of_an_unfinished_journal_stay_and_are_not_doubled() -> None:
    cluster = StandInCluster()
    before = [item.uid for item in cluster.plan().claims]
    cluster.write_journal(dict(cluster.plan().journal))
    assert [item.uid for item in _policy.claims(cluster.cluster(), POLICIES)[0]] == before
    cluster.release("onecloud-minio", "export-minio-0")
    assert [item.uid for item in _policy.claims(cluster.cluster(), POLICIES)[0]] == before
    cluster.write_journal({"finished": "2026-03-01T12:20:00Z"})
    assert len(_policy.claims(cluster.cluster(), POLICIES)[0]) == len(before) - 1


def test_the_workloads_that_heal_are_listed_with_their_claims_also_after_the_end() -> None:
    cluster = StandInCluster()
    before = _policy.healers(cluster.cluster(), POLICIES)
    assert [(item["namespace"], item["name"]) for item in before] == [("onecloud-minio", "minio")]
    assert [item["name"] for item in before[0]["claims"]] == ["export-minio-0", "export-minio-1"]
    cluster.run(cluster.plan())
    assert _policy.healers(cluster.cluster(), POLICIES) == before


@pytest.mark.parametrize("journal", [None, {}, {"claims": None}, {"claims": []}])
def test_a_cluster_without_claims_has_nothing_to_decide(journal: dict[str, Any] | None) -> None:
    nothing = Cluster(provider="kubeadm", journal=journal)
    assert _policy.claims(nothing, POLICIES) == ([], [])
    assert _policy.healers(nothing, POLICIES) == []
