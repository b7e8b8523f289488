"""Reads each pod's health and its report of all drives of a MinIO.

Each connection is a port-forward into one pod, so that the answer is that pod's own: a Service could use any
of them.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import duration
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import moment, pod_hint
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import Deployment, is_ready
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import AdminRefused, Json, Server, Tunnel, brief
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import (
    Storage,
    erasure_sets,
    parse_info,
    parse_storage,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView

with contextlib.suppress(ImportError):  # reported by check_imports() of http
    import urllib3

# Seconds, by MinIO's source of 2026.
_DIALS_A_PEER = 5
_WAITS_FOR_PEERS = 10
# Beyond a pod's grace period. A kubelet that lives ends a pod by then; the controller's clock may differ from the API server's.
_HELD = 60


def probe(deployment: Deployment, *, tunnel: Tunnel, timeout: int) -> t.Tuple[PodView, ...]:
    """Read every pod. A pod that can't be read has no answer but an error; nothing is raised for it."""

    def ask(item: t.Tuple[str, t.Optional[Json]]) -> PodView:
        return _probe_pod(deployment, item[0], item[1], tunnel=tunnel, timeout=timeout)

    # In parallel: after a loss each server answers late, since it waits for the dead ones.
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(deployment.pods))) as pool:
        return tuple(pool.map(ask, deployment.pods.items()))


def _probe_pod(deployment: Deployment, name: str, pod: t.Optional[Json], *, tunnel: Tunnel, timeout: int) -> PodView:
    if pod is None:
        return PodView(name, error="the pod does not exist")
    node, ready = pod["spec"].get("nodeName") or "", is_ready(pod)
    if "deletionTimestamp" in pod["metadata"]:
        return PodView(name, node, ready, error=_ending(deployment, pod, node))
    if (pod.get("status") or {}).get("phase") != "Running":
        why = pod_hint(pod)[:200]
        return PodView(name, node, ready, error="the pod is not running" + (": " + why if why else ""))
    if node not in deployment.nodes:
        return PodView(name, node, ready, error="its node {0} is gone or not Ready".format(node))
    asked = deployment.server(name, tunnel=tunnel, timeout=timeout)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            live = asked.status("/minio/health/live")
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            return PodView(name, node, ready, error=brief(exc), timed_out=isinstance(exc, _late()))
        checks = [pool.submit(_status, asked, "/minio/health/cluster" + query) for query in ("", "?maintenance=true")]
        view = PodView(name, node, ready, live, **_drives(asked, pods=len(deployment.pods), timeout=timeout))
        (cluster, late), (maintenance, _late_too) = (check.result() for check in checks)
    # The answer of the admin API is kept even if a check is late: after a loss a check may take longer.
    if cluster is None and not view.error:
        view = dataclasses.replace(view, error=late)
    return dataclasses.replace(view, cluster=cluster, maintenance=maintenance)


def _ending(deployment: Deployment, pod: Json, node: str) -> str:
    """Why a pod that is being deleted does not answer: on a live node its kubelet should have ended it."""
    # With a deletion the API server writes the moment at which the grace period ends.
    until = moment(pod["metadata"]["deletionTimestamp"])
    held = (datetime.datetime.now(datetime.timezone.utc) - until).total_seconds() if until else 0.0
    if node not in deployment.nodes or held < _HELD:
        return "the pod is being deleted"
    name = pod["metadata"]["name"]
    return (
        "the pod has been Terminating for {0} beyond its grace period, though its node {1} is Ready: kubelet does not end it. See kubectl -n {2} describe pod "
        "{3} and kubelet's log on {1}. Once no process of the pod is left there, kubectl -n {2} delete pod {3} --grace-period=0 --force lets a new one "
        "start".format(duration(held), node, deployment.namespace, name)
    )


def _status(asked: Server, path: str) -> t.Tuple[t.Optional[int], str]:
    """The status of a check, or None with the reason."""
    try:
        return asked.status(path), ""
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        return None, brief(exc)


def _drives(asked: Server, *, pods: int, timeout: int) -> Json:
    """The fields of a view that the admin API gives.

    `storageinfo` comes first: below read quorum it answers immediately, while `info` waits for a lock that it can't get.
    """
    told: t.Optional[Json] = None
    storage: t.Optional[Storage] = None
    with contextlib.suppress(HaError, urllib3.exceptions.HTTPError, OSError, ValueError, TypeError, AttributeError):
        told = asked.admin("GET", "storageinfo")
        storage = parse_storage(told)
    # Before it answers, a server dials each dead peer, one after another, and then waits for its live peers,
    # which do the same.
    patience = timeout + _DIALS_A_PEER * pods + _WAITS_FOR_PEERS
    if storage and not all(
        item.readable for item in erasure_sets(pools=storage.pools, parity=0, drives=storage.drives)
    ):
        patience = timeout
    try:
        info = parse_info(asked.admin("GET", "info", timeout=patience), told if storage else None)
    except (HaError, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
        refused = isinstance(exc, AdminRefused) and exc.status in (401, 403)
        return {"error": brief(exc), "timed_out": isinstance(exc, _late()), "refused": refused, "storage": storage}
    if not info.deployment_id:
        return {"error": "the server is still starting", "storage": storage}
    return {"info": info, "storage": storage}


def _late() -> t.Tuple[t.Type[BaseException], ...]:
    return (urllib3.exceptions.TimeoutError, TimeoutError)
