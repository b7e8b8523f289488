# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind says of its own images, read from its source: stages of a Dockerfile, constants of Go."""

from __future__ import annotations

import re

_TOKEN = re.compile(r'`([^`]*)`|"((?:[^"\\]|\\.)*)"|(\w+)')
_CONST = re.compile(
    r"^const (\w+) = ((?:`[^`]*`|\"(?:[^\"\\]|\\.)*\"|\w+)(?:\s*\+\s*(?:`[^`]*`|\"[^\"]*\"|\w+))*)", re.M
)


def constants(text: str) -> dict[str, str]:
    """The string constants of a Go file, those put together with `+` too. What names an unknown constant is left out."""
    found: dict[str, str] = {}
    for name, expression in _CONST.findall(text):
        parts = [(raw or quoted, other) for raw, quoted, other in _TOKEN.findall(expression)]
        if all(not other or other in found for _, other in parts):
            found[name] = "".join(found[other] if other else literal for literal, other in parts)
    return found


def steps(dockerfile: str, stage: str) -> list[tuple[str, str]]:
    """The instructions of one stage, as (COPY, arguments), with continued lines joined and comments left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found: list[tuple[str, str]] = []
    current = ""
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            current = rest.split()[-1] if " AS " in rest else ""
        elif current == stage:
            found.append((word, " ".join(rest.split())))
    return found
