# SPDX-License-Identifier: GPL-3.0-or-later
"""Which survivors and replacement ocboot is not run with."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checks import machines
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import (
    K3S,
    KUBEADM,
    changed,
    clusters,
    codes,
    facts,
    outcome,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

Json = dict[str, Any]

BREAKAGES = [
    (K3S, "survivors/1/ip", "192.168.0.244", "OCBOOT_HOST_TWICE"),
    (K3S, "replacement/ip", "192.168.0.243", "OCBOOT_HOST_TWICE"),
    (K3S, "replacement/name", "lzx-ha-env-2", "OCBOOT_HOST_TWICE"),
    (KUBEADM, "replacement/ip", "10.127.100.102", "OCBOOT_HOST_TWICE"),
    (K3S, "replacement/ip", "192.168.0.254", "OCBOOT_LOST_LISTED"),
    (K3S, "replacement/name", "lzx-ha-env", "OCBOOT_LOST_LISTED"),
    (K3S, "cluster/spec/mysql/host", "192.168.0.254", "OCBOOT_LOST_LISTED"),
    (KUBEADM, "cluster/spec/mysql/host", "lzx-ocboot-ha-test", "OCBOOT_LOST_LISTED"),
    (K3S, "survivors/1/conf_networks", ["eth0/br0/192.168.0.254"], "OCBOOT_LOST_LISTED"),
    (K3S, "holders", [], "OCBOOT_PRIMARY"),
    (K3S, "holders", ["lzx-ha-env-2", "lzx-ha-env-3"], "OCBOOT_PRIMARY"),
    (K3S, "nodes/1/ready", False, "OCBOOT_SURVIVORS"),
    (KUBEADM, "nodes/1/control_plane", False, "OCBOOT_SURVIVORS"),
    (K3S, "nodes/1/ip", "192.168.0.99", "OCBOOT_SURVIVORS"),
    (K3S, "nodes/1/as_host", False, "OCBOOT_LABELS"),
    (K3S, "options/replacement_as_host", False, "OCBOOT_LABELS"),
    (KUBEADM, "nodes/0/as_host", False, "OCBOOT_LABELS"),
]


@pytest.mark.parametrize(("provider", "path", "value", "code"), BREAKAGES)
def test_each_rule_refuses(provider: str, path: str, value: Any, code: str) -> None:
    found = changed(provider, path, value)
    assert code in codes(found)
    assert outcome(found)["configuration"] == {}


def test_every_rule_is_tried() -> None:
    assert {*(code for *_facts, code in BREAKAGES), "OCBOOT_LOST_NODE_THERE"} == set(machines.RULES)


def test_an_existing_lost_node_is_refused_unless_only_the_file_is_wanted() -> None:
    found = facts(K3S)
    found["nodes"].append({"name": "lzx-ha-env", "ip": "192.168.0.254", "ready": False})
    assert codes(found) == ["OCBOOT_LOST_NODE_THERE"]
    found["options"]["only_look"] = True
    assert codes(found) == []
    assert any("still exists" in line for line in outcome(found)["warnings"])


def test_a_single_k3s_survivor_is_refused() -> None:
    found = facts(K3S)
    del found["survivors"][1], found["nodes"][1]
    assert codes(found) == ["OCBOOT_SURVIVORS"]
    found = facts(KUBEADM)
    del found["survivors"][1], found["nodes"][1]
    assert codes(found) == []


@given(clusters(), st.data())
@settings(max_examples=40, deadline=None)
def test_an_unlisted_survivor_is_refused(found: Json, data: st.DataObject) -> None:
    assume(len(found["survivors"]) > 1)
    index = data.draw(st.integers(0, len(found["survivors"]) - 1))
    del found["survivors"][index]
    assert "OCBOOT_SURVIVORS" in codes(found)
