"""Removes what a lost node's volumes leave behind in the API: their objects, and the provisioner's pods that wait on the lost node."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ObjectChanged
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import place, site
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.leftovers import (
    judge_left_volume,
    stale_helper_pods,
)


def clear(
    api: KubeApi,
    *,
    lost: Lost,
    claims: t.Sequence[Json],
    seconds: int,
    delay: int,
    check_mode: bool = False,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Json:
    """Remove the leftovers of these claims' volumes until a look finds none and no volume is waited for, or the time is over.

    The provisioner makes another pod for each of its tries until the volume is gone. Returns the `volumes` that are left, those that are `held` and why
    (`msg`), and the names of what was removed: removed_volumes, removed_pods. In check mode these are what would be removed now.
    """
    volumes: t.List[str] = []
    pods: t.List[str] = []
    left = seconds
    while True:
        found = look(api, lost=lost, claims=claims)
        gone_volumes = [item["name"] for item in found["deletable"] if _deleted(api, "persistentvolumes", item)]
        gone_pods = [
            item["name"]
            for item in found["helper_pods"]
            # No grace period: the node is gone, so no kubelet can confirm the termination of these pods, which never ran.
            if _deleted(api, "namespaces/{0}/pods".format(item["namespace"]), item, grace=0)
        ]
        volumes += [name for name in gone_volumes if name not in volumes]
        pods += [name for name in gone_pods if name not in pods]
        tried = found["deletable"] or found["helper_pods"]
        if check_mode or (found["settled"] and not tried) or (left <= 0 and not gone_volumes and not gone_pods):
            left_over = {key: found[key] for key in ("volumes", "held", "msg")}
            return {**left_over, "removed_volumes": volumes, "removed_pods": pods}
        sleep(delay)
        left -= max(1, delay)


def _deleted(api: KubeApi, resource: str, item: Json, grace: t.Optional[int] = None) -> bool:
    """Whether an object was deleted now; one that changed meanwhile is looked at again."""
    try:
        return api.delete("/api/v1/{0}/{1}".format(resource, item["name"]), uid=item["uid"], grace=grace)
    except ObjectChanged:
        return False


def look(api: KubeApi, *, lost: Lost, claims: t.Sequence[Json]) -> Json:
    """Judge the leftovers of these claims' volumes (namespace, name, uid, pv_name, pv_uid): {volumes, deletable, held, settled, msg, helper_pods}."""
    nodes = client.nodes(api)
    sites = [site(node) for node in nodes]
    volumes: t.List[Json] = []
    for item in claims:
        found = api.get("/api/v1/persistentvolumes/" + item["pv_name"])
        if found is None:
            continue
        claim = client.claim_of(api, item["namespace"], item["name"])
        verdict = judge_left_volume(
            volume=parse.volume(found),
            place=place(found),
            planned_uid=item["pv_uid"],
            claim_uid=item["uid"],
            old_claim_present=claim is not None and claim.uid == item["uid"],
            lost=lost,
            nodes=sites,
        )
        volumes.append(
            {
                "name": verdict.volume.name,
                "uid": verdict.volume.uid,
                "phase": verdict.volume.phase,
                "reclaim_policy": verdict.volume.reclaim_policy,
                "finalizers": list(verdict.volume.finalizers),
                "act": verdict.act,
                "reason": verdict.reason,
            }
        )
    stale = stale_helper_pods(
        pods=[parse.pod(item) for item in api.items("/api/v1/pods", keep=_helper_pod)],
        volumes=[item["pv_name"] for item in claims],
        lost=lost,
        node_present=any(node.name == lost.name for node in nodes),
    )
    held = [item for item in volumes if item["act"] in ("wait", "delete")]
    return {
        "volumes": volumes,
        "deletable": [item for item in volumes if item["act"] == "delete"],
        "held": held,
        "settled": not any(item["act"] == "wait" for item in volumes),
        "msg": "; ".join("{0}: {1}".format(item["name"], item["reason"]) for item in held),
        "helper_pods": [
            {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "phase": pod.phase, "node": pod.node}
            for pod in stale
        ],
    }


def _helper_pod(obj: Json) -> t.Optional[Json]:
    return obj if obj["metadata"]["name"].startswith(parse.HELPER_POD) else None
