"""Counts, from what each drive holds, the parts that are left of every object, against its erasure layout."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.msgpack import Cut
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.walk import Entry, is_metadata
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.xlmeta import Meta, Version, parse

# Bucket, key and version; the version is empty for the null version.
Key = t.Tuple[str, str, str]
# Pool and set of a drive: the parts of an object are in one set.
Place = t.Tuple[int, int]

_FOLDER = "__XLDIR__"
# MinIO's own data, which S3 does not list.
INTERNAL = ".minio.sys"


class Left(t.NamedTuple):
    """What is left of a version: `parts` of it are there, `needed` to read it, `total` on all drives that were looked at. `needed` is 0 for a delete
    marker."""

    parts: int
    needed: int
    total: int
    size: int


class File:
    """A file of a drive, with its metadata parsed: `state` is `cut` if more of it must be read, `torn` if it changed, `bad` if it is unusable."""

    __slots__ = ("meta", "path", "size", "state")

    def __init__(self, entry: Entry) -> None:
        self.path, self.size = entry.path, entry.size
        self.meta: t.Optional[Meta] = None
        self.state = "torn" if entry.torn else ""
        if not is_metadata(entry.path) or entry.torn:
            return
        try:
            self.meta = parse(entry.content, name=entry.path.rsplit("/", 1)[-1])
        except Cut:
            self.state = "cut" if len(entry.content) < entry.size else "bad"
        except ValueError:
            # Cut JSON is no JSON.
            self.state = "cut" if len(entry.content) < entry.size and entry.path.endswith(".json") else "bad"


class Parts:
    """The parts found so far, drive by drive."""

    def __init__(self) -> None:
        # Of each version, by set and what its parts have in common: the places of the parts that are there, as bits.
        self._found: t.Dict[Key, t.Dict[t.Tuple[t.Any, ...], int]] = {}
        # Objects with data or unusable metadata on a drive.
        self._bare: t.Set[t.Tuple[str, str]] = set()
        # Objects whose metadata must be read again: whole (True), or because it changed.
        self.again: t.Dict[t.Tuple[str, str], bool] = {}
        # Drives that were looked at, by set.
        self.drives: t.Counter[Place] = collections.Counter()

    def add(self, place: Place, root: str, files: t.Iterable[File]) -> None:
        """Add all files of one drive, whose folder is `root`, or of some objects of it."""
        sizes: t.Dict[str, int] = {}
        metadata: t.List[File] = []
        start = len(root.rstrip("/")) + 1
        for file in files:
            if is_metadata(file.path):
                metadata.append(file)
            else:
                sizes[file.path[start:]] = file.size
        for file in metadata:
            self._add(place, file.path[start:].rpartition("/")[0], file, sizes)
        for path in sizes:
            owner = _owner(path)
            if owner is not None:
                self._bare.add(owner)

    def forget(self, keys: t.Iterable[t.Tuple[str, str]]) -> None:
        """Drop what was found of these objects, to add them anew."""
        gone = set(keys)
        self._found = {key: value for key, value in self._found.items() if key[:2] not in gone}
        self._bare -= gone
        for key in gone:
            self.again.pop(key, None)

    def left(self) -> t.Iterator[t.Tuple[Key, Left]]:
        """What is left of each version. An object without usable metadata on any drive has nothing left of an unknown version."""
        known = set()
        for key, groups in self._found.items():
            known.add(key[:2])
            yield key, max((self._left(group, bits) for group, bits in groups.items()), key=_worth)
        for bucket, name in sorted(self._bare - known):
            yield (bucket, name, ""), Left(0, 1, 1, 0)

    def _left(self, group: t.Tuple[t.Any, ...], bits: int) -> Left:
        place, marker, _version, _modified, size, data, parity = group
        total = min(data + parity, self.drives[place] or data + parity)
        return Left(bin(bits).count("1"), 0 if marker else data, 0 if marker else total, size)

    def _add(self, place: Place, folder: str, file: File, sizes: t.Dict[str, int]) -> None:
        bucket, key = _named(folder)
        if file.state in ("cut", "torn"):
            self.again[bucket, key] = file.state == "cut"
        if file.meta is None:
            self._bare.add((bucket, key))
            return
        meta = file.meta
        in_files = {version: bool(version.files) and _all_there(version, folder, sizes) for version in meta.versions}
        # Data inside the metadata file, of all its versions. The release of June 2021 writes files when it heals a drive, and the metadata says `inline` still.
        inline = sum(version.inline for version in meta.versions if not in_files[version])
        inside = file.size >= meta.length + inline
        for version in meta.versions:
            there = in_files[version] or (inside if version.inline else not version.files)
            groups = self._found.setdefault((bucket, key, version.version), {})
            group = (place, version.marker, *version.wanted)
            groups[group] = groups.get(group, 0) | ((1 << version.place) if there else 0)


def _all_there(version: Version, folder: str, sizes: t.Dict[str, int]) -> bool:
    return all(sizes.get("{0}/{1}".format(folder, path), -1) in wanted for path, wanted in version.files)


def _worth(left: Left) -> t.Tuple[bool, int]:
    return left.parts >= left.needed, left.parts


def _named(folder: str) -> t.Tuple[str, str]:
    """Bucket and key of an object's folder. A key that ends in a slash has a suffix instead."""
    bucket, _, key = folder.partition("/")
    return bucket, key[: -len(_FOLDER)] + "/" if key.endswith(_FOLDER) else key


def folder_of(bucket: str, key: str) -> str:
    """The folder of an object, below that of the drive."""
    return "{0}/{1}".format(bucket, key[:-1] + _FOLDER if key.endswith("/") else key)


def _owner(path: str) -> t.Optional[t.Tuple[str, str]]:
    """The object that a part belongs to, or None for another file."""
    folders, _, name = path.rpartition("/")
    if not name.startswith("part.") or not name[len("part.") :].isdigit():
        return None
    parent, _, last = folders.rpartition("/")
    # Before June 2020 the parts are beside the metadata; the folder between is named by an ID, or `legacy`.
    between = last == "legacy" or (len(last) == 36 and last.count("-") == 4)
    bucket, key = _named(parent if between else folders)
    return (bucket, key) if key else None
