# SPDX-License-Identifier: GPL-3.0-or-later
"""How roles reach the cluster that was found."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.connection import connection
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster


def test_hosts_stand_in_it_by_their_part_in_the_replacement() -> None:
    found = connection(StandInCluster().cluster())
    assert (found["survivors"], found["replacements"]) == (
        ["master-2.example.org", "master-3.example.org"],
        ["master-4.example.org"],
    )
    assert [host["name"] for host in found["hosts"]] == found["survivors"] + found["replacements"]
    assert found["machines"] == [
        {
            "host": "master-{0}.example.org".format(number),
            "name": "master-{0}".format(number),
            "ip": "192.0.2.1{0}".format(number),
        }
        for number in (2, 3)
    ]
    assert (found["provider"], found["vip"]) == ("kubeadm", "192.0.2.100")


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("v1.15.12", "/healthz"),
        ("v1.16.0", "/readyz"),
        ("v1.28.4+k3s1", "/readyz"),
        ("v2.0.0", "/readyz"),
        ("", "/readyz"),
    ],
)
def test_an_api_server_before_1_16_is_asked_at_the_older_path(version: str, path: str) -> None:
    cluster = dataclasses.replace(StandInCluster().cluster(), kubernetes_version=version)
    assert connection(cluster)["api_path"] == path
