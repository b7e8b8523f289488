"""Reads what keeps the pods of a node from starting, in kubelet's words."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi

Json = t.Dict[str, t.Any]

_SHOWN = 2
_LENGTH = 300


def words(api: KubeApi, node: str) -> str:
    """Why pods on this node do not start, by the newest warning of each; empty without one, or where events can't be read."""
    try:
        pods = api.items("/api/v1/pods", fieldSelector="spec.nodeName={0},status.phase=Pending".format(node))
        found = [text for text in (_warning(api, pod) for pod in pods if _is_stuck(pod, node)) if text]
    except HaError:
        # It is only for the message of a wait.
        return ""
    more = len(found) - _SHOWN
    return "; ".join(found[:_SHOWN]) + (" and {0} more".format(more) if more > 0 else "")


def _is_stuck(pod: Json, node: str) -> bool:
    placed = (pod.get("spec") or {}).get("nodeName") == node
    return (
        placed and (pod.get("status") or {}).get("phase") == "Pending" and not pod["metadata"].get("deletionTimestamp")
    )


def _warning(api: KubeApi, pod: Json) -> str:
    meta = pod["metadata"]
    events = api.items(
        "/api/v1/namespaces/{0}/events".format(meta["namespace"]),
        fieldSelector="involvedObject.uid={0},type=Warning".format(meta["uid"]),
    )
    # Those of the scheduler are of the time before the pod had a node.
    told = [item for item in events if item.get("message") and item.get("reason") != "FailedScheduling"]
    newest = max(told, key=_time, default=None)
    if newest is None:
        return ""
    said = printable(" ".join("{0}: {1}".format(newest.get("reason") or "Warning", newest["message"]).split()))
    return "{0}: {1}".format(qualified(meta["namespace"], meta["name"]), said[:_LENGTH].rstrip("."))


def _time(event: Json) -> str:
    """The time of an event, last seen, as text that sorts; recorders of the newer API write another field."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )
