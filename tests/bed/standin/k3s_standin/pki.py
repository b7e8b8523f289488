# SPDX-License-Identifier: GPL-3.0-or-later
"""Authorities and certificates under server/tls and agent, made with openssl, named as k3s names them."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

CA_DAYS = 3650
# What a server hands to one that joins (ControlRuntimeBootstrap of pkg/daemons/config/types.go), under server/tls.
AUTHORITIES = ("server-ca", "client-ca", "request-header-ca", "etcd/server-ca", "etcd/peer-ca")
SHARED = (*(f"{name}.{end}" for name in AUTHORITIES for end in ("crt", "key")), "service.key")


def write(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replace a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as handle:
        handle.write(data.encode() if isinstance(data, str) else data)
        os.fchmod(handle.fileno(), mode)
    new.rename(path)


def _openssl(base: Path, arguments: Sequence[str], extensions: Sequence[str]) -> None:
    base.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as config:
        config.write("[req]\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\n")
        config.flush()
        key, crt = f"{base}.key", f"{base}.crt"
        argv = ["openssl", "req", "-x509", "-config", config.name, "-newkey", "ec"]
        argv += ["-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", crt, "-sha256", *arguments]
        for one in extensions:
            argv += ["-addext", one]
        subprocess.run(argv, check=True, capture_output=True)
        Path(key).chmod(0o600)


def authority(base: Path, name: str) -> None:
    if not base.with_name(f"{base.name}.crt").exists():
        usage = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        _openssl(base, ["-subj", f"/CN={name}@{int(time.time())}", "-days", str(CA_DAYS)], usage)


def leaf(
    base: Path, ca: Path, subject: str, *, names: Sequence[str] = (), usage: str = "clientAuth", again: bool = False
) -> None:
    """A certificate signed by ``ca`` (both are paths without their ending); made once, or at each start."""
    if base.with_name(f"{base.name}.crt").exists() and not again:
        return
    days = os.environ.get("CATTLE_NEW_SIGNED_CERT_EXPIRATION_DAYS", "365")
    extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature,keyEncipherment"]
    extensions.append(f"extendedKeyUsage={usage}")
    if names:
        kinds = ["IP" if n.replace(".", "").isdigit() or ":" in n else "DNS" for n in names]
        extensions.append("subjectAltName=" + ",".join(f"{k}:{n}" for k, n in zip(kinds, names, strict=True)))
    signer = ["-CA", f"{ca}.crt", "-CAkey", f"{ca}.key"]
    _openssl(base, [*signer, "-subj", subject, "-days", days], extensions)


def authorities(tls: Path) -> None:
    for base in AUTHORITIES:
        authority(tls / base, base.replace("/", "-") if "/" in base else f"k3s-{base}")
    if not (tls / "service.key").exists():
        made = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
        write(tls / "service.key", made)


def certificates(tls: Path, agent: Path, *, node: str, ip: str, sans: Sequence[str]) -> None:
    """Every certificate that one server needs."""
    both = "serverAuth,clientAuth"
    near = ("localhost", node, "127.0.0.1", ip)
    client, server = tls / "client-ca", tls / "server-ca"
    leaf(tls / "client-admin", client, "/O=system:masters/CN=system:admin")
    leaf(tls / "client-supervisor", client, "/O=system:masters/CN=system:k3s-supervisor")
    leaf(tls / "client-controller", client, "/CN=system:kube-controller-manager")
    leaf(tls / "client-scheduler", client, "/CN=system:kube-scheduler")
    leaf(tls / "client-kube-apiserver", client, "/O=system:masters/CN=system:apiserver")
    leaf(tls / "client-kube-proxy", client, "/CN=system:kube-proxy")
    leaf(tls / "client-k3s-controller", client, "/CN=system:k3s-controller")
    leaf(tls / "client-auth-proxy", tls / "request-header-ca", "/CN=system:auth-proxy")
    leaf(tls / "serving-kube-apiserver", server, "/CN=kube-apiserver", names=sans, usage="serverAuth", again=True)
    leaf(tls / "etcd/server-client", tls / "etcd/server-ca", "/CN=etcd-server", names=near, usage=both)
    leaf(tls / "etcd/peer-server-client", tls / "etcd/peer-ca", "/CN=etcd-peer", names=near, usage=both)
    leaf(tls / "etcd/client", tls / "etcd/server-ca", "/CN=etcd-client")
    leaf(agent / "client-kubelet", client, f"/O=system:nodes/CN=system:node:{node}")
    leaf(agent / "serving-kubelet", server, f"/CN={node}", names=near, usage="serverAuth")
    leaf(agent / "client-kube-proxy", client, "/CN=system:kube-proxy")
    leaf(agent / "client-k3s-controller", client, "/CN=system:k3s-controller")
    for name in ("client-ca.crt", "server-ca.crt"):
        write(agent / name, (tls / name).read_bytes(), 0o644)


def kubeconfig(path: Path, *, ca: Path, base: Path, inline: bool = False, mode: int = 0o600) -> None:
    """A kubeconfig for https://127.0.0.1:6443; with ``inline`` it holds the certificates themselves."""

    def item(key: str, source: Path) -> str:
        if inline:
            return f"{key}-data: {base64.b64encode(source.read_bytes()).decode()}"
        return f"{key}: {source}"

    write(
        path,
        "apiVersion: v1\nclusters:\n- cluster:\n"
        f"    {item('certificate-authority', ca)}\n    server: https://127.0.0.1:6443\n  name: default\n"
        "contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\n"
        "current-context: default\nkind: Config\npreferences: {}\nusers:\n- name: default\n  user:\n"
        f"    {item('client-certificate', Path(f'{base}.crt'))}\n    {item('client-key', Path(f'{base}.key'))}\n",
        mode,
    )


def ca_hash(bundle: bytes) -> str:
    """The hash in a K10 token: of the literal bytes of a bundle with one certificate."""
    return hashlib.sha256(bundle).hexdigest()


def full_token(bundle: bytes, password: str) -> str:
    return f"K10{ca_hash(bundle)}::server:{password}"
