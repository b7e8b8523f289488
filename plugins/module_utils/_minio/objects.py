"""List the objects of a MinIO and read them back."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import hashlib
import heapq
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import Deployment
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Server, Tunnel, brief

with contextlib.suppress(ImportError):  # reported by check_imports() of http
    import urllib3
    from minio import Minio
    from minio.error import MinioException

_SAMPLE_OF_FAILURES = 20


def s3_client(target: Server) -> t.Any:
    """A client for the S3 API of one server."""
    return Minio(
        endpoint=target.host,
        access_key=target.credentials.user,
        secret_key=target.credentials.password,
        secure=target.tls,
        http_client=target.http,
    )


def read_objects(
    deployment: Deployment,
    pod: str,
    *,
    tunnel: Tunnel,
    timeout: int,
    count_max: int,
    read_max: int,
    read_max_bytes: int,
) -> Json:
    """Count the objects of each bucket (up to count_max in all), and read the newest ones in full, checked against length
    and ETag."""
    client = s3_client(deployment.server(pod, tunnel=tunnel, timeout=timeout))
    buckets: t.List[Json] = []
    newest: t.List[t.Tuple[float, str, str, int]] = []
    left = count_max
    try:
        for bucket in client.list_buckets():
            count = size = 0
            complete = True
            for item in client.list_objects(bucket_name=bucket.name, recursive=True):
                if left <= 0:
                    complete = False
                    break
                left, count, size = left - 1, count + 1, size + (item.size or 0)
                if read_max:
                    entry = (
                        item.last_modified.timestamp() if item.last_modified else 0.0,
                        bucket.name,
                        item.object_name,
                        item.size or 0,
                    )
                    (heapq.heappush if len(newest) < read_max else heapq.heappushpop)(newest, entry)
            buckets.append({"name": bucket.name, "objects": count, "bytes": size, "complete": complete})
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise HaError(
            "the objects of {0}/{1} can't be listed: {2}".format(deployment.namespace, deployment.name, brief(exc))
        ) from exc
    return {"buckets": buckets, "readback": _read_back(client, sorted(newest, reverse=True), limit=read_max_bytes)}


def _read_back(client: t.Any, entries: t.Sequence[t.Tuple[float, str, str, int]], *, limit: int) -> Json:
    done: Json = {"objects": 0, "bytes": 0, "hashed": 0, "failed": 0, "failures": []}
    for _modified, bucket, name, size in entries:
        if done["bytes"] + size > limit:
            continue
        try:
            hashed = _read_one(client, bucket, name, size)
            done["objects"], done["bytes"], done["hashed"] = (
                done["objects"] + 1,
                done["bytes"] + size,
                done["hashed"] + int(hashed),
            )
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            done["failed"] += 1
            if len(done["failures"]) < _SAMPLE_OF_FAILURES:
                done["failures"].append({"bucket": bucket, "object": name, "error": brief(exc)})
    return done


def _read_one(client: t.Any, bucket: str, name: str, size: int) -> bool:
    """Read an object in full. Returns whether its ETag could be checked: that of a multipart or encrypted object is not an
    MD5."""
    response = client.get_object(bucket_name=bucket, object_name=name)
    try:
        digest = hashlib.md5(usedforsecurity=False)  # an ETag is an MD5
        length = 0
        for chunk in response.stream(1024 * 1024):
            digest.update(chunk)
            length += len(chunk)
        etag = (response.headers.get("ETag") or "").strip('"')
        encrypted = any(key.lower().startswith("x-amz-server-side-encryption") for key in response.headers)
    finally:
        response.close()
        response.release_conn()
    if length != size:
        raise ValueError("{0} of {1} bytes were read".format(length, size))
    if encrypted or len(etag) != 32:
        return False
    if digest.hexdigest() != etag:
        raise ValueError("its content does not match its ETag")
    return True
