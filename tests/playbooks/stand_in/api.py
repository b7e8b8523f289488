# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves the stand-in API over HTTPS on sockets that others made, and gives wrong answers where it is told to."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.rights import Rights
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import Refused, Store

Json = dict[str, Any]


@dataclass
class Fault:
    """From request number `first` on, `count` requests get a wrong answer: a status, html, empty, cut, deep, list, items, bytes, late or drop."""

    kind: str
    first: int
    count: int = 1


class Api:
    """What is asked on one machine's port. `requests` counts those for objects. `tell` is called with a sentence about each that its role does not allow."""

    def __init__(self, store: Store, version: str, tell: Callable[[str], None]) -> None:
        self.store, self.version, self.tell = store, version, tell
        self.rights = Rights()
        self.requests = 0
        self.fault: Fault | None = None
        self.faults = 0
        self._lock = threading.Lock()

    def wrong(self) -> str:
        """The fault for this request, empty for none."""
        with self._lock:
            self.requests += 1
            fault = self.fault
            if fault is None or not fault.first <= self.requests < fault.first + fault.count:
                return ""
            self.faults += 1
            return fault.kind

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: C901
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _status(self, status: int, reason: str, text: str) -> None:
                body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
                self._send(status, json.dumps({**body, "reason": reason, "message": text, "code": status}).encode())

            def _handle(self) -> None:
                url = urllib.parse.urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length) if length else b""
                if url.path in ("/readyz", "/healthz", "/livez", "/ping"):
                    self._send(200, b"ok", "text/plain")
                    return
                if url.path == "/version":
                    self._send(200, json.dumps({"gitVersion": api.version, "major": "1", "minor": "30"}).encode())
                    return
                fault = api.wrong()
                if fault:
                    self._fail(fault)
                    return
                query = dict(urllib.parse.parse_qsl(url.query))
                right = api.rights.lacking(self.command, url.path)
                if right:
                    api.tell("a run needs a right that docs/cluster-role.yml does not grant: " + right)
                    self._status(403, "Forbidden", "the stand-in grants nobody: " + right)
                    return
                try:
                    body = json.loads(raw) if raw else None
                    found = api.store.answer(
                        self.command, url.path, query, body, self.headers.get("Content-Type") or ""
                    )
                except Refused as exc:
                    self._status(exc.status, exc.reason, exc.text)
                else:
                    self._send(201 if self.command == "POST" else 200, json.dumps(found).encode())

            def _fail(self, fault: str) -> None:
                if fault.isdigit():
                    reasons = {410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}
                    self._status(int(fault), reasons.get(int(fault), "Unknown"), "the stand-in was told to fail")
                elif fault == "html":
                    self._send(200, b"<html><body>proxy</body></html>", "text/html")
                elif fault == "empty":
                    self._send(200, b"")
                elif fault == "cut":
                    self._send(200, b'{"kind": "List", "items": [')
                elif fault == "deep":
                    self._send(200, b'{"items": ' + b"[" * 100000)
                elif fault == "list":
                    self._send(200, b'["x"]')
                elif fault == "items":
                    self._send(200, b'{"kind": "List", "items": [{"metadata": null}, "x"]}')
                elif fault == "bytes":
                    self._send(200, bytes(range(128, 256)))
                elif fault == "late":
                    time.sleep(12)
                    self._status(504, "Timeout", "late")
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815  the names that http.server calls

            def log_message(self, *_args: object) -> None:
                pass

        return Handler


class Quiet(http.server.ThreadingHTTPServer):
    """A server on a given socket; a client that goes away is no error."""

    daemon_threads = True

    def __init__(self, given: socket.socket, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__(given.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = given

    def handle_error(self, *_args: object) -> None:
        pass


class Tls(Quiet):
    """The handshake is made in the thread of the connection: a client that connects and says nothing holds up no other."""

    def __init__(
        self, given: socket.socket, handler: type[http.server.BaseHTTPRequestHandler], context: ssl.SSLContext
    ) -> None:
        super().__init__(given, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(20)
        with self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)


def start(server: http.server.HTTPServer) -> None:
    """Serve in a thread of its own."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
