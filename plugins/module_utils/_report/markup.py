"""HTML elements as text. Whatever is put in is escaped, unless it is an element already. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html
import typing as t


class Markup(str):
    """Text that is HTML already."""


def escape(text: t.Any) -> Markup:
    """Escape text, and show control characters as U+FFFD: names and messages of a cluster are data."""
    if isinstance(text, Markup):
        return text
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text))
    return Markup(html.escape(plain))


def element(tag: str, *content: t.Any, **attributes: t.Any) -> Markup:
    """One element. `cls` is its class; other attributes keep their names, with '-' for '_'."""
    names = {"cls": "class"}
    told = "".join(
        ' {0}="{1}"'.format(names.get(name, name.replace("_", "-")), escape(value))
        for name, value in attributes.items()
        if value not in ("", None)
    )
    return Markup("<{0}{1}>{2}</{0}>".format(tag, told, join(content)))


def join(parts: t.Iterable[t.Any], between: str = "") -> Markup:
    """Several parts, one after the other."""
    return Markup(escape(between).join(escape(part) for part in parts))
