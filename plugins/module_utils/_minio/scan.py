"""Checks for each object of a MinIO whether all drives have it: a recursive heal of each bucket as a dry run.

Releases after July 2021 delete an object with too few parts even in a dry run (observed with one of 2026), as
they do when they heal or read it. So these are scanned afterwards only with permission. Before a lost drive is
replaced, the scan is safe with any release (observed too) and most useful: an offline drive counts as an error, an
empty one as a deleted part, so that an object is given up once an empty drive replaces a lost one.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import re
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Server
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.proof import Seen

with contextlib.suppress(ImportError):  # reported by check_imports() of http
    import urllib3.exceptions

_OPTIONS = {"recursive": True, "dryRun": True, "remove": False, "recreate": False, "scanMode": 1, "nolock": False}
# With half of the servers offline, no lock is available, and a dry run would wait for one.
_LOCKLESS = {**_OPTIONS, "nolock": True}
_SAMPLE = 20
# The last release whose source keeps all objects in a dry run.
_LAST_DRY = "2021-07-21"
# Objects that are written or deleted during a scan are incomplete for a moment.
_PAUSE = 5.0


# The problem of an item, or nothing.
Judge = t.Callable[[Json], str]


class _LimitReached(Exception):
    pass


def refusal(versions: t.Collection[str], *, settled: bool, lost: bool, any_release: bool) -> str:
    """Why not to scan, or nothing: `versions` are those of all servers; `settled`: only lost drives are offline, and no drive heals."""
    if not settled:
        return "not scanned, since the deployment is not healthy: while a drive is offline, complete objects look incomplete"
    dates = [re.search(r"\d{4}-\d{2}-\d{2}", version) for version in versions]
    dry = bool(dates) and all(found is not None and found.group() <= _LAST_DRY for found in dates)
    if lost or dry or any_release:
        return ""
    return (
        "not scanned: this release ({0}) deletes unrecoverable objects even in a dry run; "
        "scan_any_release allows it".format(", ".join(sorted(versions)) or "unknown")
    )


def unreadable(item: Json) -> str:
    """Why one item of a scan can't be read from the drives that answer, or nothing. A bucket has no parts: only its re-creation can fail."""
    if item.get("type") != "object":
        return ""
    if item.get("detail"):
        return str(item["detail"])[:200]
    drives = (item.get("before") or {}).get("drives") or []
    has, needs = sum(1 for drive in drives if drive.get("state") == "ok"), int(item.get("dataBlocks") or 0)
    if has < needs:
        return "only {0} of the {1} parts needed to read it are left".format(has, needs)
    return ""


def incomplete(item: Json) -> str:
    """The problem of one item of a scan, or nothing.

    Drives reported as `ok` prove nothing in an item with an error: every drive that answers is listed so.
    """
    if item.get("detail"):
        return str(item["detail"])[:200]
    drives = (item.get("after") or {}).get("drives") or (item.get("before") or {}).get("drives") or []
    bad = sorted({str(drive.get("state")) for drive in drives if drive.get("state") != "ok"})
    if bad:
        count = sum(1 for drive in drives if drive.get("state") != "ok")
        return "{0} of {1} drives: {2}".format(count, len(drives), ", ".join(bad))
    return "" if drives or item.get("type") != "object" else "no drive is reported"


def scan(
    server: Server,
    buckets: t.Sequence[str],
    *,
    judge: Judge,
    max_objects: int,
    seconds: float,
    seen: t.Optional[Seen] = None,
) -> Json:
    """Scan the buckets; returns {objects, incomplete, sample, complete}, or {error} when the API can't be asked.

    `judge` is incomplete(), or unreadable() while drives are lost.

    An incomplete object is checked a second time, and counts only if it is still incomplete. `seen` is filled with whether each
    object can be read.
    """
    seen = Seen() if seen is None else seen
    deadline = time.monotonic() + seconds
    result: Json = {"objects": 0, "incomplete": 0, "sample": [], "complete": True}
    try:
        for bucket in buckets:
            left = max_objects - result["objects"]
            first = _scan_bucket(server, bucket, judge=judge, max_objects=left, deadline=deadline, seen=seen)
            bad = first.bad
            if bad:
                time.sleep(_PAUSE)
                later = time.monotonic() + seconds
                again = _scan_bucket(server, bucket, judge=judge, max_objects=max_objects, deadline=later, seen=seen)
                # Objects that the second pass did not reach keep the first verdict, unless they were deleted meanwhile.
                bad = {
                    key: again.bad.get(key, why)
                    for key, why in bad.items()
                    if key in again.bad or (not again.complete and key not in again.fine)
                }
                if again.complete:
                    seen.forget(bucket, set(first.bad) - set(again.bad) - again.fine)
            result["objects"] += first.objects
            result["incomplete"] += len(bad)
            for name, version in sorted(bad)[: _SAMPLE - len(result["sample"])]:
                why = bad[name, version]
                result["sample"].append({"bucket": bucket, "object": name, "version": version, "error": why})
            if not first.complete:
                result["complete"] = False
                if not result["objects"]:
                    result["error"] = "the servers reported no object within {0:.0f} s".format(seconds)
                break
    except (HaError, urllib3.exceptions.HTTPError, OSError, AttributeError, LookupError, TypeError, ValueError) as exc:
        return {
            **result,
            "complete": False,
            "error": "the scan broke off: {0}".format(str(exc)[:200] or type(exc).__name__),
        }
    return result


class _Found(t.NamedTuple):
    """One pass over a bucket: the number of objects, the problems by (name, version), the good ones, and whether all were seen."""

    objects: int
    bad: t.Dict[t.Tuple[str, str], str]
    fine: t.Set[t.Tuple[str, str]]
    complete: bool


def _scan_bucket(server: Server, bucket: str, *, judge: Judge, max_objects: int, deadline: float, seen: Seen) -> _Found:
    path = "heal/" + bucket
    options = _LOCKLESS if judge is unreadable else _OPTIONS
    token = str(server.admin("POST", path, body=options, query={"forceStart": "true"})["clientToken"])
    objects, wait = 0, 0.1
    bad: t.Dict[t.Tuple[str, str], str] = {}
    fine: t.Set[t.Tuple[str, str]] = set()
    try:
        while True:
            answer = server.admin("POST", path, query={"clientToken": token})
            items = answer.get("Items") or answer.get("items") or []
            for item in items:
                if item.get("type") == "object" and objects >= max_objects:
                    raise _LimitReached
                objects += item.get("type") == "object"
                why = judge(item)
                key = (str(item.get("object") or ""), str(item.get("versionId") or ""))
                if why:
                    bad[key] = why
                else:
                    fine.add(key)
                seen.note(bucket, item, unreadable(item))
            summary = answer.get("Summary") or answer.get("summary")
            if summary == "finished":
                return _Found(objects, bad, fine, True)
            if summary == "stopped":
                raise HaError(str(answer.get("Detail") or answer.get("detail") or "the server stopped it"))
            if time.monotonic() >= deadline:
                raise _LimitReached
            # The server buffers at most a thousand results and continues as they are read.
            wait = 0.1 if items else min(2.0, wait * 2)
            time.sleep(wait)
    except _LimitReached:
        server.admin("POST", path, query={"forceStop": "true"}, body=options)
        return _Found(objects, bad, fine, False)
