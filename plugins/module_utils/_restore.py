"""Rebuilds records from the plain mappings that `_serialize` made of them."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import functools
import typing as t

T = t.TypeVar("T")


def from_json(kind: t.Type[T], data: t.Mapping[str, t.Any]) -> T:
    """Rebuild a record from the result of to_json. Unknown keys raise TypeError: facts of another release are not guessed."""
    hints = _hints(t.cast(t.Hashable, kind))
    return kind(**{key: _build(hints[key], value) if key in hints else value for key, value in data.items()})


@functools.lru_cache(maxsize=None)
def _hints(kind: t.Hashable) -> t.Dict[str, t.Any]:
    return t.get_type_hints(kind)


def _build(hint: t.Any, value: t.Any) -> t.Any:
    if value is None:
        return None
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        return from_json(t.cast("t.Type[t.Any]", hint), value)
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if origin is t.Union:
        return _build(next(item for item in arguments if item is not type(None)), value)
    if origin is tuple:
        return tuple(_build(arguments[0], item) for item in value)
    return value
