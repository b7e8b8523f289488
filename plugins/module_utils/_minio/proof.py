"""Decides whether every object of a MinIO is proven readable from the remaining drives, and whether a drive may be replaced by that.

An object is proven if enough parts of it were counted on the drives, or if it was read. Anything open, such as an error, a limit
or an object that neither of them reached, makes the verdict negative.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import human, printable
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.parts import INTERNAL, Key, Left

Json = t.Dict[str, t.Any]

_NAMED = 5
_RETURNED = 1000
_SAMPLE = 20


class Listed(t.NamedTuple):
    """One object, or one version of it, as S3 lists it; delete markers are not included. `multipart`: it was written in several parts."""

    bucket: str
    key: str
    version: str
    latest: bool
    size: int
    multipart: bool = False

    @property
    def whole_key(self) -> Key:
        """Its name as the drives have it."""
        return self.bucket, self.key, "" if self.version == "null" else self.version


class Failure(t.NamedTuple):
    """A version that can't be read: why, its size in bytes (None if unknown), and the parts that were counted of those needed."""

    key: Key
    why: str
    size: t.Optional[int] = None
    parts: t.Optional[int] = None
    needed: t.Optional[int] = None


class Compared(t.NamedTuple):
    """What the drives hold, compared with S3's list: versions with too few parts, versions to read, versions that S3 does not list, and versions
    that are readable but lack a part on some drive."""

    few: t.List[Failure]
    read: t.List[Listed]
    unlisted: t.List[Key]
    incomplete: t.List[t.Tuple[Key, str]]
    counted: int


def compare(listed: t.Sequence[Listed], left: t.Iterable[t.Tuple[Key, Left]], *, complete: bool) -> Compared:
    """Compare what was counted with S3's list; `complete` if every surviving drive was looked at.

    What has too few parts is never read: releases after July 2021 delete it then. Where a drive was not looked at, its part may be
    there, so what S3 lists is read.
    """
    counted = {key: value for key, value in left if value.needed}
    names = {item.whole_key for item in listed}
    few = [
        Failure(
            key,
            "{0} of the {1} parts needed to read it are left".format(value.parts, value.needed),
            value.size,
            value.parts,
            value.needed,
        )
        for key, value in sorted(counted.items())
        if value.parts < value.needed and (complete or key not in names)
    ]
    enough = {key for key, value in counted.items() if value.parts >= value.needed}
    known = enough | {item.key for item in few}
    return Compared(
        few=few,
        read=[item for item in listed if item.whole_key not in known],
        unlisted=sorted(key for key in enough - names if key[0] != INTERNAL),
        incomplete=[
            (key, "{0} of {1} parts are there".format(value.parts, value.total))
            for key, value in sorted(counted.items())
            if key in enough and value.parts < value.total
        ],
        counted=len(counted),
    )


def verdict(
    *,
    group: str,
    compared: t.Optional[Compared] = None,
    drives: t.Sequence[Json] = (),
    listed: int = 0,
    read: int = 0,
    unread: t.Sequence[Failure] = (),
    error: str = "",
    given_up: t.Collection[str] = (),
    accept_unproven: bool = False,
) -> Json:
    """The record `proof` of the MinIO `group` (NAMESPACE/NAME).

    `drives` are {pod, path, files, error} of the surviving drives. S3 `listed` so many objects, of which `read` were read and `unread` could
    not be. With `error`, not all objects could be checked. `given_up` are names of objects whose loss is approved; `accept_unproven` approves
    the loss of what is not proven.
    """
    seen = compared or Compared([], [], [], [], 0)
    failed = [*seen.few, *unread]
    looked = [item for item in drives if not item["error"]]
    how = "drives" if looked and not read else "drives and reads" if looked else "reads" if read else ""
    approved = [item for item in failed if name(group, item.key) in given_up]
    rest = [item for item in failed if name(group, item.key) not in given_up]
    record = {
        "ok": not failed and not error,
        "how": how,
        "objects": max(seen.counted, listed),
        "listed": listed,
        "counted": seen.counted,
        "read": read,
        "drives": list(drives),
        "not_looked": ["{pod}:{path}: {error}".format(**item) for item in drives if item["error"]],
        "lost": [_told(group, item) for item in failed[:_RETURNED]],
        "lost_count": len(failed),
        "given_up": [name(group, item.key) for item in approved],
        "unlisted": [label(key) for key in seen.unlisted[:_SAMPLE]],
        "unlisted_count": len(seen.unlisted),
        "incomplete": [
            {"bucket": key[0], "object": key[1], "version": key[2], "error": why}
            for key, why in seen.incomplete[:_SAMPLE]
        ],
        "incomplete_count": len(seen.incomplete),
        "error": error,
    }
    record["reason"] = _reason(record, failed)
    record["permitted"] = _permitted(record, rest, approved, accept_unproven=accept_unproven)
    return record


def name(group: str, key: Key) -> str:
    """The name by which an object is given up: NAMESPACE/NAME/BUCKET/KEY, and its version, if it has one, as S3's URLs have it."""
    return "{0}/{1}/{2}{3}".format(group, key[0], key[1], "?versionId=" + key[2] if key[2] else "")


def label(key: Key) -> str:
    """An object for people."""
    return printable("{0}/{1}{2}".format(key[0], key[1], " version " + key[2] if key[2] else ""))


def _told(group: str, item: Failure) -> Json:
    bucket, key, version = item.key
    return {
        "bucket": bucket,
        "key": key,
        "version": version,
        "size": item.size,
        "parts": item.parts,
        "needed": item.needed,
        "why": item.why,
        "name": name(group, item.key),
    }


def _reason(record: Json, failed: t.Sequence[Failure]) -> str:
    told = []
    if failed:
        told.append(
            "{0} of {1} objects are not proven readable from the remaining drives: {2}".format(
                len(failed), max(record["objects"], len(failed)), _names(failed)
            )
        )
    if record["error"]:
        told.append("not all objects are proven readable from the remaining drives: {0}".format(record["error"]))
    if not told and not record["objects"]:
        told.append("there is no object")
    elif not told:
        told.append("all {0} objects are readable from the remaining drives".format(record["objects"]))
    return "; ".join([*told, *_how(record)])


def _how(record: Json) -> t.Iterator[str]:
    """What was looked at, how, how many, and what could not be."""
    looked = len(record["drives"]) - len(record["not_looked"])
    if looked:
        yield "the parts of {0} versions were counted on {1} drives".format(record["counted"], looked)
    if record["drives"] or record["listed"]:
        yield "S3 lists {0}".format(record["listed"])
    if record["read"]:
        yield "a byte of {0} was read".format(record["read"])
    if record["incomplete_count"]:
        yield "{0} lack a part on one of these drives ({1})".format(
            record["incomplete_count"],
            ", ".join("{bucket}/{object}".format(**item) for item in record["incomplete"][:_NAMED]),
        )
    if record["unlisted_count"]:
        yield "{0} have enough parts and are not listed by S3 ({1})".format(
            record["unlisted_count"], ", ".join(record["unlisted"][:_NAMED])
        )
    if record["not_looked"]:
        yield "not looked at, so that an object which S3 does not list was not looked for there: {0}".format(
            ", ".join(record["not_looked"])
        )


def _permitted(
    record: Json, rest: t.Sequence[Failure], approved: t.Sequence[Failure], *, accept_unproven: bool
) -> Json:
    """Whether a lost drive may be replaced by an empty one, as far as its objects are concerned: {ok, reason}."""
    if rest:
        reason = (
            "{0}. An empty drive in place of a lost one makes MinIO delete what is left of them. Bring the lost drive or the missing parts back, or, "
            "if they are to be lost, name each in replace_master_give_up_objects".format(record["reason"])
        )
        return {"ok": False, "reason": reason}
    if record["error"] and not accept_unproven:
        reason = (
            "{0}. Remove the cause and run again, or, if the loss of what is not proven is acceptable, name the group in "
            "replace_master_accept_unproven".format(record["reason"])
        )
        return {"ok": False, "reason": reason}
    told = [record["reason"]]
    if approved:
        told.append("given up by name: {0}".format(_names(approved)))
    if record["error"]:
        told.append("accepted without proof by replace_master_accept_unproven")
    return {"ok": True, "reason": "; ".join(told)}


def _names(failed: t.Sequence[Failure]) -> str:
    told = ", ".join(
        "{0} ({1}{2})".format(
            label(item.key), "{0}, ".format(human(item.size)) if item.size is not None else "", item.why
        )
        for item in failed[:_NAMED]
    )
    return told + (" and {0} more".format(len(failed) - _NAMED) if len(failed) > _NAMED else "")
