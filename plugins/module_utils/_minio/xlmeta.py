"""Parses the metadata that MinIO keeps of an object on each drive: which versions there are, and the size each part must have.

`xl.meta` holds all versions in one file, in the forms of 2020 to 2026, and may hold the data of small objects behind them. `xl.json`, of
before June 2020, holds the only version; so does an `xl.meta` that was made of it.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import json
import struct
import typing as t
import uuid

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.msgpack import Cut, decode

Json = t.Dict[t.Any, t.Any]

_MAGIC = b"XL2 "
_FIRST_FORM = b"1   "
_OBJECT, _MARKER, _LEGACY = 1, 2, 3
# A checksum of this many bytes precedes each block of a part.
_CHECKSUM = 32
_INLINE = "x-minio-internal-inline-data"
_MOVED = "x-minio-internal-transition-status"


class Version(t.NamedTuple):
    """One version of an object, as one drive has it.

    `version` is empty for the null version. `data` and `parity` are its numbers of parts, `place` is the number of this drive's.
    `files` are the files that hold this drive's part, by their path below the object's folder, each with the sizes it may have. A delete
    marker, and a version whose data was moved to another storage, has no `files` and needs none. `inline` is the number of
    bytes that its metadata file holds of it in place of the files; a drive that was healed by a release of 2021 may have the files all the same.
    """

    version: str
    modified: str
    data: int
    parity: int
    place: int
    size: int
    marker: bool
    files: t.Tuple[t.Tuple[str, t.FrozenSet[int]], ...]
    inline: int = 0

    @property
    def wanted(self) -> t.Tuple[str, str, int, int, int]:
        """What parts must have in common to belong together."""
        return self.version, self.modified, self.size, self.data, self.parity


class Meta(t.NamedTuple):
    """The versions of one metadata file, and the number of bytes before the data of small objects."""

    versions: t.Tuple[Version, ...]
    length: int


def parse(content: bytes, *, name: str) -> Meta:
    """Read a metadata file, `xl.meta` or `xl.json`, or its first bytes if those hold all versions. Raises Cut if they do not, and ValueError."""
    try:
        if name == "xl.json":
            return Meta((_first(json.loads(content.decode("utf-8")), folder=""),), len(content))
        return _second(content)
    except ValueError:
        raise
    except (LookupError, TypeError, AttributeError, OverflowError, RecursionError, struct.error) as exc:
        raise ValueError("{0}: {1}".format(type(exc).__name__, exc)) from exc


@functools.lru_cache(maxsize=4096)
def sizes(*, size: int, data: int, block: int) -> t.FrozenSet[int]:
    """The sizes that a drive's file may have for a part of `size` bytes: with checksums between its blocks, or without."""
    if size <= 0:
        return frozenset((0,))
    shard = -(-block // data)
    length = size // block * shard + -(-(size % block) // data)
    return frozenset((length, length + -(-length // shard) * _CHECKSUM))


def _second(content: bytes) -> Meta:
    if not _MAGIC.startswith(content[:4]):
        raise ValueError("it does not begin as MinIO's metadata does")
    if len(content) < 2 * len(_MAGIC):
        raise Cut("the metadata is cut")
    form = (1, 0) if content[4:8] == _FIRST_FORM else struct.unpack("<HH", content[4:8])
    if form[0] != 1:
        raise ValueError("its form {0}.{1} is not known".format(*form))
    if form == (1, 0):
        body, end = decode(content, 8)
        return Meta(tuple(_version(item) for item in body["Versions"] or ()), end)
    packed, end = decode(content, 8)
    # The checksum of the metadata, an integer.
    if form[1] >= 2:
        _checksum, end = decode(content, end)
    if form[1] < 3:
        body, _end = decode(packed)
        return Meta(tuple(_version(item) for item in body["Versions"] or ()), end)
    _header, at = decode(packed)
    _form, at = decode(packed, at)
    count, at = decode(packed, at)
    versions = []
    for _ in range(count):
        _header, at = decode(packed, at)
        item, at = decode(packed, at)
        versions.append(_version(decode(item)[0]))
    return Meta(tuple(versions), end)


def _version(item: Json) -> Version:
    kind = item["Type"]
    if kind == _LEGACY:
        return _first(item["V1Obj"], folder="legacy/")
    if kind == _MARKER:
        told = item["DelObj"]
        return Version(_id(told["ID"]), str(told["MTime"]), 0, 0, 0, 0, True, ())
    if kind != _OBJECT:
        raise ValueError("a version of the unknown kind {0}".format(kind))
    told = item["V2Obj"]
    system = told.get("MetaSys") or {}
    parts = list(zip(told["PartNums"] or (), told["PartSizes"] or ()))
    data, block = _numbers(told["EcM"], told["EcBSize"])
    files: t.List[t.Tuple[str, t.FrozenSet[int]]] = []
    inline = 0
    if _INLINE in system:
        inline = sum(max(sizes(size=size, data=data, block=block)) for _number, size in parts)
    if system.get(_MOVED) != b"complete":
        folder = str(uuid.UUID(bytes=bytes(told["DDir"])))
        files = [
            ("{0}/part.{1}".format(folder, number), sizes(size=size, data=data, block=block)) for number, size in parts
        ]
    return Version(
        version=_id(told["ID"]),
        modified=str(told["MTime"]),
        data=data,
        parity=int(told["EcN"]),
        place=int(told["EcIndex"]),
        size=int(told["Size"]),
        marker=False,
        # MinIO keeps no file for no bytes.
        files=tuple(files) if told["Size"] else (),
        inline=inline,
    )


def _first(told: Json, *, folder: str) -> Version:
    """The only version of the form before June 2020, from JSON or MessagePack."""
    lower = {str(key).lower(): value for key, value in told.items()}
    erasure = {str(key).lower(): value for key, value in lower["erasure"].items()}
    stat = {str(key).lower(): value for key, value in lower["stat"].items()}
    data, block = _numbers(erasure.get("data", erasure.get("datablocks")), erasure["blocksize"])
    parts = [{str(key).lower(): value for key, value in part.items()} for part in lower.get("parts") or ()]
    modified = stat["modtime"]
    return Version(
        version="",
        modified=modified.hex() if isinstance(modified, bytes) else str(modified),
        data=data,
        parity=int(erasure["parity"] if "parity" in erasure else erasure["parityblocks"]),
        place=int(erasure["index"]),
        size=int(stat["size"]),
        marker=False,
        files=tuple(
            ("{0}part.{1}".format(folder, part["number"]), sizes(size=part["size"], data=data, block=block))
            for part in parts
        )
        if stat["size"]
        else (),
    )


def _numbers(data: t.Any, block: t.Any) -> t.Tuple[int, int]:
    if not 0 < int(data) <= 256 or int(block) <= 0:
        raise ValueError("its layout of {0} data parts with blocks of {1} bytes is impossible".format(data, block))
    return int(data), int(block)


def _id(raw: bytes) -> str:
    if len(raw) != 16:
        raise ValueError("a version ID of {0} bytes".format(len(raw)))
    return str(uuid.UUID(bytes=bytes(raw))) if any(raw) else ""
