# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for MinIO's HTTP API on the loopback, and for the Kubernetes objects around it; the tunnel is a plain connection to it."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import time
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ansible_collections.cloudpods.ha.plugins.module_utils._minio import deployment

RECORDED_2021 = json.loads(
    (Path(__file__).resolve().parents[1] / "fixtures" / "minio" / "recorded-2021-06.json").read_text(encoding="utf-8")
)
RECORDED = json.loads(
    (Path(__file__).resolve().parents[1] / "fixtures" / "minio" / "recorded-2026-02.json").read_text(encoding="utf-8")
)


SECRET = "a-secret-of-the-cluster"


NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


OBJECTS = {"one": b"1" * 1000, "two": b"2" * 2000, "three": b"3" * 3000}


INFO = {"deploymentID": "id", "backend": {"backendType": "Erasure", "standardSCParity": 2}, "servers": []}


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def listing(name: str, inner: str) -> bytes:
    return f'<{name} xmlns="{NAMESPACE}">{inner}</{name}>'.encode()


def listed() -> list[dict]:
    """The objects as a listing tells them; change what a test needs."""
    return [
        {"key": name, "id": "null", "latest": "true", "size": len(data), "etag": md5(data)}
        for name, data in OBJECTS.items()
    ]


class StandInMinio(BaseHTTPRequestHandler):
    """Answers health, admin info and the three S3 calls used; `state` of the server changes an answer."""

    def log_message(self, *_args: t.Any) -> None:
        pass

    def do_GET(self) -> None:
        state: dict = self.server.state  # type: ignore[attr-defined]
        state["seen"].append(self.headers.get("Authorization") or "")
        path, _, query = self.path.partition("?")
        if path.startswith("/minio/health/"):
            time.sleep(state.get("hangs", 0))
            time.sleep(state.get("checks_late", 0) if "cluster" in path else 0)
            self.answer(412 if "maintenance" in query else 200)
        elif path == "/minio/admin/v3/info":
            time.sleep(state.get("late", 0))
            self.answer(state.get("admin", 200), json.dumps(state["info"]).encode())
        elif path == "/minio/admin/v3/storageinfo":
            self.answer(200 if "storageinfo" in state else 500, json.dumps(state.get("storageinfo", {})).encode())
        elif path == "/":
            bucket = "<Bucket><Name>images</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>"
            self.answer(200, listing("ListAllMyBucketsResult", f"<Buckets>{bucket}</Buckets>"))
        elif "location" in query:
            self.answer(200, listing("LocationConstraint", ""))
        elif path in ("/images", "/images/"):
            self.list_images(state, versions="versions=" in query)
        else:
            self.give(state, path.rsplit("/", 1)[1], query)

    def do_HEAD(self) -> None:
        state: dict = self.server.state  # type: ignore[attr-defined]
        path, _, query = self.path.partition("?")
        self.give(state, path.rsplit("/", 1)[1], query)

    def list_images(self, state: dict, *, versions: bool) -> None:
        """The objects; where `versions` of the state is a list, those of it. `truncated` tells of more, again and again."""
        if versions and state.get("versions") == "refused":
            self.answer(501, listing("Error", "<Code>NotImplemented</Code><Message>no versions</Message>"))
            return
        if "list_fails" in state:
            self.answer(403, listing("Error", f"<Code>{state['list_fails']}</Code><Message>no</Message>"))
            return
        kind = "Version" if versions else "Contents"
        told = state.get("versions") if versions else None
        entries = "".join(
            f"<{item.get('kind', kind)}><Key>{item['key']}</Key><LastModified>2026-01-0{i + 1}T00:00:00.000Z</LastModified>"
            f'<ETag>"{item["etag"]}"</ETag><Size>{item["size"]}</Size>'
            + (f"<VersionId>{item['id']}</VersionId><IsLatest>{item['latest']}</IsLatest>" if versions else "")
            + f"</{item.get('kind', kind)}>"
            for i, item in enumerate(told if isinstance(told, list) else state.get("objects", listed()))
        )
        truncated = str("truncated" in state).lower()
        self.answer(
            200, listing("ListBucketResult", f"<Name>images</Name><IsTruncated>{truncated}</IsTruncated>{entries}")
        )

    def give(self, state: dict, name: str, query: str) -> None:
        """An object, or the byte of it that is asked for."""
        state.setdefault("reads", []).append((self.command, name, query, self.headers.get("Range") or ""))
        if name in (state.get("lost"), *state.get("refuses", ())):
            self.answer(503, listing("Error", "<Code>SlowDownRead</Code><Message>no quorum</Message>"))
            return
        etag, data = md5(OBJECTS.get(name, b"")), state.get("damaged", {}).get(name, OBJECTS.get(name, b""))
        headers = {"ETag": f'"{etag}"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if self.headers.get("Range"):
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            self.answer(206, data[int(first) : int(last) + 1], headers)
        else:
            self.answer(200, data, headers)

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "Content-Type": "application/xml",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def pod(name: str, *, ready: bool = True, phase: str = "Running") -> dict:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"name": name},
        "spec": {"nodeName": "master-2", **TEMPLATE},
        "status": {"phase": phase, "conditions": conditions},
    }


TEMPLATE = {
    "containers": [
        {"name": "sidecar", "args": ["--address=:1"]},
        {
            "name": "minio",
            "command": ["/bin/sh", "-ce", "minio -S /certs server http://minio-{0...1}.minio-svc:9100/export"],
            "ports": [{"containerPort": 9100}],
            "env": [
                {"name": "MINIO_ROOT_USER", "value": "someone"},
                {"name": "MINIO_ROOT_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "minio", "key": "password"}}},
            ],
        },
    ]
}


class StandInApi:
    """The few objects that are read."""

    def __init__(self, *pods: dict, template: dict | None = None) -> None:
        self.pods = pods
        spec = {
            "replicas": 2,
            "template": {"spec": template or TEMPLATE},
            "volumeClaimTemplates": [{"metadata": {"name": "export"}}],
        }
        self.objects = {
            "/apis/apps/v1/namespaces/ns/statefulsets/minio": {"spec": spec},
            "/api/v1/namespaces/ns/secrets/minio": {"data": {"password": base64.b64encode(SECRET.encode()).decode()}},
        }

    def claim(self, name: str, uid: str, phase: str = "Bound") -> StandInApi:
        self.objects["/api/v1/namespaces/ns/persistentvolumeclaims/" + name] = {
            "metadata": {"uid": uid},
            "status": {"phase": phase},
        }
        return self

    def get(self, path: str) -> dict | None:
        return self.objects.get(path)

    def items(self, path: str) -> list[dict]:
        if path == "/api/v1/nodes":
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            return [
                {"metadata": {"name": "master-2"}, "status": ready},
                {"metadata": {"name": "master-1"}, "status": {}},
            ]
        return list(self.pods)


def find(api: StandInApi, *lost: str) -> deployment.Deployment:
    claims = [{"name": name, "uid": "old", "policy": "heal"} for name in lost]
    return deployment.find(api, namespace="ns", name="minio", lost_claims=claims)


def tunnel(server: ThreadingHTTPServer) -> t.Callable[[str, int], socket.socket]:
    return lambda _pod, _port: socket.create_connection(server.server_address[:2], timeout=5)
