# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a replacement on the bed, by a plain shell script and by the collection, one after the other: replacement.py FILE. Prints the seconds of each phase
and writes them, with the machine and the date, into the FILE.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.cloudpods.ha.tests.bench.scale import machine, write

HERE = Path(__file__).resolve().parent
BED = str(HERE.parent / "bed" / "bed")
STATE = Path(os.environ.get("CLOUDPODS_HA_BED_STATE") or "/var/lib/cloudpods-ha-bed")
MARK = 1.5
BEGIN, END = "<!-- a replacement, measured by make bench -->", "<!-- end of the replacement -->"


def bed(*words: str) -> None:
    subprocess.run([BED, *words], check=True, stdout=subprocess.DEVNULL)


def lose() -> None:
    """A fresh cluster that has lost a master, and has noticed."""
    bed("up", "--fresh")
    bed("objects", "put")
    bed("inventory", "--lost", "master-1")
    bed("kill", "master-1")
    bed("kubectl", "wait", "--for=condition=Ready=Unknown", "node/master-1", "--timeout=60s")
    # The inventory asks for 20 s.
    time.sleep(25)


def by_hand() -> dict[str, int]:
    lose()
    done = subprocess.run([HERE / "by_hand"], check=True, stdout=subprocess.PIPE, text=True)
    return {name: int(seconds) for name, seconds in (line.split() for line in done.stdout.splitlines())}


def collection() -> tuple[dict[str, int], dict[str, int]]:
    """The seconds of each phase, and those of them that were waits for the cluster."""
    lose()
    command = [
        "ansible-playbook",
        "cloudpods.ha.replace_master",
        "-i",
        str(STATE / "inventory.yml"),
        "-e",
        "replace_master_lost=master-1",
    ]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole = round(time.monotonic() - started)
    phases = json.loads((STATE / "controller" / "master-1" / "report.json").read_text(encoding="utf-8"))["phases"]
    seconds = {item["phase"]: item["seconds"] or 0 for item in phases}
    seconds["start, discovery, plan"] = whole - sum(seconds.values())
    return seconds, {item["phase"]: sum(wait["seconds"] for wait in item["waits"]) for item in phases}


def main() -> None:
    where = machine()
    hand, (ours, waits) = by_hand(), collection()
    total_hand, total = sum(hand.values()), sum(ours.values())
    lines = [
        "Measured {0} by `make bench`: {1}.".format(time.strftime("on %Y-%m-%d"), where),
        "",
        "| phase | by hand, s | the collection, s | of them waits for the cluster, s |",
        "| --- | ---: | ---: | ---: |",
        *(
            "| {0} | {1} | {2} | {3} |".format(name, hand.get(name, ""), ours[name], waits.get(name, ""))
            for name in ours
        ),
        "| in all | {0} | {1} | {2} |".format(total_hand, total, sum(waits.values())),
        "",
        "* {0}: {1:.2f} times the time by hand, mark: at most {2}".format(
            "reached" if total <= MARK * total_hand else "NOT REACHED", total / total_hand, MARK
        ),
    ]
    print("\n".join(lines))
    write(Path(sys.argv[1]), "\n".join(lines), begin=BEGIN, end=END)
    bed("down")


if __name__ == "__main__":
    main()
