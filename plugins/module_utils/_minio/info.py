"""Parses a MinIO deployment's report: drives, erasure sets, parity, quorum. No value is a constant of one
layout.

Reads the answer of the admin API's `info`, in the shape of June 2021 (no sets, no drives per set) and in that of 2023
and later. If pools differ in width, `info` is not sufficient in any known release; `storageinfo` has reported the data
drives of each pool since before 2021.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

Json = t.Dict[str, t.Any]

OK = "ok"
ONLINE = "online"


@dataclass(frozen=True)
class Healing:
    """The progress of a drive's heal; zeros if the release does not report it. Failures of one pass are reset when the
    next begins (`retries` counts the passes, in later releases). `finished` is reported by releases that keep it after the end;
    older ones drop everything at the end. Buckets are None if they are not reported."""

    objects_done: int = 0
    objects_failed: int = 0
    objects_skipped: int = 0
    objects_total: int = 0
    bytes_done: int = 0
    bytes_failed: int = 0
    bytes_total: int = 0
    started: str = ""
    retries: int = 0
    finished: bool = False
    queued: t.Optional[t.Tuple[str, ...]] = None
    healed: t.Optional[t.Tuple[str, ...]] = None

    @property
    def ended_badly(self) -> bool:
        """Whether the heal is finished but incomplete: objects or entire buckets are missing."""
        return bool(self.objects_failed or self.bytes_failed or (self.finished and self.queued))

    @property
    def percent(self) -> t.Optional[int]:
        """The percentage of healed bytes, or None if unknown."""
        return min(100, self.bytes_done * 100 // self.bytes_total) if self.bytes_total else None


@dataclass(frozen=True)
class Drive:
    """One drive as one server sees it. `pool` and `set_` are -1 while it has no place yet."""

    endpoint: str
    state: str
    healing: bool = False
    uuid: str = ""
    pool: int = 0
    set_: int = 0
    root_disk: bool = False
    progress: t.Optional[Healing] = None

    @property
    def healthy(self) -> bool:
        """Formatted, reachable, and complete."""
        return self.state == OK and not self.healing


@dataclass(frozen=True)
class Server:
    """One server as one server sees it; `uptime` in seconds."""

    endpoint: str
    state: str
    uptime: int = 0
    version: str = ""


@dataclass(frozen=True)
class Pool:
    """A pool's layout: the number of erasure sets and of drives in each. `parity` is None if the deployment's applies."""

    sets: int
    drives_per_set: int
    parity: t.Optional[int] = None


@dataclass(frozen=True)
class Info:
    """The answer of one server. `pools` is empty if the layout is unknown, and `uncounted` if the reason is a server that
    lists no drives yet; `erasure` is False for a single plain drive."""

    deployment_id: str
    erasure: bool
    parity: int
    pools: t.Tuple[Pool, ...]
    servers: t.Tuple[Server, ...]
    drives: t.Tuple[Drive, ...]
    uncounted: bool = False


class Storage(t.NamedTuple):
    """The answer of one server to `storageinfo`: the layout, and its drives. `pools` is empty if the layout is unknown."""

    pools: t.Tuple[Pool, ...]
    drives: t.Tuple[Drive, ...]


@dataclass(frozen=True)
class ErasureSet:
    """One erasure set, judged: `healthy` + `healing` + `missing` = `total`."""

    pool: int
    index: int
    total: int
    healthy: int
    healing: int
    read_quorum: int
    write_quorum: int

    @property
    def missing(self) -> int:
        """Drives that are offline, unformatted, or not listed at all."""
        return self.total - self.healthy - self.healing

    @property
    def readable(self) -> bool:
        """Whether the complete drives alone suffice to read every object."""
        return self.healthy >= self.read_quorum

    @property
    def writable(self) -> bool:
        """Whether objects can be written; a healing drive takes writes."""
        return self.healthy + self.healing >= self.write_quorum

    @property
    def spare(self) -> int:
        """How many more complete drives may be lost while objects stay readable."""
        return max(0, self.healthy - self.read_quorum)


def host_of(endpoint: str) -> str:
    """The first label of an endpoint's host, which is the name of the pod: minio-0 of
    http://minio-0.minio-svc:9000/export."""
    host = urlsplit(endpoint if "//" in endpoint else "//" + endpoint).hostname or ""
    return host.split(".", 1)[0]


def parse_info(data: Json, storage: t.Optional[Json] = None) -> Info:
    """Read the answer of the admin API's `info`, already decoded from JSON; with that of `storageinfo` for layouts and
    drives that `info` alone does not describe.

    In `info`, a live server appears offline with its drives while it answers late, since it dials dead peers; in
    `storageinfo`, it is asked only for its drives (MinIO's source, and observed).
    """
    servers = [item for item in data.get("servers") or [] if isinstance(item, dict)]
    told = [_parse_drive(item) for item in (storage or {}).get("Disks") or [] if isinstance(item, dict)]
    there = {drive.endpoint: drive for drive in told if drive.state == OK}
    listed = [_parse_drive(item) for server in servers for item in server.get("drives") or server.get("disks") or []]
    drives = tuple(drive if drive.state == OK else there.get(drive.endpoint, drive) for drive in listed)
    backend = {**_from_storage(storage or {}), **(data.get("backend") or {})}
    erasure = str(backend.get("backendType") or "").lower() == "erasure"
    # A server that listens and is not initialized yet is listed without drives, so they can't be counted then.
    countable = all(server.get("drives") or server.get("disks") for server in servers)
    pools = _pools(backend, drives, slots=(*drives, *told), countable=countable) if erasure else ()
    parity = int(backend.get("standardSCParity") or next((pool.parity for pool in pools if pool.parity), 0))
    return Info(
        deployment_id=str(data.get("deploymentID") or ""),
        erasure=erasure,
        parity=parity,
        pools=pools,
        servers=tuple(
            Server(
                endpoint=str(item.get("endpoint") or ""),
                state=str(item.get("state") or ""),
                uptime=int(item.get("uptime") or 0),
                version=str(item.get("version") or ""),
            )
            for item in servers
        ),
        drives=drives,
        uncounted=erasure and not pools and not countable,
    )


def parse_storage(data: Json) -> Storage:
    """Read the answer of the admin API's `storageinfo`, already decoded from JSON."""
    drives = tuple(_parse_drive(item) for item in data.get("Disks") or [] if isinstance(item, dict))
    return Storage(_pools(_from_storage(data), drives, slots=drives, countable=False), drives)


def quorums(*, drives: int, parity: int) -> t.Tuple[int, int]:
    """Return (read, write) quorum of a set: data drives to read, and one more to write where data equals parity."""
    data = drives - parity
    return data, data + 1 if data == parity else data


def merge(views: t.Sequence[Info]) -> t.Tuple[Drive, ...]:
    """One record per drive, the worst that any server reports: each keeps its own list of drives that heal (hazard M2). Of
    equal ones, the one with more details of the heal."""

    def worse(drive: Drive) -> t.Tuple[bool, bool, int]:
        return drive.state != OK, drive.healing, drive.progress.objects_done if drive.progress else -1

    worst: t.Dict[str, Drive] = {}
    for drive in (drive for view in views for drive in view.drives):
        known = worst.get(drive.endpoint)
        if known is None or worse(drive) > worse(known):
            worst[drive.endpoint] = drive
    return tuple(worst[endpoint] for endpoint in sorted(worst))


def erasure_sets(*, pools: t.Sequence[Pool], parity: int, drives: t.Sequence[Drive]) -> t.Tuple[ErasureSet, ...]:
    """Judge each set. Missing drives are counted by the size of the set, since an offline drive may have no index of its
    set."""
    result = []
    for number, pool in enumerate(pools):
        read, write = quorums(drives=pool.drives_per_set, parity=parity if pool.parity is None else pool.parity)
        for index in range(pool.sets):
            present = [drive for drive in drives if drive.pool == number and drive.set_ == index and drive.state == OK]
            healing = sum(1 for drive in present if drive.healing)
            result.append(ErasureSet(number, index, pool.drives_per_set, len(present) - healing, healing, read, write))
    return tuple(result)


def _parse_drive(item: Json) -> Drive:
    heal = item.get("heal_info") or item.get("healInfo")
    return Drive(
        endpoint=str(item.get("endpoint") or item.get("path") or ""),
        state=str(item.get("state") or ""),
        healing=bool(item.get("healing")),
        uuid=str(item.get("uuid") or ""),
        pool=int(item.get("pool_index") or 0),
        set_=int(item.get("set_index") or 0),
        root_disk=bool(item.get("rootDisk")),
        progress=_parse_healing(heal) if isinstance(heal, dict) else None,
    )


def _parse_healing(item: Json) -> Healing:
    def number(*names: str) -> int:
        return next((int(item[name]) for name in names if item.get(name)), 0)

    def names(key: str) -> t.Optional[t.Tuple[str, ...]]:
        # An empty list is written as null.
        return tuple(str(name) for name in item[key] or ()) if key in item else None

    return Healing(
        objects_done=number("items_healed", "objects_healed"),
        objects_failed=number("items_failed", "objects_failed"),
        objects_skipped=number("items_skipped"),
        objects_total=number("objects_total_count"),
        bytes_done=number("bytes_done"),
        bytes_failed=number("bytes_failed"),
        bytes_total=number("objects_total_size"),
        started=str(item.get("started") or ""),
        retries=number("retry_attempts"),
        finished=bool(item.get("finished")),
        queued=names("queued_buckets"),
        healed=names("healed_buckets"),
    )


def _from_storage(storage: Json) -> Json:
    """The facts of the backend, with the names that `info` uses."""
    backend = storage.get("Backend") or storage.get("backend") or {}
    names = {
        "StandardSCData": "standardSCData",
        "StandardSCParity": "standardSCParity",
        "TotalSets": "totalSets",
        "DrivesPerSet": "totalDrivesPerSet",
    }
    return {names[key]: backend[key] for key in names if backend.get(key)}


def _pools(
    backend: Json, drives: t.Sequence[Drive], *, slots: t.Sequence[Drive], countable: bool
) -> t.Tuple[Pool, ...]:
    """The layout, if it is reported; else empty. `slots` are drives whose place is reported, even while they are
    offline; `countable` if all drives are listed."""
    sets, per_set = backend.get("totalSets") or [], backend.get("totalDrivesPerSet") or []
    # Data drives are listed per pool, or not at all.
    data = backend.get("standardSCData")
    data = [int(count) for count in data] if isinstance(data, list) else []
    if sets and len(sets) == len(per_set):
        if len(data) == len(sets):
            return tuple(Pool(int(a), int(b), int(b) - count) for a, b, count in zip(sets, per_set, data))
        # One parity is reported for all pools; it does not apply to a pool of another width.
        return tuple(Pool(int(a), int(b)) for a, b in zip(sets, per_set)) if len(set(per_set)) == 1 else ()
    known = [drive for drive in drives if drive.state == OK]
    if data:
        parity = int(backend.get("standardSCParity") or 0)
        counts = [max((drive.set_ + 1 for drive in slots if drive.pool == i), default=0) for i in range(len(data))]
        return tuple(Pool(a, b + parity, parity) for a, b in zip(counts, data)) if all(counts) else ()
    if not countable or not known or any(drive.pool > 0 for drive in known):
        return ()
    count = max(drive.set_ for drive in known) + 1
    endpoints = {drive.endpoint for drive in drives}
    return (Pool(count, len(endpoints) // count),) if len(endpoints) % count == 0 else ()
