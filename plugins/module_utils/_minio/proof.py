"""Decides whether every object of a MinIO is proven readable from the remaining drives: the scan's findings, the objects still to read, and the verdict.

An object is proven if the scan found enough parts of it, or if it was read. Anything open, such as an error, a limit
or an object that neither of them reached, makes the verdict negative.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

Json = t.Dict[str, t.Any]
# Bucket, key and version; the version is empty if none is reported.
Key = t.Tuple[str, str, str]

_NAMED = 5
_RETURNED = 100
_NO_VERSION = ("", "null")


class Listed(t.NamedTuple):
    """One object, or one version of it, as S3 lists it; delete markers are not included. `multipart`: it was written in several parts."""

    bucket: str
    key: str
    version: str
    latest: bool
    size: int
    multipart: bool = False


class Seen:
    """A scan's verdict on each object: `good` can be read, `bad` can't (with the reason), `doubtful` was not judged."""

    def __init__(self) -> None:
        self.good: t.Set[Key] = set()
        self.bad: t.Dict[Key, str] = {}
        self.doubtful: t.Set[Key] = set()

    def note(self, bucket: str, item: Json, why: str) -> None:
        """Keep one item of a scan; `why` says why it can't be read, or is empty. The last verdict on an object counts."""
        if item.get("type") != "object":
            return
        key = (bucket, str(item.get("object") or ""), str(item.get("versionId") or ""))
        self.good.discard(key)
        self.bad.pop(key, None)
        self.doubtful.discard(key)
        if _not_judged(item):
            self.doubtful.add(key)
        elif why:
            self.bad[key] = why
        elif int(item.get("dataBlocks") or 0) > 0:
            self.good.add(key)

    def forget(self, bucket: str, names: t.Collection[t.Tuple[str, str]]) -> None:
        """Drop objects, each a name and a version, that no longer exist."""
        for name, version in names:
            self.bad.pop((bucket, name, version), None)
            self.doubtful.discard((bucket, name, version))


class Open(t.NamedTuple):
    """The work after a scan: objects that it found unreadable, objects to read, and those of them to read in full."""

    bad: t.List[Key]
    read: t.List[Listed]
    whole: t.Set[Listed]


def left_open(listed: t.Sequence[Listed], seen: Seen) -> Open:
    """Compare S3's list with the scan. An item without a version refers to the latest one."""
    bad, read, whole = set(seen.bad), [], set()
    for item in listed:
        keys = {(item.bucket, item.key, item.version)}
        if item.latest or item.version in _NO_VERSION:
            keys |= {(item.bucket, item.key, name) for name in _NO_VERSION if item.latest or name == item.version}
        if keys & bad:
            continue
        if keys & seen.doubtful:
            whole.add(item)
        elif keys & seen.good:
            continue
        read.append(item)
    return Open(sorted(bad), read, whole)


def verdict(
    *,
    listed: int,
    scanned: bool,
    scan_error: str = "",
    bad: t.Sequence[Key] = (),
    unread: t.Sequence[t.Tuple[Key, str]] = (),
    reads: int = 0,
    error: str = "",
) -> Json:
    """The record `proof`.

    `listed` objects were listed; `scanned`: a scan was made, and `scan_error` is its error. `bad` are the objects that
    it found unreadable, `unread` those of the `reads` whose read failed, with the reason. With `error`, not all
    objects could be checked.
    """
    failed = [(key, "too few parts are left") for key in bad] + list(unread)
    how = "read" if reads or unread else "scan" if scanned and not scan_error else "read" if not error else ""
    record = {
        "ok": not failed and not error,
        "how": how,
        "objects": listed,
        "unread": [_named(key) for key, _why in failed[:_RETURNED]],
    }
    before = "the scan could not be used ({0}); ".format(scan_error) if scan_error else ""
    if failed:
        names = ", ".join("{0} ({1})".format(_label(key), why) for key, why in failed[:_NAMED])
        more = " and {0} more".format(len(failed) - _NAMED) if len(failed) > _NAMED else ""
        also = "; {0}".format(error) if error else ""
        reason = "{0}{1} of {2} objects are not proven readable from the remaining drives: {3}{4}{5}".format(
            before, len(failed), max(listed, len(failed)), names, more, also
        )
    elif error:
        reason = "{0}not all objects are proven readable from the remaining drives: {1}".format(before, error)
    elif not listed:
        reason = "{0}S3 lists no object".format(before)
    elif how == "scan":
        reason = "the scan found enough parts of all {0} objects".format(listed)
    else:
        some = "the scan saw {0} of {1} objects".format(listed - reads, listed) + "; " if scanned and not before else ""
        reason = "{0}{1}{2} objects were read".format(before, some, reads)
    return {**record, "reason": reason}


def _not_judged(item: Json) -> bool:
    """Whether an item is the empty answer for a version that is the same on all drives: releases of 2021 report each drive as corrupt then."""
    drives = (item.get("before") or {}).get("drives") or []
    states = {str(drive.get("state")) for drive in drives}
    versioned = str(item.get("versionId") or "") not in _NO_VERSION
    return versioned and not item.get("detail") and "corrupt" in states and states <= {"corrupt", "offline"}


def _named(key: Key) -> Json:
    bucket, name, version = key
    return {"bucket": bucket, "key": name, **({"version": version} if version not in _NO_VERSION else {})}


def _label(key: Key) -> str:
    bucket, name, version = key
    return "{0}/{1}{2}".format(bucket, name, " version " + version if version not in _NO_VERSION else "")
