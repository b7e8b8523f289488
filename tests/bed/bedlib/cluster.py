# SPDX-License-Identifier: GPL-3.0-or-later
"""The HA cluster on the hosts: what both flavours share, and kubeadm's init, joins, keepalived, labels, local-path."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import string
import tempfile
from pathlib import Path

from . import binaries, conf, hosts, identity, images, release
from .conf import HERE, STATE, BedError, Host, each, run, say, wait_for

KUBECONFIG = STATE / "kubeconfig"
ADMIN = {conf.KUBEADM: "/etc/kubernetes/admin.conf"}
K3S_ADMIN = "/etc/rancher/k3s/k3s.yaml"
KEEPALIVED = "/etc/kubernetes/manifests/keepalived.yaml"
LABELS = ("onecloud.yunion.io/controller=enable", "onecloud.yunion.io/host=enable")
PORT = 6443
# As Cloudpods sets them.
API_SERVER_ARGUMENTS = {
    "default-not-ready-toleration-seconds": "10",
    "default-unreachable-toleration-seconds": "10",
}
_ANY_OBJECT = "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}"
CONTROLLER_ARGUMENTS = {"node-monitor-period": "4s", "node-monitor-grace-period": "16s"}


def values(**more: str) -> dict[str, str]:
    """The variables of the files in manifests/."""
    now = release.current()
    fixed = {
        "KUBERNETES": now.kubernetes,
        "COREDNS": now.coredns,
        "ETCD": now.etcd,
        "KUBEADM_API": f"kubeadm.k8s.io/{now.kubeadm_api}",
        "API_SERVER_ARGUMENTS": arguments(now, API_SERVER_ARGUMENTS),
        "CONTROLLER_ARGUMENTS": arguments(now, CONTROLLER_ARGUMENTS),
        # v1beta2 has no such key. Its kubeadm pulls images in preflight alone, which the bed leaves out.
        "PULL_POLICY": "" if now.minor < 22 else "\n  imagePullPolicy: Never",
        "DISRUPTION_API": "policy/v1beta1" if now.minor < 21 else "policy/v1",
        "CRD_API": "apiextensions.k8s.io/v1beta1" if now.minor < 16 else "apiextensions.k8s.io/v1",
        "CRD_SCHEMA": "" if now.minor < 16 else f", schema: {_ANY_OBJECT}",
        "VIP": conf.VIP,
        "POD_CIDR": str(conf.POD_CIDR),
        "SERVICE_CIDR": str(conf.SERVICE_CIDR),
        "REGISTRY": images.REGISTRY,
        # Where the provisioner of kubeadm clusters lies, which names a volume's folder after the volume alone.
        "STORAGE_NAMESPACE": "local-path-storage",
        "STORAGE": "/opt/local-path-provisioner",
        "PATH_PATTERN": "{{ .PVName }}",
    }
    named = {f"IMAGE_{i.name.upper().replace('-', '_')}": i.reference for i in images.every()}
    return {**fixed, **named, **more}


def arguments(now: release.Release, given: dict[str, str]) -> str:
    """The arguments of a component as kubeadm's configuration takes them, in JSON: a list since v1beta4, before it a mapping."""
    if now.kubeadm_api in ("v1beta2", "v1beta3"):
        return json.dumps(given)
    return json.dumps([{"name": name, "value": value} for name, value in given.items()])


def manifest(name: str, **more: str) -> str:
    return string.Template((HERE / "manifests" / name).read_text()).substitute(values(**more))


def kubectl(*argv: str, stdin: str | None = None, check: bool = True, timeout: float = 60) -> str:
    full = [binaries.binary("kubectl"), "--kubeconfig", KUBECONFIG, "--request-timeout=30s", *argv]
    return run(full, stdin=stdin.encode() if stdin is not None else None, check=check, timeout=timeout).stdout


def apply(text: str) -> None:
    by_server = ("--server-side", "--force-conflicts") if release.current().minor >= 16 else ()
    kubectl("apply", *by_server, "-f", "-", stdin=text)


def answers(address: str, port: int = PORT) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def write_keepalived(host: Host, *, init: bool) -> None:
    text = identity.keepalived_manifest(node_ip=host.ip, vip=conf.VIP, init=init, image=images.reference("keepalived"))
    hosts.put(host, KEEPALIVED, text, 0o600)


def _kubeadm(host: Host, config: str, *argv: str, hidden: tuple[str, ...]) -> None:
    """Run kubeadm with a config that lies in memory only while it runs; its log shows none of ``hidden``."""
    where = "/run/bed-kubeadm.yaml"
    log = STATE / f"{host.name}-kubeadm.log"
    hosts.put(host, where, config)
    try:
        command = f"kubeadm {' '.join(argv)} --config {where} --skip-phases=preflight 2>&1"
        out = hosts.execute(host, "sh", "-c", command, check=False)
        for secret in hidden:
            out = out.replace(secret, "***")
        log.write_text(out)
    finally:
        hosts.execute(host, "rm", "-f", where)
    if "successfully!" not in out and "This node has joined the cluster" not in out:
        raise BedError(f"kubeadm {argv[0]} on {host.name} failed; its output is in {log}.")


def admin() -> str:
    """The administrator's kubeconfig on a master."""
    return ADMIN.get(conf.flavour(), K3S_ADMIN)


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read; whoever reads it meanwhile finds the old one."""
    scratch = path.with_suffix(".new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    scratch.rename(path)


def write_kubeconfig(source: Host) -> None:
    """Fetch the administrator's kubeconfig from a master; its server becomes that master's own address."""
    own = hosts.execute(source, "cat", admin())
    text = re.sub(rf"(?m)^(\s+server: )https://\S+:{PORT}$", rf"\g<1>https://{source.ip}:{PORT}", own)
    write_private(KUBECONFIG, text)


def refresh_kubeconfig() -> Path:
    """Point the kubeconfig at a master whose API server answers, preferring master-2."""
    states = hosts.states()
    order = (conf.MASTERS[1], conf.MASTERS[2], conf.SPARE, conf.MASTERS[0])
    for one in order:
        if states.get(one.name) == "running" and answers(one.ip) and hosts.execute(one, "ls", admin(), check=False):
            write_kubeconfig(one)
            return KUBECONFIG
    raise BedError("No master of the bed answers on port 6443; `bed status` shows which hosts run.")


def wait_api() -> None:
    def probe() -> bool:
        try:
            refresh_kubeconfig()
        except BedError:
            return False
        return bool(kubectl("get", "--raw", "/healthz", check=False))

    wait_for("An API server ready", probe, seconds=120, every=1)


def ready(nodes: int) -> bool:
    listed = kubectl("get", "nodes", "-o", "json", check=False)
    items = json.loads(listed)["items"] if listed else []
    good = [i for i in items for c in i["status"]["conditions"] if c["type"] == "Ready" and c["status"] == "True"]
    return len(good) >= nodes


def _join(host: Host, token: str, key: str) -> None:
    config = manifest("join.yaml", TOKEN=token, NODE=host.name)
    if host in conf.MASTERS:
        write_keepalived(host, init=False)
        config += manifest("join-control-plane.yaml", CERTIFICATE_KEY=key, NODE_IP=host.ip)
    _kubeadm(host, config, "join", hidden=(token, key))
    say(f"{host.name} joined")


def _mend_corefile() -> None:
    """Old kubeadm writes an option that CoreDNS knows no more."""
    found = json.loads(kubectl("-n", "kube-system", "get", "configmap", "coredns", "-o", "json"))
    lines = found["data"]["Corefile"].splitlines()
    kept = [line for line in lines if line.strip() != "upstream"]
    if kept != lines:
        found["data"]["Corefile"] = "\n".join(kept) + "\n"
        kubectl("replace", "-f", "-", stdin=json.dumps(found))


def create(workers: tuple[Host, ...]) -> None:
    first, *others = conf.MASTERS
    key = secrets.token_hex(32)
    token = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}"
    write_keepalived(first, init=True)
    config = manifest("kubeadm.yaml", CERTIFICATE_KEY=key, TOKEN=token, NODE_IP=first.ip, NODE=first.name)
    _kubeadm(first, config, "init", "--upload-certs", hidden=(token, key))
    write_kubeconfig(first)
    say(f"{first.name} is initialised; the VIP {conf.VIP} answers")
    _mend_corefile()
    apply(manifest("local-path.yaml"))
    for other in others:
        _join(other, token, key)
    each(lambda w: _join(w, token, key), workers)
    # Neither the key nor the token is needed again.
    used = ("kubeadm-certs", f"bootstrap-token-{token.split('.')[0]}")
    kubectl("-n", "kube-system", "delete", "secret", *used, "--ignore-not-found")
    label_and_wait([m.name for m in (*conf.MASTERS, *workers)])


def label_and_wait(names: list[str]) -> None:
    kubectl("label", "node", *names, LABELS[1], "--overwrite")
    kubectl("label", "node", *names[: len(conf.MASTERS)], LABELS[0], "--overwrite")
    wait_for("All nodes Ready", lambda: ready(len(names)), seconds=90)
    refresh_kubeconfig()
    say("all nodes are Ready")


def vip_holders() -> list[str]:
    """The running hosts that carry the VIP on an interface."""
    running = [conf.host(n) for n, s in sorted(hosts.states().items()) if s == "running"]
    shown = each(lambda h: hosts.execute(h, "ip", "-o", "address", "show", check=False), running)
    return [h.name for h, text in zip(running, shown, strict=True) if f" {conf.VIP}/" in text]


# The etcd client's authority, certificate and key on a master.
ETCD_FILES = {conf.KUBEADM: ("/etc/kubernetes/pki/etcd", "ca.crt", "peer.crt", "peer.key")}
K3S_ETCD_FILES = ("/var/lib/rancher/k3s/server/tls/etcd", "server-ca.crt", "client.crt", "client.key")


def etcdctl(host: Host, *command: str, check: bool = True) -> str:
    """Ask a master's own etcd member, with the certificates of that host."""
    folder, *names = ETCD_FILES.get(conf.flavour(), K3S_ETCD_FILES)
    with tempfile.TemporaryDirectory() as scratch:  # 0700
        argv = [binaries.binary("etcdctl"), "--endpoints", f"{host.ip}:2379"]
        for option, name in zip(("--cacert", "--cert", "--key"), names, strict=True):
            where = Path(scratch, name)
            where.write_text(hosts.execute(host, "cat", f"{folder}/{name}", check=False))
            argv += [option, where]
        return run([*argv, *command], check=check).stdout


def etcd_members() -> list[str]:
    """One line a member, asked through a running master: id, status, name, addresses, learner."""
    for one in (*conf.MASTERS[1:], conf.SPARE, conf.MASTERS[0]):
        out = etcdctl(one, "member", "list", check=False) if answers(one.ip, 2379) else ""
        if out:
            return out.strip().splitlines()
    return []
