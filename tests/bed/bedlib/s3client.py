# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny S3 client of the standard library alone; it is sent to a host of the bed and run there by its python3."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
import random
import time
from typing import Any

SCOPE = ("us-east-1", "s3", "aws4_request")


def content(seed: str, size: int) -> bytes:
    """The same bytes for the same seed, every time."""
    return random.Random(seed).randbytes(size)


def headers(
    *, method: str, host: str, path: str, payload_hash: str, access: str, secret: str, now: datetime.datetime
) -> dict[str, str]:
    """AWS signature version 4 for a request without query."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {"host": host, "x-amz-content-sha256": payload_hash, "x-amz-date": stamp}
    names = ";".join(sorted(signed))
    lines = "".join(f"{key}:{signed[key]}\n" for key in sorted(signed))
    canonical = "\n".join([method, path, "", lines, names, payload_hash])
    scope = "/".join([stamp[:8], *SCOPE])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (stamp[:8], *SCOPE):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    proof = f"Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**signed, "Authorization": f"AWS4-HMAC-SHA256 {proof}"}


def request(job: dict[str, Any], address: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, job.get("port", 9000), timeout=20)
    digest = hashlib.sha256(body).hexdigest()
    now = datetime.datetime.now(datetime.UTC)
    signed = headers(
        method=method,
        host=f"{address}:{job.get('port', 9000)}",
        path=path,
        payload_hash=digest,
        access=job["access"],
        secret=job["secret"],
        now=now,
    )
    connection.request(method, path, body=body, headers=signed)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def insist(
    job: dict[str, Any], address: str, method: str, path: str, body: bytes = b"", good: tuple[int, ...] = (200,)
) -> bytes:
    """Repeat until it works or ``job['patience']`` seconds are over."""
    end = time.monotonic() + job.get("patience", 60)
    while True:
        try:
            status, data = request(job, address, method, path, body)
            problem = f"HTTP {status} {data[:200]!r}"
            if status in good:
                return data
        except OSError as why:
            problem = str(why)
        if time.monotonic() > end:
            raise SystemExit(f"{method} {path} at {address}: {problem}")
        time.sleep(1)


def put(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Put every object; returns them with their sha256."""
    address = job["addresses"][0]
    for bucket in sorted({o["bucket"] for o in job["objects"]}):
        insist(job, address, "PUT", f"/{bucket}", good=(200, 409))
    done = []
    for one in job["objects"]:
        data = content(f"{one['bucket']}/{one['key']}", one["size"])
        insist(job, address, "PUT", f"/{one['bucket']}/{one['key']}", data)
        done.append({**one, "sha256": hashlib.sha256(data).hexdigest()})
    return done


def check(job: dict[str, Any]) -> list[str]:
    """Read every object through every address; returns what is wrong, one line each."""
    wrong = []
    for address in job["addresses"]:
        for one in job["objects"]:
            where = f"{one['bucket']}/{one['key']} through {address}"
            try:
                data = insist(job, address, "GET", f"/{one['bucket']}/{one['key']}")
            except SystemExit as why:
                wrong.append(f"{where}: {why}")
                continue
            if hashlib.sha256(data).hexdigest() != one["sha256"]:
                wrong.append(f"{where}: other bytes than were put ({len(data)} of {one['size']})")
    return wrong
