"""Lists every object of a MinIO with its versions, and reads a byte of each, to find objects that the remaining drives can't provide."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import Deployment
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Tunnel, brief
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.objects import s3_client
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import Key, Listed, Seen, left_open, verdict

with contextlib.suppress(ImportError):  # reported by check_imports() of http
    import urllib3
    from minio.error import MinioException, S3Error

_THREADS = 4
_LATE = "not read within the time limit"


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
    blocked: str,
    scan: t.Optional[Json] = None,
    seen: t.Optional[Seen] = None,
) -> Json:
    """The record `proof`: list all objects and read those that the scan did not prove readable.

    `scan` is the result of the scan, if there was one, and `seen` its verdict on each object. Nothing is read if
    `blocked` gives a reason. A server that does not answer raises nothing: that is a verdict too.
    """
    deadline = time.monotonic() + seconds
    clients = _Clients(deployment, pod, tunnel, timeout)
    scan_error = _scan_error(scan) if scan is not None else ""
    scanned = scan is not None and not scan.get("error")
    listed: t.List[Listed] = []
    error = ""
    try:
        for item in _list(clients.get(), deadline):
            if len(listed) >= max_objects:
                raise LimitReached("there are more than the limit of {0} objects".format(max_objects))
            listed.append(item)
    except _errors() as exc:
        error = "the list of objects is incomplete: {0}".format(_why(exc))
    left = left_open(listed, seen or Seen())
    if blocked and not error and (left.read or not listed):
        error = "{0} objects were not read, since a drive may not be replaced now: {1}".format(len(left.read), blocked)
    # With an incomplete list, no read can prove all objects.
    unread = [] if error or left.bad else _read(clients, left.read, left.whole, deadline)
    return verdict(
        listed=len(listed),
        scanned=scanned,
        scan_error=scan_error,
        bad=left.bad,
        unread=unread,
        reads=0 if error or left.bad else len(left.read),
        error=error,
    )


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


def _scan_error(scan: Json) -> str:
    if scan.get("error"):
        return str(scan["error"])
    return "" if scan.get("complete") else "it stopped at its limit after {0} objects".format(scan.get("objects"))


def _list(client: t.Any, deadline: float) -> t.Iterator[Listed]:
    for bucket in client.list_buckets():
        for item in _list_bucket(client, bucket.name):
            if time.monotonic() >= deadline:
                raise LimitReached("the time limit was reached")
            if not item.is_delete_marker:
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


def _read(
    clients: _Clients, items: t.Sequence[Listed], whole: t.Set[Listed], deadline: float
) -> t.List[t.Tuple[Key, str]]:
    """Read each object; returns the failures with their reasons, in the order of the list."""

    def attempt(item: Listed) -> str:
        if time.monotonic() >= deadline:
            return _LATE
        try:
            _read_one(clients.get(), item, whole=item in whole, deadline=deadline)
        except _errors() as exc:
            return _why(exc)
        return ""

    with concurrent.futures.ThreadPoolExecutor(max_workers=_THREADS) as pool:
        reasons = list(pool.map(attempt, items))
    return [((item.bucket, item.key, item.version), why) for item, why in zip(items, reasons) if why]


def _read_one(client: t.Any, item: Listed, *, whole: bool, deadline: float) -> None:
    """Read the first byte of an object, also the last one if it has several parts, or all of it. Raises ValueError for a wrong length."""
    given: Json = {"bucket_name": item.bucket, "object_name": item.key}
    # The null version may lie behind newer ones.
    if item.version and (item.version != "null" or not item.latest):
        given["version_id"] = item.version
    if not item.size:
        client.stat_object(**given)
        return
    ranges = [{"offset": 0, "length": 1}]
    if item.multipart and item.size > 1:
        ranges.append({"offset": item.size - 1, "length": 1})
    for part in [{}] if whole else ranges:
        expected = 1 if part else item.size
        response = client.get_object(**given, **part)
        length = 0
        try:
            for chunk in response.stream(1024 * 1024):
                length += len(chunk)
                if time.monotonic() >= deadline:
                    raise LimitReached(_LATE)
        finally:
            response.close()
            response.release_conn()
        if length != expected:
            raise ValueError("{0} of {1} bytes were read".format(length, expected))


def _errors() -> t.Tuple[t.Type[BaseException], ...]:
    """The errors of a server, a connection or an invalid answer; an XML error is a SyntaxError."""
    known = (HaError, OSError, ValueError, SyntaxError, LookupError, TypeError, AttributeError)
    return (*known, MinioException, urllib3.exceptions.HTTPError)


def _why(exc: BaseException) -> str:
    return str(exc) if isinstance(exc, (HaError, ValueError)) else brief(exc)
