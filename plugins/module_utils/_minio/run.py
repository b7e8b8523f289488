"""The flow of module minio_health_info: take the readings, then count, read and scan the objects."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import (
    deployment,
    health,
    objects,
    probe,
    proof,
    reads,
    report,
    scan,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Tunnel, tunnel_to
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView


def run(api: KubeApi, params: Json) -> Json:
    """Take the readings, and check the objects on request. Returns the result of the module; raises HaError."""
    label = qualified(params["namespace"], params["name"])
    tunnel = tunnel_to(api, params["namespace"])
    for reading in range(max(1, params["readings"])):
        if reading:
            time.sleep(params["interval"])
        found = deployment.find(
            api, namespace=params["namespace"], name=params["name"], lost_claims=params["lost_claims"]
        )
        views = probe.probe(found, tunnel=tunnel, timeout=params["timeout"])
        judged = health.judge(
            views,
            lost_pods=found.lost_pods,
            settle_seconds=params["settle_seconds"],
            expected_id=params["expected_deployment_id"],
            namespace=params["namespace"],
        )
        if not judged.settled:
            break
    result = report.report(judged, views, name=label)
    more = params["readback_max_objects"] or params["before_buckets"] or params["scan"] or params["prove_readable"]
    # Below read quorum every listing would time out.
    if more or (params["count_objects"] and judged.readable):
        pod = next((view.name for view in views if view.info is not None), None)
        if pod is None:
            silent = "; ".join("{0}: {1}".format(view.name, view.error) for view in views)
            raise HaError("no pod of {0} answers, so its objects can't be read ({1})".format(label, silent))
        result.update(
            objects.read_objects(
                found,
                pod,
                tunnel=tunnel,
                timeout=params["timeout"],
                count_max=params["count_max_objects"],
                read_max=params["readback_max_objects"],
                read_max_bytes=params["readback_max_bytes"],
            )
        )
        if params["before_buckets"]:
            result.update(report.compare_buckets(params["before_buckets"], result["buckets"]))
        seen = proof.Seen()
        if params["scan"]:
            names = [bucket["name"] for bucket in result["buckets"]]
            result["scan"] = _scan(found, pod, views, names, judged=judged, tunnel=tunnel, params=params, seen=seen)
        if params["prove_readable"]:
            result["proof"] = reads.prove(
                found,
                pod,
                tunnel=tunnel,
                timeout=params["timeout"],
                max_objects=params["scan_max_objects"],
                seconds=params["scan_timeout"],
                blocked="; ".join(finding.sentence for finding in judged.gate),
                scan=result.get("scan"),
                seen=seen,
            )
        sentence = report.about_objects(result)
        result["msg"] += "; " + sentence if sentence else ""
    result["recovered"] = report.recovered(result)
    return result


def _scan(
    found: deployment.Deployment,
    pod: str,
    views: t.Sequence[PodView],
    buckets: t.Sequence[str],
    *,
    judged: health.Health,
    tunnel: Tunnel,
    params: Json,
    seen: proof.Seen,
) -> Json:
    versions = {server.version for view in views if view.info for server in view.info.servers}
    lost = bool(found.lost_pods)
    error = scan.refusal(versions, settled=judged.settled, lost=lost, any_release=params["scan_any_release"])
    if error:
        return {"error": error}
    return scan.scan(
        found.server(pod, tunnel=tunnel, timeout=params["timeout"]),
        buckets,
        judge=scan.unreadable if lost else scan.incomplete,
        max_objects=params["scan_max_objects"],
        seconds=params["scan_timeout"],
        seen=seen,
    )


def failed(reason: str, *, prove_readable: bool) -> Json:
    """The module's values besides `msg` when nothing could be judged: every tested value is negative."""
    gate = {
        "ok": False,
        "fatal": False,
        "healing": False,
        "decided": False,
        "starting": False,
        "codes": ["error"],
        "sentences": [reason],
    }
    result: Json = {"settled": False, "converged": False, "findings": [], "gate": gate}
    if prove_readable:
        result["proof"] = proof.verdict(listed=0, scanned=False, error=reason)
    return result
