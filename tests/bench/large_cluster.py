# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a large cluster whose master died, served page by page as an API server does, and what was asked of it."""

from __future__ import annotations

import http.server
import json
import multiprocessing
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.cloudpods.ha.tests.served import https_server
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import (
    CLAIMS,
    DEPLOYMENTS,
    LEASES,
    NODES,
    NOW,
    PODS,
    STATEFULSETS,
    VOLUMES,
    StandInCluster,
    claim_object,
    node_object,
    pod_object,
    statefulset_object,
    volume_object,
)

Json = dict[str, Any]
NAMESPACES = 50
WORKERS = 17
REPLICAS = 10


def large_cluster(pods: int, *, namespaces: int = NAMESPACES, nodes: Sequence[str] = ()) -> StandInCluster:
    """A cluster with so many pods and half as many claims, each with its volume, evenly on these nodes: by default all, the lost master among them.

    Every second pod is one of a StatefulSet and has a claim; the others belong to Deployments without claims. Objects are as large as real ones.
    """
    cluster = StandInCluster()
    for number in range(WORKERS):
        name = "worker-{0}".format(number)
        node = node_object(name, "192.0.2.{0}".format(50 + number), "node-{0}".format(name), control_plane=False)
        cluster.lists[NODES].append(node)
        cluster.lists[LEASES].append({"metadata": {"name": name}, "spec": {"renewTime": NOW}})
    nodes = nodes or [item["metadata"]["name"] for item in cluster.lists[NODES]]
    for number in range(pods // 2):
        namespace, node = "team-{0}".format(number % namespaces), nodes[number % len(nodes)]
        group, ordinal = divmod(number // namespaces, REPLICAS)
        owner = "store-{0}".format(group)
        pod = "{0}-{1}".format(owner, ordinal)
        claim_name, key = "data-" + pod, "{0:08d}".format(number)
        if ordinal == 0:
            made = statefulset_object(namespace, owner, "sts-" + key, replicas=REPLICAS, template="data")
            cluster.lists[STATEFULSETS].append(made)
        claim = claim_object(namespace, claim_name, "claim-" + key, volume="pvc-" + key)
        cluster.lists[CLAIMS].append(claim)
        cluster.lists[VOLUMES].append(volume_object("pvc-" + key, "pv-" + key, node=node, claim=claim))
        cluster.lists[PODS].append(
            pod_object(namespace, pod, "pod-" + key, node=node, claims=[claim_name], owner="StatefulSet/" + owner)
        )
        web = "web-{0}-{1}".format(number // namespaces, key)
        cluster.lists[PODS].append(pod_object(namespace, web, "web-" + key, node=node, owner="ReplicaSet/web"))
    for path in (PODS, CLAIMS, VOLUMES, STATEFULSETS, DEPLOYMENTS):
        for item in cluster.lists[path]:
            _fill(item, path)
    return cluster


def _fill(item: Json, path: str) -> None:
    """What the stand-in for a cluster leaves out and a real object has: who manages each field, and for a pod its containers and conditions."""
    meta = item["metadata"]
    meta.setdefault("resourceVersion", "1234567")
    meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
    meta["managedFields"] = [
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:field-{0}".format(number): {".": {}, "f:name": {}} for number in range(12)}},
        }
        for manager in ("kube-controller-manager", "kubelet")
    ]
    if path != PODS:
        return
    meta["labels"] = {"app": meta["name"], "pod-template-hash": "6d4cf56db6", "controller-revision-hash": "web-6d4c"}
    item["spec"]["containers"] = [
        {
            "name": "main",
            "image": "registry.example.org/team/service:1.2.3",
            "env": [
                {"name": "VARIABLE_{0}".format(number), "value": "value-{0}".format(number)} for number in range(8)
            ],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
            "volumeMounts": [
                {"name": "data", "mountPath": "/data"},
                {"name": "token", "mountPath": "/var/run/secrets"},
            ],
        }
    ]
    item["spec"]["tolerations"] = [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        {
            "key": "node.kubernetes.io/unreachable",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        },
    ]
    item["status"]["conditions"] = [
        {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "lastProbeTime": None}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    item["status"]["containerStatuses"] = [
        {"name": "main", "ready": True, "restartCount": 0, "image": "registry.example.org/team/service:1.2.3"}
    ]


class Asked:
    """How many requests were answered, and with how many bytes; shared with the process that answers."""

    def __init__(self) -> None:
        self.requests = multiprocessing.Value("q", 0)
        self.bytes = multiprocessing.Value("q", 0)

    def clear(self) -> None:
        self.requests.value = self.bytes.value = 0


def _handler(cluster: StandInCluster, asked: Asked) -> type[http.server.BaseHTTPRequestHandler]:
    api = cluster.api()
    # Encoded once: what is measured is who asks, not who answers.
    lists = {path: [json.dumps(item).encode() for item in items] for path, items in api.lists.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(address.query))
            status, body = 200, b""
            if address.path in lists:
                items = lists[address.path]
                start, limit = int(query.get("continue", 0)), int(query.get("limit", 0))
                end = start + limit if limit else len(items)
                meta = {"resourceVersion": "1", **({"continue": str(end)} if end < len(items) else {})}
                body = b'{"kind":"List","apiVersion":"v1","metadata":%s,"items":[%s]}' % (
                    json.dumps(meta).encode(),
                    b",".join(items[start:end]),
                )
            elif address.path in api.objects:
                body = json.dumps(api.objects[address.path]).encode()
            else:
                status, body = 404, b'{"kind":"Status","status":"Failure","reason":"NotFound","code":404}'
            with asked.requests.get_lock():
                asked.requests.value += 1
                asked.bytes.value += len(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


def _serve(server: http.server.ThreadingHTTPServer) -> None:
    server.serve_forever()


@contextmanager
def serve(cluster: StandInCluster, folder: Path) -> Iterator[tuple[Asked, Path]]:
    """Serve in a process of its own, by HTTPS on a free port of the loopback address. Yields what was asked, and a kubeconfig."""
    asked = Asked()
    server, kubeconfig = https_server(folder, _handler(cluster, asked))
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(server,), daemon=True)
    process.start()
    server.server_close()
    try:
        yield asked, kubeconfig
    finally:
        process.terminate()
        process.join()
