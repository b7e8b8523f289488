"""Finds the objects that mount a claim: an index of workloads and pods, built once for all claims. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import claim_names
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

# Namespace and name of a claim, or of a StatefulSet's claims without their ordinal.
Key = t.Tuple[str, str]


class Wanted:
    """Tells which objects may mount one of these claims, so that the others need not be kept."""

    def __init__(self, claims: t.Iterable[Key]) -> None:
        self._claims = set(claims)
        self._stems = {(namespace, name.rpartition("-")[0]) for namespace, name in self._claims}

    def by_pod(self, pod: Json) -> bool:
        """Whether a pod mounts one."""
        return self._mounts(pod, pod.get("spec") or {})

    def by_workload(self, workload: Json) -> bool:
        """Whether a workload's template mounts one, or one has the name of a StatefulSet's claims."""
        spec = workload.get("spec") or {}
        return self._mounts(workload, (spec.get("template") or {}).get("spec") or {}) or any(
            stem in self._stems for stem in _stems(workload)
        )

    def _mounts(self, obj: Json, pod_spec: Json) -> bool:
        return any((obj["metadata"]["namespace"], name) in self._claims for name in claim_names(pod_spec))


class Mounts:
    """Workloads (objects with their `kind`) by the claims of their templates, so that they are found without pods, and pods by their claims."""

    def __init__(self, workloads: t.Iterable[Json], pods: t.Iterable[Json]) -> None:
        self._workloads = list(workloads)
        self._named: t.Dict[Key, t.List[int]] = {}
        self._numbered: t.Dict[Key, t.List[int]] = {}
        self._pods: t.Dict[Key, t.List[Json]] = {}
        for position, item in enumerate(self._workloads):
            meta, spec = item["metadata"], item.get("spec") or {}
            for name in claim_names((spec.get("template") or {}).get("spec") or {}):
                self._named.setdefault((meta["namespace"], name), []).append(position)
            for stem in _stems(item):
                self._numbered.setdefault(stem, []).append(position)
        for item in pods:
            for name in dict.fromkeys(claim_names(item.get("spec") or {})):
                self._pods.setdefault((item["metadata"]["namespace"], name), []).append(item)

    def of(self, namespace: str, claim: str) -> t.List[Json]:
        """The workloads that mount a claim, in order; without one, the pods that mount it."""
        stem, _hyphen, ordinal = claim.rpartition("-")
        found = set(self._named.get((namespace, claim), ()))
        found |= {
            position
            for position in self._numbered.get((namespace, stem), ())
            if _has_ordinal(self._workloads[position], ordinal)
        }
        return [self._workloads[position] for position in sorted(found)] or self._pods.get((namespace, claim), [])


def _stems(workload: Json) -> t.List[Key]:
    """Namespace and name of a StatefulSet's claims, without the ordinal."""
    meta = workload["metadata"]
    return [
        (meta["namespace"], "{0}-{1}".format(template["metadata"]["name"], meta["name"]))
        for template in (workload.get("spec") or {}).get("volumeClaimTemplates") or []
    ]


def _has_ordinal(statefulset: Json, text: str) -> bool:
    """Whether a StatefulSet has a pod with this ordinal in its notation: no sign, no leading zero."""
    if not text.isdigit() or str(int(text)) != text:
        return False
    spec = statefulset.get("spec") or {}
    first = int((spec.get("ordinals") or {}).get("start") or 0)
    replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
    return first <= int(text) < first + replicas
