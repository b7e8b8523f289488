# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as a person reads it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.text import claim_lines, lines, object_line
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import NODES, StandInCluster


def test_a_plan_tells_what_was_found_and_what_will_be_done() -> None:
    cluster = StandInCluster()
    made = cluster.plan()
    text = list(lines(made, cluster.cluster()))
    assert tuple(text) == made.text
    assert text[0] == "PLAN {0}: replace master-1 with master-4".format(made.id)
    assert "Lost:      master-1 (192.0.2.11), not Ready for 300 s" in text
    assert "VIP:       192.0.2.100 on master-2.example.org" in text
    assert "Will do:" in text
    uid = cluster.node("master-1")["metadata"]["uid"]
    assert [line for line in text if line.strip() == "Node master-1 [{0}]".format(uid)]
    assert len([line for line in text if line.startswith("etcd:")]) == 3
    assert len([line for line in text if "NOT HEALTHY" in line]) == 1


def test_a_phase_is_named_once() -> None:
    text = StandInCluster().plan().text
    for phase in ("backup", "etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery"):
        assert len([line for line in text if line.startswith("  {0} ".format(phase))]) == 1


def test_a_refused_plan_says_so_first_and_what_to_do() -> None:
    cluster = StandInCluster()
    cluster.answers = [22]
    text = cluster.plan().text
    assert text[0] == "REFUSED: master-1 is not replaced"
    assert text[2] == "  [NODE_ANSWERS] The lost node master-1 still accepts connections at 192.0.2.11:22."
    assert text[3].startswith("      -> Power the machine off")


def test_a_resumed_plan_says_that_it_goes_on() -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan(), acts=3)
    assert "where an earlier run stopped" in cluster.plan().text[0]


def test_a_node_that_never_reported_is_told_without_a_time() -> None:
    cluster = StandInCluster()
    cluster.node("master-1")["status"]["conditions"] = []
    assert [line for line in cluster.plan().text if line.startswith("Lost:")] == [
        "Lost:      master-1 (192.0.2.11), not Ready for an unknown time"
    ]


def test_an_unknown_address_a_gone_node_and_an_alarm_are_told() -> None:
    cluster = StandInCluster()
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    text = cluster.plan().text
    assert "Lost:      master-1 (address unknown), its Node is gone" in text


def test_nothing_is_told_of_objects_that_could_not_be_read() -> None:
    cluster = dataclasses.replace(StandInCluster().cluster(), nodes=(), pods=(), server="", api_error="it is down")
    text = "\n".join(lines(Plan(state="refused", lost=cluster.lost), cluster))
    assert "Lost:      master-1 (192.0.2.11), its Node could not be read\nCluster:   kubeadm, could not be read" in text
    assert "Pods:" not in text
    assert "gone" not in text


def test_nothing_known_is_said_in_one_line() -> None:
    assert list(lines(Plan(state="refused"), Cluster(provider="kubeadm"))) == ["REFUSED: the node is not replaced"]


def test_an_object_is_its_kind_its_place_and_its_uid() -> None:
    assert object_line(ObjectRef("Pod", "ns", "p", "u")) == "Pod ns/p [u]"
    assert object_line(ObjectRef("Node", "", "n", "")) == "Node n"


def claim(name: str = "data", **fields: Any) -> ClaimPlan:
    known: dict[str, Any] = {"policy": "discard", "reason": "made again, empty", "size_bytes": 20 * 2**30, **fields}
    return ClaimPlan(namespace="ns", name=name, uid=name, pv_name="pv-" + name, pv_uid="p", order=0, group="g", **known)


def test_claims_are_told_with_what_becomes_of_them_why_and_what_is_lost() -> None:
    assert list(
        claim_lines(
            [
                claim(loses="all metrics", reclaim_policy="Retain"),
                claim("export-0", policy="heal", reason="peers fill it"),
                claim("other", policy="refuse", reason="who knows", code="CLAIM_UNDECIDED"),
            ]
        )
    ) == [
        "  ns/data  20.0 GiB  discard",
        "      why:  made again, empty",
        "      lost: all metrics",
        "      kept: the volume object pv-data (reclaim policy Retain)",
        "  ns/export-0  20.0 GiB  heal",
        "      why:  peers fill it",
        "      lost: nothing",
        "  ns/other  20.0 GiB  refuse",
        "      why:  [CLAIM_UNDECIDED] who knows",
        "      lost: all its data that can't be restored",
    ]


@pytest.mark.parametrize("name", ["data", "a-" + "very-" * 12 + "long-name"])
def test_claims_fit_a_terminal_and_break_no_name(name: str) -> None:
    path = "pvc-0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01"
    told = list(claim_lines([claim(name, reason="word " * 60 + path, loses="much " * 40)]))
    assert max(map(len, told)) <= 100
    for word in ("ns/" + name, path):
        assert [line for line in told if word in line]


def test_the_plan_shows_the_claims_before_the_steps() -> None:
    text = StandInCluster().plan().text
    assert text.index("Claims on the lost node:") < text.index("Will do:")
    at = next(number for number, line in enumerate(text) if line.startswith("  onecloud-minio/export-minio-0 "))
    assert [line.strip() for line in text[at : at + 3]] == [
        "onecloud-minio/export-minio-0  100.0 GiB  heal",
        "why:  MinIO fills an empty drive from its peers",
        "lost: nothing",
    ]


def test_the_plan_says_first_what_is_lost_for_good() -> None:
    text = StandInCluster().plan().text
    at = text.index("Lost for good:")
    assert at == 2
    assert [line for line in text[at : at + 4] if "onecloud/default-influxdb: metrics" in line]


@pytest.mark.parametrize("kind", [{}, {"provider": "k3s"}, {"provider": "k3s", "same_name": True}])
def test_each_act_has_its_risk(kind: Any) -> None:
    made = StandInCluster(**kind).plan()
    for step in made.steps:
        (line,) = [line for line in made.text if line.endswith("  " + step.act[-60:])][:1] or [""]
        mark = {"safe": "", "final": "FINAL", "loss": "DATA LOSS"}[step.risk]
        if line:
            assert line[21:30].strip() == mark
        if "discard" in step.act or step.act.startswith("run "):
            assert step.risk == "loss"
        elif step.phase in ("etcd_cleanup", "node_removal") and not step.waits:
            assert step.risk == "final"


def test_the_plan_ends_with_how_to_go_on() -> None:
    made = StandInCluster().plan()
    assert "How to go on:" in made.text[-2]
    assert "-e replace_master_plan={0}".format(made.id) in made.text[-2] + made.text[-1]
    cluster = StandInCluster()
    cluster.answers = [22]
    assert cluster.plan().text[-1] == "How to go on: do what stands behind each ->, then look again."


@pytest.mark.parametrize("kind", [{}, {"provider": "k3s"}, {"provider": "k3s", "same_name": True}])
@pytest.mark.parametrize("name", ["short", "-".join(["long"] * 50)])
def test_every_line_fits_a_hundred_columns(kind: Any, name: str) -> None:
    cluster = StandInCluster(**kind)
    cluster.add_volume_and_claim("onecloud", "default-baremetal-agent-" + name, "master-1")
    cluster.add_volume_and_claim("onecloud", "undecided-" + name, "master-1")
    assert max(map(len, cluster.plan().text)) <= 100
    whole = StandInCluster(**kind)
    whole.add_volume_and_claim("onecloud", "default-baremetal-agent-" + name, "master-1")
    assert max(map(len, whole.plan().text)) <= 100
