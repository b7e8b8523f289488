"""Decodes MessagePack, as far as MinIO's metadata uses it. Hosts have no library for it."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
import typing as t

# Code: how a number is packed.
_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
# Code: kind of content, and how its length is packed.
_LONG = {
    0xC4: ("bytes", ">B"),
    0xC5: ("bytes", ">H"),
    0xC6: ("bytes", ">I"),
    0xC7: ("other", ">B"),
    0xC8: ("other", ">H"),
    0xC9: ("other", ">I"),
    0xD9: ("text", ">B"),
    0xDA: ("text", ">H"),
    0xDB: ("text", ">I"),
    0xDC: ("list", ">H"),
    0xDD: ("list", ">I"),
    0xDE: ("map", ">H"),
    0xDF: ("map", ">I"),
}
# Types of an application's own, of fixed lengths.
_FIXED_OTHER = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_PLAIN = {0xC0: None, 0xC2: False, 0xC3: True}
_DEPTH = 32


class Cut(ValueError):
    """The data ends before the value does."""


def decode(data: bytes, at: int = 0, depth: int = 0) -> t.Tuple[t.Any, int]:
    """The value at a position, and the position behind it; a type of an application's own is its bytes. Raises ValueError; Cut for cut data."""
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    code = _take(data, at, 1)[0]
    at += 1
    if code <= 0x7F:
        return code, at
    if code >= 0xE0:
        return code - 0x100, at
    if code in _PLAIN:
        return _PLAIN[code], at
    if code in _NUMBERS:
        width = struct.calcsize(_NUMBERS[code])
        return struct.unpack(_NUMBERS[code], _take(data, at, width))[0], at + width
    if code in _FIXED_OTHER:
        length = _FIXED_OTHER[code] + 1
        return _take(data, at, length)[1:], at + length
    if code in _LONG:
        kind, form = _LONG[code]
        width = struct.calcsize(form)
        count = struct.unpack(form, _take(data, at, width))[0]
        return _content(data, at + width, kind, count, depth)
    if code <= 0x8F:
        return _content(data, at, "map", code & 0x0F, depth)
    if code <= 0x9F:
        return _content(data, at, "list", code & 0x0F, depth)
    if code <= 0xBF:
        return _content(data, at, "text", code & 0x1F, depth)
    raise ValueError("unknown code {0:#x}".format(code))


def _content(data: bytes, at: int, kind: str, count: int, depth: int) -> t.Tuple[t.Any, int]:
    if kind == "text":
        return _take(data, at, count).decode("utf-8", "surrogateescape"), at + count
    if kind == "bytes":
        return _take(data, at, count), at + count
    if kind == "other":
        return _take(data, at, count + 1)[1:], at + count + 1
    items: t.List[t.Any] = []
    for _ in range(count * (2 if kind == "map" else 1)):
        item, at = decode(data, at, depth + 1)
        items.append(item)
    return (items if kind == "list" else dict(zip(items[::2], items[1::2]))), at


def _take(data: bytes, at: int, length: int) -> bytes:
    found = data[at : at + length]
    if len(found) < length:
        raise Cut("the data is cut")
    return found
