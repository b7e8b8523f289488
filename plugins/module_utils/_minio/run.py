"""The flow for one MinIO: take the readings, then count, read and scan the objects (minio_health_info), or let it heal (minio_heal)."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.pod_exec import exec_in_pod
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import (
    deployment,
    health,
    look,
    objects,
    probe,
    progress_file,
    proof,
    reads,
    report,
    scan,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Tunnel, tunnel_to
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.parts import INTERNAL
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView

# Seconds that a listing may be silent: a folder of a hundred thousand objects takes a while.
_SILENCE = 120.0


def run(api: KubeApi, params: Json, progress: look.Progress = progress_file.nobody) -> Json:
    """Take the readings, and check the objects on request. Returns what module minio_health_info says of it; raises HaError."""
    label = qualified(params["namespace"], params["name"])
    tunnel = tunnel_to(api, params["namespace"])
    for reading in range(max(1, params["readings"])):
        if reading:
            time.sleep(params["interval"])
        found, views, judged = _read(api, tunnel, params)
        if not judged.settled:
            break
    result = report.report(judged, views, name=label)
    more = params["readback_max_objects"] or params["before_buckets"] or params["scan"]
    pod = next((view.name for view in views if view.info is not None), "")
    # Below read quorum every listing would time out.
    if more or (params["count_objects"] and judged.readable):
        if not pod:
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
        if params["scan"]:
            names = [bucket["name"] for bucket in result["buckets"]]
            result["scan"] = _scan(found, pod, views, names, judged=judged, tunnel=tunnel, params=params)
    if params["prove_readable"]:
        result["proof"] = _prove(api, found, pod, judged=judged, tunnel=tunnel, params=params, progress=progress)
    sentence = report.about_objects(result)
    result["msg"] += "; " + sentence if sentence else ""
    result["recovered"] = report.recovered(result)
    return result


def heal(api: KubeApi, params: Json) -> Json:
    """Let MinIO heal the objects that lack parts, if every drive is back and every object has enough. Returns the result of the module.

    Raises HaError. After a heal the objects have to be counted anew: what MinIO says of it proves nothing.
    """
    label = qualified(params["namespace"], params["name"])
    tunnel = tunnel_to(api, params["namespace"])
    found, views, judged = _read(api, tunnel, params)
    if not judged.settled or found.lost_pods:
        raise HaError(report.report(judged, views, name=label)["msg"] + ". Nothing was healed")
    pod = next(view.name for view in views if view.info is not None)
    proven = _prove(api, found, pod, judged=judged, tunnel=tunnel, params=params)
    if not proven["ok"]:
        # MinIO would delete what has too few parts, also what was given up by name.
        raise HaError("{0}: {1}. Nothing was healed".format(label, proven["reason"]))
    lacking = proven["incomplete"]
    if not lacking:
        return {"changed": False, "msg": "{0}: no object lacks a part".format(label)}
    result: Json = {"changed": True, "lacking": lacking, "lacking_count": proven["incomplete_count"]}
    result["msg"] = "{0}: MinIO heals {1} objects that its own heal left out".format(label, result["lacking_count"])
    if params["check_mode"]:
        return result
    all_named = len(lacking) == result["lacking_count"] and not any(item["bucket"] == INTERNAL for item in lacking)
    names = sorted({"{bucket}/{object}".format(**item) for item in lacking})
    server = found.server(pod, tunnel=tunnel, timeout=params["timeout"])
    return {**result, "healed": scan.heal(server, names if all_named else [""], seconds=params["scan_timeout"])}


def _read(
    api: KubeApi, tunnel: Tunnel, params: Json
) -> t.Tuple[deployment.Deployment, t.Tuple[PodView, ...], health.Health]:
    found = deployment.find(api, namespace=params["namespace"], name=params["name"], lost_claims=params["lost_claims"])
    views = probe.probe(found, tunnel=tunnel, timeout=params["timeout"])
    judged = health.judge(
        views,
        lost_pods=found.lost_pods,
        settle_seconds=params["settle_seconds"],
        expected_id=params["expected_deployment_id"],
        namespace=params["namespace"],
    )
    return found, views, judged


def _scan(
    found: deployment.Deployment,
    pod: str,
    views: t.Sequence[PodView],
    buckets: t.Sequence[str],
    *,
    judged: health.Health,
    tunnel: Tunnel,
    params: Json,
) -> Json:
    group = qualified(found.namespace, found.name)
    versions = {server.version for view in views if view.info for server in view.info.servers}
    error = scan.refusal(versions, settled=judged.settled, lost=found.lost_pods, any_release=params["scan_any_release"])
    if error:
        return {"error": error}
    return scan.scan(
        found.server(pod, tunnel=tunnel, timeout=params["timeout"]),
        buckets,
        max_objects=params["scan_max_objects"],
        seconds=params["scan_timeout"],
        given_up=lambda bucket, name, version: (
            proof.name(group, (bucket, name, "" if version == "null" else version)) in params["given_up"]
        ),
    )


def _prove(
    api: KubeApi,
    found: deployment.Deployment,
    pod: str,
    *,
    judged: health.Health,
    tunnel: Tunnel,
    params: Json,
    progress: look.Progress = progress_file.nobody,
) -> Json:
    deadline = time.monotonic() + params["scan_timeout"]

    def execute(where: str, command: t.Sequence[str], until: float) -> t.Iterator[str]:
        return exec_in_pod(
            api, found.namespace, where, container=found.container, command=command, idle=_SILENCE, deadline=until
        )

    return reads.prove(
        found,
        pod,
        tunnel=tunnel,
        timeout=params["timeout"],
        max_objects=params["scan_max_objects"],
        seconds=params["scan_timeout"],
        blocked="; ".join(finding.sentence for finding in judged.gate),
        survivors=look.Survivors(
            judged.drives,
            pods=list(found.pods),
            lost=found.lost_pods,
            execute=execute,
            progress=progress,
            deadline=deadline,
            max_objects=params["scan_max_objects"],
        ),
        progress=progress,
        given_up=params["given_up"],
        accept_unproven=params["accept_unproven"],
    )


def failed(reason: str, params: Json) -> Json:
    """The values of one MinIO when nothing could be judged: every tested value is negative."""
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
    if params["prove_readable"]:
        group = qualified(params["namespace"], params["name"])
        result["proof"] = proof.verdict(group=group, error=reason, accept_unproven=params["accept_unproven"])
    return result
