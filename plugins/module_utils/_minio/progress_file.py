"""Tells how far long looks have come, in a file that who waits for them can read."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import threading
import typing as t

Tell = t.Callable[[str, int], None]


def nobody(_what: str, _count: int) -> None:
    """Tells nobody."""


def tellers(path: str, names: t.Sequence[str]) -> t.List[Tell]:
    """For each name a function that keeps its line of the file up to date, `NAME: ...`: what was done, and how often. Any thread may call it.

    Without a path nothing is told.
    """
    if not path:
        return [nobody for _name in names]
    lock = threading.Lock()
    seen: t.Dict[str, t.Dict[str, int]] = {name: {} for name in names}

    def teller(name: str) -> Tell:
        def tell(what: str, count: int) -> None:
            with lock:
                seen[name][what] = count
                _write(path, seen)

        return tell

    return [teller(name) for name in names]


def _write(path: str, seen: t.Mapping[str, t.Mapping[str, int]]) -> None:
    # A line that can't be written is not worth a failure.
    with contextlib.suppress(OSError):
        with open(path + ".new", "w", encoding="utf-8") as handle:
            for name, counts in seen.items():
                if counts:
                    told = "; ".join("{0} {1}".format(counts[key], key) for key in sorted(counts))
                    handle.write("{0}: {1}\n".format(name, told))
        os.replace(path + ".new", path)
