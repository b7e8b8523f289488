"""Asks a server over HTTP or HTTPS from this host, without proxies and redirects."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import http.client
import ssl
import typing as t
import urllib.parse

_LONGEST = 1 << 20


class Answer(t.NamedTuple):
    """The answer to a request; `status` is 0 without one, and `reason` says why."""

    status: int
    body: str
    reason: str


def get(url: str, *, ca: str = "", certificate: t.Optional[t.Tuple[str, str]] = None, timeout: float = 7) -> Answer:
    """GET this URL, with an optional client certificate and its key.

    `ca` is the path of the only CA that is trusted. Without one nothing is verified, which is for a server on this host alone.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https") or not host:
            return Answer(0, "", "{0!r} is not a URL".format(url))
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=_context(ca, certificate))  # type: http.client.HTTPConnection
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(_LONGEST).decode("utf-8", "replace"), "")
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as exc:
        return Answer(0, "", "{0}: {1}".format(type(exc).__name__, exc))


def _context(ca: str, certificate: t.Optional[t.Tuple[str, str]]) -> ssl.SSLContext:
    # From the file, not from its bytes: Pythons before 3.8 can't read those with OpenSSL 3.
    context = ssl.create_default_context(cafile=ca or None)
    # From Python 3.13 on it is set, and refuses the CAs of clusters made before Kubernetes 1.20, which have no key identifier.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if not ca:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context
