"""Takes an etcd snapshot and proves that a file is a complete one.

A snapshot made by `etcdctl snapshot save` is the database, whose size is a multiple of 512, followed by the 32 bytes of
its SHA-256 (source: etcd's etcdutl/snapshot/v3_snapshot.go). Files are read in chunks: a database may be larger than
free memory. A snapshot holds every Secret of the cluster, so folders are 0700 and files 0600.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import datetime
import hashlib
import os
import pathlib
import shutil
import typing as t
import uuid

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import EtcdClient

_TRAILER = hashlib.sha256().digest_size
_PAGE = 512
_PIECE = 1 << 20
_TEMPORARY = "cloudpods-ha-snapshot-"
# etcd stops when its disk is full, so this much must stay free beside the snapshot.
_RESERVE = 256 << 20
# Age of a temporary file of a killed run; no snapshot takes that long.
_STALE_SECONDS = 3600


class SnapshotFile(t.NamedTuple):
    """A file that should be a snapshot. `sha256` is of the entire file, `error` says why it is not a valid snapshot."""

    path: str
    exists: bool = False
    valid: bool = False
    sha256: str = ""
    size_bytes: int = 0
    error: str = ""


class Snapshot(t.NamedTuple):
    """A snapshot that was taken and verified. `taken` is RFC 3339 in UTC, by this host's clock."""

    path: str
    sha256: str
    revision: int
    size_bytes: int
    taken: str


def inspect(path: str, *, sha256: str = "") -> SnapshotFile:
    """Read a file and check that it is a complete snapshot, with this SHA-256 if one is given."""
    file = pathlib.Path(path)
    if not file.is_file():
        return SnapshotFile(path=path, error="there is no file at {0}".format(path))
    try:
        with file.open("rb") as source:
            found = _digest(source, path=path)
    except OSError as exc:
        return SnapshotFile(path=path, exists=True, error="{0} can't be read: {1}".format(path, exc.strerror))
    if found.valid and sha256 and found.sha256 != sha256:
        error = "the SHA-256 of {0} is {1}, not {2}".format(path, found.sha256, sha256)
        return found._replace(valid=False, error=error)
    return found


def take(client: EtcdClient, *, directory: str, name: str = "", timeout: int = 600) -> Snapshot:
    """Take a snapshot into `directory`; `name` defaults to the node and the time. Raises HaError, and leaves no partial
    file behind.
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    folder = pathlib.Path(directory)
    final = folder / (name or "etcd-{0}-{1:%Y%m%dT%H%M%SZ}.db".format(client.node_name, now))
    if final.parent != folder or final.exists():
        raise HaError(
            "the snapshot can't be saved as {0}: it exists, or its name is not a plain file name".format(final)
        )
    data = pathlib.Path(client.provider.scratch or directory)
    try:
        _private(folder)
        _clean(data)
        _has_room((data, folder), client.status().db_size)
        return _take(client, data / (_TEMPORARY + uuid.uuid4().hex), final, taken=now, timeout=timeout)
    except OSError as exc:
        raise HaError(
            "the snapshot can't be saved as {0}: {1} ({2})".format(final, exc.strerror, exc.filename)
        ) from exc


def _take(
    client: EtcdClient, temporary: pathlib.Path, final: pathlib.Path, *, taken: datetime.datetime, timeout: int
) -> Snapshot:
    partial = final.with_name(".{0}.partial".format(final.name))
    try:
        oldest = client.revision()
        client.save_snapshot(str(temporary), timeout=timeout)
        revision = client.snapshot_revision(str(temporary))
        if revision < oldest:
            raise HaError(
                "the snapshot is older than the store: its revision is {0}, the store was at {1}".format(
                    revision, oldest
                )
            )
        _copy(temporary, partial)
        found = inspect(str(partial))
        if not found.valid:
            raise HaError("the snapshot is not complete: {0}".format(found.error))
        partial.rename(final)
    finally:
        for leftover in (temporary, temporary.with_name(temporary.name + ".part"), partial):
            _forget(leftover)
    return Snapshot(
        path=str(final),
        sha256=found.sha256,
        revision=revision,
        size_bytes=found.size_bytes,
        taken=taken.isoformat().replace("+00:00", "Z"),
    )


def _digest(source: t.BinaryIO, *, path: str) -> SnapshotFile:
    whole, database = hashlib.sha256(), hashlib.sha256()
    size, tail = 0, b""
    for piece in iter(lambda: source.read(_PIECE), b""):
        whole.update(piece)
        size += len(piece)
        tail += piece
        database.update(tail[:-_TRAILER])
        tail = tail[-_TRAILER:]
    error = ""
    if size <= _TRAILER or size % _PAGE != _TRAILER:
        error = "{0} has {1} bytes, which is not a database followed by its hash".format(path, size)
    elif database.digest() != tail:
        error = "the hash at the end of {0} does not match its content".format(path)
    return SnapshotFile(path=path, exists=True, valid=not error, sha256=whole.hexdigest(), size_bytes=size, error=error)


def _private(folder: pathlib.Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _clean(data: pathlib.Path) -> None:
    limit = datetime.datetime.now(datetime.timezone.utc).timestamp() - _STALE_SECONDS
    for leftover in data.glob(_TEMPORARY + "*"):
        if leftover.stat().st_mtime < limit:
            _forget(leftover)


def _forget(path: pathlib.Path) -> None:
    if path.exists():
        path.unlink()


def _has_room(folders: t.Iterable[pathlib.Path], size: int) -> None:
    for folder in folders:
        free = shutil.disk_usage(str(folder)).free
        if free < size + _RESERVE:
            raise HaError(
                "{0} has {1} MiB free, and a snapshot of {2} MiB must leave {3} MiB".format(
                    folder, free >> 20, size >> 20, _RESERVE >> 20
                )
            )


def _copy(source: pathlib.Path, destination: pathlib.Path) -> None:
    descriptor = os.open(str(destination), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target, source.open("rb") as origin:
        shutil.copyfileobj(origin, target, _PIECE)
        target.flush()
        os.fsync(target.fileno())
