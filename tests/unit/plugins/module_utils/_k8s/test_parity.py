# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and taints of a new node."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parity import parity
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from hypothesis import given
from hypothesis import strategies as st

ROLE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": "2026-03-01T12:00:00Z"}


def node(labels: dict[str, str] | None = None, taints: Any = ()) -> Node:
    return Node(name="m", uid="u", ready=True, control_plane=True, labels=labels or {}, taints=tuple(taints))


def test_a_taint_the_survivors_have_lost_is_taken_away() -> None:
    found = parity(node(taints=[ROLE]), [node(), node()])
    assert (found.taints, found.differs) == ((), True)


def test_a_taint_that_one_survivor_has_is_kept_and_one_that_all_have_is_given() -> None:
    assert parity(node(taints=[ROLE]), [node(taints=[ROLE]), node()]).taints == (ROLE,)
    assert parity(node(), [node(taints=[ROLE]), node()]).taints == ()
    assert parity(node(), [node(taints=[ROLE]), node(taints=[ROLE])]).taints == (ROLE,)


def test_a_taint_is_the_same_with_an_empty_value_and_with_none() -> None:
    found = parity(node(taints=[ROLE]), [node(taints=[{**ROLE, "value": ""}])])
    assert (found.taints, found.differs) == ((ROLE,), False)
    assert parity(node(taints=[ROLE]), [node(taints=[{**ROLE, "effect": "NoExecute"}])]).differs


def test_what_the_node_controller_sets_is_neither_taken_nor_given() -> None:
    assert parity(node(taints=[CORDON]), [node()]).taints == (CORDON,)
    assert parity(node(), [node(taints=[CORDON])]).taints == ()


def test_only_labels_that_all_survivors_share_are_given_and_none_that_is_a_node_s_own() -> None:
    shared = {
        "onecloud.yunion.io/controller": "enable",
        "node-role.kubernetes.io/master": "",
        "kubernetes.io/hostname": "x",
        "beta.kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": "a",
    }
    found = parity(node({"mine": "1"}), [node({**shared, "rack": "1"}), node({**shared, "rack": "2"})])
    assert found.labels == {"node-role.kubernetes.io/master": "", "onecloud.yunion.io/controller": "enable"}
    assert found.differs


@pytest.mark.parametrize(
    "key",
    [
        *(
            "nvidia.com/gpu.present",
            "feature.node.kubernetes.io/cpu-model.vendor_id",
            "plan.upgrade.cattle.io/k3s-server",
        ),
        *(
            "amd.com/gpu",
            "cpu-feature.node.kubevirt.io/aes",
            "k3s.io/hostname",
            "egress.k3s.io/cluster",
            "nfd.node.kubernetes.io/x",
        ),
        *(
            "topology.rook.io/rack",
            "topology.ebs.csi.aws.com/zone",
            "rack",
            "example.org/rack",
            "zone",
            "example.org/zone",
        ),
        *(
            "accelerator",
            "openebs.io/nodeid",
            "p2p.k3s.cattle.io/enabled",
            "node.kubernetes.io/instance-type",
            "gpu.intel.com/x",
        ),
        *(
            "iluvatar.com/gpu.present",
            "mthreads.com/gpu.present",
            "cambricon.com/mlu.product",
            "hygon.com/dcu.count",
            "metax-tech.com/gpu.product",
            "run.ai/gpu.present",
            "example.org/gpu_model",
            "example.org/vgpu",
            "extensions.talos.dev/drbd",
        ),
        *("dc", "example.org/rack-id", "Rack", "example.org/Zone", "topology.example.org/DC", "datacenter-name"),
    ],
)
def test_a_label_of_the_hardware_the_place_or_a_controller_is_not_given(key: str) -> None:
    assert not parity(node(), [node({key: "x"}), node({key: "x"})]).differs
    assert not parity(node(), [node({key: "x"})]).differs


@pytest.mark.parametrize(
    "value",
    ["master-2", "host-2", "192.0.2.12", "5f0c-uid", "MASTER-2", "master-2.example.com", "Host-2.local", "5F0C-uid"],
)
def test_a_label_that_names_the_survivor_is_not_given(value: str) -> None:
    survivor = Node("master-2", "5f0c-uid", True, True, ("192.0.2.12",), "host-2", labels={"example.org/of": value})
    assert not parity(node(), [survivor]).differs
    with_domain = dataclasses.replace(survivor, name="master-2.example.com", hostname_label="host-2.example.com")
    assert not parity(node(), [with_domain]).differs
    for other in ("all", "192", "master", "master-20", "master-2x.example.com"):
        found = parity(node(), [dataclasses.replace(survivor, labels={"example.org/of": other})])
        assert found.labels == {"example.org/of": other}


@pytest.mark.parametrize(
    "key",
    [
        *("onecloud.yunion.io/host", "svccontroller.k3s.cattle.io/enablelb", "node-role.kubernetes.io/control-plane"),
        *("node-role.kubernetes.io/etcd", "node-restriction.kubernetes.io/team", "example.org/role", "environment"),
        *("onecloud.yunion.io/controller", "onecloud.yunion.io/hugepage", "example.org/dcs", "example.org/growth"),
    ],
)
def test_a_role_that_somebody_gave_is_given(key: str) -> None:
    assert parity(node(), [node({key: "x"})]).labels == {key: "x"}


def test_a_label_with_another_value_is_set() -> None:
    found = parity(node({"onecloud.yunion.io/host": "disable"}), [node({"onecloud.yunion.io/host": "enable"})])
    assert found.labels == {"onecloud.yunion.io/host": "enable"}


def test_with_no_survivor_to_compare_nothing_is_given() -> None:
    assert parity(node({"a": "b"}), []).labels == {}
    assert parity(node(taints=[CORDON]), []).differs is False


taints = st.lists(
    st.sampled_from(
        [ROLE, CORDON, {"key": "a", "value": "1", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}]
    ),
    unique_by=str,
)
labels = st.dictionaries(st.sampled_from(["a", "b", "kubernetes.io/hostname"]), st.sampled_from(["", "1", "ü"]))
nodes = st.builds(node, labels, taints)


@given(nodes, st.lists(nodes, max_size=4))
def test_what_parity_says_once_done_leaves_nothing_to_do(new: Node, survivors: list[Node]) -> None:
    found = parity(new, survivors)
    after = dataclasses.replace(new, labels={**new.labels, **found.labels}, taints=found.taints)
    assert not parity(after, survivors).differs
