# SPDX-License-Identifier: GPL-3.0-or-later
"""The workloads of the runbook.

Two MinIOs, victoria-metrics, influxdb, Pending claims, the OnecloudCluster and an operator stand-in.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from . import conf, images, minio_program
from .cluster import apply, kubectl, manifest
from .conf import each, say, wait_for

# StatefulSet -> namespace.
MINIOS = {"minio": "onecloud-minio", "monitor-minio": "onecloud-monitoring"}
# Exists if the bed has only the first of them.
ONE_MINIO = conf.STATE / "one-minio"
# The master of each replica: two on master-1, one on each other master.
LAYOUT = ("master-1", "master-3", "master-2", "master-1")


@dataclass(frozen=True)
class Database:
    """One Deployment with one claim that the operator recreates."""

    component: str
    args: tuple[str, ...]
    env: dict[str, str]
    port: int
    mount: str


DATABASES = (
    Database("victoria-metrics", ("-storageDataPath=/storage", "-retentionPeriod=30d"), {}, 8428, "/storage"),
    Database(
        "influxdb",
        ("run",),
        {
            "INFLUXDB_META_DIR": "/var/lib/influxdb/meta",
            "INFLUXDB_DATA_DIR": "/var/lib/influxdb/data",
            "INFLUXDB_DATA_WAL_DIR": "/var/lib/influxdb/wal",
        },
        8086,
        "/var/lib/influxdb",
    ),
)


def minios() -> dict[str, str]:
    """Those of MINIOS that this bed has."""
    return dict(list(MINIOS.items())[: 1 if ONE_MINIO.exists() else None])


def databases() -> tuple[Database, ...]:
    """The databases of Cloudpods' operator: influxdb up to 3.10, as with kubeadm here, victoria-metrics later."""
    return DATABASES if conf.flavour() == conf.KUBEADM else DATABASES[:1]


def claim(
    name: str, namespace: str, size: str, *, labels: dict[str, str] | None = None, node: str = ""
) -> dict[str, object]:
    """A local-path claim; with ``node`` it is provisioned there at once, as after the scheduler's choice."""
    metadata: dict[str, object] = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    if node:
        metadata["annotations"] = {"volume.kubernetes.io/selected-node": node}
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "local-path",
        "resources": {"requests": {"storage": size}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def minio_claims(name: str, namespace: str) -> list[dict[str, object]]:
    """The claims the StatefulSet would make, on the nodes of LAYOUT."""
    labels = {"app": "minio", "release": name}
    return [claim(f"export-{name}-{n}", namespace, "1Gi", labels=labels, node=node) for n, node in enumerate(LAYOUT)]


def deployment(database: Database, owner_uid: str) -> dict[str, object]:
    """The Deployment as cloudpods-operator makes it: owned by the OnecloudCluster, strategy Recreate."""
    name, labels = f"default-{database.component}", {"app": database.component}
    owner = {
        "apiVersion": "onecloud.yunion.io/v1alpha1",
        "kind": "OnecloudCluster",
        "name": "default",
        "uid": owner_uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    container = {
        "name": database.component,
        "image": images.reference(database.component),
        "imagePullPolicy": "IfNotPresent",
        "args": list(database.args),
        "env": [{"name": key, "value": value} for key, value in database.env.items()],
        "ports": [{"containerPort": database.port}],
        "readinessProbe": {"tcpSocket": {"port": database.port}, "periodSeconds": 2},
        "volumeMounts": [{"name": "data", "mountPath": database.mount}],
    }
    taints = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")
    pod = {
        "containers": [container],
        "terminationGracePeriodSeconds": 10,
        "tolerations": [{"key": key, "effect": "NoSchedule"} for key in taints],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "onecloud", "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def standin_objects(owner_uid: str) -> dict[str, object]:
    """The ConfigMap with what the stand-in recreates: claims first, then Deployments."""
    data = {}
    for database in databases():
        name = f"default-{database.component}"
        data[f"10-pvc-{name}.json"] = json.dumps(claim(name, "onecloud", "20G"))
        data[f"20-deployment-{name}.json"] = json.dumps(deployment(database, owner_uid))
    metadata = {"name": "onecloud-operator-standin", "namespace": "onecloud"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _new(objects: list[dict[str, object]]) -> None:
    """Create missing objects; existing ones are not changed."""
    listing = {"apiVersion": "v1", "kind": "List", "items": objects}
    made = kubectl("create", "-f", "-", stdin=json.dumps(listing), check=False)
    if made.count("created") != len(objects):
        kubectl("get", "-f", "-", "-o", "name", stdin=json.dumps(listing))


def _minio(name: str) -> None:
    namespace = MINIOS[name]
    _new(minio_claims(name, namespace))
    if kubectl("-n", namespace, "get", "statefulset", name, "-o", "name", check=False):
        return
    keys = {"ACCESS_KEY": secrets.token_hex(10), "SECRET_KEY": secrets.token_hex(20)}
    apply(manifest("minio.yaml", NAME=name, NAMESPACE=namespace, **keys, **minio_program.settings()))


def pods_not_ready() -> list[str]:
    """The pods of the workloads that are missing or not Ready, as namespace/name."""
    listed = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
    ready = {
        f"{p['metadata']['namespace']}/{p['metadata']['name']}"
        for p in listed
        for c in p["status"].get("conditions", [])
        if c["type"] == "Ready" and c["status"] == "True"
    }
    replicas = [f"{namespace}/{name}-{n}" for name, namespace in minios().items() for n in range(len(LAYOUT))]
    missing = [replica for replica in replicas if replica not in ready]
    wanted = [f"onecloud/default-{d.component}-" for d in databases()] + ["onecloud/onecloud-operator-standin-"]
    return missing + [w for w in wanted if not any(r.startswith(w) for r in ready)]


def declare() -> None:
    """The OnecloudCluster and its Pending claims: only objects, no workloads."""
    apply(manifest("onecloud-crd.yaml"))
    kubectl("wait", "--for=condition=Established", "crd/onecloudclusters.onecloud.yunion.io", "--timeout=30s")
    if not kubectl("-n", "onecloud", "get", "onecloudcluster", "default", "-o", "name", check=False):
        version = "v3.10.15" if conf.flavour() == conf.KUBEADM else "v3.11.9"
        keys = {"GATEWAY": conf.GATEWAY, "MYSQL_PASSWORD": secrets.token_hex(8), "VERSION": version}
        apply(manifest("onecloud.yaml", **keys))


def create() -> None:
    say("creating the workloads")
    declare()
    uid = kubectl("-n", "onecloud", "get", "onecloudcluster", "default", "-o", "jsonpath={.metadata.uid}")
    _new([claim(f"default-{d.component}", "onecloud", "20G", node="master-1") for d in databases()])
    apply(json.dumps(standin_objects(uid)))
    apply(manifest("operator-standin.yaml"))
    each(_minio, minios())
    left: list[str] = []

    def probe() -> bool:
        left[:] = pods_not_ready()
        return not left

    try:
        wait_for("All workloads Ready", probe, seconds=180, every=1)
    except conf.BedError as why:
        raise conf.BedError(f"{why} Not ready: {', '.join(left)}.") from why
    say("all workloads are Ready")
