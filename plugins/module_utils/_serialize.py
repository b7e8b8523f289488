"""Converts records to plain mappings: the shape of facts, the journal and the report. `_restore` converts them back."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t


def to_json(value: t.Any) -> t.Any:
    """Turn a record, a named tuple or a dataclass, into plain mappings and lists."""
    # By their marks: the hosts' Python 3.6 has no dataclasses.
    fields = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", None)
    if fields and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in fields}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, t.Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return value
