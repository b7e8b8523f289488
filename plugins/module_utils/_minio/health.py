"""May a drive of this MinIO be replaced now, and is it whole again? Both are judged from what every pod says, never
from one.

A cluster check that answers 200 only says that enough drives are formatted, and the monitor for new drives runs each
10 s: whole means that every pod has been up for a settle time, lists every drive as `ok`, and none as healing (M2).
The maintenance check may answer 412 from one pod for minutes after the last drive healed, since that pod keeps its own
list; it counts as a false one when no pod lists a drive that heals (H-M2b).
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import dataclasses
import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import (
    OK,
    ONLINE,
    Drive,
    ErasureSet,
    Healing,
    Info,
    erasure_sets,
    host_of,
    merge,
)

# No wait can change these.
FATAL = ("standalone", "layout_unknown", "deployment_ids_differ", "other_deployment", "heal_failed")

_ROOT_DRIVE = (
    "is on the root drive of node {0}, so MinIO does not use it (its state is {1}): mount the folder of the local volumes "
    "as a file system of its own there, then run again"
)


@dataclass(frozen=True)
class PodView:
    """What one pod answered: HTTP statuses of its health endpoints (None: no answer) and its view of the deployment.
    `timed_out` when it was reached and gave no answer in time."""

    name: str
    node: str = ""
    ready: bool = False
    live: t.Optional[int] = None
    cluster: t.Optional[int] = None
    maintenance: t.Optional[int] = None
    info: t.Optional[Info] = None
    error: str = ""
    timed_out: bool = False

    @property
    def uptime(self) -> int:
        """Seconds since this pod's server started, by its own word; 0 when it does not say."""
        servers = self.info.servers if self.info else ()
        return max((server.uptime for server in servers if host_of(server.endpoint) == self.name), default=0)


@dataclass(frozen=True)
class Finding:
    """Something that stands against going on: a short code and the sentence for a person."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Health:
    """The whole judgement of one deployment. `settled`: whole but for the lost drives; `converged`: whole, none is
    lost any more."""

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
        """Whether what stands against replacing a drive can't pass by waiting."""
        return any(finding.code in FATAL for finding in self.gate)


def judge(
    views: t.Sequence[PodView],
    *,
    lost_pods: t.Collection[str],
    settle_seconds: int,
    expected_id: str = "",
    namespace: str = "NAMESPACE",
) -> Health:
    """Judge a deployment by the answers of all its pods; `lost_pods` are those whose drives are lost and not yet
    replaced. The namespace is for the commands in the sentences."""
    infos = [view.info for view in views if view.info is not None]
    drives = merge(infos)
    first = next(iter(_settled_infos(infos)), None)
    sets = erasure_sets(pools=first.pools, parity=first.parity, drives=drives) if first else ()
    false_412 = _false_412(views, drives, sets)
    rest = [view for view in views if view.name not in lost_pods]
    findings = (
        *_layout(infos, expected_id),
        *_pods(rest, settle_seconds, writable=bool(sets) and all(item.writable for item in sets)),
        *_drives(views, drives, sets, lost_pods=lost_pods, settle_seconds=settle_seconds, namespace=namespace),
        *_heals(drives),
        *_peers(rest, lost_pods, namespace),
        *(() if lost_pods else _maintenance([view for view in rest if view.name not in false_412], drives, sets)),
    )
    return Health(
        deployment_id=first.deployment_id if first else "",
        parity=first.parity if first else 0,
        sets=sets,
        drives=drives,
        readable=bool(sets) and all(item.readable for item in sets),
        writable=bool(sets) and all(item.writable for item in sets),
        may_lose_one_more=bool(sets) and all(item.spare >= 1 for item in sets),
        settled=bool(rest) and not findings,
        converged=bool(rest) and not findings and not lost_pods,
        lost_pods=tuple(lost_pods),
        maintenance_ok=bool(views) and all(view.maintenance == 200 for view in views),
        false_412=false_412,
        findings=findings,
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
    """What stands against emptying a lost drive. At read quorum fewer than half of the drives plus one look empty, so
    that no server takes the rest for a new deployment (M5)."""
    infos = [view.info for view in views if view.info is not None]
    if not infos:
        return (Finding("no_answer", "no pod of this MinIO answers the admin API, so nothing is known of its drives"),)
    found = list(_layout(infos, expected_id))
    # A server may list a drive of a dead peer as it last was: the lost ones never count as survivors.
    surviving = [drive for drive in drives if host_of(drive.endpoint) not in lost_pods]
    first = _settled_infos(infos)[0]
    for item in erasure_sets(pools=first.pools, parity=first.parity, drives=surviving):
        if not item.readable:
            found.append(
                Finding(
                    "below_read_quorum",
                    "set {0} of pool {1} has {2} complete drives of {3}, and {4} are needed to read".format(
                        item.index, item.pool, item.healthy, item.total, item.read_quorum
                    ),
                )
            )
    found.extend(_drives(views, drives, sets, lost_pods=lost_pods, settle_seconds=settle_seconds, namespace=namespace))
    # A survivor that lacks objects since its own heal is no source for them.
    found.extend(_heals(surviving))
    return tuple(found)


def _layout(infos: t.Sequence[Info], expected_id: str) -> t.Iterator[Finding]:
    ids = sorted({info.deployment_id for info in infos})
    if len(ids) > 1:
        yield Finding("deployment_ids_differ", "the pods belong to different deployments: {0}".format(", ".join(ids)))
    elif expected_id and ids and ids[0] != expected_id:
        yield Finding("other_deployment", "the deployment is {0}, it was {1} before".format(ids[0], expected_id))
    told = _settled_infos(infos)
    # Later releases call a single drive an erasure set of one, without parity.
    if told and len(merge(told)) <= 1:
        yield Finding(
            "standalone",
            "this MinIO has no parity, as with a single plain drive, so nothing can heal what was on a lost one: approve "
            "that loss by naming the claim, as NAMESPACE/NAME, in replace_master_discard, and restore the data from a "
            "backup afterwards, or leave the claim alone",
        )
    elif len(told) < len(infos) or any(not info.erasure or (info.pools and 0 in _parities(info)) for info in told):
        yield Finding(
            "no_parity",
            "{0} of {1} servers tell of no parity: they have just started, or there is none and nothing can heal".format(
                len(infos) - len(told) or len(infos), len(infos)
            ),
        )
    elif any(not _plausible(info) for info in told):
        yield Finding("layout_unknown", "the drives per set and their parity can't be told from what the servers say")


def _settled_infos(infos: t.Sequence[Info]) -> t.Sequence[Info]:
    """What is to be believed of the layout: a server that has just started tells of no parity, or of none of it all (seen), beside others that do."""
    told = [info for info in infos if info.erasure and not (info.pools and 0 in _parities(info))]
    return told or infos


def _parities(info: Info) -> t.List[int]:
    return [info.parity if pool.parity is None else pool.parity for pool in info.pools]


def _plausible(info: Info) -> bool:
    parities = _parities(info)
    return bool(parities) and all(0 <= parity <= pool.drives_per_set // 2 for pool, parity in zip(info.pools, parities))


def _drives(
    views: t.Sequence[PodView],
    drives: t.Sequence[Drive],
    sets: t.Sequence[ErasureSet],
    *,
    lost_pods: t.Collection[str],
    settle_seconds: int,
    namespace: str,
) -> t.Iterator[Finding]:
    own = {view.name: view for view in views}
    for drive in drives:
        view = own.get(host_of(drive.endpoint))
        if drive.state == OK and drive.healing:
            percent = drive.progress.percent if drive.progress else None
            yield Finding(
                "healing",
                "{0} is healing{1}".format(drive.endpoint, "" if percent is None else " ({0} %)".format(percent)),
            )
        elif drive.state != OK and host_of(drive.endpoint) not in lost_pods:
            yield _away(drive, view, settle_seconds=settle_seconds, namespace=namespace)
    # All drives of a pod are lost with it, listed or not.
    hosts = collections.Counter(host_of(drive.endpoint) for drive in drives)
    per_pod = max((count for host, count in hosts.items() if host in own), default=1)
    listed = sum(1 for drive in drives if host_of(drive.endpoint) not in lost_pods)
    total = sum(item.total for item in sets)
    if listed < total - len(lost_pods) * per_pod:
        yield Finding("drives_missing", "{0} drives are listed of {1}".format(listed, total))
    unplaced = [drive.endpoint for drive in drives if drive.state == OK and (drive.pool < 0 or drive.set_ < 0)]
    if unplaced:
        yield Finding("drive_unplaced", "no set holds {0} yet".format(", ".join(unplaced)))


def _away(drive: Drive, view: t.Optional[PodView], *, settle_seconds: int, namespace: str) -> Finding:
    """Why a drive that should be there is not `ok`.

    A drive on the root drive's device (M6) is told as such only while the server runs; one that was there already when
    the server started is `offline` for its own server too, which goes on without it.
    """
    node = view.node if view and view.node else "of its pod"
    own = [item for item in (view.info.drives if view and view.info else ()) if item.endpoint == drive.endpoint]
    for item in (drive, *own):
        if item.root_disk or item.state == "root-mount" or "root drive" in item.state:
            return Finding("root_drive", "{0} {1}".format(item.endpoint, _ROOT_DRIVE.format(node, item.state)))
    if view and own and own[0].state == "offline" and view.live == 200 and view.uptime >= settle_seconds:
        return Finding(
            "drive_refused",
            "{0} is offline for its own server, which runs: MinIO does this with a folder on the root drive, and with "
            "one it can't use. Look at kubectl -n {1} logs {2} for the reason; for the root drive, mount the folder of "
            "the local volumes as a file system of its own on node {3} and restart the pod, then run again".format(
                drive.endpoint, namespace, view.name, node
            ),
        )
    why = " ({0}: {1})".format(view.name, view.error) if view and view.error else ""
    return Finding("drive_offline", "{0} is {1}{2}".format(drive.endpoint, drive.state or "in no state", why))


def _pods(views: t.Sequence[PodView], settle_seconds: int, *, writable: bool) -> t.Iterator[Finding]:
    """While too many drives are lost to write, no pod can answer 200 to the cluster check."""
    for view in views:
        if view.live != 200 or view.info is None or (writable and view.cluster != 200):
            answers = (
                "answers live {0}, cluster {1}".format(view.live, view.cluster) if view.live else "does not answer"
            )
            yield Finding(
                "pod_unhealthy", "{0} {1}{2}".format(view.name, answers, ": " + view.error if view.error else "")
            )
        elif view.uptime < settle_seconds:
            yield Finding(
                "settling", "{0} is up for {1} s of the {2} s to settle".format(view.name, view.uptime, settle_seconds)
            )


def _heals(drives: t.Sequence[Drive]) -> t.Iterator[Finding]:
    """A heal that could not bring everything is reported as finished all the same (M3)."""
    for drive in drives:
        if drive.progress and not drive.healing and drive.progress.ended_badly:
            yield Finding("heal_failed", heal_failed(drive.endpoint, drive.progress))


def heal_failed(endpoint: str, told: Healing) -> str:
    """The sentence for a heal that left something out, with the numbers and what to do."""
    left = "{0} objects ({1} bytes) failed, {2} were brought back".format(
        told.objects_failed, told.bytes_failed, told.objects_done
    )
    if told.queued:
        left += ", and the buckets {0} were not done".format(", ".join(told.queued))
    return (
        "the heal of {0} ended incomplete: {1}. Its log names the objects. Repair or delete them, heal again with `mc "
        "admin heal -r ALIAS`, see that it reports no object as incomplete, then delete .minio.sys/buckets/.healing.bin "
        "on that drive, where MinIO keeps this result, and run again".format(endpoint, left)
    )


def _peers(views: t.Sequence[PodView], lost_pods: t.Collection[str], namespace: str) -> t.Iterator[Finding]:
    """A peer that itself answers is not away: the server that does not reach it keeps an address that is out of date
    (M7). One whose drives it reaches only answers late."""
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
                "{0} does not reach {1}, which is Ready and answers. If this lasts, {0} keeps an old address: restart it, "
                "and no other pod at the same time, with kubectl -n {2} delete pod {0}".format(
                    view.name, ", ".join(stale), namespace
                ),
            )
        if len(stale) < len(away):
            rest = ", ".join(endpoint for endpoint in away if endpoint not in stale)
            yield Finding("peer_offline", "{0} does not reach {1}".format(view.name, rest))


def _maintenance(
    views: t.Sequence[PodView], drives: t.Sequence[Drive], sets: t.Sequence[ErasureSet]
) -> t.Iterator[Finding]:
    for view in views:
        if view.maintenance not in (200, None) and not _by_layout(view, drives, sets):
            yield Finding("maintenance", "{0} answers {1} to the maintenance check".format(view.name, view.maintenance))


def _by_layout(view: PodView, drives: t.Sequence[Drive], sets: t.Sequence[ErasureSet]) -> bool:
    """Whether 412 is this pod's right answer for good: without its own drives a set has no write quorum, as in wide
    layouts."""
    own = [drive for drive in drives if host_of(drive.endpoint) == view.name]
    return view.maintenance == 412 and any(
        item.total - sum(1 for drive in own if (drive.pool, drive.set_) == (item.pool, item.index)) < item.write_quorum
        for item in sets
    )


def _false_412(
    views: t.Sequence[PodView], drives: t.Sequence[Drive], sets: t.Sequence[ErasureSet]
) -> t.Tuple[str, ...]:
    """Pods whose maintenance check says 412 though all pods answer and none lists a drive that heals or is away."""
    if not sets or any(view.info is None for view in views) or any(not drive.healthy for drive in drives):
        return ()
    return tuple(view.name for view in views if view.maintenance == 412 and not _by_layout(view, drives, sets))


def report(health: Health, views: t.Sequence[PodView], *, name: str) -> t.Dict[str, t.Any]:
    """Put a judgement into a module's result; one sentence in `msg` says where things stand."""
    stands = (
        "; ".join(finding.sentence for finding in health.findings)
        or "every pod asked is healthy and no drive is healing"
    )
    if health.lost_pods:
        stands = "the drive of {0} is lost and not replaced; apart from that, {1}".format(
            ", ".join(health.lost_pods), stands
        )
    false_412 = (
        "; false answer 412 to the maintenance check from {0}".format(", ".join(health.false_412))
        if health.false_412
        else ""
    )
    return {
        "msg": "{0}: {1}: {2}{3}".format(name, "whole" if health.converged else "not whole", stands, false_412),
        "deployment_id": health.deployment_id,
        "parity": health.parity,
        "sets": [
            {**dataclasses.asdict(item), "missing": item.missing, "readable": item.readable, "writable": item.writable}
            for item in health.sets
        ],
        "drives": [_drive(drive) for drive in health.drives],
        "healing": [drive.endpoint for drive in health.drives if drive.healing],
        "pods": [
            {
                key: getattr(view, key)
                for key in ("name", "node", "ready", "live", "cluster", "maintenance", "uptime", "error")
            }
            for view in views
        ],
        "readable": health.readable,
        "writable": health.writable,
        "may_lose_one_more": health.may_lose_one_more,
        "settled": health.settled,
        "converged": health.converged,
        "lost_pods": list(health.lost_pods),
        "maintenance_ok": health.maintenance_ok,
        "false_412": list(health.false_412),
        "findings": [dataclasses.asdict(finding) for finding in health.findings],
        "gate": {
            "ok": not health.gate,
            "fatal": health.gate_fatal,
            "healing": any(finding.code == "healing" for finding in health.gate),
            "starting": any(_starts(view) for view in views if view.name not in health.lost_pods),
            "codes": sorted({finding.code for finding in health.gate}),
            "sentences": [finding.sentence for finding in health.gate],
        },
    }


def _starts(view: PodView) -> bool:
    """Whether a pod comes up, so that it may have its drives back soon: one that is made again, or whose server waits
    for its peers. One that takes a connection and says nothing hangs."""
    return not view.timed_out and (not view.ready or (view.live == 200 and view.info is None))


def compare_buckets(
    before: t.Sequence[t.Mapping[str, t.Any]], after: t.Sequence[t.Mapping[str, t.Any]]
) -> t.Dict[str, t.Any]:
    """Compare counts of objects, {name, objects, complete} per bucket: which buckets are `gone`, and which have `fewer`
    objects ({bucket, before, after}). A count of now that was cut short says nothing; one of before was at least that
    many."""
    now = {bucket["name"]: bucket for bucket in after}
    fewer = [
        {"bucket": old["name"], "before": old["objects"], "after": now[old["name"]]["objects"]}
        for old in before
        if old["name"] in now and now[old["name"]]["complete"] and now[old["name"]]["objects"] < old["objects"]
    ]
    return {"gone": [old["name"] for old in before if old["name"] not in now], "fewer": fewer}


def told_of_objects(result: t.Mapping[str, t.Any]) -> str:
    """What the counts and the scan of a result are to tell a person; empty when there is nothing to say."""
    told = []
    if result.get("gone"):
        told.append("buckets are gone that were there before: {0}".format(", ".join(result["gone"])))
    told += [
        "bucket {bucket} has {after} objects, {before} before: has an application deleted them?".format(**item)
        for item in result.get("fewer") or ()
    ]
    told += _told_of_scan(result.get("scan") or {}, lost=bool(result.get("lost_pods")))
    return "; ".join(told)


def _told_of_scan(scan: t.Mapping[str, t.Any], *, lost: bool) -> t.Iterator[str]:
    """What a scan showed: whether what is left can be read while drives are `lost`, whether all drives have everything afterwards."""
    named = "; ".join("{bucket}/{object} ({error})".format(**item) for item in scan.get("sample") or ())
    proven = "readable from the drives that are left" if lost else "complete on all drives"
    if scan.get("error"):
        yield "objects are not proven {0}: {1}".format(proven, scan["error"])
    elif scan.get("incomplete") and lost:
        yield (
            "{0} of {1} objects can't be read from the drives that are left, among them {2}. Once an empty drive takes the place of "
            "a lost one, MinIO deletes what is left of them. Bring their parts back on the drives that survived, or delete them, "
            "then run again".format(scan["incomplete"], scan["objects"], named)
        )
    elif scan.get("incomplete"):
        yield (
            "{0} of {1} objects are incomplete, among them {2}. Heal them with `mc admin heal -r ALIAS`, then run "
            "again".format(scan["incomplete"], scan["objects"], named)
        )
    elif scan:
        more = "" if scan["complete"] else ", there are more than were looked at"
        yield "{0} objects are {1}{2}".format(scan["objects"], proven, more)


def _drive(drive: Drive) -> t.Dict[str, t.Any]:
    progress = drive.progress
    return {
        "endpoint": drive.endpoint,
        "state": drive.state,
        "healing": drive.healing,
        "pool": drive.pool,
        "set": drive.set_,
        "progress": {**dataclasses.asdict(progress), "percent": progress.percent} if progress else {},
    }
