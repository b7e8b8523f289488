"""The facts of this host, read on it alone: versions, clock, addresses, disk, its own etcd and API server."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import json
import os
import platform
import re
import shutil
import socket
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    API_PORT,
    ETCD_CLIENT_PORT,
    ETCD_METRICS_PORT,
    K3S_PROGRAM,
    K3S_TOKEN,
    K3S_UNIT,
    PROVIDERS,
    Provider,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._endpoints import (
    advertised,
    api_address,
    api_urls,
    etcd_urls,
    foreign_etcd,
    node_name,
    text_of,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import program_path
from ansible_collections.cloudpods.ha.plugins.module_utils._host.addresses import addresses, default_route, routes
from ansible_collections.cloudpods.ha.plugins.module_utils._host.https import get
from ansible_collections.cloudpods.ha.plugins.module_utils._host.vip import read_manifest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host, K3s
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner

_VERSION = re.compile(r"v\d+\.\d+\.\d+\S*")
_FULL_TOKEN = re.compile(r"K10([0-9a-f]{64})::")
MACHINE_ID = "/etc/machine-id"
# What kubeadm is told when it changes a host.
_ACTS = frozenset(("init", "join", "reset", "upgrade"))


def gather(run: Runner, *, name: str, role: str, storage_paths: t.Sequence[str], node_ip: str = "") -> Host:
    """Describe this host. Unreadable facts are empty; a damaged keepalived manifest is reported in `error`.

    `node_ip` is the Node address that the operator names for it; another machine's is an error. Empty reads it from the host.

    The clock is not judged: the caller compares it with another one.
    """
    provider = detect_provider()
    found = addresses(run)
    keepalived, _mode, error = read_manifest(provider.keepalived_manifest)
    elsewhere = _elsewhere(provider)
    error = error or elsewhere
    if node_ip and node_ip not in found:
        error = "it does not have the address {0} that replace_master_addresses gives it; it has {1}".format(
            node_ip, ", ".join(found) or "none"
        )
    return Host(
        name=name,
        role=role,
        reachable=True,
        error=error,
        unsupported=bool(elsewhere) and error == elsewhere,
        provider=provider.name if _is_control_plane(provider) else "",
        hostname=socket.gethostname().lower(),
        node_name=node_name(provider),
        api_port=api_address(provider, default_port=API_PORT)[1],
        foreign_etcd=foreign_etcd(provider),
        node_ip=node_ip or (keepalived.node_ip if keepalived else _node_ip(run, provider, found)),
        address_given=bool(node_ip),
        addresses=tuple(found),
        interfaces=found,
        # Of a survivor the Node says which address is used.
        routes=tuple(routes(run)) if role == "replacement" else (),
        kubeadm_version=_version(run, ["kubeadm", "version", "-o", "short"]),
        kubelet_version=_version(run, ["kubelet", "--version"]),
        # A replacement may have leftovers of another distribution.
        joined=any(os.path.exists(item.kubelet_config) for item in PROVIDERS.values()),
        etcd_data=any(os.path.isdir(item.etcd_data + "/member") for item in PROVIDERS.values()),
        join_running=_acts("kubeadm") or _is_starting(run, K3S_UNIT),
        machine_id=_machine_id(),
        architecture=platform.machine(),
        etcdctl=shutil.which(program_path("etcdctl")) or "",
        k3s=_k3s(run),
        etcd_health=_etcd_health(provider),
        api_ready=_api_ready(provider),
        kubeconfig=os.path.exists(provider.admin_kubeconfig),
        free_bytes={path: free_bytes(path) for path in storage_paths},
        keepalived=keepalived,
    )


def detect_provider() -> Provider:
    """The provider whose etcd runs here; kubeadm on a host without etcd."""
    return next((item for item in PROVIDERS.values() if _is_control_plane(item)), PROVIDERS["kubeadm"])


def _is_control_plane(provider: Provider) -> bool:
    return os.path.exists(provider.etcd_mark)


def _elsewhere(provider: Provider) -> str:
    """Why the K3s server of this host is not supported; empty if it is, or if there is none."""
    if _is_control_plane(provider) or not os.path.exists(PROVIDERS["k3s"].admin_kubeconfig):
        return ""
    return "this K3s server has no etcd data in {0}: another data-dir or datastore is not supported".format(
        PROVIDERS["k3s"].etcd_data
    )


def _k3s(run: Runner) -> t.Optional[K3s]:
    """The K3s installation of this host, None without one."""
    if not os.path.exists(K3S_PROGRAM):
        return None
    digest = hashlib.sha256()
    with open(K3S_PROGRAM, "rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    certificate = text_of(PROVIDERS["k3s"].ca_certificate)
    return K3s(
        version=_version(run, [K3S_PROGRAM, "--version"]),
        binary=digest.hexdigest(),
        # K3s hashes only the root of a chain.
        ca=hashlib.sha256(certificate.encode()).hexdigest() if certificate.count("BEGIN CERTIFICATE") == 1 else "",
        token_ca=token_ca(text_of(K3S_TOKEN)),
    )


def token_ca(token: str) -> str:
    """The hash of the CA that a K3s token names; empty for a token that is only a password."""
    match = _FULL_TOKEN.match(token.strip())
    return match.group(1) if match else ""


def _machine_id() -> str:
    """The machine ID of systemd; empty if there is none, or if it is set at the next boot ('uninitialized')."""
    text = text_of(MACHINE_ID).strip()
    return text if re.fullmatch("[0-9a-f]{32}", text) else ""


def _is_starting(run: Runner, unit: str) -> bool:
    """Whether systemd still waits for the readiness notification of this unit."""
    rc, out, _err = run(["systemctl", "show", "-p", "SubState", unit])
    return rc == 0 and out.strip() == "SubState=start"


def free_bytes(path: str) -> int:
    """Free bytes for a new file under this path, read at the nearest existing folder."""
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


def _version(run: Runner, argv: t.Sequence[str]) -> str:
    rc, out, _err = run(argv)
    match = _VERSION.search(out) if rc == 0 else None
    return match.group(0) if match else ""


def _acts(program: str) -> bool:
    """Whether a program such as kubeadm changes this host now; a question, as for its version, does not."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/{0}/comm".format(pid), encoding="utf-8", errors="replace") as stream:
                name = stream.read().strip()
            if name != program:
                continue
            with open("/proc/{0}/cmdline".format(pid), encoding="utf-8", errors="replace") as stream:
                words = stream.read().split("\0")
        except OSError:  # the process ended meanwhile
            continue
        if _ACTS.intersection(words):
            return True
    return False


def _node_ip(run: Runner, provider: Provider, found: t.Mapping[str, str]) -> str:
    """The Node address of this host without keepalived: that of its API server or etcd, else that of its default route.

    An address that the host does not carry belongs to another machine and is skipped.
    """
    own = [item for item in advertised(provider) if item in found]
    return next(iter(own), "") or default_route(run, found) or next(iter(found), "")


def _etcd_health(provider: Provider) -> str:
    """'ok', '' if no etcd listens here, or why the member is not healthy. etcd answers after a linearizable read."""
    ipv6 = _is_control_plane(provider)
    metrics = "http://127.0.0.1:{0}".format(ETCD_METRICS_PORT)
    status, body = _first(etcd_urls(provider, "listen-metrics-urls", metrics, ipv6=ipv6), "/health")
    if status == 0 and os.path.exists(provider.etcd_key):
        # Older control planes have no metrics port; the client port requires a certificate.
        client = "https://127.0.0.1:{0}".format(ETCD_CLIENT_PORT)
        urls = etcd_urls(provider, "listen-client-urls", client, ipv6=ipv6)
        status, body = _first(urls, "/health", certificate=(provider.etcd_cert, provider.etcd_key))
    if status == 0:
        return ""
    try:
        answer = dict(json.loads(body))
    except (TypeError, ValueError, RecursionError):
        return "etcd answered with status {0}".format(status)
    return "ok" if str(answer.get("health")).lower() == "true" else (answer.get("reason") or "not healthy")


def _api_ready(provider: Provider) -> str:
    """'ok', '' if no API server listens here, or the failed checks."""
    urls = api_urls(provider, default_port=API_PORT, ipv6=_is_control_plane(provider))
    certificate = (provider.api_client[0], provider.api_client[1]) if provider.api_client else None
    # K3s answers nobody without a client certificate; others may be set so.
    first = certificate if not provider.etcd_in_pod else None
    status, body = _ready(urls, first)
    if status in (401, 403) and first is None and certificate is not None and os.path.exists(certificate[1]):
        with_it = _ready(urls, certificate)
        # A certificate that can't be shown takes away nothing of the first answer: something listens.
        status, body = with_it if with_it[0] else (status, body)
    if status == 0:
        return ""
    if status == 200:
        return "ok"
    failed = re.findall(r"\[-\](\S+)", body)
    return "not ready: {0}".format(", ".join(failed) if failed else "status {0}".format(status))


def _ready(urls: t.Sequence[str], certificate: t.Optional[t.Tuple[str, str]]) -> t.Tuple[int, str]:
    status, body = _first(urls, "/readyz", certificate=certificate)
    # Before Kubernetes 1.16 there is no /readyz.
    return _first(urls, "/healthz", certificate=certificate) if status == 404 else (status, body)


def _first(urls: t.Sequence[str], path: str, *, certificate: t.Optional[t.Tuple[str, str]] = None) -> t.Tuple[int, str]:
    """The first answer to a request, by these URLs in their order; status 0 without one."""
    for url in urls:
        status, body = _local(url + path, certificate=certificate)
        if status:
            return status, body
    return 0, ""


def _local(url: str, *, certificate: t.Optional[t.Tuple[str, str]] = None) -> t.Tuple[int, str]:
    # This host only, so the certificate is not verified; no secret is sent.
    answer = get(url, certificate=certificate)
    return answer.status, answer.body
