"""Tells how far a long look has come, in a file that who waits for it can read."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import typing as t


def teller(path: str) -> t.Callable[[str, int], None]:
    """A function that keeps the file up to date: what was done, and how often. Without a path it does nothing."""
    seen: t.Dict[str, int] = {}

    def tell(what: str, count: int) -> None:
        seen[what] = count
        if not path:
            return
        # A line that can't be written is not worth a failure.
        with contextlib.suppress(OSError):
            with open(path + ".new", "w", encoding="utf-8") as handle:
                handle.write("; ".join("{0} {1}".format(seen[key], key) for key in sorted(seen)))
            os.replace(path + ".new", path)

    return tell
