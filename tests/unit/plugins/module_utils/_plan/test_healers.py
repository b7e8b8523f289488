# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.cloudpods.ha.plugins.module_utils._plan.healers import healers
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster


def test_the_workloads_that_heal_are_listed_with_their_claims_also_after_the_end() -> None:
    cluster = StandInCluster()
    before = healers(cluster.cluster(), cluster.request())
    assert [(item["namespace"], item["name"]) for item in before] == [("onecloud-minio", "minio")]
    assert [item["name"] for item in before[0]["lost_claims"]] == ["export-minio-0", "export-minio-1"]
    cluster.run(cluster.plan())
    assert healers(cluster.cluster(), cluster.request()) == before


def test_a_minio_whose_drives_were_given_up_is_no_more_among_those_that_heal() -> None:
    cluster = StandInCluster()
    cluster.minio_gate = {"ok": False, "codes": ["standalone"], "sentences": ["alone"]}
    names = tuple("onecloud-minio/export-minio-{0}".format(number) for number in (0, 1))
    asked = [{"namespace": "onecloud-minio", "name": "minio", "gate": cluster.minio_gate}]
    assert len(healers(cluster.cluster(), cluster.request(discard=names))) == 1
    assert len(healers(cluster.cluster(), cluster.request(discard=names[:1]), asked)) == 1
    assert healers(cluster.cluster(), cluster.request(discard=names), asked) == []
