# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves the stand-in for a cluster over HTTPS, so that real playbooks can ask it, and keeps every request that would write."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.cloudpods.ha.tests.served import https_server
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster


class ServedCluster:
    """`writes` are the requests that were no GET, as METHOD PATH; each was refused."""

    def __init__(self, cluster: StandInCluster) -> None:
        self.cluster = cluster
        self.reads = 0
        self.writes: list[str] = []

    def answer(self, path: str) -> dict[str, object] | None:
        if path == "/version":
            return {"gitVersion": self.cluster.version}
        api = self.cluster.api()
        if path in api.lists:
            return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": api.lists[path]}
        return api.objects.get(path)


def _handler(served: ServedCluster) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def _send(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            served.reads += 1
            found = served.answer(urllib.parse.urlsplit(self.path).path)
            status = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
            self._send(200, found) if found is not None else self._send(404, status)

        def _write(self) -> None:
            served.writes.append("{0} {1}".format(self.command, self.path))
            self._send(403, {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403})

        do_POST = do_PUT = do_PATCH = do_DELETE = _write  # noqa: N815  the names that http.server calls

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@contextmanager
def serve(cluster: StandInCluster, folder: Path) -> Iterator[tuple[ServedCluster, Path]]:
    """Serve on a free port of the loopback address. Yields the cluster and a kubeconfig."""
    served = ServedCluster(cluster)
    server, kubeconfig = https_server(folder, _handler(served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served, kubeconfig
    finally:
        server.shutdown()
        server.server_close()
