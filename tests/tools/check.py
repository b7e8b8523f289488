# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs parts of the checks and ends with a table of them: check.py LOGS [--not-run PART=WHY]... LANE...

A LANE is a comma-separated list of make targets that run one after the other; TARGET:NAME=VALUE gives one a variable. The lanes run side by side. The first
lane's output is shown as it comes, that of the others is kept in LOGS/PART.log, and its end is shown if the part failed. Exits with 1 if a part failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL = 200


@dataclass(frozen=True)
class Part:
    """`result` is passed, FAILED or not run; `seconds` is None if it was not run, `why` says why then, and where the log is if it failed."""

    name: str
    result: str
    seconds: float | None = None
    why: str = ""


def table(parts: Sequence[Part], total: float) -> list[str]:
    width = max(len(part.name) for part in parts)
    rows = [
        "{0:<{1}}  {2:>7}  {3:<7}  {4}".format(
            part.name, width, "-" if part.seconds is None else f"{part.seconds:.0f} s", part.result, part.why
        ).rstrip()
        for part in parts
    ]
    return [
        "",
        "{0:<{1}}  {2:>7}  {3}".format("PART", width, "TIME", "RESULT"),
        *rows,
        f"{'in all':<{width}}  {total:>5.0f} s",
    ]


def run(words: str, logs: Path | None, before: Sequence[str] = ()) -> Part:
    """Run a make target, with its output in its log, or as it comes without a folder for logs. `before` goes before make."""
    target, *variables = words.split(":")
    log = logs and logs / f"{target}.log"
    started = time.monotonic()
    argv = [*before, os.environ.get("MAKE", "make"), "--no-print-directory", target, *variables]
    if log is None:
        code = subprocess.run(argv, check=False).returncode
    else:
        with log.open("wb") as out:
            code = subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    seconds = time.monotonic() - started
    if code == 0:
        return Part(target, "passed", seconds)
    return Part(target, "FAILED", seconds, "" if log is None else f"log: {log}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path)
    parser.add_argument("lanes", nargs="+", metavar="LANE")
    parser.add_argument("--not-run", action="append", default=[], metavar="PART=WHY")
    given = parser.parse_args()
    lanes = [lane.split(",") for lane in given.lanes if lane]
    done: dict[str, Part] = {}

    def follow(lane: Sequence[str], logs: Path | None) -> None:
        # The other lanes have clusters whose timeouts count real seconds: what only computes gives way to them.
        before = ["nice", "-n", "15"] if logs is None and len(lanes) > 1 else []
        for words in lane:
            done[words] = run(words, logs, before)

    started = time.monotonic()
    threads = [
        threading.Thread(target=follow, args=(lane, given.logs if number else None))
        for number, lane in enumerate(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [done[words] for lane in lanes for words in lane]
    for part in parts:
        if part.result == "FAILED" and part.why:
            text = (given.logs / f"{part.name}.log").read_text(errors="replace").splitlines()
            print("\n".join(["", f"== the end of {part.name}", *text[-TAIL:]]))
    parts += [
        Part(name, "not run", None, why) for name, _equals, why in (item.partition("=") for item in given.not_run)
    ]
    print("\n".join(table(parts, time.monotonic() - started)), flush=True)
    if any(part.result == "FAILED" for part in parts):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
