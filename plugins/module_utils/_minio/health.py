"""Decides whether a drive of this MinIO may be replaced, and whether MinIO has healed. Both are judged from every pod's report, never
from a single one.

A cluster check with status 200 only proves that enough drives are formatted, and the monitor for new drives runs every
10 s. Healed means that every pod has been up for a settle time, lists every drive as `ok`, and none as healing (hazard M2).
The maintenance check of a pod may answer 412 for minutes after the last drive healed, since each pod keeps its own
list; it counts as false if no pod lists a drive that heals (hazard M2)."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._minio import findings
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.findings import Finding
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import (
    Drive,
    ErasureSet,
    erasure_sets,
    host_of,
    merge,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.layout import false_412 as find_false_412
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.layout import settled_infos
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView

# Codes that do not change by waiting.
FATAL = ("standalone", "layout_unknown", "deployment_ids_differ", "other_deployment", "heal_failed")


@dataclass(frozen=True)
class Health:
    """The verdict on one deployment. `settled`: healed except for the lost drives; `converged`: healed, no drive is
    lost."""

    deployment_id: str
    parity: int
    sets: t.Tuple[ErasureSet, ...]
    drives: t.Tuple[Drive, ...]
    readable: bool
    writable: bool
    may_lose_one_more: bool
    settled: bool
    converged: bool
    lost_pods: t.Tuple[str, ...]
    maintenance_ok: bool
    false_412: t.Tuple[str, ...]
    findings: t.Tuple[Finding, ...]
    gate: t.Tuple[Finding, ...]

    @property
    def gate_fatal(self) -> bool:
        """Whether a problem can't be solved by waiting."""
        return any(finding.code in FATAL for finding in self.gate)


def judge(
    views: t.Sequence[PodView],
    *,
    lost_pods: t.Collection[str],
    settle_seconds: int,
    expected_id: str = "",
    namespace: str = "NAMESPACE",
) -> Health:
    """Judge a deployment by the answers of all its pods; `lost_pods` are those with drives that are lost and not yet
    replaced. The namespace is for the commands in the sentences."""
    infos = [view.info for view in views if view.info is not None]
    drives = merge(infos)
    first = next(iter(settled_infos(infos)), None)
    sets = erasure_sets(pools=first.pools, parity=first.parity, drives=drives) if first else ()
    false_412 = find_false_412(views, drives, sets)
    rest = [view for view in views if view.name not in lost_pods]
    found = (
        *findings.of_layout(infos, expected_id),
        *findings.of_pods(
            rest,
            settle_seconds,
            writable=bool(sets) and all(item.writable for item in sets),
            no_write_quorum=any(not item.writable for item in sets),
            namespace=namespace,
        ),
        *findings.of_drives(
            views, drives, sets, lost_pods=lost_pods, settle_seconds=settle_seconds, namespace=namespace
        ),
        *findings.of_heals(drives),
        *findings.of_peers(rest, lost_pods, namespace),
        *(
            ()
            if lost_pods
            else findings.of_maintenance([view for view in rest if view.name not in false_412], drives, sets)
        ),
    )
    return Health(
        deployment_id=first.deployment_id if first else "",
        parity=first.parity if first else 0,
        sets=sets,
        drives=drives,
        readable=bool(sets) and all(item.readable for item in sets),
        writable=bool(sets) and all(item.writable for item in sets),
        may_lose_one_more=bool(sets) and all(item.spare >= 1 for item in sets),
        settled=bool(rest) and not found,
        converged=bool(rest) and not found and not lost_pods,
        lost_pods=tuple(lost_pods),
        maintenance_ok=bool(views) and all(view.maintenance == 200 for view in views),
        false_412=false_412,
        findings=found,
        gate=_gate(
            views,
            drives,
            sets,
            lost_pods=lost_pods,
            settle_seconds=settle_seconds,
            expected_id=expected_id,
            namespace=namespace,
        ),
    )


def _gate(
    views: t.Sequence[PodView],
    drives: t.Sequence[Drive],
    sets: t.Sequence[ErasureSet],
    *,
    lost_pods: t.Collection[str],
    settle_seconds: int,
    expected_id: str,
    namespace: str,
) -> t.Tuple[Finding, ...]:
    """The problems of replacing a lost drive by an empty one. At read quorum, fewer than half of the drives plus one look empty, so
    that no server takes the rest for a new deployment (hazard M5)."""
    infos = [view.info for view in views if view.info is not None]
    if not infos:
        return tuple(_by_storage(views, lost_pods)) or (findings.no_answer(views),)
    found = list(findings.of_layout(infos, expected_id))
    # A server may list a dead peer's drive with its last state: lost drives never count as survivors.
    surviving = [drive for drive in drives if host_of(drive.endpoint) not in lost_pods]
    first = settled_infos(infos)[0]
    found.extend(findings.below_read_quorum(erasure_sets(pools=first.pools, parity=first.parity, drives=surviving)))
    found.extend(
        findings.of_drives(views, drives, sets, lost_pods=lost_pods, settle_seconds=settle_seconds, namespace=namespace)
    )
    # A survivor with an incomplete heal can't provide the missing objects.
    found.extend(findings.of_heals(surviving))
    if all(finding.code != "below_read_quorum" for finding in found):
        found.extend(_by_storage(views, lost_pods))
    return tuple(found)


def _by_storage(views: t.Sequence[PodView], lost_pods: t.Collection[str]) -> t.List[Finding]:
    """Whether a set is below its read quorum, by a server that answers only `storageinfo`, as it does in that state."""
    for view in views:
        if view.info is None and view.storage is not None and view.name not in lost_pods:
            surviving = [drive for drive in view.storage.drives if host_of(drive.endpoint) not in lost_pods]
            found = list(findings.below_read_quorum(erasure_sets(pools=view.storage.pools, parity=0, drives=surviving)))
            if found:
                return found
    return []
