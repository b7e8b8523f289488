# SPDX-License-Identifier: GPL-3.0-or-later
"""Records survive the way through a fact."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster
from hypothesis import given
from hypothesis import strategies as st


def test_a_whole_cluster_and_its_plan_come_back_as_they_were() -> None:
    cluster = StandInCluster()
    found = cluster.cluster()
    assert from_json(Cluster, json.loads(json.dumps(to_json(found)))) == found
    made = cluster.plan()
    assert from_json(Plan, json.loads(json.dumps(to_json(made)))) == made
    request = cluster.request()
    assert from_json(Request, to_json(request)) == request


texts = st.text(max_size=5)
members = st.builds(Member, id=texts, name=texts, peer_urls=st.tuples(texts), client_urls=st.just(()))
nodes = st.builds(
    Node,
    name=texts,
    uid=texts,
    ready=st.booleans(),
    control_plane=st.booleans(),
    cordoned_for=st.none() | texts,
    labels=st.dictionaries(texts, texts, max_size=2),
    taints=st.lists(st.dictionaries(texts, texts, max_size=2), max_size=2).map(tuple),
    down_seconds=st.none() | st.integers(),
)


@given(nodes)
def test_any_node_comes_back_as_it_was(node: Node) -> None:
    assert from_json(Node, to_json(node)) == node


@given(members)
def test_any_member_comes_back_as_it_was(member: Member) -> None:
    assert from_json(Member, to_json(member)) == member


def test_a_fact_of_another_release_is_not_guessed_at() -> None:
    with pytest.raises(TypeError, match="nodez"):
        from_json(Cluster, {"provider": "kubeadm", "nodez": []})
    with pytest.raises(TypeError, match="uid"):
        from_json(Node, {"name": "n", "ready": True, "control_plane": True})


@pytest.mark.parametrize(
    ("name", "urls", "started"), [("m", ("https://x:2379",), True), ("", ("https://x:2379",), False), ("m", (), False)]
)
def test_a_member_has_started_when_it_has_a_name_and_a_client_url(
    name: str, urls: tuple[str, ...], started: bool
) -> None:
    assert Member(id="1", name=name, peer_urls=(), client_urls=urls).started is started
