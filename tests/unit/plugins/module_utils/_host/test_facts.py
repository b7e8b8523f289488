# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about itself, on folders and servers made for the test."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, KUBEADM, Provider
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import client as etcd_client
from ansible_collections.cloudpods.ha.plugins.module_utils._host import facts
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESSES = """\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 192.0.2.12/24 scope global eth0\\       valid_lft forever preferred_lft forever
2: eth0    inet6 2001:db8::12/64 scope global \\       valid_lft forever preferred_lft forever
2: eth0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever
3: br0    inet 192.0.2.100/32 scope global br0\\       valid_lft forever preferred_lft forever
"""


FIXTURES = Path(__file__).parents[3] / "fixtures" / "k3s"


def listener(address: str) -> socket.socket:
    """A listening socket. socket.create_server() came with Python 3.8."""
    found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    found.bind((address, 0))
    found.listen(5)
    return found


def stand_in_run(argv: Sequence[str]) -> tuple[int, str, str]:
    if argv[0] == "ip":
        return 0, "" if "route" in argv else ADDRESSES, ""
    if argv[0] == "kubelet":
        return 0, "Kubernetes v1.30.4\n", ""
    return (0, "v1.30.4-rc.1+abc\n", "") if argv[0] == "kubeadm" else (127, "", "not found")


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Provider:
    """A provider that keeps its files in a folder of the test, and nobody on the ports."""
    (tmp_path / "manifests").mkdir()
    here = KUBEADM._replace(
        admin_kubeconfig=str(tmp_path / "admin.conf"),
        kubelet_config=str(tmp_path / "kubelet.conf"),
        manifests=str(tmp_path / "manifests"),
        etcd_mark=str(tmp_path / "manifests" / "etcd.yaml"),
        etcd_data=str(tmp_path / "etcd"),
        etcd_cert=str(tmp_path / "server.crt"),
        etcd_key=str(tmp_path / "server.key"),
    )
    monkeypatch.setattr(facts, "PROVIDERS", {"kubeadm": here, "k3s": k3s_in(tmp_path)})
    monkeypatch.setattr(facts, "K3S_PROGRAM", str(tmp_path / "k3s"))
    monkeypatch.setattr(facts, "K3S_TOKEN", str(tmp_path / "token"))
    monkeypatch.setattr(facts, "MACHINE_ID", str(tmp_path / "machine-id"))
    monkeypatch.setattr(facts, "ETCD_METRICS_PORT", free_port())
    monkeypatch.setattr(facts, "ETCD_CLIENT_PORT", free_port())
    monkeypatch.setattr(facts, "API_PORT", free_port())
    return here


def k3s_in(folder: Path) -> Provider:
    """K3s with its files in a folder of the test."""
    return K3S._replace(
        admin_kubeconfig=str(folder / "k3s.yaml"),
        ca_certificate=str(folder / "server-ca.crt"),
        kubelet_config=str(folder / "kubelet.kubeconfig"),
        manifests=str(folder / "manifests"),
        etcd_data=str(folder / "db"),
        etcd_mark=str(folder / "db" / "config"),
        etcd_cert=str(folder / "client.crt"),
        etcd_key=str(folder / "client.key"),
        api_client=(str(folder / "client-admin.crt"), str(folder / "client-admin.key")),
    )


def free_port() -> int:
    with listener("127.0.0.1") as server:
        return int(server.getsockname()[1])


def gather(**fields: Any) -> Host:
    known: dict[str, Any] = {"name": "inv", "role": "survivor", "storage_paths": []}
    return facts.gather(fields.pop("run", stand_in_run), **{**known, **fields})


def make_certificate(provider: Provider) -> None:
    """A certificate that signs itself, for server and client alike."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd")])
    now = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    Path(provider.etcd_cert).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    Path(provider.etcd_key).write_bytes(key.private_bytes(*form))


@contextlib.contextmanager
def serving(status: int, body: str, *, context: ssl.SSLContext | None = None) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            # Python 3.6 with OpenSSL 3 takes an end without close_notify for an error, as etcd never ends.
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def babbling(answer: bytes) -> Iterator[int]:
    """A server that speaks something else than HTTP."""
    with listener("127.0.0.1") as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _address = server.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join()


def test_a_bare_host_is_reachable_and_has_nothing() -> None:
    found = gather()
    assert (found.name, found.role, found.reachable, found.error) == ("inv", "survivor", True, "")
    assert (found.provider, found.joined, found.etcd_data, found.kubeconfig) == ("", False, False, False)
    assert (found.etcd_health, found.api_ready, found.keepalived) == ("", "", None)
    assert found.addresses == ("192.0.2.12", "2001:db8::12", "192.0.2.100")
    assert found.interfaces["192.0.2.100"] == "br0"
    assert found.node_ip == "192.0.2.12"
    assert (found.kubeadm_version, found.kubelet_version) == ("v1.30.4-rc.1+abc", "v1.30.4")


def test_a_control_plane_host_is_known_by_its_etcd_mark(provider: Provider) -> None:
    for path in (provider.etcd_mark, provider.kubelet_config, provider.admin_kubeconfig):
        Path(path).write_text("x", encoding="utf-8")
    Path(provider.etcd_data, "member").mkdir(parents=True)
    found = gather()
    assert (found.provider, found.joined, found.etcd_data, found.kubeconfig) == ("kubeadm", True, True, True)


def test_an_empty_etcd_folder_is_no_data(provider: Provider) -> None:
    Path(provider.etcd_data).mkdir()
    assert not gather().etcd_data


def test_programs_that_are_missing_or_fail_have_no_version() -> None:
    def run(argv: Sequence[str]) -> tuple[int, str, str]:
        return stand_in_run(argv) if argv[0] == "ip" else (1, "v9.9.9", "broken")

    found = gather(run=run)
    assert (found.kubeadm_version, found.kubelet_version) == ("", "")


def test_the_name_of_the_host_is_in_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts.socket, "gethostname", lambda: "Master-2")
    assert gather().hostname == "master-2"


def routed(argv: Sequence[str]) -> tuple[int, str, str]:
    route = "default via 2001:db8::1 dev eth0 src 2001:db8::12\n"
    return (0, route if "-6" in argv else "", "") if "route" in argv else stand_in_run(argv)


def test_without_keepalived_the_api_server_names_the_node_s_address_then_the_default_route(provider: Provider) -> None:
    assert gather(run=routed).node_ip == "2001:db8::12"
    path = Path(provider.manifests, "kube-apiserver.yaml")
    path.write_text("    - --advertise-address=192.0.2.100\n    - --allow-privileged=true\n", encoding="utf-8")
    assert gather(run=routed).node_ip == "192.0.2.100"
    for line, address in (
        ("- --advertise-address 192.0.2.100", "192.0.2.100"),
        ("- --advertise-address\n    - 192.0.2.100", "192.0.2.100"),
        ('- "--advertise-address"\n    - "192.0.2.100"', "192.0.2.100"),
        ("- --advertise-address\n    - --bind-address=192.0.2.100", "2001:db8::12"),
    ):
        path.write_text("    {0}\n    - --v=2\n".format(line), encoding="utf-8")
        assert gather(run=routed).node_ip == address
    for address in ("2001:DB8:0:0::12", "[2001:db8::12]"):
        path.write_text("    - --advertise-address={0}\n".format(address), encoding="utf-8")
        assert gather().node_ip == "2001:db8::12"
    # A manifest that was copied from another machine.
    path.write_text("    - --advertise-address=192.0.2.99\n", encoding="utf-8")
    assert gather(run=routed).node_ip == "2001:db8::12"


def test_the_address_that_was_given_is_taken_if_the_host_has_it() -> None:
    given = gather(node_ip="192.0.2.100")
    assert (given.node_ip, given.address_given, given.error) == ("192.0.2.100", True, "")
    assert not gather().address_given
    assert "192.0.2.99 that replace_master_addresses gives it; it has 192.0.2.12" in gather(node_ip="192.0.2.99").error


def test_the_etcd_of_k3s_names_the_node_s_address(server: Path) -> None:
    text = (server / "db" / "config").read_text(encoding="utf-8")
    for address in ("192.0.2.100", "[2001:db8::12]"):
        (server / "db" / "config").write_text(
            text.replace("192.168.0.244:2379", address + ":2379", 1), encoding="utf-8"
        )
        assert gather().node_ip == address.strip("[]")
    # Of several the one that the host carries.
    several = text.replace("192.168.0.244:2379", "192.0.2.99:2379,https://192.0.2.100:2379", 1)
    (server / "db" / "config").write_text(several, encoding="utf-8")
    assert gather().node_ip == "192.0.2.100"
    (server / "db" / "config").write_text(text, encoding="utf-8")
    assert gather().node_ip == "192.0.2.12"


def test_a_damaged_keepalived_manifest_is_told_and_everything_else_too(provider: Provider) -> None:
    Path(provider.keepalived_manifest).write_text("kind: Pod\n", encoding="utf-8")
    found = gather()
    assert "keepalived manifest" in found.error
    assert (found.keepalived, found.kubelet_version) == (None, "v1.30.4")


@pytest.mark.parametrize(
    ("status", "body", "health"),
    [
        (200, '{"health":"true","reason":""}', "ok"),
        (200, '{"health":true}', "ok"),
        (503, '{"health":"false","reason":"RAFT NO LEADER"}', "RAFT NO LEADER"),
        (503, '{"health":"false"}', "not healthy"),
        (200, "{}", "not healthy"),
        (500, "oops", "etcd answered with status 500"),
        (200, "[]", "not healthy"),
        (200, "null", "etcd answered with status 200"),
        (200, "7", "etcd answered with status 200"),
        (200, "[" * 20000, "etcd answered with status 200"),
    ],
)
def test_the_health_of_etcd_is_what_its_member_says(
    monkeypatch: pytest.MonkeyPatch, status: int, body: str, health: str
) -> None:
    with serving(status, body) as port:
        monkeypatch.setattr(facts, "ETCD_METRICS_PORT", port)
        assert gather().etcd_health == health


@pytest.mark.parametrize(
    ("status", "body", "ready"),
    [
        (200, "ok", "ok"),
        (
            500,
            "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/x failed\n",
            "not ready: etcd, poststarthook/x",
        ),
        (401, "Unauthorized", "not ready: status 401"),
    ],
)
def test_an_api_server_is_ready_when_it_says_so(
    monkeypatch: pytest.MonkeyPatch, status: int, body: str, ready: str
) -> None:
    asked: list[str] = []

    def local(url: str, *, certificate: tuple[str, str] | None = None) -> tuple[int, str]:
        assert certificate is None
        asked.append(url)
        return (status, body) if url.endswith("/readyz") else (0, "")

    monkeypatch.setattr(facts, "_local", local)
    assert gather().api_ready == ready
    assert all("//127.0.0.1:" in url for url in asked)
    assert not [url for url in asked if url.endswith("/healthz")]


@pytest.mark.parametrize(
    ("status", "body", "ready"),
    [(200, "ok", "ok"), (500, "[-]etcd failed: reason withheld\n", "not ready: etcd"), (404, "", "status 404")],
)
def test_an_api_server_that_knows_no_readyz_is_asked_for_healthz(
    monkeypatch: pytest.MonkeyPatch, status: int, body: str, ready: str
) -> None:
    def local(url: str, *, certificate: tuple[str, str] | None = None) -> tuple[int, str]:
        assert certificate is None
        return (404, "404 page not found") if url.endswith("/readyz") else (status, body)

    monkeypatch.setattr(facts, "_etcd_health", lambda _provider: "")
    monkeypatch.setattr(facts, "_local", local)
    assert gather().api_ready in (ready, "not ready: " + ready)


@pytest.mark.parametrize("anonymous", [401, 403])
def test_an_api_server_that_answers_nobody_is_asked_with_a_certificate(
    monkeypatch: pytest.MonkeyPatch, provider: Provider, tmp_path: Path, anonymous: int
) -> None:
    names = (str(tmp_path / "kubelet.crt"), str(tmp_path / "kubelet.key"))
    here = provider._replace(api_client=names)
    monkeypatch.setattr(facts, "PROVIDERS", {"kubeadm": here, "k3s": k3s_in(tmp_path)})

    def local(url: str, *, certificate: tuple[str, str] | None = None) -> tuple[int, str]:
        if url.endswith("/health"):
            return 0, ""
        return (200, "ok") if certificate == names else (anonymous, "Unauthorized")

    monkeypatch.setattr(facts, "_local", local)
    assert gather().api_ready == "not ready: status {0}".format(anonymous)
    Path(names[1]).write_text("x", encoding="utf-8")
    assert gather().api_ready == "ok"
    # The second question has no answer, as with a damaged certificate.
    monkeypatch.setattr(facts, "_local", lambda _url, certificate=None: (0, "") if certificate else (anonymous, ""))
    assert gather().api_ready == "not ready: status {0}".format(anonymous)


def test_a_plane_of_ipv6_addresses_is_asked_where_its_manifests_say(
    monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    text = "    - --listen-metrics-urls=http://[::1]:2381\n    - --listen-client-urls=https://[::1]:2379\n    - --name=node-2\n"
    Path(provider.etcd_mark).write_text(text, encoding="utf-8")
    api = Path(provider.manifests, "kube-apiserver.yaml")
    api.write_text("    - --bind-address=2001:db8::12\n    - --secure-port=6440\n", encoding="utf-8")
    answers = {
        "http://[::1]:2381/health": (200, '{"health":"true"}'),
        "https://[2001:db8::12]:6440/readyz": (200, "ok"),
    }
    monkeypatch.setattr(facts, "_local", lambda url, **_certificate: answers.get(url, (0, "")))
    found = gather()
    assert (found.etcd_health, found.api_ready, found.api_port, found.node_name) == ("ok", "ok", 6440, "node-2")
    # An etcd whose manifest names no port for metrics, on the other loopback address.
    Path(provider.etcd_mark).write_text("x", encoding="utf-8")
    answers["http://[::1]:{0}/health".format(facts.ETCD_METRICS_PORT)] = (200, '{"health":"true"}')
    assert gather().etcd_health == "ok"


@pytest.mark.parametrize(
    ("metrics", "client", "health"),
    [
        ((0, ""), (200, '{"health":"true"}'), "ok"),
        ((0, ""), (503, '{"health":"false","reason":"RAFT NO LEADER"}'), "RAFT NO LEADER"),
        ((0, ""), (0, ""), ""),
        ((503, '{"health":"false"}'), (200, '{"health":"true"}'), "not healthy"),
    ],
)
def test_an_etcd_without_a_port_for_metrics_is_asked_as_a_client(
    monkeypatch: pytest.MonkeyPatch,
    provider: Provider,
    metrics: tuple[int, str],
    client: tuple[int, str],
    health: str,
) -> None:
    Path(provider.etcd_key).write_text("x", encoding="utf-8")

    def local(url: str, *, certificate: tuple[str, str] | None = None) -> tuple[int, str]:
        if url == "https://127.0.0.1:{0}/health".format(facts.ETCD_CLIENT_PORT):
            assert certificate == (provider.etcd_cert, provider.etcd_key)
            return client
        assert certificate is None
        return metrics if url.endswith("/health") else (0, "")

    monkeypatch.setattr(facts, "_local", local)
    assert gather().etcd_health == health


def test_a_client_certificate_is_shown_to_etcd(
    monkeypatch: pytest.MonkeyPatch, provider: Provider, tmp_path: Path
) -> None:
    make_certificate(provider)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(provider.etcd_cert, provider.etcd_key)
    context.load_verify_locations(provider.etcd_cert)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(200, '{"health":"true"}', context=context) as port:
        monkeypatch.setattr(facts, "ETCD_CLIENT_PORT", port)
        assert gather().etcd_health == "ok"
        Path(provider.etcd_key).rename(tmp_path / "away")
        assert gather().etcd_health == ""


def test_a_damaged_certificate_is_no_answer_and_no_crash(provider: Provider) -> None:
    Path(provider.etcd_key).write_text("x", encoding="utf-8")
    assert gather().etcd_health == ""
    Path(provider.etcd_cert).write_text("x", encoding="utf-8")
    assert gather().etcd_health == ""


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46"])
def test_something_else_on_the_port_is_no_etcd(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    with babbling(answer) as port:
        monkeypatch.setattr(facts, "ETCD_METRICS_PORT", port)
        assert gather().etcd_health == ""


def test_no_proxy_is_asked_about_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    with serving(200, '{"health":"true"}') as port:
        monkeypatch.setattr(facts, "ETCD_METRICS_PORT", port)
        assert gather().etcd_health == "ok"


def test_free_space_is_that_of_the_nearest_folder_there_is(tmp_path: Path) -> None:
    stat = os.statvfs(tmp_path)
    found = gather(storage_paths=[str(tmp_path / "not" / "yet")]).free_bytes
    assert list(found) == [str(tmp_path / "not" / "yet")]
    assert abs(found[str(tmp_path / "not" / "yet")] - stat.f_bavail * stat.f_frsize) < 2**30
    assert facts.free_bytes("/") > 0


def test_a_kubeadm_that_changes_the_host_is_seen_and_one_that_is_asked_is_not(tmp_path: Path) -> None:
    kubeadm = tmp_path / "kubeadm"
    kubeadm.write_text("#!/bin/sh\nread line\n", encoding="utf-8")
    kubeadm.chmod(0o755)
    for words, acts in (["version"], False), (["--v=5", "join"], True), (["reset", "--force"], True):
        with subprocess.Popen([str(kubeadm), *words], stdin=subprocess.PIPE) as process:
            deadline = time.monotonic() + 30
            # Between fork and exec it has the name and the words of this process.
            while Path("/proc/{0}/comm".format(process.pid)).read_text(encoding="utf-8").strip() != "kubeadm":
                assert time.monotonic() < deadline
            assert facts._acts("kubeadm") is acts, words
            process.communicate(b"\n")
    assert not facts._acts("kubeadm")


def test_a_process_that_ended_meanwhile_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts.os, "listdir", lambda _path: ["999999999", "self", "x1"])
    assert not facts._acts("kubeadm")


def runs_k3s(version: str = "release", *, state: str = "running") -> Any:
    def run(argv: Sequence[str]) -> tuple[int, str, str]:
        if argv[-1] == "--version" and argv[0].endswith("/k3s"):
            return 0, (FIXTURES / "version" / (version + ".txt")).read_text(encoding="utf-8"), ""
        if argv[0] == "systemctl":
            assert list(argv) == ["systemctl", "show", "-p", "SubState", "k3s"]
            return 0, "SubState={0}\n".format(state), ""
        return stand_in_run(argv)

    return run


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A K3s server of the fixtures' cluster."""
    (tmp_path / "db").mkdir()
    for name, source in (("db/config", "etcd/config-running.yaml"), ("server-ca.crt", "cacerts.pem")):
        (tmp_path / name).write_bytes((FIXTURES / source).read_bytes())
    (tmp_path / "token").write_bytes((FIXTURES / "token" / "server-token").read_bytes())
    (tmp_path / "k3s").write_bytes(b"program")
    (tmp_path / "k3s.yaml").write_text("x", encoding="utf-8")
    return tmp_path


def test_a_k3s_server_is_known_with_its_version_its_program_and_its_ca(server: Path) -> None:
    (server / "machine-id").write_text("0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c\n", encoding="utf-8")
    found = gather(run=runs_k3s())
    assert (found.provider, found.error, found.kubeconfig, found.machine_id) == (
        "k3s",
        "",
        True,
        "0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c",
    )
    assert found.k3s is not None
    assert found.k3s.version == "v1.28.5+k3s1"
    assert found.k3s.binary == hashlib.sha256(b"program").hexdigest()
    assert found.k3s.ca == hashlib.sha256((FIXTURES / "cacerts.pem").read_bytes()).hexdigest()
    assert found.k3s.ca == found.k3s.token_ca
    assert found.architecture == os.uname().machine


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("release", "v1.28.5+k3s1"),
        ("rc", "v1.23.6-rc2+k3s1"),
        ("second-build", "v1.21.5+k3s2"),
        ("rc-second-build", "v1.20.13-rc1+k3s2"),
        ("commit", "v1.28.15+k3s-87c8ceeb"),
        ("one-line", "v0.9.1"),
    ],
)
def test_the_version_of_k3s_is_read(server: Path, name: str, version: str) -> None:
    assert server
    found = gather(run=runs_k3s(name)).k3s
    assert found is not None
    assert found.version == version


def test_the_versions_read_are_all_that_are_recorded() -> None:
    (mark,) = (item for item in test_the_version_of_k3s_is_read.pytestmark if item.name == "parametrize")  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == {path.stem for path in (FIXTURES / "version").iterdir()}


@pytest.mark.parametrize(
    ("name", "ca"),
    [
        ("server-token", "8baa6e30a45db6df6ae81afb0d4b18d76010895b209c1f41db64b89d1a402866"),
        ("agent-token", "8baa6e30a45db6df6ae81afb0d4b18d76010895b209c1f41db64b89d1a402866"),
        ("bootstrap", "8baa6e30a45db6df6ae81afb0d4b18d76010895b209c1f41db64b89d1a402866"),
        ("other-ca", "ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5"),
        ("bad-hash-length", ""),
        ("short", ""),
    ],
)
def test_a_token_names_the_ca_of_its_cluster(name: str, ca: str) -> None:
    assert facts.token_ca((FIXTURES / "token" / name).read_text(encoding="utf-8")) == ca


def test_what_is_not_known_of_k3s_is_empty(server: Path) -> None:
    (server / "token").unlink()
    (server / "server-ca.crt").write_bytes((FIXTURES / "cacerts.pem").read_bytes() * 2)
    found = gather(run=lambda argv: stand_in_run(argv)).k3s
    assert found is not None
    assert (found.version, found.ca, found.token_ca) == ("", "", "")
    (server / "k3s").unlink()
    assert gather().k3s is None


@pytest.mark.parametrize(
    ("state", "running"), [("start", True), ("running", False), ("dead", False), ("auto-restart", False)]
)
def test_a_k3s_that_has_not_become_ready_is_a_join_that_runs(
    state: str, running: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On this machine a bed may be coming up, and hosts of the bed share its processes.
    monkeypatch.setattr(facts, "_acts", lambda _name: False)
    assert gather(run=runs_k3s(state=state)).join_running is running


def test_a_k3s_server_without_etcd_in_its_place_is_an_error_and_another_host_is_not(tmp_path: Path) -> None:
    assert (gather().error, gather().unsupported) == ("", False)
    (tmp_path / "k3s.yaml").write_text("x", encoding="utf-8")
    found = gather()
    assert (found.provider, found.unsupported, found.error) == (
        "",
        True,
        "this K3s server has no etcd data in {0}: another data-dir or datastore is not supported".format(
            tmp_path / "db"
        ),
    )


@pytest.mark.parametrize(("path", "field"), [("kubelet.kubeconfig", "joined"), ("db/member", "etcd_data")])
def test_a_replacement_may_hold_what_k3s_left(tmp_path: Path, path: str, field: str) -> None:
    assert not getattr(gather(), field)
    (tmp_path / path).mkdir(parents=True)
    assert getattr(gather(), field)


def test_k3s_is_asked_with_a_certificate_whether_its_api_server_is_ready(
    monkeypatch: pytest.MonkeyPatch, server: Path
) -> None:
    anonymous = (FIXTURES / "http" / "readyz-anonymous.json").read_text(encoding="utf-8")
    mine = (str(server / "client-admin.crt"), str(server / "client-admin.key"))

    def local(url: str, *, certificate: tuple[str, str] | None = None) -> tuple[int, str]:
        if not url.endswith("/readyz"):
            return 0, ""
        return (200, "ok") if certificate == mine else (401, anonymous)

    monkeypatch.setattr(facts, "_local", local)
    assert gather().api_ready == "ok"
    monkeypatch.setattr(facts, "_local", lambda url, **_more: (401, anonymous) if url.endswith("/readyz") else (0, ""))
    assert gather().api_ready == "not ready: status 401"
    not_ready = (FIXTURES / "http" / "apiserver-not-ready.json").read_text(encoding="utf-8")
    monkeypatch.setattr(facts, "_local", lambda url, **_more: (503, not_ready) if url.endswith("/readyz") else (0, ""))
    assert gather().api_ready == "not ready: status 503"


def test_an_etcdctl_is_told_by_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(etcd_client, "PUSHED_PROGRAMS", str(tmp_path / "pushed"))
    assert gather().etcdctl == ""
    (tmp_path / "etcdctl").write_text("#!/bin/sh\n", encoding="utf-8")
    assert gather().etcdctl == ""
    (tmp_path / "etcdctl").chmod(0o755)
    assert gather().etcdctl == str(tmp_path / "etcdctl")
