# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to servers made for the test, with certificates of two CAs."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._host import https

# A CA as clusters before Kubernetes 1.20 have it: without a key identifier, and none in what it signs.
OLD = "[req]\ndistinguished_name=name\nx509_extensions=ca\n[name]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature\n"


class Pki:
    """A CA and a certificate for `names`, in a folder."""

    def __init__(self, folder: Path, names: str) -> None:
        self.ca, self.key, self.certificate = (str(folder / item) for item in ("ca.crt", "server.key", "server.crt"))
        settings, extensions, ca_key, request = (str(folder / item) for item in ("ca.cnf", "names", "ca.key", "csr"))
        Path(settings).write_text(OLD)
        Path(extensions).write_text("subjectAltName=" + names + "\n")
        elliptic = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        ca = ("-days", "2", "-subj", "/CN=ca", "-config", settings)
        openssl("req", "-x509", *elliptic, *ca, "-keyout", ca_key, "-out", self.ca)
        openssl("req", *elliptic, "-subj", "/CN=server", "-keyout", self.key, "-out", request)
        signed = ("-CA", self.ca, "-CAkey", ca_key, "-set_serial", "7", "-days", "2", "-extfile", extensions)
        openssl("x509", "-req", "-in", request, *signed, "-out", self.certificate)


def openssl(*argv: str) -> None:
    subprocess.check_output(["openssl", *argv], stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"), "IP:127.0.0.1,IP:::1")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("other"), "IP:192.0.2.10,DNS:localhost")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = "asked for {0} of {1}".format(self.path, self.headers["Host"]).encode()
        self.send_response(int(self.path.partition("?")[0].rpartition("/")[2]))
        self.send_header("Location", "https://192.0.2.1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Server6(http.server.HTTPServer):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def serving(pki: Pki, *, clients: str = "", ipv6: bool = False) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate, pki.key)
    if clients:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    with Server6(("::1", 0), Handler) if ipv6 else http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield "https://{0}:{1}".format("[::1]" if ipv6 else "127.0.0.1", server.server_port)
        finally:
            server.shutdown()
            thread.join()


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), Server6(("::1", 0), Handler):
        return True
    return False


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 500, 503])
def test_a_server_that_the_ca_vouches_for_is_told_as_it_answered(pki: Pki, status: int) -> None:
    with serving(pki) as url:
        found = https.get("{0}/{1}?timeout=5s".format(url, status), ca=pki.ca)
        assert found == (status, "asked for /{0}?timeout=5s of {1}".format(status, url[8:]), "")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_server_is_verified_by_its_address(pki: Pki, other: Pki) -> None:
    with serving(pki, ipv6=True) as url:
        assert https.get(url + "/200", ca=pki.ca).status == 200
        assert https.get(url + "/200", ca=other.ca).status == 0
    with serving(other, ipv6=True) as url:
        assert https.get(url + "/200", ca=other.ca).status == 0


def test_another_ca_another_address_and_no_ca_file_are_no_answer(pki: Pki, other: Pki) -> None:
    with serving(pki) as url:
        assert https.get(url + "/200", ca=other.ca)[:2] == (0, "")
        assert "No such file" in https.get(url + "/200", ca=pki.ca + ".gone").reason
        assert https.get(url + "/200", ca=pki.key)[:2] == (0, "")
        # The check is of the certificate, not of the request.
        assert https.get(url + "/200").status == 200
    with serving(other) as url:
        assert https.get(url + "/200", ca=other.ca)[:2] == (0, "")


def test_a_client_certificate_is_shown(pki: Pki) -> None:
    with serving(pki, clients=pki.ca) as url:
        assert https.get(url + "/200", ca=pki.ca)[:2] == (0, "")
        assert https.get(url + "/200", ca=pki.ca, certificate=(pki.certificate, pki.key)).status == 200
        assert https.get(url + "/200", ca=pki.ca, certificate=(pki.certificate, pki.ca))[:2] == (0, "")


def test_no_proxy_is_asked(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://192.0.2.1:9")
    with serving(pki) as url:
        assert https.get(url + "/200", ca=pki.ca).status == 200


def test_nobody_and_something_else_on_the_port_are_no_answer(pki: Pki) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = "https://127.0.0.1:{0}/".format(silent.getsockname()[1])
        assert "refused" in https.get(url, ca=pki.ca).reason.lower()
        silent.listen(1)
        assert "timed out" in https.get(url, ca=pki.ca, timeout=0.2).reason


@pytest.mark.parametrize(
    "url", ["", "192.0.2.1:6443", "file:///etc/passwd", "https://", "https://192.0.2.1:x/", "https://[::1/"]
)
def test_what_is_no_url_is_no_answer_and_no_crash(url: str) -> None:
    found = https.get(url)
    assert found.status == 0
    assert found.reason
