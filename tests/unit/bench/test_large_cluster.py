# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery of a large cluster: the work grows with the cluster and no faster, and what is asked does not depend on how it is divided."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.filter.replacement_plan import replacement_plan
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import client
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import connect
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.cluster import read
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.tests.bench.large_cluster import large_cluster, serve
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import POLICIES, StandInApi

PODS = 80
# Twice as many objects may take so many times the work. Operations are counted, so nothing but a walk that grows makes it more than 2.
MOST = 2.02


def found(api: Any) -> Cluster:
    return read(api, provider="kubeadm", lost_name="master-1")


def operations(call: Callable[[], object]) -> int:
    """How many instructions of Python a call takes: the same on each machine, and loops of every kind count."""
    counted = 0

    def count(frame: types.FrameType, event: str, _argument: object) -> Any:
        nonlocal counted
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return counted


def growth(work: Callable[[int], int], size: int) -> float:
    """How many times the work the second step takes, when it adds twice as many objects as the first: 2 where each object costs the same."""
    # The first call fills caches.
    _warm, once, twice, four_times = (work(factor * size) for factor in (1, 1, 2, 4))
    return (four_times - twice) / (twice - once)


def test_a_walk_over_all_objects_for_each_would_be_noticed() -> None:
    def walks(size: int) -> int:
        return operations(lambda: [sum(1 for _ in range(size)) + sum(1 for _ in range(500)) for _ in range(size)])

    assert (
        growth(lambda size: operations(lambda: [number + 1 for number in range(size)]), 100) < MOST < growth(walks, 100)
    )


def test_twice_the_cluster_is_twice_the_work() -> None:
    clusters = {size: large_cluster(size, nodes=("master-1", "master-2")) for size in (PODS, 2 * PODS, 4 * PODS)}

    def reading(size: int) -> int:
        api = clusters[size].api()
        return operations(lambda: to_json(found(api)))

    def planning(size: int) -> int:
        cluster = clusters[size]
        answer, reports, settings = cluster.api_json(), cluster.reports(), cluster.settings()
        return operations(lambda: replacement_plan(answer, reports, settings, POLICIES))

    assert growth(reading, PODS) < MOST
    assert growth(planning, PODS) < MOST


def test_what_is_asked_does_not_depend_on_the_namespaces() -> None:
    asked = []
    for namespaces in (1, 50):
        api = large_cluster(PODS, namespaces=namespaces).api()
        found(api)
        asked.append(api.asked)
    assert asked[0] == asked[1]


def test_a_large_cluster_served_in_pages_is_found_as_one_that_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = 19
    monkeypatch.setattr(client, "PAGE", page)
    cluster = large_cluster(PODS)
    with serve(cluster, tmp_path) as (asked, kubeconfig):
        paged = to_json(found(connect(str(kubeconfig))))
        requests = asked.requests.value
    api = cluster.api()
    whole = to_json(found(api))
    assert {**paged, "server": ""} == {**whole, "server": ""}
    lists = [len(items) for path, items in api.lists.items() if any(path == one for one, _query in api.asked)]
    assert max(lists) > 2 * page
    others = [path for path, _query in api.asked if path not in api.lists]
    assert requests == len(others) + sum(max(1, -(-length // page)) for length in lists)


def test_of_a_large_cluster_the_losses_alone_are_kept() -> None:
    kept: dict[str, int] = {}

    class Counting(StandInApi):
        def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
            found = super().items(path, **query)
            kept[path] = len(found)
            return found

    cluster = large_cluster(PODS)
    api = cluster.api()
    answer = found(Counting(api.lists, api.objects))
    assert kept["/api/v1/persistentvolumes"] == len(answer.claims)
    assert kept["/api/v1/persistentvolumeclaims"] == len(answer.claims) + len(answer.pending_claims)
    assert kept["/api/v1/pods"] == len({pod.uid for pod in (*answer.pods, *answer.stranded_pods)})
