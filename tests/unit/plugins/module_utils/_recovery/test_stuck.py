# SPDX-License-Identifier: GPL-3.0-or-later
"""Why pods on the replacement don't start, from events as kubelet writes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import stuck

# As kubelet of K3s v1.28 with a containerd that lacks the site's template.
SANDBOX = (
    'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to create shim task: OCI runtime create failed: '
    'runc create failed: unable to start container process: error during container init: write /proc/self/oom_score_adj: permission denied: unknown'
)  # fmt: skip


def pod(name: str, *, node: str = "master-4", phase: str = "Pending", **meta: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": "uid-" + name, **meta},
        "spec": {"nodeName": node},
        "status": {"phase": phase},
    }


def event(message: str, *, reason: str = "FailedCreatePodSandBox", **times: Any) -> dict[str, Any]:
    return {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "reason": reason, "message": message, **times}


class StandInEvents:
    """Pods, and events by the UID of their pod."""

    def __init__(self, pods: list[dict], events: dict[str, list[dict]]) -> None:
        self.pods, self.events, self.asked = pods, events, []

    def items(self, path: str, *, fieldSelector: str = "") -> list[dict]:  # noqa: N803
        self.asked.append((path, fieldSelector))
        if path == "/api/v1/pods":
            return self.pods
        if path != "/api/v1/namespaces/ns/events":
            raise ApiRefused("GET", path, 403, "events is forbidden")
        uid, _comma, kind = fieldSelector.partition(",")
        assert kind == "type=Warning"
        return self.events.get(uid.partition("=")[2], [])


def words(pods: list[dict], events: dict[str, list[dict]]) -> str:
    return stuck.words(StandInEvents(pods, events), "master-4")  # type: ignore[arg-type]


def test_a_sandbox_that_can_not_be_made_is_told_in_kubelets_words() -> None:
    api = StandInEvents([pod("helper-pod-create-pvc-1")], {"uid-helper-pod-create-pvc-1": [event(SANDBOX)]})
    told = stuck.words(api, "master-4")  # type: ignore[arg-type]
    assert told.startswith(
        "ns/helper-pod-create-pvc-1: FailedCreatePodSandBox: Failed to create pod sandbox: rpc error"
    )
    assert len(told) < 350
    assert api.asked[0] == ("/api/v1/pods", "spec.nodeName=master-4,status.phase=Pending")


@pytest.mark.parametrize(
    "newer",
    [
        {"lastTimestamp": "2026-01-01T00:00:09Z"},
        {"eventTime": "2026-01-01T00:00:09.000001Z", "lastTimestamp": None},
        {"series": {"lastObservedTime": "2026-01-01T00:00:09.000001Z"}, "eventTime": "2026-01-01T00:00:01.000001Z"},
    ],
)
def test_the_newest_warning_counts_and_is_one_line(newer: dict[str, Any]) -> None:
    events = [
        event("old", lastTimestamp="2026-01-01T00:00:08Z"),
        event("no such\n\timage\x1b[2J", reason="Failed", **newer),
        event("0/4 nodes are available", reason="FailedScheduling", lastTimestamp="2026-01-01T00:00:10Z"),
    ]
    assert words([pod("a")], {"uid-a": events}) == "ns/a: Failed: no such image?[2J"


def test_what_starts_or_ends_or_is_elsewhere_is_not_told() -> None:
    pods = [
        pod("running", phase="Running"),
        pod("ending", deletionTimestamp="2026-01-01T00:00:00Z"),
        pod("elsewhere", node="master-2"),
        pod("quiet"),
    ]
    assert words(pods, {item["metadata"]["uid"]: [event("x")] for item in pods[:3]}) == ""


def test_of_many_pods_two_are_told() -> None:
    pods = [pod(name) for name in "abcd"]
    events = {item["metadata"]["uid"]: [event("x")] for item in pods}
    assert words(pods, events) == "ns/a: FailedCreatePodSandBox: x; ns/b: FailedCreatePodSandBox: x and 2 more"


def test_events_that_can_not_be_read_keep_nothing_from_being_waited_for() -> None:
    assert words([{**pod("a"), "metadata": {**pod("a")["metadata"], "namespace": "secret"}}], {}) == ""
