"""Converts records to plain mappings and back: the shape of facts, the journal and the report."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import functools
import typing as t

T = t.TypeVar("T")


def to_json(value: t.Any) -> t.Any:
    """Turn a record into plain mappings and lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, t.Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return value


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
    if dataclasses.is_dataclass(hint):
        return from_json(t.cast("t.Type[t.Any]", hint), value)
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if origin is t.Union:
        return _build(next(item for item in arguments if item is not type(None)), value)
    if origin is tuple:
        return tuple(_build(arguments[0], item) for item in value)
    return value
