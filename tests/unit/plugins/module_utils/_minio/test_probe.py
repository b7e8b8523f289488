# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import ssl
import subprocess
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import objects, probe
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_minio import (
    INFO,
    RECORDED,
    RECORDED_2021,
    SECRET,
    TEMPLATE,
    StandInApi,
    find,
    pod,
    tunnel,
)


def test_each_pod_is_asked_by_itself(minio: ThreadingHTTPServer) -> None:
    asked = []

    def connect(name: str, port: int) -> socket.socket:
        asked.append((name, port))
        if name == "minio-1":
            raise ConnectionRefusedError(111, "Connection refused")
        return tunnel(minio)(name, port)

    good, bad = probe.probe(find(StandInApi(pod("minio-0"), pod("minio-1"))), tunnel=connect, timeout=5)
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
    view = probe.probe(found, tunnel=tunnel(tls_minio), timeout=5)[0]
    assert (view.live, view.cluster, view.error) == (200, 200, "")
    assert view.info is not None
    limits = {"count_max": 10, "read_max": 5, "read_max_bytes": 10**6}
    result = objects.read_objects(found, "minio-0", tunnel=tunnel(tls_minio), timeout=5, **limits)
    assert result["readback"]["hashed"] == 3


def test_plain_http_to_a_tls_server_has_no_answer(tls_minio: ThreadingHTTPServer) -> None:
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(tls_minio), timeout=5)[0]
    assert view.live is None
    assert view.error


def test_storageinfo_is_asked_where_info_does_not_tell_the_layout(minio: ThreadingHTTPServer) -> None:
    minio.state.update(  # type: ignore[attr-defined]
        info=RECORDED["pools_of_two_widths"], storageinfo=RECORDED["pools_of_two_widths_storageinfo"]
    )
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert view.info is not None
    assert [pool.drives_per_set for pool in view.info.pools] == [4, 6]


def test_storageinfo_is_asked_for_drives_that_info_misses(minio: ThreadingHTTPServer) -> None:
    drive = {"endpoint": "http://minio-0.svc:9100/export", "pool_index": 0, "set_index": 0}
    backend = {**INFO["backend"], "totalSets": [1], "totalDrivesPerSet": [1]}
    servers = [{"endpoint": "minio-0.svc:9100", "state": "offline", "drives": [{**drive, "state": "offline"}]}]
    minio.state.update(  # type: ignore[attr-defined]
        info={**INFO, "backend": backend, "servers": servers}, storageinfo={"Disks": [{**drive, "state": "ok"}]}
    )
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert view.info is not None
    assert [drive.state for drive in view.info.drives] == ["ok"]


def test_a_server_that_takes_a_connection_and_says_nothing_is_late(minio: ThreadingHTTPServer) -> None:
    minio.state["hangs"] = 3  # type: ignore[attr-defined]
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=1)[0]
    assert (view.live, view.timed_out) == (None, True)


def test_a_server_that_dials_dead_peers_first_is_waited_for(minio: ThreadingHTTPServer) -> None:
    minio.state["late"] = 2  # type: ignore[attr-defined]
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=1)[0]
    assert view.info is not None


def test_a_pod_that_does_not_run_is_not_asked(minio: ThreadingHTTPServer) -> None:
    views = probe.probe(find(StandInApi(pod("minio-0", phase="Pending"))), tunnel=tunnel(minio), timeout=5)
    assert [view.error for view in views] == ["the pod is not running", "the pod does not exist"]
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
    view = probe.probe(find(StandInApi(waiting)), tunnel=tunnel(minio), timeout=5)[0]
    assert view.error == error


def test_a_pod_that_is_being_deleted_is_not_asked(minio: ThreadingHTTPServer) -> None:
    going = pod("minio-0")
    going["metadata"]["deletionTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    view = probe.probe(find(StandInApi(going)), tunnel=tunnel(minio), timeout=5)[0]
    assert view.error == "the pod is being deleted"


@pytest.mark.parametrize(("node", "live"), [("", True), ("master-9", False)])
def test_a_pod_that_stays_terminating_is_told_with_its_way_out_where_its_kubelet_lives(
    minio: ThreadingHTTPServer, node: str, live: bool
) -> None:
    stuck = pod("minio-0")
    stuck["metadata"]["deletionTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
    stuck["spec"]["nodeName"] = node or stuck["spec"]["nodeName"]
    error = probe.probe(find(StandInApi(stuck)), tunnel=tunnel(minio), timeout=5)[0].error
    if not live:
        assert error == "the pod is being deleted"
        return
    assert error.startswith("the pod has been Terminating for 10 min")
    assert "kubectl -n ns delete pod minio-0 --grace-period=0 --force" in error


@pytest.mark.parametrize("node", ["master-1", "master-9"])
def test_a_pod_on_a_node_that_is_away_is_not_asked(minio: ThreadingHTTPServer, node: str) -> None:
    away = pod("minio-0")
    away["spec"]["nodeName"] = node
    view = probe.probe(find(StandInApi(away)), tunnel=tunnel(minio), timeout=5)[0]
    assert view.error == f"its node {node} is gone or not Ready"
    assert minio.state["seen"] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("change", "error"), [({"info": {}}, "still starting"), ({"admin": 403}, "403")])
def test_a_server_that_tells_nothing_has_no_view(minio: ThreadingHTTPServer, change: dict, error: str) -> None:
    minio.state.update(change)  # type: ignore[attr-defined]
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert view.info is None
    assert error in view.error
    assert SECRET not in view.error


def test_an_answer_of_the_admin_api_is_kept_when_a_check_is_late(minio: ThreadingHTTPServer) -> None:
    minio.state["checks_late"] = 3  # type: ignore[attr-defined]
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=1)[0]
    assert (view.live, view.cluster, view.maintenance) == (200, None, None)
    assert view.info is not None
    assert view.error


def test_below_read_quorum_info_is_not_waited_for(minio: ThreadingHTTPServer) -> None:
    storage = RECORDED_2021["three_dead_storageinfo"]
    minio.state.update(late=4, storageinfo=storage)  # type: ignore[attr-defined]
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=1)[0]
    assert (view.info, view.timed_out) == (None, True)
    assert view.storage is not None
    assert view.storage.pools[0].drives_per_set == 4


@pytest.mark.parametrize(("status", "refused"), [(403, True), (503, False)])
def test_credentials_that_are_not_accepted_are_told_apart(
    minio: ThreadingHTTPServer, status: int, refused: bool
) -> None:
    minio.state["admin"] = status  # type: ignore[attr-defined]
    view = probe.probe(find(StandInApi(pod("minio-0"))), tunnel=tunnel(minio), timeout=5)[0]
    assert (view.info, view.refused) == (None, refused)
