# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the cases that disturb replacements, and prints a table. Results are kept, so that it can be stopped and goes on where it was.

make torture ARGS="--rows kills,cuts --providers k3s --sample 20 --seed 7"
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks import cases, rows
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import cache, fingerprint, kept

Json = dict[str, Any]


def main() -> int:
    """Exit with 1 when anything was unsafe, found or wrong."""
    given = _arguments()
    benches = {provider: rows.Bench(provider, kept()) for provider in given.providers}
    with contextlib.ExitStack() as worlds:
        for bench in benches.values():
            worlds.callback(bench.end)
        return _run(given, benches)


def _run(given: argparse.Namespace, benches: dict[str, rows.Bench]) -> int:
    results = given.results or _default_results()
    done = {} if given.again else _read(results)
    wanted: list[cases.Case] = []
    for provider, bench in benches.items():
        _say("a run of {0} that nothing disturbs ...".format(provider))
        found = bench.known()
        wanted += cases.every(provider, found.trace, found.connections, found.requests, given.seed)
    wanted = [item for item in wanted if item.row in given.rows and re.search(given.match, item.key)]
    total = len(wanted)
    if given.sample:
        wanted = _sampled(wanted, given.sample, given.seed)
    if given.list:
        _say("\n".join(item.key for item in wanted))
        return 0
    todo = [item for item in wanted if item.key not in done]
    _say(
        "{0} of {1} cases, {2} of them known; results are in {3}".format(
            len(wanted), total, len(wanted) - len(todo), results
        )
    )
    deadline = time.monotonic() + given.seconds if given.seconds else float("inf")
    lock = threading.Lock()

    def one(case: cases.Case) -> None:
        if time.monotonic() > deadline:
            return
        begun = time.monotonic()
        verdict = rows.attempt(case, benches[case.provider])
        entry = {"key": case.key, "row": case.row, "seconds": round(time.monotonic() - begun, 1)}
        entry.update(unsafe=verdict.unsafe, secrets=verdict.secrets, wrong=verdict.wrong)
        with lock:
            done[case.key] = entry
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry) + "\n")
            _say("{0:6} {1:5.0f} s  {2}".format("ok" if verdict.ok else "WRONG", entry["seconds"], case.key))
            for text in (*verdict.unsafe, *verdict.secrets, *verdict.wrong):
                _say("              " + text[:300])

    def all_of(provider: str) -> None:
        for case in todo:
            if case.provider == provider:
                one(case)

    with ThreadPoolExecutor(max_workers=len(benches)) as pool:
        list(pool.map(all_of, benches))
    ran = [done[item.key] for item in wanted if item.key in done]
    _say(table(ran, given.seed, len(wanted)))
    return int(any(item["unsafe"] or item["secrets"] or item["wrong"] for item in ran))


def table(ran: Iterable[Json], seed: int, wanted: int) -> str:
    """The table for docs/testing.md."""
    lines = ["", "| row | cases | unsafe acts | secrets found | wrong ends |", "| --- | --- | --- | --- | --- |"]
    sums = [0, 0, 0, 0]
    entries = list(ran)
    for row in rows.ROWS:
        mine = [item for item in entries if item["row"] == row]
        counts = [len(mine), *(sum(bool(item[key]) for item in mine) for key in ("unsafe", "secrets", "wrong"))]
        sums = [one + two for one, two in zip(sums, counts, strict=True)]
        lines.append("| {0} | {1} | {2} | {3} | {4} |".format(row, *counts))
    lines.append("| all | {0} | {1} | {2} | {3} |".format(*sums))
    return "\n".join([*lines, "", "seed {0}; {1} of {2} cases were run".format(seed, len(entries), wanted)])


def _sampled(wanted: list[cases.Case], number: int, seed: int) -> list[cases.Case]:
    """So many of each row."""
    chance = random.Random(seed)
    found = []
    for row in rows.ROWS:
        mine = [item for item in wanted if item.row == row]
        found += chance.sample(mine, min(number, len(mine)))
    return found


def _read(results: Path) -> dict[str, Json]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
    return {item["key"]: item for item in map(json.loads, lines)}


def _default_results() -> Path:
    cache().mkdir(parents=True, exist_ok=True)
    return cache() / "torture-{0}.jsonl".format(fingerprint())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def listed(text: str) -> list[str]:
        return [item.strip() for item in text.split(",")]

    parser.add_argument("--rows", type=listed, default=list(rows.ROWS), help="of: " + ", ".join(rows.ROWS))
    parser.add_argument("--providers", type=listed, default=list(cases.PROVIDERS))
    parser.add_argument("--match", default="", help="only cases whose name has this regular expression")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="N cases of each row, by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="start no case after that time")
    parser.add_argument(
        "--results", type=Path, help="where results are kept; by default a file in the cache for this code"
    )
    parser.add_argument("--again", action="store_true", help="run cases with a known result too")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
