# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import hashlib
import http.server
import json
import string
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import yaml
from bedlib import cluster, conf, minio_program, s3client, workloads
from minio import signer
from minio.credentials import Credentials

EMPTY = hashlib.sha256(b"").hexdigest()


def test_the_two_drives_of_the_first_master() -> None:
    claims = workloads.minio_claims("minio", "onecloud-minio")
    nodes = {c["metadata"]["name"]: c["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] for c in claims}
    assert nodes == {
        "export-minio-0": "master-1",
        "export-minio-1": "master-3",
        "export-minio-2": "master-2",
        "export-minio-3": "master-1",
    }
    assert all(c["metadata"]["labels"] == {"app": "minio", "release": "minio"} for c in claims)


@pytest.mark.parametrize(("flavour", "databases"), [(conf.KUBEADM, 2), (conf.K3S, 1)])
def test_the_standin_recreates_claims_before_deployments_and_chooses_no_node(
    flavour: str, databases: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "flavour", lambda: flavour)
    data = workloads.standin_objects("some-uid")["data"]
    kinds = [json.loads(data[name])["kind"] for name in sorted(data)]
    assert kinds == ["PersistentVolumeClaim"] * databases + ["Deployment"] * databases
    for name, text in data.items():
        made = json.loads(text)
        number, kind, *rest = name.removesuffix(".json").split("-")
        assert number.isdigit()
        assert made["metadata"]["name"] == "-".join(rest)
        assert made["kind"].lower() == {"pvc": "persistentvolumeclaim"}.get(kind, kind)
        if kind == "pvc":
            assert set(made["metadata"]) == {"name", "namespace"}
        else:
            assert made["metadata"]["ownerReferences"][0]["uid"] == "some-uid"
            assert made["spec"]["strategy"] == {"type": "Recreate"}


GIVEN = dict.fromkeys(
    "NAME NAMESPACE ACCESS_KEY SECRET_KEY CERTIFICATE_KEY TOKEN NODE NODE_IP GATEWAY MYSQL_PASSWORD CLUSTER_DNS"
    " CLUSTER_DOMAIN VERSION".split(),
    "x",
)
GIVEN.update(minio_program.settings())


@pytest.mark.parametrize("name", sorted(p.name for p in (conf.HERE / "manifests").glob("*.yaml")))
def test_every_manifest_can_be_filled_in_and_read(name: str) -> None:
    used = string.Template((conf.HERE / "manifests" / name).read_text()).get_identifiers()
    text = cluster.manifest(name, **{key: GIVEN[key] for key in used if key in GIVEN})
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(text))


def test_signature_is_that_of_the_minio_client() -> None:
    now = datetime.datetime(2026, 5, 24, 1, 2, 3, tzinfo=datetime.UTC)
    signed = s3client.headers(
        method="PUT", host="192.0.2.1:9000", path="/b/k-1", payload_hash=EMPTY, access="me", secret="hush", now=now
    )
    expected = signer.sign_v4_s3(
        method="PUT",
        url=urlsplit("http://192.0.2.1:9000/b/k-1"),
        region="us-east-1",
        headers={key: value for key, value in signed.items() if key != "Authorization"},
        credentials=Credentials("me", "hush"),
        content_sha256=EMPTY,
        date=now,
    )
    assert signed["Authorization"] == expected["Authorization"]


class Store(http.server.BaseHTTPRequestHandler):
    """An object store of a dict, which does not look at signatures."""

    kept: dict[str, bytes]

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200 if self.path in self.kept else 404)
        self.end_headers()
        self.wfile.write(self.kept.get(self.path, b""))

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def job() -> Iterator[dict[str, object]]:
    Store.kept = {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    objects = [{"bucket": "b", "key": f"k{n}", "size": n} for n in (0, 1, 5000)]
    keys = {"access": "a", "secret": "s", "port": server.server_port, "patience": 0}
    yield {**keys, "addresses": ["127.0.0.1"], "objects": objects}
    server.shutdown()
    server.server_close()


def test_what_was_put_is_read_back(job: dict[str, object]) -> None:
    done = s3client.put(job)
    assert [len(Store.kept[f"/b/{o['key']}"]) for o in done] == [0, 1, 5000]
    assert s3client.check({**job, "objects": done}) == []


def test_other_bytes_and_lost_objects_are_seen(job: dict[str, object]) -> None:
    done = s3client.put(job)
    Store.kept["/b/k5000"] = bytes(5000)
    del Store.kept["/b/k1"]
    wrong = s3client.check({**job, "objects": done})
    assert len(wrong) == 2
    assert "HTTP 404" in wrong[0]
    assert "other bytes" in wrong[1]


def test_content_depends_on_the_seed_alone() -> None:
    assert s3client.content("a", 100) == s3client.content("a", 100) != s3client.content("b", 100)
