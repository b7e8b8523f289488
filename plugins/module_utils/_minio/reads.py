"""Proves each object of a MinIO readable: by the parts on its drives, and where those can't be looked at by a byte of each object that S3 lists."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import Deployment
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Tunnel, brief
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.look import Progress, Survivors
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.objects import s3_client
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import (
    Compared,
    Failure,
    Listed,
    compare,
    verdict,
)

with contextlib.suppress(ImportError):  # reported by check_imports() of http
    import urllib3
    from minio.error import MinioException, S3Error

_THREADS = 4
_LATE = "not read within the time limit"
# Objects at most that are looked at twice although they can be read.
_AGAIN = 200
_UNKNOWN = ("NoSuchKey", "NoSuchVersion")


class LimitReached(HaError):
    """A limit of objects or time was reached."""


def prove(
    deployment: Deployment,
    pod: str,
    *,
    tunnel: Tunnel,
    timeout: int,
    max_objects: int,
    seconds: float,
    blocked: str = "",
    survivors: t.Optional[Survivors] = None,
    progress: Progress = lambda _what, _count: None,
    given_up: t.Collection[str] = (),
    accept_unproven: bool = False,
) -> Json:
    """The record `proof`: count the parts on the surviving drives, list all objects, and read those that the drives did not prove.

    Nothing is asked if `blocked` gives a reason. A server or a drive that does not answer raises nothing: that is a verdict too.
    """
    told: Json = {
        "group": qualified(deployment.namespace, deployment.name),
        "given_up": given_up,
        "accept_unproven": accept_unproven,
    }
    if blocked:
        return verdict(
            **told, error="nothing was looked at, since a drive may not be replaced now: {0}".format(blocked)
        )
    clients = _Clients(deployment, pod, tunnel, timeout)
    listed: t.List[Listed] = []
    compared: t.Optional[Compared] = None
    unread: t.List[Failure] = []
    error = ""
    deadline = time.monotonic() + seconds
    try:
        if survivors is not None:
            survivors.look()
        listed = list(_list(clients.get(), deadline, max_objects))
        compared = _compare(survivors, listed)
    except _errors() as exc:
        error = _why(exc)
    # With an incomplete list, no read can prove all objects.
    read = [] if error or compared is None else compared.read
    if read:
        # As much time again as for the look.
        unread = _read(clients, read, time.monotonic() + seconds, progress)
        if survivors is not None and survivors.complete:
            unread = _without_deleted(survivors, unread)
    drives = [
        {"pod": item.pod, "path": item.path, "files": item.files, "error": item.error}
        for item in (survivors.looked if survivors is not None else ())
    ]
    return verdict(
        **told,
        compared=compared,
        drives=drives,
        listed=len(listed),
        read=len(read),
        unread=unread,
        error=error,
    )


def _compare(survivors: t.Optional[Survivors], listed: t.Sequence[Listed]) -> Compared:
    """Compare the drives with S3's list. What has too few parts is looked at twice, since it may be written or deleted at the moment."""
    if survivors is None:
        return compare(listed, (), complete=False)
    first = compare(listed, survivors.parts.left(), complete=survivors.complete)
    doubtful = [item.key for item in first.few] + [key for key, _why in first.incomplete[:_AGAIN]]
    survivors.look_again(sorted({key[:2] for key in [*doubtful, *first.unlisted[:_AGAIN]]}))
    return compare(listed, survivors.parts.left(), complete=survivors.complete)


def _without_deleted(survivors: Survivors, unread: t.Sequence[Failure]) -> t.List[Failure]:
    """The failures without objects that were deleted after they were listed: S3 does not know them, and no drive has anything of them."""
    unknown = {item.key for item in unread if any(code in item.why for code in _UNKNOWN)}
    survivors.look_again(sorted({key[:2] for key in unknown}))
    there = {key for key, _left in survivors.parts.left()}
    return [item for item in unread if item.key in there or item.key not in unknown]


class _Clients:
    """One S3 client per thread, each with its own persistent connection."""

    def __init__(self, deployment: Deployment, pod: str, tunnel: Tunnel, timeout: int) -> None:
        self._given = (deployment, pod, tunnel, timeout)
        self._own = threading.local()

    def get(self) -> t.Any:
        """The client of this thread."""
        if not hasattr(self._own, "client"):
            deployment, pod, tunnel, timeout = self._given
            self._own.client = s3_client(deployment.server(pod, tunnel=tunnel, timeout=timeout))
        return self._own.client


def _list(client: t.Any, deadline: float, max_objects: int) -> t.Iterator[Listed]:
    count = 0
    for bucket in client.list_buckets():
        for item in _list_bucket(client, bucket.name):
            if time.monotonic() >= deadline:
                raise LimitReached("the list of objects is incomplete: the time limit was reached")
            if item.is_delete_marker:
                continue
            count += 1
            if count > max_objects:
                raise LimitReached("there are more than the limit of {0} objects".format(max_objects))
            yield Listed(
                bucket=bucket.name,
                key=item.object_name,
                version=item.version_id or "",
                latest=str(item.is_latest or "true").lower() == "true",
                size=item.size or 0,
                multipart="-" in (item.etag or ""),
            )


def _list_bucket(client: t.Any, bucket: str) -> t.Iterator[t.Any]:
    try:
        yield from client.list_objects(bucket_name=bucket, recursive=True, include_version=True)
    except S3Error as exc:
        # A single plain drive has no versions; it reports that at the first request.
        if exc.code != "NotImplemented":
            raise
        yield from client.list_objects(bucket_name=bucket, recursive=True)


def _read(clients: _Clients, items: t.Sequence[Listed], deadline: float, progress: Progress) -> t.List[Failure]:
    """Read each object; returns the failures with their reasons, in the order of the list."""

    def attempt(item: Listed) -> str:
        if time.monotonic() >= deadline:
            return _LATE
        try:
            _read_one(clients.get(), item)
        except _errors() as exc:
            return _why(exc)
        return ""

    with concurrent.futures.ThreadPoolExecutor(max_workers=_THREADS) as pool:
        reasons = []
        for reason in pool.map(attempt, items):
            reasons.append(reason)
            progress("of {0} objects read".format(len(items)), len(reasons))
    return [Failure(item.whole_key, why, item.size) for item, why in zip(items, reasons) if why]


def _read_one(client: t.Any, item: Listed) -> None:
    """Read the first byte of an object, also the last one if it has several parts. Raises ValueError for a byte that does not come."""
    given: Json = {"bucket_name": item.bucket, "object_name": item.key}
    # The null version may lie behind newer ones.
    if item.version and (item.version != "null" or not item.latest):
        given["version_id"] = item.version
    if not item.size:
        client.stat_object(**given)
        return
    for offset in (0, item.size - 1) if item.multipart and item.size > 1 else (0,):
        response = client.get_object(**given, offset=offset, length=1)
        try:
            length = sum(len(chunk) for chunk in response.stream(1024))
        finally:
            response.close()
            response.release_conn()
        if length != 1:
            raise ValueError("{0} of 1 bytes were read".format(length))


def _errors() -> t.Tuple[t.Type[BaseException], ...]:
    """The errors of a server, a connection or an invalid answer; an XML error is a SyntaxError."""
    known = (HaError, OSError, ValueError, SyntaxError, LookupError, TypeError, AttributeError)
    return (*known, MinioException, urllib3.exceptions.HTTPError)


def _why(exc: BaseException) -> str:
    return str(exc) if isinstance(exc, (HaError, ValueError)) else brief(exc)
