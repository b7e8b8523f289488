# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a lost claim."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim, Owner
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy as plan_policy
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.healers import healers
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import POLICIES, StandInCluster

SET = Owner("StatefulSet", "ns", "minio", "s")
HEAL = {"namespace": "ns", "claim": "export-*", "policy": "heal", "reason": "peers"}


def claim(
    name: str = "export-minio-0", namespace: str = "ns", owners: tuple[Owner, ...] = (SET,), **fields: Any
) -> Claim:
    known = {"found_by": ("affinity", "annotation"), **fields}
    return Claim(namespace=namespace, name=name, uid="u", phase="Bound", mounted_by=owners, **known)


def test_the_first_policy_that_matches_wins() -> None:
    other = {**HEAL, "claim": "*", "policy": "discard"}
    assert plan_policy.decide(claim(), [HEAL, other]).policy == "heal"
    assert plan_policy.decide(claim(), [other, HEAL]).policy == "discard"


@pytest.mark.parametrize("unnamed", [claim(namespace="other"), claim(name="my-export-0"), claim(name="EXPORT-0")])
def test_a_claim_nobody_named_is_refused(unnamed: Claim) -> None:
    found = plan_policy.decide(unnamed, [HEAL])
    assert (found.policy, found.reason) == ("refuse", "no policy names this claim")
    assert plan_policy.decide(unnamed, []).policy == "refuse"


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
    found = plan_policy.decide(claim(owners=owners), [{**HEAL, "policy": policy}])
    assert found.policy == "refuse"
    assert found.code == "CLAIM_UNDECIDED"
    assert "for exactly one StatefulSet" in found.reason


def test_a_deployment_that_nothing_would_make_again_is_not_discarded() -> None:
    discard = {**HEAL, "policy": "discard"}
    assert (
        plan_policy.decide(claim(owners=(Owner("Deployment", "ns", "db", "d", managed=True),)), [discard]).policy
        == "discard"
    )
    found = plan_policy.decide(claim(owners=(Owner("Deployment", "ns", "db", "d"),)), [discard])
    assert (found.policy, found.reason) == (
        "refuse",
        "nothing would recreate the Deployment db, since it has no owner",
    )


def test_an_ignored_claim_may_be_mounted_by_anything() -> None:
    assert plan_policy.decide(claim(owners=()), [{**HEAL, "policy": "ignore"}]).policy == "ignore"


def test_a_policy_may_differ_for_a_claim_that_nothing_mounts() -> None:
    policy = {**HEAL, "policy": "refuse", "unmounted": "ignore"}
    assert plan_policy.decide(claim(), [policy]).policy == "refuse"
    found = plan_policy.decide(claim(owners=()), [policy])
    assert (found.policy, found.reason) == ("ignore", "no workload mounts it")


@pytest.mark.parametrize(
    ("namespace", "name", "kind", "policy"),
    [
        ("onecloud-minio", "export-minio-3", "StatefulSet", "heal"),
        ("onecloud-monitoring", "export-monitor-minio-0", "StatefulSet", "heal"),
        ("onecloud", "default-victoria-metrics", "Deployment", "discard"),
        ("onecloud", "default-victoria-metrics-longhorn", "Deployment", "discard"),
        ("onecloud", "default-influxdb", "Deployment", "refuse"),
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
    workload = re.sub(r"^export-|-\d+$", "", name)
    found = plan_policy.decide(
        claim(name, namespace, (Owner(kind, namespace, workload, "w", managed=True),)),
        POLICIES,
        approved=["{0}/{1}".format(namespace, name)] if policy == "discard" else [],
    )
    assert found.policy == policy


def of_cloudpods(name: str, *, mounted: bool = True) -> Claim:
    return claim(name, "onecloud", (Owner("Deployment", "onecloud", name, "w", managed=True),) if mounted else ())


@pytest.mark.parametrize(
    ("name", "mounted", "cloudpods", "policy", "words"),
    [
        ("default-influxdb", True, {"version": "v3.10.9"}, "discard", "recreates it"),
        ("default-influxdb", False, {"version": "v3.10.9"}, "refuse", "mounted by nothing"),
        ("default-victoria-metrics", False, {"version": "v3.11.9"}, "refuse", "mounted by nothing"),
        ("default-influxdb", True, {"version": "v3.11.9"}, "refuse", "from 3.11 on"),
        ("default-influxdb", True, {"version": "v4.0.3-6"}, "refuse", "from 3.11 on"),
        ("default-influxdb", True, {"version": "master-20240101"}, "refuse", "version is unknown"),
        ("default-influxdb", True, {}, "refuse", "version is unknown"),
        ("default-influxdb", True, None, "refuse", "version is unknown"),
        ("default-influxdb", False, {"version": "v3.11.9"}, "ignore", "no workload"),
        ("default-glance", True, {"glance_on_s3": True}, "refuse", "although glance keeps its images in S3"),
        ("default-glance", False, {"glance_on_s3": True}, "ignore", "no workload"),
        ("default-glance", True, {"glance_on_s3": False}, "refuse", "keeps its images on it"),
        ("default-glance", False, {"glance_on_s3": False}, "refuse", "keeps its images on it"),
        ("default-glance", False, None, "refuse", "keeps its images on it"),
        ("default-baremetal-agent-zone1", True, None, "refuse", "bare-metal"),
        ("default-baremetal-agent", False, None, "ignore", "no workload"),
        ("default-esxi-agent", True, {"version": "v3.8.12"}, "refuse", "VMware"),
        ("default-esxi-agent", False, {"version": "v3.8.12"}, "ignore", "no workload"),
        ("default-esxi-agent", False, {"version": "v3.9.0"}, "refuse", "no policy names"),
        ("default-meter", True, {"version": "3.7"}, "refuse", "billing"),
        ("default-meter", True, None, "refuse", "no policy names"),
        ("default-grafana-data", True, None, "refuse", "dashboards"),
        ("storage-default-loki-0", True, None, "refuse", "logs"),
    ],
)
def test_what_the_table_says_depends_on_the_release_and_on_where_the_images_are(
    name: str, mounted: bool, cloudpods: dict[str, Any] | None, policy: str, words: str
) -> None:
    approved = ["onecloud/" + name] if policy == "discard" else []
    found = plan_policy.decide(of_cloudpods(name, mounted=mounted), POLICIES, cloudpods, approved)
    assert found.policy == policy
    assert words in found.reason


@pytest.mark.parametrize(
    ("bound", "inside", "outside"),
    [
        ("<3.11", ["3.10.9", "v3.8", "2.12.0"], ["3.11", "v3.11.9", "4.0", "3"]),
        ("<=3.8", ["3.8", "v3.8.12", "3.7.9"], ["3.9", "3.11.1"]),
        (">3.8", ["3.9.0", "3.11.9-rc1"], ["3.8.12", "3.8"]),
        (" >= v3.11.2 ", ["3.11.2", "3.11.10", "4.0.0"], ["3.11.1", "3.11", "latest", "", None, "v"]),
    ],
)
def test_a_version_is_compared_by_number_and_as_far_as_the_bound_goes(
    bound: str, inside: list[Any], outside: list[Any]
) -> None:
    policy = {"claim": "*", "policy": "ignore", "reason": "r", "only": {"cloudpods": bound}}
    plan_policy.check([policy])
    for version in (*inside, *outside):
        found = plan_policy.decide(claim(), [policy], {"version": version})
        assert (found.policy == "ignore") == (version in inside), version


def test_a_policy_may_go_by_labels_of_the_claim_or_of_what_mounts_it() -> None:
    policy = {"labels": {"app": "cache", "tier": "1"}, "policy": "ignore", "reason": "r"}
    for fields, fits in (
        ({"labels": {"app": "cache", "tier": "1"}}, True),
        ({"workload_labels": {"app": "cache", "tier": "1", "x": "y"}}, True),
        ({"labels": {"tier": "1"}, "workload_labels": {"app": "cache"}}, True),
        ({"labels": {"app": "cache"}}, False),
        ({"labels": {"app": "cache", "tier": "2"}}, False),
        ({}, False),
    ):
        assert (plan_policy.decide(claim(**fields), [policy]).policy == "ignore") == fits


def test_a_loss_that_the_table_says_needs_a_name_and_one_of_the_inventory_does_not() -> None:
    own = {"claim": "default-*", "policy": "discard", "reason": "mine", "loses": "all"}
    table = {**own, "approval": True}
    lost = of_cloudpods("default-x")
    assert plan_policy.decide(lost, [own]).policy == "discard"
    refused = plan_policy.decide(lost, [table])
    assert (refused.policy, refused.code, refused.loses) == ("refuse", "DISCARD_UNAPPROVED", "all")
    assert plan_policy.decide(lost, [table], approved=["onecloud/default-y", "default-x"]).code == "DISCARD_UNAPPROVED"
    found = plan_policy.decide(lost, [table], approved=["onecloud/default-x"])
    assert (found.policy, found.code, found.reason) == ("discard", "", "mine")


def test_a_name_turns_what_the_table_refuses_into_a_loss_where_it_can_be_made_again() -> None:
    table = {"claim": "default-*", "policy": "refuse", "reason": "r", "loses": "all", "approval": True}
    approved = ["onecloud/default-x", "shop/data-db-0", "shop/plain"]
    found = plan_policy.decide(of_cloudpods("default-x"), [table], approved=approved)
    assert (found.policy, found.reason, found.loses) == ("discard", "its loss was approved by name", "all")
    # One that nobody named, of a StatefulSet; then one that its StatefulSet would not make again, and one that nothing mounts.
    database = Owner("StatefulSet", "shop", "db", "s")
    assert plan_policy.decide(claim("data-db-0", "shop", (database,)), [], approved=approved).policy == "discard"
    assert plan_policy.decide(claim("plain", "shop", (database,)), [], approved=approved).code == "CLAIM_UNDECIDED"
    assert plan_policy.decide(claim("plain", "shop", ()), [], approved=approved).code == "CLAIM_UNDECIDED"
    # What the operator wrote down is changed where it is written.
    own = {**table, "approval": False}
    assert plan_policy.decide(of_cloudpods("default-x"), [own], approved=approved).policy == "refuse"


def test_a_name_does_not_discard_what_heals_or_is_left_alone() -> None:
    for policy in ("heal", "ignore"):
        table = {**HEAL, "policy": policy, "approval": True}
        assert plan_policy.decide(claim(), [table], approved=["ns/export-minio-0"]).policy == policy


@pytest.mark.parametrize("policy", ["heal", "discard", "hook", "refuse", "ignore"])
@pytest.mark.parametrize(
    ("found_by", "words"),
    [
        (("annotation",), "only the provisioner's annotation"),
        (("pod",), "only a pod"),
        (("affinity", "conflict"), "affinity and its annotation name different nodes"),
        (("affinity", "elsewhere"), "data may be elsewhere"),
        ((), "only a pod"),
    ],
)
def test_nothing_is_done_with_a_volume_that_may_be_elsewhere(
    policy: str, found_by: tuple[str, ...], words: str
) -> None:
    rule = {**HEAL, "policy": policy, **({"tasks": "/x.yml"} if policy == "hook" else {})}
    found = plan_policy.decide(claim(found_by=found_by), [rule], approved=["ns/export-minio-0"])
    if policy == "ignore":
        assert (found.policy, found.code) == ("ignore", "")
    else:
        assert (found.policy, found.code) == ("refuse", "VOLUME_AMBIGUOUS")
        assert words in found.reason


@pytest.mark.parametrize(
    ("policy", "finalizers", "code"),
    [
        ("heal", ("kubernetes.io/pvc-protection",), ""),
        ("heal", ("kubernetes.io/pvc-protection", "x.example.org/keep"), "CLAIM_HELD"),
        ("discard", ("x.example.org/keep",), "CLAIM_HELD"),
        ("ignore", ("x.example.org/keep",), ""),
        ("hook", ("x.example.org/keep",), ""),
    ],
)
def test_a_claim_that_something_holds_is_not_deleted(policy: str, finalizers: tuple[str, ...], code: str) -> None:
    found = plan_policy.decide(claim(finalizers=finalizers), [{**HEAL, "policy": policy, "tasks": "/x.yml"}])
    assert found.code == code
    assert not code or "finalizers x.example.org/keep would block" in found.reason


@pytest.mark.parametrize(
    ("name", "workload", "pod"),
    [
        ("export-minio-0", "minio", "minio-0"),
        ("export-monitor-minio-12", "monitor-minio", "monitor-minio-12"),
        ("big-data-big-minio-0", "minio", "minio-0"),
        ("minio-0", "minio", ""),
        ("export-minio", "minio", ""),
        ("export-minio-0-copy", "minio", ""),
        ("export-xminio-0", "minio", ""),
    ],
)
def test_the_pod_of_a_claim_is_told_by_the_name_that_a_statefulset_gives_it(name: str, workload: str, pod: str) -> None:
    owner = Owner("StatefulSet", "ns", workload, "s")
    found = plan_policy.decide(claim(name, owners=(owner,)), [{**HEAL, "claim": "*"}])
    assert found.pod == pod
    assert found.policy == ("heal" if pod else "refuse")
    assert plan_policy.decide(of_cloudpods("default-x-0"), []).pod == ""


def test_a_hook_may_be_for_a_claim_of_anything_and_knows_its_file() -> None:
    hook = {"claim": "*", "policy": "hook", "reason": "from a dump", "tasks": "/srv/x.yml", "loses": "since midnight"}
    for owners in ((), (SET,), (Owner("DaemonSet", "ns", "d", "d"), SET)):
        found = plan_policy.decide(claim(owners=owners), [hook])
        assert (found.policy, found.tasks, found.loses) == ("hook", "/srv/x.yml", "since midnight")
    assert plan_policy.decide(claim(), [{**hook, "policy": "ignore"}]).tasks == ""


def test_the_table_of_the_role_is_one_that_can_be_applied() -> None:
    plan_policy.check(POLICIES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": ""}, "has no reason"),
        ({"claim": "", "namespace": ""}, "matches no claim"),
        ({"policy": "", "reason": ""}, "has no policy and no reason"),
        ({"policy": "delete"}, "sets policy to delete, which is none of heal, discard, ignore, hook, refuse"),
        ({"polcy": "ignore"}, "has the unknown key polcy"),
        ({"unmounted": None}, "has the value None for unmounted"),
        ({"label": {"a": "b"}}, "has the unknown key label"),
        ({"labels": "a=b"}, "has labels that is not a mapping"),
        ({"only": {"cloudpod": "<3.11"}}, "has the unknown key only.cloudpod"),
        ({"only": "<3.11"}, "has only that is not a mapping"),
        ({"only": {"cloudpods": "3.11"}}, "only.cloudpods that is not a comparison"),
        ({"only": {"cloudpods": "=3.11"}}, "only.cloudpods that is not a comparison"),
        ({"only": {"cloudpods": 3.11}}, "has only.cloudpods that is not text"),
        ({"only": {"glance_on_s3": "yes"}}, "has only.glance_on_s3 that is not true or false"),
        ({"reason": True}, "has the value True for reason"),
        ({"approval": "yes"}, "has approval that is not true or false"),
        ({"policy": "hook"}, "has the policy hook but no tasks"),
        ({"unmounted": "hook", "tasks": "x.yml"}, "has the policy hook but no tasks"),
        ({"tasks": "/x.yml"}, "has tasks, which only the policy hook runs"),
        ({"unmounted": "drop"}, "sets unmounted to drop"),
        ({"order": "first"}, "order"),
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    with pytest.raises(HaError, match=words):
        plan_policy.check([HEAL, {**HEAL, **change}])


def test_claims_are_recovered_by_order_then_workload_then_name() -> None:
    active, kept = plan_policy.claims(StandInCluster().cluster(), StandInCluster().request())
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
    assert [item.uid for item in plan_policy.claims(cluster.cluster(), cluster.request())[0]] == before
    cluster.release("onecloud-minio", "export-minio-0")
    assert [item.uid for item in plan_policy.claims(cluster.cluster(), cluster.request())[0]] == before
    cluster.write_journal({"finished": "2026-03-01T12:20:00Z"})
    assert len(plan_policy.claims(cluster.cluster(), cluster.request())[0]) == len(before) - 1


def test_an_earlier_run_s_approval_is_none_of_this_run() -> None:
    cluster = StandInCluster()
    cluster.write_journal(dict(cluster.plan().journal))
    active, kept = plan_policy.claims(cluster.cluster(), cluster.request(discard=()))
    assert {item.policy for item in active} == {"heal"}
    assert {(item.name, item.code) for item in kept} == {
        ("default-influxdb", "DISCARD_UNAPPROVED"),
        ("default-victoria-metrics", "DISCARD_UNAPPROVED"),
    }
    assert "DISCARD_UNAPPROVED" in cluster.codes(discard=())
    # The operator's own policy needs no name.
    own = ({"claim": "default-*", "policy": "discard", "reason": "mine"}, *cluster.policies)
    assert plan_policy.claims(cluster.cluster(), cluster.request(discard=(), policies=own))[1] == []


def test_the_file_of_a_hook_comes_from_this_run_s_policies_and_never_from_the_journal() -> None:
    cluster = StandInCluster()
    state = to_json(dict(cluster.plan().journal))
    item = next(item for item in state["claims"] if item["name"] == "default-influxdb")
    item.update(policy="hook", tasks="/tmp/of-somebody-else.yml", namespace="onecloud")
    cluster.write_journal(state)
    kept = plan_policy.claims(cluster.cluster(), cluster.request())[1]
    assert [(one.name, one.code, one.tasks) for one in kept] == [("default-influxdb", "CLAIM_UNDECIDED", "")]
    hook = {"claim": "default-influxdb", "policy": "hook", "reason": "r", "tasks": "/etc/mine.yml"}
    active = plan_policy.claims(cluster.cluster(), cluster.request(policies=(hook, *cluster.policies)))[0]
    assert [one.tasks for one in active if one.policy == "hook"] == ["/etc/mine.yml"]


def test_a_policy_that_only_the_journal_knows_recovers_nothing() -> None:
    cluster = StandInCluster()
    state = to_json(dict(cluster.plan().journal))
    state["claims"][0]["policy"] = "wipe"
    cluster.write_journal(state)
    assert "CLAIM_UNDECIDED" in cluster.codes()


@pytest.mark.parametrize("journal", [None, {}, {"claims": None}, {"claims": []}])
def test_a_cluster_without_claims_has_nothing_to_decide(journal: dict[str, Any] | None) -> None:
    nothing = Cluster(provider="kubeadm", journal=journal)
    request = Request("m", 60, 5.0, 1, policies=POLICIES)
    assert plan_policy.claims(nothing, request) == ([], [])
    assert healers(nothing, request) == []


@pytest.mark.parametrize("name", ["default-influxdb", "onecloud/*", "onecloud/default-?", "a/b/c", "/b", "a/", 3])
def test_a_loss_is_approved_by_exact_names_alone(name: Any) -> None:
    plan_policy.check_names(["onecloud/default-influxdb", "a/b.c-1"])
    with pytest.raises(HaError, match="exact names"):
        plan_policy.check_names(["onecloud/default-influxdb", name])


def test_a_claim_is_not_recovered_for_a_pod_that_could_not_start_without_an_ignored_one() -> None:
    names = ["export-minio-0", "cache-minio-0", "export-minio-1"]
    cluster = Cluster(provider="kubeadm", claims=tuple(dataclasses.replace(claim(name), uid=name) for name in names))
    ignore = {"claim": "cache-*", "policy": "ignore", "reason": "r"}
    active, kept = plan_policy.claims(cluster, Request("m", 60, 5.0, 1, policies=(ignore, HEAL)))
    assert [item.name for item in active] == ["export-minio-1"]
    assert [(item.name, item.policy, item.code) for item in kept] == [
        ("export-minio-0", "refuse", "CLAIM_UNDECIDED"),
        ("cache-minio-0", "ignore", ""),
    ]
    assert "ns/cache-minio-0, which has the policy ignore" in kept[0].reason
