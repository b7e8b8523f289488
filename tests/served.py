# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTPS server on a free port of the loopback address, and a kubeconfig that leads to it: what the served stand-ins share."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
from pathlib import Path


def https_server(
    folder: Path, handler: type[http.server.BaseHTTPRequestHandler]
) -> tuple[http.server.ThreadingHTTPServer, Path]:
    """A bound server that does not serve yet, with its certificate and key in `folder`, and the path of a kubeconfig beside them."""
    certificate, key, kubeconfig = folder / "api.crt", folder / "api.key", folder / "served.kubeconfig"
    if not certificate.exists():
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
                *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = "https://127.0.0.1:{0}".format(server.server_address[1])
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "clusters": [{"name": "x", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
                "users": [{"name": "x", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            }
        ),
        encoding="utf-8",
    )
    kubeconfig.chmod(0o600)
    return server, kubeconfig
