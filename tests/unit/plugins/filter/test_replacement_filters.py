# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of a replacement, on plain mappings as facts hold them."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpods.ha.plugins.filter.api_source import api_source
from ansible_collections.cloudpods.ha.plugins.filter.healers import healers
from ansible_collections.cloudpods.ha.plugins.filter.host_reports import host_reports
from ansible_collections.cloudpods.ha.plugins.filter.join_configuration import join_configuration
from ansible_collections.cloudpods.ha.plugins.filter.node_parity import node_parity
from ansible_collections.cloudpods.ha.plugins.filter.replacement_plan import replacement_plan
from ansible_collections.cloudpods.ha.plugins.filter.replacement_report import replacement_report
from ansible_collections.cloudpods.ha.plugins.filter.replacement_verdict import replacement_verdict
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.plugins.modules import minio_health_info
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    PODS,
    StandInCluster,
    pod_object,
)

Json = dict[str, Any]
NAMES = [
    "replacement_plan",
    "replacement_verdict",
    "replacement_report",
    "healers",
    "api_source",
    "node_parity",
    "join_configuration",
    "host_reports",
]


def planned(cluster: StandInCluster, **fields: Any) -> Json:
    return replacement_plan(cluster.api_json(), cluster.reports(), cluster.settings(**fields), [], cluster.minio())


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_is_registered_under_the_name_of_its_file(name: str) -> None:
    module = importlib.import_module("ansible_collections.cloudpods.ha.plugins.filter." + name)
    assert module.FilterModule().filters() == {name: getattr(module, name)}
    assert yaml.safe_load(module.DOCUMENTATION)["name"] == name


def test_a_plan_is_plain_data_with_the_cluster_beside_it() -> None:
    cluster = StandInCluster()
    found = planned(cluster)
    assert json.loads(json.dumps(found)) == found
    assert found["plan"] == to_json(cluster.plan())
    assert found["cluster"] == to_json(cluster.cluster())


def test_a_policy_that_cannot_be_applied_fails_the_plan_in_a_sentence() -> None:
    cluster = StandInCluster()
    wrong = [{"namespace": "n", "claim": "c", "policy": "burn", "reason": "r"}]
    for call in (
        lambda: planned(cluster, policies=wrong),
        lambda: healers(cluster.api_json(), cluster.settings(policies=wrong), []),
    ):
        with pytest.raises(AnsibleFilterError, match="sets policy to burn, which is none of"):
            call()


def test_a_cluster_that_could_not_be_asked_is_a_refusal_and_not_a_crash() -> None:
    cluster = StandInCluster()
    api = {"provider": "kubeadm", "api_error": "there is no kubeconfig at /x"}
    found = replacement_plan(api, cluster.reports(), cluster.settings(), [], {})
    assert [item["code"] for item in found["plan"]["refusals"]] == ["API_UNREACHABLE"]
    assert "there is no kubeconfig at /x." in found["plan"]["refused_text"]
    assert healers(api, cluster.settings(), []) == []


def test_no_hosts_are_a_refusal_and_not_a_crash() -> None:
    cluster = StandInCluster()
    found = replacement_plan(cluster.api_json(), [], cluster.settings(), [])
    assert [item["code"] for item in found["plan"]["refusals"]] == ["NO_SURVIVORS"]


def test_the_workloads_that_heal_are_listed() -> None:
    cluster = StandInCluster()
    (found,) = healers(cluster.api_json(), cluster.settings(), [])
    assert (found["namespace"], found["name"]) == ("onecloud-minio", "minio")
    assert [set(item) for item in found["lost_claims"]] == [{"name", "uid"}, {"name", "uid"}]


def test_what_heals_is_what_minio_health_info_takes_with_its_own_approvals() -> None:
    cluster = StandInCluster()
    group = "onecloud-minio/minio"
    settings = cluster.settings(give_up_objects=(group + "/b/a", "ns/minio/b/a"), accept_unproven=(group,))
    (found,) = healers(cluster.api_json(), settings, [])
    assert (found["given_up"], found["accept_unproven"]) == ([group + "/b/a"], True)
    (plain,) = healers(cluster.api_json(), cluster.settings(), [])
    assert (plain["given_up"], plain["accept_unproven"]) == ([], False)
    assert (plain["count_objects"], plain["prove_readable"]) == (True, True)
    options = yaml.safe_load(minio_health_info.DOCUMENTATION)["options"]["deployments"]["suboptions"]
    assert set(found) <= set(options)
    assert [set(item) for item in planned(cluster)["plan"]["healers"]] == [{"namespace", "name"}]


@pytest.mark.parametrize("answer", [None, {}, {"msg": "MODULE FAILURE", "failed": True}, {"deployments": []}])
def test_a_minio_of_which_nothing_was_said_is_refused_and_fails_the_verdict(answer: Json | None) -> None:
    cluster = StandInCluster()
    made = replacement_plan(cluster.api_json(), cluster.reports(), cluster.settings(), [], answer)["plan"]
    (refusal,) = made["refusals"]
    why = (answer or {}).get("msg", "it was not read")
    assert refusal["code"] == "MINIO_UNREADABLE"
    assert refusal["observed"] == "The state of the MinIO onecloud-minio/minio can't be read: {0}.".format(why)
    asked = planned(cluster)["plan"]["healers"]
    cluster.run(cluster.plan())
    found = replacement_verdict(
        cluster.api_json(), cluster.reports(), "master-1", vip_answers=True, minio=answer, healers=asked
    )
    assert (found["ok"], found["reason"]) == (False, "MinIO: {0}".format(why))


def test_the_verdict_has_a_line_for_each_check() -> None:
    cluster = StandInCluster()
    assert not cluster.verdict()["ok"]
    cluster.run(cluster.plan())
    found = cluster.verdict()
    assert found["ok"]
    assert len(found["text"]) == len(found["checks"])
    assert found["text"][0] == "ok       nodes        3 control-plane nodes, all Ready: master-2, master-3, master-4"
    silent = replacement_verdict(
        cluster.api_json(), cluster.reports(), "master-1", minio=cluster.minio(converged=False)
    )
    assert [check["name"] for check in silent["checks"] if not check["ok"]] == ["VIP", "MinIO"]
    assert [line for line in silent["text"] if line.startswith("FAILED   VIP")]


def test_a_report_is_made_from_a_plan_that_was_a_fact() -> None:
    plan = json.loads(json.dumps(planned(StandInCluster())["plan"]))
    found = replacement_report(plan, {}, {}, failure="Backup: no space")
    assert found["json"]["failure"] == "Backup: no space"
    assert found["text"][0].startswith("STOPPED: ")


def test_the_source_of_the_api_is_chosen_from_reports() -> None:
    assert api_source(StandInCluster().reports())["host"] == "master-2.example.org"


def test_a_new_node_is_compared_with_the_masters_that_live() -> None:
    cluster = StandInCluster()
    cluster.start_kubelet()
    cluster.mark_control_plane()
    cluster.node("master-1")["spec"]["taints"] = [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    ]
    found = node_parity(cluster.api_json(), "master-4")
    # The taint that only the lost node still has is taken away, too.
    assert found == {"labels": {"onecloud.yunion.io/controller": "enable"}, "taints": [], "differs": True}
    cluster.bring_to_parity()
    assert node_parity(cluster.api_json(), "master-4")["differs"] is False
    assert node_parity(cluster.api_json(), "master-40") == {}


CREDENTIALS = {"token": "abcdef.0123456789abcdef", "ca_hash": "sha256:9f", "certificate_key": "0123456789"}
JOIN = {"kubernetes_version": "v1.30.4", "endpoint": "192.0.2.12", "name": "master-4", "ip": "192.0.2.14"}


def test_the_join_configuration_is_yaml_in_which_strings_stay_strings() -> None:
    found = yaml.safe_load(join_configuration(CREDENTIALS, **JOIN))
    assert found["controlPlane"]["certificateKey"] == "0123456789"
    assert found["discovery"]["bootstrapToken"]["token"] == CREDENTIALS["token"]
    assert found["nodeRegistration"]["name"] == "master-4"


@pytest.mark.parametrize(
    ("address", "endpoint"), [("192.0.2.12", "192.0.2.12:6443"), ("2001:db8::12", "[2001:db8::12]:6443")]
)
def test_a_join_goes_through_the_api_server_at_the_address_that_was_given(address: str, endpoint: str) -> None:
    found = yaml.safe_load(join_configuration(CREDENTIALS, **{**JOIN, "endpoint": address}))
    assert found["discovery"]["bootstrapToken"]["apiServerEndpoint"] == endpoint


def test_a_pod_that_waits_for_a_claim_to_be_ignored_fails_no_verdict() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    cluster.add_volume_and_claim("onecloud", "default-glance", "master-1")
    cluster.lists[PODS].append(pod_object("onecloud", "glance", "u", claims=["default-glance"]))
    judged = [
        replacement_verdict(
            cluster.api_json(), cluster.reports(), "master-1", vip_answers=True, minio=cluster.minio(), left_alone=names
        )
        for names in ([], ["onecloud/default-glance"])
    ]
    assert [item["ok"] for item in judged] == [False, True]


def test_a_join_to_an_unknown_version_is_told_without_the_token() -> None:
    with pytest.raises(AnsibleFilterError, match="'stable' is not a Kubernetes version") as caught:
        join_configuration(CREDENTIALS, **{**JOIN, "kubernetes_version": "stable"})
    assert CREDENTIALS["token"] not in str(caught.value)


def test_the_results_of_a_loop_are_reports() -> None:
    cluster = StandInCluster()
    members = {"etcd": {"error": "x"}}
    results = [
        {**report["host"], "ansible_loop_var": "__verify_name", "__verify_name": report["name"]}
        for report in cluster.reports()
    ]
    results.append({"unreachable": True, "msg": "gone", "ansible_loop_var": "__verify_name", "__verify_name": "late"})
    found = host_reports(results, ["master-2.example.org", "master-3.example.org"], "master-3.example.org", members)
    assert [(item["name"], item["role"], bool(item["members"])) for item in found] == [
        ("master-2.example.org", "survivor", False),
        ("master-3.example.org", "survivor", True),
        ("master-4.example.org", "replacement", False),
        ("late", "replacement", False),
    ]
    assert host_reports([], [], "", {}) == []


def test_reports_of_a_loop_are_judged_like_those_of_discovery() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    reports = cluster.reports()
    members = reports[0]["members"]
    results = [{**report["host"], "ansible_loop_var": "x", "x": report["name"]} for report in reports]
    survivors = [cluster.inventory_name(name) for name in cluster.survivors]
    again = host_reports(results, survivors, survivors[0], members)
    found = replacement_verdict(cluster.api_json(), again, "master-1", vip_answers=True, minio=cluster.minio())
    assert found["ok"], found["text"]
