# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures discovery of large clusters: scale.py FILE. Prints a table and writes it, with the machine and the date, into the FILE."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.cloudpods.ha.tests.bench.large_cluster import NAMESPACES, large_cluster, serve

SIZES = (1000, 2000, 5000, 10000, 20000)
RUNS = 3
MEBIBYTE = 2**20
# What discovery of 10,000 pods may take.
MARK_PODS, MARK_SECONDS, MARK_BYTES, MARK_GROWTH = 10000, 4.0, 200 * MEBIBYTE, 2.2
BEGIN, END = "<!-- measured by make bench -->", "<!-- end of what was measured -->"


def measure(pods: int, *, namespaces: int = NAMESPACES) -> dict[str, float]:
    """The quickest of some runs of discovery, each in a process of its own: what others do on the machine makes a run slower, never quicker."""
    cluster = large_cluster(pods, namespaces=namespaces)
    with tempfile.TemporaryDirectory() as folder, serve(cluster, Path(folder)) as (asked, kubeconfig):
        del cluster
        runs = []
        for _ in range(RUNS):
            asked.clear()
            command = [sys.executable, str(Path(__file__).with_name("discover.py")), str(kubeconfig), "master-1"]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            runs.append({**json.loads(done.stdout), "requests": asked.requests.value, "bytes": asked.bytes.value})
    least = {key: min(run[key] for run in runs) for key in runs[0]}
    return {**least, "peak_bytes": max(run["peak_bytes"] for run in runs)}


def machine() -> str:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return "{0} cores of {1}, {2:.0f} GiB, {3}, Python {4}, load {5:.1f} of what else ran".format(
        os.cpu_count(), model, memory, system, platform.python_version(), os.getloadavg()[1]
    )


def table(found: dict[int, dict[str, float]]) -> str:
    """The figures as a table of Markdown."""
    lines = [
        "| pods | claims | on the lost node: pods, claims | seconds | of them CPU | peak memory, MiB | requests | answers, MiB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for pods, run in found.items():
        lines.append(
            "| {0:,} | {1:,} | {2:.0f}, {3:.0f} | {4:.1f} | {5:.1f} | {6:.0f} | {7:.0f} | {8:.0f} |".format(
                pods,
                pods // 2,
                run["pods"],
                run["claims"],
                run["seconds"],
                run["cpu_seconds"],
                run["peak_bytes"] / MEBIBYTE,
                run["requests"],
                run["bytes"] / MEBIBYTE,
            )
        )
    return "\n".join(lines)


def marks(found: dict[int, dict[str, float]], one_namespace: dict[str, float]) -> list[tuple[bool, str]]:
    """What was to be reached, and whether it was."""
    large, twice = found[MARK_PODS], found[2 * MARK_PODS]
    # By the time of the processor: on a machine that does other work too, a longer run waits more often.
    growth = twice["cpu_seconds"] / large["cpu_seconds"]
    return [
        (
            large["seconds"] < MARK_SECONDS,
            "{0:,} pods in {1:.1f} s, mark: under {2:.0f} s".format(MARK_PODS, large["seconds"], MARK_SECONDS),
        ),
        (
            large["peak_bytes"] < MARK_BYTES,
            "{0:,} pods with {1:.0f} MiB, mark: under {2:.0f} MiB".format(
                MARK_PODS, large["peak_bytes"] / MEBIBYTE, MARK_BYTES / MEBIBYTE
            ),
        ),
        (
            growth <= MARK_GROWTH,
            "twice the objects in {0:.2f} times the CPU time, mark: at most {1}".format(growth, MARK_GROWTH),
        ),
        (
            one_namespace["requests"] == large["requests"],
            "{0:.0f} requests with {1} namespaces, {2:.0f} with one, mark: as many".format(
                large["requests"], NAMESPACES, one_namespace["requests"]
            ),
        ),
    ]


def write(target: Path, text: str, *, begin: str, end: str) -> None:
    """Put the text between two marks of the file."""
    before, rest = target.read_text(encoding="utf-8").split(begin)
    target.write_text("{0}{1}\n\n{2}\n\n{3}{4}".format(before, begin, text, end, rest.split(end)[1]), encoding="utf-8")


def main() -> None:
    target, here = Path(sys.argv[1]), machine()
    found = {}
    for pods in SIZES:
        found[pods] = measure(pods)
        print(table({pods: found[pods]}).splitlines()[-1], flush=True)
    reached = marks(found, measure(MARK_PODS, namespaces=1))
    told = ["* {0}: {1}".format("reached" if ok else "NOT REACHED", text) for ok, text in reached]
    measured = "Measured on {0} by `make bench`: {1}. The quickest of {2} runs, the most memory of them.".format(
        datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"), here, RUNS
    )
    text = "\n\n".join([measured, table(found), "\n".join(told)])
    write(target, text, begin=BEGIN, end=END)
    print("\n" + text)
    if not all(ok for ok, _text in reached):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
