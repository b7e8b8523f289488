"""What the controller lacks: Python packages and collections. Pure: judges requirements and installed versions."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError


def packages(text: str) -> t.Dict[str, str]:
    """{name: lowest version} of a requirements file. Raises HaError for a line of another form than NAME>=VERSION."""
    found = {}
    for line in text.splitlines():
        words = line.partition("#")[0].strip()
        match = re.fullmatch(r"([\w.-]+)\s*>=\s*([\d.]+)", words)
        if words and not match:
            raise HaError("the requirement {0!r} is not NAME>=VERSION".format(words))
        if match:
            found[match.group(1)] = match.group(2)
    return found


def missing(
    needed: t.Mapping[str, str], installed: t.Mapping[str, t.Optional[str]], *, kind: str, where: str = ""
) -> t.List[str]:
    """What is not installed or too old, one phrase each; `installed` has None for what is not there, "" for an unknown version."""
    found = []
    for name, lowest in needed.items():
        version = installed.get(name)
        if version is None:
            found.append("the {0} {1} ({2} or later){3}".format(kind, name, lowest, where))
        elif version and _numbers(version) < _numbers(lowest):
            found.append("the {0} {1} in {2} or later, not {3}{4}".format(kind, name, lowest, version, where))
    return found


def _numbers(version: str) -> t.Tuple[int, ...]:
    """The leading numbers of a version. Trailing zeros do not count: 6.0 is 6.0.0."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match.group(0).split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
