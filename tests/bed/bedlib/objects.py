# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects put into both MinIOs and read back through each of their pods.

The client runs on a host of the bed: the machine that runs the bed has no route to pods.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from . import conf, hosts, workloads
from .cluster import answers, kubectl
from .conf import STATE, BedError, Host, say

BOOK = STATE / "objects.json"
KIB = 1024
SIZES = (7, 1000, 4 * KIB, 127 * KIB, 128 * KIB + 1, 700_001, KIB * KIB, 3 * KIB * KIB + 17, 9 * KIB * KIB)
PLANNED = {
    "minio": [("onecloud-images", f"image-{n}", size) for n, size in enumerate(SIZES)],
    "monitor-minio": [("loki", f"chunk-{n}", size) for n, size in enumerate((11, 200_000, 5 * KIB * KIB))],
}


def _runner() -> Host:
    """A host of the cluster that can reach the pods."""
    states = hosts.states()
    for one in (*conf.MASTERS[1:], conf.SPARE, conf.MASTERS[0]):
        if states.get(one.name) == "running" and answers(one.ip):
            return one
    raise BedError("No master of the bed answers, so MinIO cannot be reached.")


def _call(act: str, job: dict[str, object]) -> list[object]:
    """Run the client on a host; the credentials travel on its standard input alone."""
    source = (Path(__file__).parent / "s3client.py").read_text()
    program = f"{source}\nimport json\nprint(json.dumps({act}(json.loads({json.dumps(json.dumps(job))}))))\n"
    return list(json.loads(hosts.ssh(_runner(), "python3", "-", stdin=program.encode(), timeout=600)))


def _pods(name: str) -> dict[str, str]:
    """Pod -> address of those of its pods that are Ready."""
    chosen = ["-n", workloads.MINIOS[name], "-l", f"app=minio,release={name}"]
    listed = json.loads(kubectl("get", "pods", *chosen, "-o", "json"))
    return {
        pod["metadata"]["name"]: pod["status"]["podIP"]
        for pod in sorted(listed["items"], key=lambda p: str(p["metadata"]["name"]))
        for condition in pod["status"].get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def _credentials(name: str) -> dict[str, str]:
    raw = kubectl("-n", workloads.MINIOS[name], "get", "secret", name, "-o", "json", check=False)
    if not raw:
        raise BedError("The bed has no MinIO; run `bed up` without --no-workloads.")
    data = json.loads(raw)["data"]
    return {short: base64.b64decode(data[f"{short}key"]).decode() for short in ("access", "secret")}


def put() -> int:
    """Put the planned objects into both MinIOs and write their hashes to the state folder."""
    book = {}
    for name, planned in ((name, PLANNED[name]) for name in workloads.minios()):
        pods = _pods(name)
        if not pods:
            raise BedError(f"No pod of {name} is Ready.")
        objects = [{"bucket": bucket, "key": key, "size": size} for bucket, key, size in planned]
        job = {**_credentials(name), "addresses": list(pods.values()), "objects": objects, "patience": 90}
        book[name] = _call("put", job)
        say(f"put {len(objects)} objects into {name}")
    BOOK.write_text(json.dumps(book, indent=1) + "\n")
    return 0


def check(*, only_running: bool = False) -> int:
    """Read each object back through every pod, one pod after the other; 1 when anything differs or a pod is missing."""
    if not BOOK.exists():
        raise BedError("No objects were put; `bed objects put` does that.")
    bad = 0
    for name, objects in json.loads(BOOK.read_text()).items():
        pods = _pods(name)
        absent = [f"{name}-{n}" for n in range(len(workloads.LAYOUT)) if f"{name}-{n}" not in pods]
        if absent:
            say(f"{name}: {', '.join(absent)} not Ready")
            bad += 0 if only_running and pods else 1
        job = {**_credentials(name), "addresses": list(pods.values()), "objects": objects, "patience": 20}
        wrong = _call("check", job)
        for line in wrong:
            say(f"{name}: {line}")
        bad += len(wrong)
        say(f"{name}: {len(objects)} objects read through {len(pods)} pods, {len(wrong)} reads wrong")
    return 1 if bad else 0
