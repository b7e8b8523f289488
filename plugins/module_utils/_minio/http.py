"""HTTP and TLS in a tunnel into one pod of a MinIO, and its admin API, whose requests are signed like S3's."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import hashlib
import json
import ssl
import typing as t
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi

try:
    import urllib3
    from minio.credentials import Credentials as SignerCredentials
    from minio.signer import sign_v4_s3
    from urllib3.connection import HTTPConnection
    from urllib3.connectionpool import HTTPConnectionPool

    IMPORT_ERROR: t.Optional[str] = None
except ImportError as exc:  # reported by check_imports()
    IMPORT_ERROR = str(exc)

Json = t.Dict[str, t.Any]
Tunnel = t.Callable[[str, int], t.Any]


class AdminRefused(HaError):
    """The admin API answered with an error; `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__("the admin API answers {0}: {1}".format(status, text))
        self.status = status


@dataclass(frozen=True)
class Credentials:
    """The root credentials; they do not show in a repr."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Server:
    """The server of one pod; every connection is a new tunnel into the pod."""

    pod: str
    port: int
    tls: bool
    credentials: Credentials
    http: t.Any

    @property
    def host(self) -> str:
        """Host and port, as in requests."""
        return "{0}:{1}".format(self.pod, self.port)

    @property
    def url(self) -> str:
        """The root of its URLs."""
        return "{0}://{1}".format("https" if self.tls else "http", self.host)

    def status(self, path: str) -> int:
        """The HTTP status of a plain GET. Raises OSError and urllib3's errors."""
        return int(self.http.request("GET", self.url + path).status)

    def admin(
        self,
        method: str,
        path: str,
        *,
        query: t.Optional[Json] = None,
        body: t.Optional[Json] = None,
        timeout: t.Optional[int] = None,
    ) -> Json:
        """Call the admin API, `path` below /minio/admin/v3/, and decode its answer; `timeout` in seconds, if it is
        not the server's default.

        Raises AdminRefused for an error or an invalid answer, OSError and urllib3's errors without an answer.
        """
        content = json.dumps(body).encode() if body is not None else b""
        url = "{0}/minio/admin/v3/{1}".format(self.url, quote(path))
        url += "?" + urlencode(sorted(query.items())) if query else ""
        date = datetime.datetime.now(datetime.timezone.utc)
        digest = hashlib.sha256(content).hexdigest()
        headers: Json = {
            "Host": self.host,
            "x-amz-date": date.strftime("%Y%m%dT%H%M%SZ"),
            "x-amz-content-sha256": digest,
        }
        signed = sign_v4_s3(
            method=method,
            url=urlsplit(url),
            region="",
            headers=headers,
            credentials=SignerCredentials(self.credentials.user, self.credentials.password),
            content_sha256=digest,
            date=date,
        )
        more: Json = {"timeout": timeout} if timeout else {}
        answer = self.http.request(method, url, body=content or None, headers=signed, **more)
        try:
            found = json.loads(answer.data)
        except (ValueError, RecursionError):
            found = None
        # A long call answers 200 in advance, and has its error in the body.
        if answer.status != 200 or not isinstance(found, dict) or ("Code" in found and "Message" in found):
            message = found.get("Message") if isinstance(found, dict) else None
            raise AdminRefused(answer.status, str(message or "no JSON")[:200])
        return found


def check_imports() -> None:
    """Raise HaError with one sentence when a package is missing."""
    if IMPORT_ERROR is not None:
        raise HaError(
            "the Python package 'minio' is missing where this runs ({0}); see requirements.txt".format(IMPORT_ERROR)
        )


def tunnel_to(api: KubeApi, namespace: str) -> Tunnel:
    """Return a function that opens a connection to a port of a pod in this namespace."""

    def connect(pod: str, port: int) -> t.Any:
        try:
            return api.socket_to_pod(namespace, pod, port)
        except ApiRefused as exc:
            raise OSError(str(exc)) from exc

    return connect


def server(tunnel: Tunnel, *, pod: str, port: int, tls: bool, credentials: Credentials, timeout: int) -> Server:
    """Reach the server of one pod; nothing is connected yet."""
    return Server(pod, port, tls, credentials, _http(tunnel, pod=pod, port=port, tls=tls, timeout=timeout))


def _http(tunnel: Tunnel, *, pod: str, port: int, tls: bool, timeout: int) -> t.Any:
    """A connection pool whose every connection is a new tunnel into the pod."""
    context = _tls_context() if tls else None

    class TunnelConnection(HTTPConnection):
        """Connects through the tunnel, whatever the URL's host says."""

        def _new_conn(self) -> t.Any:
            sock = tunnel(pod, port)
            if context is None:
                return sock
            sock.settimeout(timeout)
            return context.wrap_socket(sock, server_hostname=pod)

    class TunnelPool(HTTPConnectionPool):
        """A pool of such connections."""

        ConnectionCls = TunnelConnection

    manager = urllib3.PoolManager(timeout=urllib3.Timeout(timeout), retries=False)
    manager.pool_classes_by_scheme = {"http": TunnelPool, "https": TunnelPool}
    return manager


def _tls_context() -> ssl.SSLContext:
    """TLS without verification of the certificate.

    The tunnel is the API server's port-forward into that pod, which authenticates the peer. Its certificate is issued
    for the names in the servers' URLs, by a CA that only the servers need to know.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def brief(exc: BaseException) -> str:
    """One short sentence for an error of a request."""
    if isinstance(exc, (OSError, urllib3.exceptions.HTTPError)):
        cause = exc.args[-1] if exc.args and isinstance(exc.args[-1], BaseException) else exc
        return "{0}".format(getattr(cause, "strerror", None) or cause)[:200]
    text = str(exc).strip().splitlines()
    return "{0}: {1}".format(type(exc).__name__, text[0][:200] if text else "no reason given")
