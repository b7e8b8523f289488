# SPDX-License-Identifier: GPL-3.0-or-later
"""The ClusterStatus that kubeadm kept before Kubernetes 1.22."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._join.cluster_status import without

# As kubeadm 1.15 writes it (cmd/kubeadm/app/phases/uploadconfig).
TEXT = """\
apiEndpoints:
  master-1:
    advertiseAddress: 192.0.2.11
    bindPort: 6443
  master-2:
    advertiseAddress: 192.0.2.12
    bindPort: 6443
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterStatus
"""


def config_map(text: str) -> dict[str, Any]:
    return {"data": {"ClusterConfiguration": "kind: ClusterConfiguration\n", "ClusterStatus": text}}


def test_only_the_lost_node_is_taken_out() -> None:
    edit = without(config_map(TEXT), "master-1")
    assert edit.changed
    assert (edit.before, edit.after) == (("master-1", "master-2"), ("master-2",))
    assert edit.former == TEXT
    expected = yaml.safe_load(TEXT)
    del expected["apiEndpoints"]["master-1"]
    assert yaml.safe_load(edit.text) == expected


def test_a_node_that_is_not_in_it_changes_nothing() -> None:
    edit = without(config_map(TEXT), "master-9")
    assert not edit.changed
    assert edit.text == edit.former == TEXT


@pytest.mark.parametrize("found", [None, {}, {"data": None}, {"data": {"ClusterConfiguration": "x"}}])
def test_a_cluster_without_it_changes_nothing(found: Any) -> None:
    edit = without(found, "master-1")
    assert (edit.changed, edit.before, edit.text) == (False, (), "")


@pytest.mark.parametrize("text", ["[", "- a", "kind: ClusterStatus", "just words", "[" * 20000, "2024-13-45"])
def test_a_text_that_is_not_understood_is_not_touched(text: str) -> None:
    with pytest.raises(HaError, match="is not in kubeadm's format"):
        without(config_map(text), "master-1")


def test_the_last_endpoint_stays() -> None:
    one = without(config_map(TEXT), "master-1").text
    with pytest.raises(Unsafe) as caught:
        without(config_map(one), "master-2")
    assert caught.value.code == "CLUSTER_STATUS_LAST"
