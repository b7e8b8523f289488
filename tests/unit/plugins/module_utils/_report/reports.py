# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of every outcome, as runs on the stand-in for a cluster leave them; results of roles as docs/contracts.md shapes them."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpods.ha.plugins.module_utils._report.report import report
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster

Json = dict[str, Any]
WRITTEN = "2026-03-01T12:20:00Z"
NASTY = '<script>alert("x")</script> & \x1b[31m' + "very-long-name-without-a-break-" * 8


def minute(at: int, second: int = 0) -> str:
    return "2026-03-01T12:{0:02d}:{1:02d}Z".format(at, second)


PHASES: Json = {
    "discovery": {"started": minute(0), "finished": minute(0, 14)},
    "backup": {"started": minute(0, 15), "finished": minute(0, 22)},
    "etcd_cleanup": {"started": minute(0, 23), "finished": minute(0, 31), "waits": []},
    "node_removal": {
        "started": minute(0, 32),
        "finished": minute(1, 30),
        "waits": [{"what": "the pods of the lost Node to be deleted", "seconds": 45}],
    },
    "vip": {
        "started": minute(1, 31),
        "finished": minute(1, 45),
        "waits": [{"what": "one host to carry the VIP", "seconds": 4}],
    },
    "join": {
        "started": minute(1, 46),
        "finished": minute(2, 40),
        "waits": [{"what": "the Node to be Ready", "seconds": 20}, {"what": "its API server", "seconds": 5}],
    },
    "stateful_recovery": {
        "started": minute(2, 41),
        "finished": minute(10, 40),
        "waits": [{"what": "the heal of onecloud-minio/minio", "seconds": 260}],
    },
    "verify": {"started": minute(10, 41), "finished": minute(11)},
}
BACKUP: Json = {
    "host": "master-2",
    "path": "/var/backups/cloudpods-ha/before-replacing-master-1-20260301T120015Z.db",
    "controller_path": "/root/.cloudpods-ha/master-1/backups/before-replacing-master-1-20260301T120015Z.db",
    "objects_path": "/root/.cloudpods-ha/master-1/backups/objects-20260301T120015Z.yml",
    "sha256": "0f" * 32,
    "revision": 21001,
    "taken": minute(0, 20),
}


def recovered(claims: list[Json]) -> Json:
    """The result of stateful_recovery for these claims."""
    return {
        "claims": [
            {
                "namespace": item["namespace"],
                "name": item["name"],
                "old_uid": item["uid"],
                "new_uid": "new-" + item["uid"],
                "pv": "pvc-new-" + item["uid"],
                "node": "master-4",
            }
            for item in claims
        ],
        "minio": [
            {
                "group": "onecloud-minio/minio",
                "converged": True,
                "buckets_before": {"b": 3},
                "fewer": [],
                "readback": {"objects": 24, "failed": 0},
                "proof_before": {"permitted": {"ok": True, "reason": "all 24 objects are readable"}},
                "proof": {"permitted": {"ok": True, "reason": "all 24 objects are readable"}, "incomplete_count": 0},
                "scan": {"objects": 240, "incomplete": 0},
            }
        ],
    }


def done() -> Json:
    """{json, text, html} of a run that replaced the node and proved it."""
    cluster = StandInCluster()
    made = cluster.plan()
    cluster.run(made)
    verdict = cluster.verdict()
    assert verdict["ok"]
    journal = {**dict(made.journal), "phases": PHASES}
    results = {
        "backup": BACKUP,
        "stateful_recovery": recovered(report(made, {}, {})["json"]["claims"]),
        "verify": verdict,
    }
    return report(made, journal, results, written=WRITTEN)


def failed() -> Json:
    made = StandInCluster().plan()
    phases = {name: marks for name, marks in PHASES.items() if name in ("discovery", "backup", "etcd_cleanup")}
    journal = {**dict(made.journal), "backup": BACKUP, "phases": {**phases, "node_removal": {"started": minute(0, 32)}}}
    return report(
        made, journal, {"backup": BACKUP}, failure="node_removal | Wait: the Node is Ready again", written=WRITTEN
    )


def only_begun() -> Json:
    made = StandInCluster().plan()
    return report(
        made, {**dict(made.journal), "phases": {"backup": PHASES["backup"]}}, {"backup": BACKUP}, written=WRITTEN
    )


def refused() -> Json:
    cluster = StandInCluster()
    cluster.set_ready("master-1", True)
    cluster.set_ready("master-3", False)
    made = cluster.plan()
    assert made.state == "refused"
    return report(made, {}, {}, written=WRITTEN)


def unreachable() -> Json:
    """Refused before anything of the cluster could be read."""
    cluster = StandInCluster()
    for name in cluster.survivors:
        cluster.change_host(name, reachable=False, error=NASTY)
    made = cluster.plan()
    assert made.state == "refused"
    return report(made, {}, {}, written=WRITTEN)


def k3s() -> Json:
    cluster = StandInCluster(provider="k3s")
    cluster.add_volume_and_claim("onecloud", "default-baremetal-agent-" + "long-" * 12 + "claim", "master-1")
    made = cluster.plan()
    return report(made, {}, {}, failure=NASTY, written=WRITTEN)


KINDS = {
    "done": done,
    "failed": failed,
    "open": only_begun,
    "refused": refused,
    "unreachable": unreachable,
    "k3s": k3s,
}
