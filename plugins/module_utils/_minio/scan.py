"""Checks for each object of a MinIO whether all drives have it: a recursive heal of each bucket as a dry run. And heals what lacks parts.

Releases after July 2021 delete an object with too few parts even in a dry run (observed with one of 2026), as
they do when they heal or read it. So these are scanned only with permission. While drives are lost a scan proves nothing: in the release of June 2021
it reports no object whose metadata is left on one of three drives, and none at all with half of the drives (observed).
Its quick mode calls versions corrupt that are the same on all drives there, so these are scanned again with their data.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import contextlib
import re
import sys
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, Server

with contextlib.suppress(ImportError):  # reported by check_imports() of http
    import urllib3.exceptions

_OPTIONS = {"recursive": True, "dryRun": True, "remove": False, "recreate": False, "scanMode": 1, "nolock": False}
_SAMPLE = 20
# Objects at most that are scanned with their data one by one; more make a scan of their bucket.
_SINGLY = 100
# The last release whose source keeps all objects in a dry run.
_LAST_DRY = "2021-07-21"
# Objects that are written or deleted during a scan are incomplete for a moment.
_PAUSE = 5.0


class _LimitReached(Exception):
    pass


def refusal(versions: t.Collection[str], *, settled: bool, lost: t.Collection[str], any_release: bool) -> str:
    """Why not to scan, or nothing: `versions` are those of all servers; `settled`: no drive heals or is offline; `lost` are pods with a lost drive."""
    if lost:
        return "not scanned, since drives are lost: a scan does not see each object then"
    if not settled:
        return "not scanned, since the deployment is not healthy: while a drive is offline, complete objects look incomplete"
    dates = [re.search(r"\d{4}-\d{2}-\d{2}", version) for version in versions]
    dry = bool(dates) and all(found is not None and found.group() <= _LAST_DRY for found in dates)
    if dry or any_release:
        return ""
    return (
        "not scanned: this release ({0}) deletes unrecoverable objects even in a dry run; "
        "scan_any_release allows it".format(", ".join(sorted(versions)) or "unknown")
    )


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


def not_judged(item: Json) -> bool:
    """Whether an item is the empty answer for a version that is the same on all drives: releases of 2021 report each drive as corrupt then."""
    states = {str(drive.get("state")) for drive in (item.get("before") or {}).get("drives") or []}
    versioned = str(item.get("versionId") or "") not in ("", "null")
    return versioned and not item.get("detail") and "corrupt" in states and states <= {"corrupt", "offline"}


def scan(
    server: Server,
    buckets: t.Sequence[str],
    *,
    max_objects: int,
    seconds: float,
    given_up: t.Callable[[str, str, str], bool] = lambda _bucket, _name, _version: False,
) -> Json:
    """Scan the buckets; returns {objects, incomplete, sample, complete, deep}, or {error} when the API can't be asked.

    An incomplete object is checked a second time, and counts only if it is still incomplete. Versions that the first scan could not judge
    are scanned with their data, `deep` is how many. Objects that are `given_up` (bucket, name, version) do not count.
    """
    deadline = time.monotonic() + seconds
    result: Json = {"objects": 0, "incomplete": 0, "sample": [], "complete": True, "deep": 0}
    try:
        for bucket in buckets:
            left = max_objects - result["objects"]
            first = _scan_folder(server, bucket, max_objects=left, deadline=deadline)
            bad, complete = first.bad, first.complete
            if bad:
                time.sleep(_PAUSE)
                later = time.monotonic() + seconds
                again = _scan_folder(server, bucket, max_objects=max_objects, deadline=later)
                # Objects that the second pass did not reach keep the first verdict, unless they were deleted meanwhile.
                bad = {
                    key: again.bad.get(key, why)
                    for key, why in bad.items()
                    if key in again.bad or (not again.complete and key not in again.fine)
                }
            if first.doubtful:
                deep = _scan_deep(server, bucket, first.doubtful, max_objects=max_objects, seconds=seconds)
                result["deep"] += len(first.doubtful)
                bad.update(deep.bad)
                complete = complete and deep.complete
            bad = {key: why for key, why in bad.items() if not given_up(bucket, *key)}
            result["objects"] += first.objects
            result["incomplete"] += len(bad)
            for name, version in sorted(bad)[: _SAMPLE - len(result["sample"])]:
                why = bad[name, version]
                result["sample"].append({"bucket": bucket, "object": name, "version": version, "error": why})
            if not complete:
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


def heal(server: Server, folders: t.Sequence[str], *, seconds: float) -> Json:
    """Let MinIO heal each of these BUCKET/PREFIX, or everything for an empty one; returns {objects, incomplete, sample, complete}.

    Raises HaError. Only for a deployment whose objects all have enough parts: MinIO deletes the others.
    """
    deadline = time.monotonic() + seconds
    try:
        passes = [_scan_folder(server, item, max_objects=sys.maxsize, deadline=deadline, dry=False) for item in folders]
    except (urllib3.exceptions.HTTPError, OSError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise HaError("the heal broke off: {0}".format(str(exc)[:200] or type(exc).__name__)) from exc
    bad = sorted((*key, why) for found in passes for key, why in found.bad.items())
    return {
        "objects": sum(found.objects for found in passes),
        "incomplete": len(bad),
        "sample": [{"object": name, "version": version, "error": why} for name, version, why in bad[:_SAMPLE]],
        "complete": all(found.complete for found in passes),
    }


class _Found(t.NamedTuple):
    """One pass: the number of objects, the problems by (name, version), the good ones, those not judged, how many
    versions of each name were judged, and whether all were seen."""

    objects: int
    bad: t.Dict[t.Tuple[str, str], str]
    fine: t.Set[t.Tuple[str, str]]
    doubtful: t.Set[t.Tuple[str, str]]
    judged: t.Counter[str]
    complete: bool


def _scan_deep(
    server: Server, bucket: str, doubtful: t.Collection[t.Tuple[str, str]], *, max_objects: int, seconds: float
) -> _Found:
    """Scan with all data what was not judged: each object, or the bucket if there are many."""
    names = sorted({name for name, _version in doubtful})
    passes = [
        _scan_folder(
            server,
            folder,
            max_objects=max_objects,
            deadline=time.monotonic() + seconds,
            deep=True,
        )
        for folder in (["{0}/{1}".format(bucket, name) for name in names] if len(names) <= _SINGLY else [bucket])
    ]
    # A version that the second scan judged comes without its ID in a release of 2021, so they are counted by object.
    bad = {key: why for found in passes for key, why in found.bad.items() if key[0] in names}
    judged = sum((found.judged for found in passes), t.cast("t.Counter[str]", collections.Counter()))
    for name in names:
        versions = sorted(version for other, version in doubtful if other == name)
        for version in versions[judged[name] :]:
            bad[name, version] = "neither scan judged it"
    return _Found(len(doubtful), bad, set(), set(), judged, all(found.complete for found in passes))


def _scan_folder(
    server: Server, folder: str, *, max_objects: int, deadline: float, deep: bool = False, dry: bool = True
) -> _Found:
    path = "heal/" + folder
    options = {**_OPTIONS, "scanMode": 2 if deep else 1, "dryRun": dry}
    token = str(server.admin("POST", path, body=options, query={"forceStart": "true"})["clientToken"])
    objects, wait = 0, 0.1
    bad: t.Dict[t.Tuple[str, str], str] = {}
    fine: t.Set[t.Tuple[str, str]] = set()
    doubtful: t.Set[t.Tuple[str, str]] = set()
    judged: t.Counter[str] = collections.Counter()
    try:
        while True:
            answer = server.admin("POST", path, query={"clientToken": token})
            items = answer.get("Items") or answer.get("items") or []
            for item in items:
                if item.get("type") == "object" and objects >= max_objects:
                    raise _LimitReached
                objects += item.get("type") == "object"
                key = (str(item.get("object") or ""), str(item.get("versionId") or ""))
                if not_judged(item):
                    doubtful.add(key)
                    continue
                judged[key[0]] += 1
                why = incomplete(item)
                if why:
                    bad[key] = why
                else:
                    fine.add(key)
            summary = answer.get("Summary") or answer.get("summary")
            if summary == "finished":
                return _Found(objects, bad, fine, doubtful, judged, True)
            if summary == "stopped":
                raise HaError(str(answer.get("Detail") or answer.get("detail") or "the server stopped it"))
            if time.monotonic() >= deadline:
                raise _LimitReached
            # The server buffers at most a thousand results and continues as they are read.
            wait = 0.1 if items else min(2.0, wait * 2)
            time.sleep(wait)
    except _LimitReached:
        server.admin("POST", path, query={"forceStop": "true"}, body=options)
        return _Found(objects, bad, fine, doubtful, judged, False)
