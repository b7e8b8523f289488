"""The problems of a MinIO: each finding with its code and a sentence that says what to do."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import (
    OK,
    ONLINE,
    Drive,
    ErasureSet,
    Healing,
    Info,
    host_of,
    merge,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.layout import (
    by_layout,
    parities,
    plausible,
    settled_infos,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView, starting

_ROOT_DRIVE = (
    "is on the root drive of node {0}, so MinIO does not use it (state {1}): mount the folder of the local volumes "
    "as a file system of its own there, then run again"
)


# Every code of a finding; docs/runbook.md explains each.
FINDINGS = frozenset(
    (
        "no_answer",
        "below_read_quorum",
        "healing",
        "drive_offline",
        "drives_missing",
        "drive_unplaced",
        "standalone",
        "no_parity",
        "layout_unknown",
        "deployment_ids_differ",
        "other_deployment",
        "pod_unhealthy",
        "not_initialized",
        "no_write_quorum",
        "settling",
        "heal_failed",
        "root_drive",
        "drive_refused",
        "peer_offline",
        "peer_stale",
        "maintenance",
    )
)


@dataclass(frozen=True)
class Finding:
    """A problem: a short code and the sentence for the operator."""

    code: str
    sentence: str

    def __post_init__(self) -> None:
        """Raise ValueError for a code that is documented nowhere. What MinIO told in a sentence can't control a terminal."""
        if self.code not in FINDINGS:
            raise ValueError("there is no finding {0}".format(self.code))
        object.__setattr__(self, "sentence", printable(self.sentence))


def no_answer(views: t.Sequence[PodView]) -> Finding:
    """The finding when no server answers."""
    refused = [view for view in views if view.refused]
    if refused:
        return Finding(
            "no_answer",
            "{0} does not accept the credentials in the environment of its pod ({1}), so the state of the drives is unknown: "
            "restart the pods after the credentials were changed, or correct the Secret".format(
                refused[0].name, refused[0].error
            ),
        )
    return Finding("no_answer", "no pod of this MinIO answers the admin API, so the state of its drives is unknown")


def below_read_quorum(sets: t.Sequence[ErasureSet]) -> t.Iterator[Finding]:
    """Sets with too few complete drives."""
    for item in sets:
        if not item.readable:
            yield Finding(
                "below_read_quorum",
                "set {0} of pool {1} has {2} complete drives of {3}, but {4} are needed to read".format(
                    item.index, item.pool, item.healthy, item.total, item.read_quorum
                ),
            )


def of_layout(infos: t.Sequence[Info], expected_id: str) -> t.Iterator[Finding]:
    """Problems of the deployment's identity or layout."""
    ids = sorted({info.deployment_id for info in infos})
    if len(ids) > 1:
        yield Finding("deployment_ids_differ", "the pods report different deployment IDs: {0}".format(", ".join(ids)))
    elif expected_id and ids and ids[0] != expected_id:
        yield Finding("other_deployment", "the deployment ID is {0}, but it was {1} before".format(ids[0], expected_id))
    told = settled_infos(infos)
    # Later releases report a single drive as an erasure set of one, without parity.
    if told and len(merge(told)) <= 1:
        yield Finding(
            "standalone",
            "this MinIO has no parity, like a single plain drive, so a lost drive can't be healed: approve "
            "that loss by naming the claim, as NAMESPACE/NAME, in replace_master_discard, and restore the data from a "
            "backup afterwards, or leave the claim alone",
        )
    elif len(told) < len(infos) or any(not info.erasure or (info.pools and 0 in parities(info)) for info in told):
        yield Finding(
            "no_parity",
            "{0} of {1} servers report no parity: they have just started, or there is no parity and no drive can heal".format(
                len(infos) - len(told) or len(infos), len(infos)
            ),
        )
    elif any(info.uncounted for info in told):
        yield Finding(
            "no_answer",
            "a server lists no drives yet, and storageinfo does not report the layout, so the layout is not known yet",
        )
    elif any(not plausible(info) for info in told):
        yield Finding(
            "layout_unknown", "the drives per set and their parity can't be determined from what the servers report"
        )


def of_drives(
    views: t.Sequence[PodView],
    drives: t.Sequence[Drive],
    sets: t.Sequence[ErasureSet],
    *,
    lost_pods: t.Collection[str],
    settle_seconds: int,
    namespace: str,
) -> t.Iterator[Finding]:
    """Drives that heal, are offline, are missing or have no place."""
    own = {view.name: view for view in views}
    for drive in drives:
        # A single plain drive reported neither state nor set in 2021.
        if not drive.state and not sets:
            continue
        view = own.get(host_of(drive.endpoint))
        if drive.state == OK and drive.healing:
            percent = drive.progress.percent if drive.progress else None
            yield Finding(
                "healing",
                "{0} is healing{1}".format(drive.endpoint, "" if percent is None else " ({0} %)".format(percent)),
            )
        elif drive.state != OK and host_of(drive.endpoint) not in lost_pods:
            yield _away(drive, view, settle_seconds=settle_seconds, namespace=namespace)
    # A lost pod's drives are all lost, listed or not.
    hosts = collections.Counter(host_of(drive.endpoint) for drive in drives)
    per_pod = max((count for host, count in hosts.items() if host in own), default=1)
    listed = sum(1 for drive in drives if host_of(drive.endpoint) not in lost_pods)
    total = sum(item.total for item in sets)
    if listed < total - len(lost_pods) * per_pod:
        yield Finding("drives_missing", "{0} of {1} drives are listed".format(listed, total))
    unplaced = [drive.endpoint for drive in drives if drive.state == OK and (drive.pool < 0 or drive.set_ < 0)]
    if unplaced:
        yield Finding("drive_unplaced", "{0} belongs to no set yet".format(", ".join(unplaced)))


def _away(drive: Drive, view: t.Optional[PodView], *, settle_seconds: int, namespace: str) -> Finding:
    """Why an expected drive is not `ok`.

    A drive on the root drive's device (hazard M6) is reported as such only if it appears while the server runs. One that existed when
    the server started is `offline` even for its own server, which runs without it.
    """
    node = view.node if view and view.node else "of its pod"
    own = [item for item in (view.info.drives if view and view.info else ()) if item.endpoint == drive.endpoint]
    for item in (drive, *own):
        if item.root_disk or item.state == "root-mount" or "root drive" in item.state:
            return Finding("root_drive", "{0} {1}".format(item.endpoint, _ROOT_DRIVE.format(node, item.state)))
    if view and own and own[0].state == "offline" and view.live == 200 and view.uptime >= settle_seconds:
        return Finding(
            "drive_refused",
            "{0} is offline for its own server, which runs: MinIO does this with a folder on the root drive or "
            "an unusable one. See kubectl -n {1} logs {2} for the reason; for the root drive, mount the folder of "
            "the local volumes as a file system of its own on node {3} and restart the pod, then run again".format(
                drive.endpoint, namespace, view.name, node
            ),
        )
    why = " ({0}: {1})".format(view.name, view.error) if view and view.error else ""
    return Finding("drive_offline", "{0} is {1}{2}".format(drive.endpoint, drive.state or "in an unknown state", why))


def of_pods(
    views: t.Sequence[PodView],
    settle_seconds: int,
    *,
    writable: bool,
    no_write_quorum: bool = False,
    namespace: str = "NAMESPACE",
) -> t.Iterator[Finding]:
    """Unhealthy pods. Without write quorum, no pod can answer 200 to the cluster check, and no server of 2021 that was restarted initializes."""
    for view in views:
        if view.ready and view.live == 200 and starting(view) and no_write_quorum:
            yield Finding(
                "no_write_quorum",
                "{0} was restarted and has not initialized ({1}): it can't while MinIO has fewer drives than its write quorum. It does by itself once a lost "
                "drive is replaced; restart no pod until then".format(view.name, view.error),
            )
        elif view.ready and view.live == 200 and starting(view):
            yield Finding(
                "not_initialized",
                "{0} listens and has not initialized ({1}): it waits for its peers. If this lasts for a minute, it keeps outdated addresses "
                "of them: {2}".format(view.name, view.error, restart(view.name, namespace)),
            )
        elif view.live != 200 or view.info is None or (writable and view.cluster != 200):
            answers = (
                "answers live {0}, cluster {1}".format(view.live, view.cluster) if view.live else "does not answer"
            )
            yield Finding(
                "pod_unhealthy", "{0} {1}{2}".format(view.name, answers, ": " + view.error if view.error else "")
            )
        elif view.uptime < settle_seconds:
            yield Finding(
                "settling",
                "{0} has been up for {1} s, less than the settle time of {2} s".format(
                    view.name, view.uptime, settle_seconds
                ),
            )


def restart(pod: str, namespace: str) -> str:
    """The one safe act for a pod that keeps outdated addresses."""
    return (
        "restart it, and no other pod at the same time, with kubectl -n {0} delete pod {1}; then wait with kubectl -n {0} wait --for=condition=Ready "
        "pod/{1} --timeout=120s, and until it is told no more, before another pod is restarted".format(namespace, pod)
    )


def of_heals(drives: t.Sequence[Drive]) -> t.Iterator[Finding]:
    """Incomplete heals: MinIO reports them as finished (hazard M3)."""
    for drive in drives:
        if drive.progress and not drive.healing and drive.progress.ended_badly:
            yield Finding("heal_failed", heal_failed(drive.endpoint, drive.progress))


def heal_failed(endpoint: str, told: Healing) -> str:
    """The sentence for an incomplete heal, with the numbers and what to do."""
    left = "{0} objects ({1} bytes) failed, {2} were healed".format(
        told.objects_failed, told.bytes_failed, told.objects_done
    )
    if told.queued:
        left += ", and the buckets {0} were not healed".format(", ".join(told.queued))
    return (
        "the heal of {0} ended incomplete: {1}. The log of its pod names the objects. Repair or delete them, heal again with `mc "
        "admin heal -r ALIAS`, check that it reports no incomplete object, then delete .minio.sys/buckets/.healing.bin "
        "on that drive, where MinIO keeps this result, and run again".format(endpoint, left)
    )


def of_peers(views: t.Sequence[PodView], lost_pods: t.Collection[str], namespace: str) -> t.Iterator[Finding]:
    """A peer that answers is not offline: the server that does not reach it keeps an outdated address
    (hazard M7). A peer whose drives it reaches is only slow."""
    answering = {view.name for view in views if view.ready and view.live == view.cluster == 200}
    for view in views:
        servers, drives = (view.info.servers, view.info.drives) if view.info else ((), ())
        reached = {host_of(drive.endpoint) for drive in drives if drive.state == OK}
        away = [server.endpoint for server in servers if server.state != ONLINE]
        away = [endpoint for endpoint in away if host_of(endpoint) not in {*lost_pods, *reached}]
        stale = [endpoint for endpoint in away if host_of(endpoint) in answering]
        if stale:
            yield Finding(
                "peer_stale",
                "{0} does not reach {1}, which is Ready and answers. If this lasts, {0} keeps an outdated address: {2}".format(
                    view.name, ", ".join(stale), restart(view.name, namespace)
                ),
            )
        if len(stale) < len(away):
            rest = ", ".join(endpoint for endpoint in away if endpoint not in stale)
            yield Finding("peer_offline", "{0} does not reach {1}".format(view.name, rest))


def of_maintenance(
    views: t.Sequence[PodView], drives: t.Sequence[Drive], sets: t.Sequence[ErasureSet]
) -> t.Iterator[Finding]:
    """Pods that fail the maintenance check: the cluster needs them."""
    for view in views:
        if view.maintenance not in (200, None) and not by_layout(view, drives, sets):
            yield Finding("maintenance", "{0} answers {1} to the maintenance check".format(view.name, view.maintenance))
