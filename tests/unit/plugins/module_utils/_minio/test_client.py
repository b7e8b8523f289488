# SPDX-License-Identifier: GPL-3.0-or-later
"""Against a stand-in for MinIO's HTTP API on the loopback; the tunnel is a plain connection to it."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import subprocess
import threading
import time
import typing as t
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import client

RECORDED = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "minio" / "recorded-2026-02.json").read_text(encoding="utf-8")
)
SECRET = "a-secret-of-the-cluster"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
OBJECTS = {"one": b"1" * 1000, "two": b"2" * 2000, "three": b"3" * 3000}
INFO = {"deploymentID": "id", "backend": {"backendType": "Erasure", "standardSCParity": 2}, "servers": []}


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def listing(name: str, inner: str) -> bytes:
    return f'<{name} xmlns="{NAMESPACE}">{inner}</{name}>'.encode()


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
            entries = "".join(
                f"<Contents><Key>{name}</Key><LastModified>2026-01-0{i + 1}T00:00:00.000Z</LastModified>"
                f'<ETag>"{md5(data)}"</ETag><Size>{len(data)}</Size></Contents>'
                for i, (name, data) in enumerate(OBJECTS.items())
            )
            self.answer(
                200, listing("ListBucketResult", f"<Name>images</Name><IsTruncated>false</IsTruncated>{entries}")
            )
        else:
            name = path.rsplit("/", 1)[1]
            if name == state.get("lost"):
                self.answer(503, listing("Error", "<Code>SlowDownRead</Code><Message>no quorum</Message>"))
                return
            etag = md5(OBJECTS[name])
            self.answer(200, state.get("damaged", {}).get(name, OBJECTS[name]), {"ETag": f'"{etag}"'})

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "Content-Type": "application/xml",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def minio() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandInMinio)
    server.state = {"seen": [], "info": INFO}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


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


def find(api: StandInApi, *lost: str) -> client.Deployment:
    claims = [{"name": name, "uid": "old", "policy": "heal"} for name in lost]
    return client.find(api, namespace="ns", name="minio", lost_claims=claims)


def tunnel(server: ThreadingHTTPServer) -> t.Callable[[str, int], socket.socket]:
    return lambda _pod, _port: socket.create_connection(server.server_address[:2], timeout=5)


def read(server: ThreadingHTTPServer, **limits: int) -> dict:
    given = {"count_max": 100, "read_max": 10, "read_max_bytes": 10**6, **limits}
    return client.read_objects(find(StandInApi(pod("minio-0"))), "minio-0", tunnel=tunnel(server), timeout=5, **given)


def test_port_and_credentials_are_those_of_the_live_pods() -> None:
    found = find(StandInApi(pod("minio-0"), pod("minio-1"), pod("minio-9"), pod("other")))
    assert (found.port, found.credentials.user, found.credentials.password) == (9100, "someone", SECRET)
    assert list(found.pods) == ["minio-0", "minio-1"]


def test_credentials_show_in_no_repr() -> None:
    assert SECRET not in repr(find(StandInApi(pod("minio-0"))))


@pytest.mark.parametrize(
    ("container", "port"),
    [
        ({"args": ["server", "--address", ":9200", "/export"]}, 9200),
        ({"args": ["server", "--address=0.0.0.0:9300", "/export"]}, 9300),
        ({"args": ["server", "/export"], "ports": [{"containerPort": 9400}]}, 9400),
        (
            {"args": ["server", "/export"], "ports": [{"containerPort": 1}, {"name": "http", "containerPort": 9500}]},
            9500,
        ),
        ({"args": ["server", "http://minio-{0...3}.svc/export"]}, 9000),
        ({"args": ["server", "https://minio-{0...3}.svc:9443/export"]}, 9443),
    ],
)
def test_the_port_is_taken_from_the_command_line_before_the_port_list(container: dict, port: int) -> None:
    template = {"containers": [{**TEMPLATE["containers"][1], "command": [], "ports": [], **container}]}
    assert find(StandInApi(template=template)).port == port


@pytest.mark.parametrize(
    ("command", "mounts", "tls"),
    [
        (["server", "https://minio-{0...1}.svc/export"], {}, True),
        (["-S /certs server http://minio-{0...1}.svc/export"], {"/certs": "secret"}, False),
        (["server", "--certs-dir", "/certs/", "/export"], {"/certs": "secret"}, True),
        (["server", "--certs-dir=/certs", "/export"], {"/certs": "projected"}, True),
        (["server", "/export"], {"/root/.minio/certs": "secret"}, True),
        (["server", "--certs-dir=/certs", "/export"], {"/certs": "emptyDir"}, False),
        (["server", "--certs-dir=/certs", "/export"], {"/certs/CAs": "secret"}, False),
        (["server", "/export"], {"/etc/other": "secret"}, False),
    ],
)
def test_tls_is_told_by_the_urls_or_by_mounted_certificates(command: list[str], mounts: dict, tls: bool) -> None:
    container = {
        **TEMPLATE["containers"][1],
        "command": command,
        "volumeMounts": [{"name": f"v{i}", "mountPath": path} for i, path in enumerate(mounts)],
    }
    volumes = [{"name": f"v{i}", kind: {}} for i, kind in enumerate(mounts.values())]
    assert find(StandInApi(template={"containers": [container], "volumes": volumes})).tls is tls


def test_credentials_of_before_2021_and_of_a_whole_secret_are_found() -> None:
    env = [{"name": "MINIO_ACCESS_KEY", "value": "a"}, {"name": "MINIO_SECRET_KEY", "value": "b"}]
    assert find(StandInApi(template={"containers": [{"name": "m", "env": env}]})).credentials.user == "a"
    api = StandInApi(template={"containers": [{"name": "m", "envFrom": [{"secretRef": {"name": "env"}}]}]})
    data = {"MINIO_ROOT_USER": "c", "MINIO_ROOT_PASSWORD": "d"}
    api.objects["/api/v1/namespaces/ns/secrets/env"] = {
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    }
    assert find(api).credentials.user == "c"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"containers": [{"name": "web"}]}, "no MinIO credentials"),
    ],
)
def test_what_is_no_minio_is_refused_in_one_sentence(template: dict, sentence: str) -> None:
    with pytest.raises(HaError, match=sentence):
        find(StandInApi(template=template))


def test_a_missing_statefulset_is_named() -> None:
    with pytest.raises(HaError, match="there is no StatefulSet ns/other"):
        client.find(StandInApi(), namespace="ns", name="other", lost_claims=[])


@pytest.mark.parametrize(
    ("api", "lost"),
    [
        pytest.param(StandInApi(pod("minio-0")), ("minio-0",), id="the claim is gone"),
        pytest.param(
            StandInApi(pod("minio-0")).claim("export-minio-0", "old"), ("minio-0",), id="the lost claim is there"
        ),
        pytest.param(
            StandInApi(pod("minio-0")).claim("export-minio-0", "new", "Pending"), ("minio-0",), id="not bound"
        ),
        pytest.param(StandInApi().claim("export-minio-0", "new"), ("minio-0",), id="no pod"),
        pytest.param(
            StandInApi(pod("minio-0", ready=False)).claim("export-minio-0", "new"), ("minio-0",), id="pod not Ready"
        ),
        pytest.param(StandInApi(pod("minio-0")).claim("export-minio-0", "new"), (), id="replaced"),
    ],
)
def test_a_drive_is_lost_until_a_ready_pod_has_a_new_claim(api: StandInApi, lost: tuple[str, ...]) -> None:
    assert find(api, "export-minio-0").lost_pods == lost


@pytest.mark.parametrize(
    ("second", "lost"), [("old", ("minio-0",)), ("new", ()), (None, ("minio-0",))], ids=["lost", "replaced", "gone"]
)
def test_a_pod_of_several_drives_is_lost_while_any_is_not_replaced(second: str | None, lost: tuple[str, ...]) -> None:
    api = StandInApi(pod("minio-0"), pod("minio-1")).claim("export-0-minio-0", "new")
    spec = api.objects["/apis/apps/v1/namespaces/ns/statefulsets/minio"]["spec"]
    spec["volumeClaimTemplates"] = [{"metadata": {"name": f"export-{i}"}} for i in range(2)]
    if second:
        api.claim("export-1-minio-0", second)
    assert find(api, "export-0-minio-0", "export-1-minio-0").lost_pods == lost


def test_each_pod_is_asked_by_itself(minio: ThreadingHTTPServer) -> None:
    asked = []

    def connect(name: str, port: int) -> socket.socket:
        asked.append((name, port))
        if name == "minio-1":
            raise ConnectionRefusedError(111, "Connection refused")
        return tunnel(minio)(name, port)

    good, bad = client.probe(find(StandInApi(pod("minio-0"), pod("minio-1"))), tunnel=connect, timeout=5)
    assert (good.live, good.cluster, good.maintenance, good.error) == (200, 200, 412, "")
    assert good.info is not None
    assert good.info.deployment_id == "id"
    assert (bad.live, bad.info, bad.error, bad.timed_out) == (None, None, "Connection refused", False)
    assert set(asked) == {("minio-0", 9100), ("minio-1", 9100)}


@pytest.fixture
def tls_minio(minio: ThreadingHTTPServer, tmp_path: Path) -> ThreadingHTTPServer:
    """The same server behind TLS, with a certificate that nobody signed, for a name that is not the pod's."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=other.example".split()
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    minio.socket = context.wrap_socket(minio.socket, server_side=True)
    return minio


def test_a_minio_that_serves_tls_is_asked_inside_the_tunnel(tls_minio: ThreadingHTTPServer) -> None:
    template = {
        "containers": [{**TEMPLATE["containers"][1], "command": ["server https://minio-{0...1}.svc:9100/export"]}]
    }
    here = pod("minio-0")
    here["spec"] = {"nodeName": "master-2", **template}
    found = find(StandInApi(here, template=template))
    view = client.probe(found, tunnel=tunnel(tls_minio), timeout=5)[0]
    assert (view.live, view.cluster, view.error) == (200, 200, "")
    assert view.info is not None
    limits = {"count_max": 10, "read_max": 5, "read_max_bytes": 10**6}
    result = client.read_objects(found, "minio-0", tunnel=tunnel(tls_minio), timeout=5, **limits)
    assert result["readback"]["hashed"] == 3


def test_plain_http_to_a_tls_server_has_no_answer(tls_minio: ThreadingHTTPServer) -> None:
    view = client.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(tls_minio), timeout=5)[0]
    assert view.live is None
    assert view.error


def test_storageinfo_is_asked_where_info_does_not_tell_the_layout(minio: ThreadingHTTPServer) -> None:
    minio.state.update(  # type: ignore[attr-defined]
        info=RECORDED["pools_of_two_widths"], storageinfo=RECORDED["pools_of_two_widths_storageinfo"]
    )
    view = client.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert view.info is not None
    assert [pool.drives_per_set for pool in view.info.pools] == [4, 6]


def test_storageinfo_is_asked_for_drives_that_info_misses(minio: ThreadingHTTPServer) -> None:
    drive = {"endpoint": "http://minio-0.svc:9100/export", "pool_index": 0, "set_index": 0}
    backend = {**INFO["backend"], "totalSets": [1], "totalDrivesPerSet": [1]}
    servers = [{"endpoint": "minio-0.svc:9100", "state": "offline", "drives": [{**drive, "state": "offline"}]}]
    minio.state.update(  # type: ignore[attr-defined]
        info={**INFO, "backend": backend, "servers": servers}, storageinfo={"Disks": [{**drive, "state": "ok"}]}
    )
    view = client.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert view.info is not None
    assert [drive.state for drive in view.info.drives] == ["ok"]


def test_a_server_that_takes_a_connection_and_says_nothing_is_late(minio: ThreadingHTTPServer) -> None:
    minio.state["hangs"] = 3  # type: ignore[attr-defined]
    view = client.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=1)[0]
    assert (view.live, view.timed_out) == (None, True)


def test_a_server_that_dials_dead_peers_first_is_waited_for(minio: ThreadingHTTPServer) -> None:
    minio.state["late"] = 2  # type: ignore[attr-defined]
    view = client.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=1)[0]
    assert view.info is not None


def test_a_pod_that_does_not_run_is_not_asked(minio: ThreadingHTTPServer) -> None:
    views = client.probe(find(StandInApi(pod("minio-0", phase="Pending"))), tunnel=tunnel(minio), timeout=5)
    assert [view.error for view in views] == ["the pod is not running", "there is no such pod"]
    assert minio.state["seen"] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available"}]},
            "the pod is not running: 0/4 nodes are available",
        ),
        ({"conditions": [{"type": "PodScheduled", "status": "True"}]}, "the pod is not running"),
        (
            {"containerStatuses": [{"state": {"running": {}}}, {"state": {"waiting": {"reason": "ErrImagePull"}}}]},
            "the pod is not running: ErrImagePull",
        ),
    ],
)
def test_what_keeps_a_pod_from_running_is_told(minio: ThreadingHTTPServer, status: dict, error: str) -> None:
    waiting = pod("minio-0", phase="Pending")
    waiting["status"].update(status)
    view = client.probe(find(StandInApi(waiting)), tunnel=tunnel(minio), timeout=5)[0]
    assert view.error == error


def test_a_pod_that_is_being_deleted_is_not_asked(minio: ThreadingHTTPServer) -> None:
    going = pod("minio-0")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    view = client.probe(find(StandInApi(going)), tunnel=tunnel(minio), timeout=5)[0]
    assert view.error == "the pod is being deleted"


@pytest.mark.parametrize("node", ["master-1", "master-9"])
def test_a_pod_on_a_node_that_is_away_is_not_asked(minio: ThreadingHTTPServer, node: str) -> None:
    away = pod("minio-0")
    away["spec"]["nodeName"] = node
    view = client.probe(find(StandInApi(away)), tunnel=tunnel(minio), timeout=5)[0]
    assert view.error == f"its node {node} is gone or not Ready"
    assert minio.state["seen"] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("change", "error"), [({"info": {}}, "still starting"), ({"admin": 403}, "403")])
def test_a_server_that_tells_nothing_has_no_view(minio: ThreadingHTTPServer, change: dict, error: str) -> None:
    minio.state.update(change)  # type: ignore[attr-defined]
    view = client.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert view.info is None
    assert error in view.error
    assert SECRET not in view.error


def test_objects_are_counted_and_read_back_whole(minio: ThreadingHTTPServer) -> None:
    result = read(minio)
    assert result["buckets"] == [{"name": "images", "objects": 3, "bytes": 6000, "complete": True}]
    assert result["readback"] == {"objects": 3, "bytes": 6000, "hashed": 3, "failed": 0, "failures": []}


def test_the_newest_objects_are_read_within_the_limits(minio: ThreadingHTTPServer) -> None:
    assert read(minio, read_max=1)["readback"]["bytes"] == 3000
    assert read(minio, read_max_bytes=2500)["readback"]["objects"] == 1
    assert read(minio, read_max=0)["readback"]["objects"] == 0
    assert read(minio, count_max=2)["buckets"][0] == {"name": "images", "objects": 2, "bytes": 3000, "complete": False}


def test_a_damaged_and_an_unreadable_object_are_told(minio: ThreadingHTTPServer) -> None:
    minio.state.update(lost="one", damaged={"two": b"x" * 2000, "three": b"short"})  # type: ignore[attr-defined]
    back = read(minio)["readback"]
    assert (back["objects"], back["failed"]) == (0, 3)
    told = {item["object"]: item["error"] for item in back["failures"]}
    assert "ETag" in told["two"]
    assert "5 bytes" in told["three"]
    assert "no quorum" in told["one"]


def test_a_tunnel_that_is_refused_counts_as_no_connection() -> None:
    class Refusing:
        def socket_to_pod(self, *_args: t.Any) -> t.Any:
            raise ApiRefused("portforward", "ns/minio-0:9000", 500, "pod not found")

    with pytest.raises(OSError, match="pod not found"):
        client.tunnel_to(Refusing(), "ns")("minio-0", 9000)
