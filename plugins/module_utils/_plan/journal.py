"""The journal entry before the first change: the facts that can't be rediscovered, and the objects to back up."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan, Step
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.situation import Situation, unfinished
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json

# Kinds of objects to back up. Pods are not included: their controllers recreate them.
_API_VERSIONS = {
    "Node": "v1",
    "PersistentVolume": "v1",
    "PersistentVolumeClaim": "v1",
    "Deployment": "apps/v1",
    "VolumeAttachment": "storage.k8s.io/v1",
}


def journal(cluster: Cluster, found: Situation, made: Plan, minio: t.Sequence[Json]) -> t.Mapping[str, t.Any]:
    """Return the first journal entry of a run of this plan, in the shape that docs/contracts.md gives under Journal."""
    lost = found.lost
    identity: Json = {
        "name": lost.name,
        "addresses": list(lost.addresses),
        "hostname_label": lost.hostname_label,
        "uid": lost.uid,
        "member_id": lost.member_id if lost.member_id is not None else made.member_id,
        "machine_id": lost.machine_id,
        "outer_addresses": list(lost.outer_addresses),
    }
    if found.node is not None:
        identity.update(
            to_json({"labels": found.node.labels, "taints": found.node.taints, "annotations": found.node.annotations})
        )
    claims = {claim.uid: claim for claim in (*policy.begun(cluster), *made.claims)}
    return {
        "lost": identity,
        "replacement": made.replacement.host,
        "node": made.replacement.name,
        "claims": to_json(list(claims.values())),
        "minio": {**baseline(minio), **(((cluster.journal or {}).get("minio") or {}) if unfinished(cluster) else {})},
        "before": ((cluster.journal or {}).get("before") if unfinished(cluster) else None) or made.before,
        "approved": made.id,
        "touched": to_json(_touched(cluster, made)),
        "finished": None,
    }


def baseline(minio: t.Sequence[Json]) -> Json:
    """The state of each MinIO before the recovery, which can't be read later."""
    return {
        "{namespace}/{name}".format(**item): {"deployment_id": item["deployment_id"], "buckets": item["buckets"]}
        for item in minio
        if not item["error"] and item["deployment_id"]
    }


def _touched(cluster: Cluster, made: Plan) -> t.List[ObjectRef]:
    """The objects that this run and earlier ones planned to change, each once."""
    before = [from_json(ObjectRef, item) for item in (cluster.journal or {}).get("touched") or []]
    now = [ref for step in made.steps if not step.waits for ref in step.objects]
    return list(dict.fromkeys([*before, *now]))


def backup_objects(steps: t.Iterable[Step]) -> t.Iterator[t.Mapping[str, str]]:
    """The objects of these steps to back up: {api_version, kind, namespace, name, uid}, each once."""
    for ref in dict.fromkeys(ref for step in steps for ref in step.objects):
        if ref.kind in _API_VERSIONS:
            yield {
                "api_version": _API_VERSIONS[ref.kind],
                "kind": ref.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": ref.uid,
            }
