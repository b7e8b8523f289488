# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers ask of each other, over HTTPS: CA bundle, bootstrap files, configuration, members.

Real k3s answers these on port 6443, in one process with its API server. Here the API server has 6443 to itself.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import http.server
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import pki
from .flags import Refused

PORT = 9345


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Supervisor(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls: Path, password: str, critical: Mapping[str, object], members: Callable[[], object]) -> None:
        self.tls, self.password, self.critical, self.members = tls, password, critical, members
        super().__init__(("", PORT), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "serving-kube-apiserver.crt", tls / "serving-kube-apiserver.key")
        # The handshake is done in the thread of its connection.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def begin(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that goes away is nobody's concern."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Supervisor
    timeout = 20

    def do_GET(self) -> None:
        tls = self.server.tls
        if self.path == "/ping":
            return self._answer(200, b"pong")
        if self.path == "/cacerts":
            return self._answer(200, (tls / "server-ca.crt").read_bytes())
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given, _basic("server", self.server.password)):
            return self._answer(401, b"Unauthorized\n")
        if self.path == "/v1-k3s/server-bootstrap":
            files = {name: base64.b64encode((tls / name).read_bytes()).decode() for name in pki.SHARED}
            return self._answer(200, json.dumps(files).encode())
        if self.path == "/v1-k3s/config":
            return self._answer(200, json.dumps(self.server.critical).encode())
        if self.path == "/db/info":
            try:
                return self._answer(200, json.dumps({"members": self.server.members()}).encode())
            except OSError as why:
                return self._answer(500, str(why).encode())
        return self._answer(404, b"404 page not found\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Requests are not logged."""


def split_token(token: str) -> tuple[str, str]:
    """(CA hash or "", password) of a token in full or short form (pkg/clientaccess/token.go, parseToken)."""
    if not token:
        raise Refused("token must not be empty")
    if not token.startswith("K10"):
        return "", token
    ca, separator, rest = token[3:].partition("::")
    if not separator:
        rest, ca = ca, ""
    if ca and len(ca) != 64:
        raise Refused("invalid token CA hash length")
    _user, colon, password = rest.partition(":")
    if not colon or not password:
        raise Refused("invalid token format")
    return ca, password


class Remote:
    """The server that one joins through: its CA checked against the token, its answers asked for with the password."""

    def __init__(self, url: str, token: str, log: Callable[[str, str], None]) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https":
            raise Refused(f"only https:// URLs are supported, invalid scheme: {url}")
        self.host, self.url = parts.hostname or "", url
        wanted, self.password = split_token(token)
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        self.bundle = self._get("/cacerts", unchecked, None, "failed to get CA certs: ")
        self.context = ssl.create_default_context(cadata=self.bundle.decode())
        self._get("/cacerts", self.context, None, "CA cert validation failed: ")
        if not wanted:
            log("warning", "Cluster CA certificate is not trusted by the host CA bundle, but the token does not include a CA hash. Use the full token from the server's node-token file to enable Cluster CA validation.")  # fmt: skip  # noqa: E501
        elif wanted != pki.ca_hash(self.bundle):
            found = pki.ca_hash(self.bundle)
            raise Refused(f"token CA hash does not match the Cluster CA certificate hash: {wanted} != {found}")

    def _get(self, path: str, context: ssl.SSLContext, auth: str | None, what: str) -> bytes:
        link = http.client.HTTPSConnection(self.host, PORT, timeout=10, context=context)
        try:
            link.request("GET", path, headers={"Authorization": auth} if auth else {})
            answer = link.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as why:
            raise Refused(f'{what}Get "{self.url}{path}": {why}') from why
        finally:
            link.close()
        if answer.status != 200:
            raise Refused(f"{what}{self.url}{path}: {answer.status} {answer.reason}")
        return body

    def ask(self, path: str) -> Any:
        return json.loads(self._get(path, self.context, _basic("server", self.password), ""))


def mismatches(theirs: Mapping[str, object], mine: Mapping[str, object]) -> list[str]:
    return sorted(name for name in {*theirs, *mine} if theirs.get(name) != mine.get(name))
