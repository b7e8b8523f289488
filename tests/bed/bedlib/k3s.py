# SPDX-License-Identifier: GPL-3.0-or-later
"""The flavour k3s: three servers with embedded etcd, configured as ocboot does it, of a real binary or of the stand-in."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import string
from pathlib import Path

from . import binaries, cluster, conf, hosts, identity, images, k3s_release, release, rootfs
from .conf import HERE, STATE, BedError, Host, say, wait_for

STANDIN = HERE / "standin"
LIB = "usr/local/lib/k3s-standin"
DATA = "/var/lib/rancher/k3s"
UNIT = "/etc/systemd/system/k3s.service"
PROGRAMS = "etcd etcdctl kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl".split()
PACKAGED = {"coredns": "coredns.yaml", "local-storage": "local-path.yaml"}
# What the machine the bed runs on allows its containers; the unit file itself stays as install.sh writes it.
LIMITS = "[Service]\nLimitNOFILE=\nLimitNOFILE=20000\nLimitNPROC=30000\nLimitCORE=0\n"
MODES = ("none", "annotations-missing", "address-mismatch", "slow-removal", "password-kept")
SWITCH = "k3s-standin-misbehave"
# What the kubelet of a real K3s needs here, as manifests/kubeadm.yaml has it. The disk is the machine's: however full it is, images that can't be pulled
# anew must not be deleted, nor pods evicted.
KUBELET = (
    "cgroup-driver=cgroupfs",
    "image-gc-high-threshold=100",
    "eviction-hard=nodefs.available<1%,imagefs.available<1%,nodefs.inodesFree<1%,memory.available<50Mi",
)


def _packaged(file: str) -> str:
    """A packaged component, with the values left open that the server's own configuration gives."""
    pattern = "{{ .PVName }}_{{ .PVC.Namespace }}_{{ .PVC.Name }}"
    left = {name: f"${name}" for name in ("STORAGE", "CLUSTER_DNS", "CLUSTER_DOMAIN")}
    return cluster.manifest(file, STORAGE_NAMESPACE="kube-system", PATH_PATTERN=pattern, **left)


def _lay_limits(root: Path) -> None:
    drop_in = root / "usr/lib/systemd/system/k3s.service.d/bed.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(LIMITS)


def _lay_standin(root: Path) -> None:
    _lay_limits(root)
    lib = root / LIB
    (lib / "bin").mkdir(parents=True)
    (lib / "manifests").mkdir()
    shutil.copytree(STANDIN / "k3s_standin", lib / "k3s_standin", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(STANDIN / "kubelet.yaml", lib)
    for name in PROGRAMS:
        shutil.copy(binaries.binary(name), lib / "bin" / name)
    for name, file in PACKAGED.items():
        (lib / "manifests" / f"{name}.yaml").write_text(_packaged(file))


def dressing(flavour: str) -> rootfs.Dressing:
    if flavour == conf.KUBEADM:
        return rootfs.kubeadm()
    if flavour == conf.K3S:
        return rootfs.Dressing(f"k3s {LIMITS}", _lay_limits, left_out="kubelet.service")
    now = release.current()
    digest = hashlib.sha256(" ".join((now.kubernetes, now.etcd, LIMITS)).encode())
    for source in sorted(p for p in STANDIN.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        digest.update(str(source.relative_to(STANDIN)).encode() + b"\0" + source.read_bytes())
    for file in PACKAGED.values():
        digest.update(_packaged(file).encode())
    return rootfs.Dressing(digest.hexdigest(), _lay_standin, left_out="kubelet.service")


def unit(arguments: list[str]) -> str:
    """The unit as the installer at get.k3s.io writes it, its command in ocboot's one line."""
    template = string.Template((HERE / "manifests" / "k3s.service").read_text())
    return template.substitute(ARGUMENTS=" ".join(arguments))


def arguments(token: str, *, first: bool) -> list[str]:
    join = ["--cluster-init"] if first else ["--server", f"https://{conf.VIP}:{cluster.PORT}"]
    return ["server", "--data-dir", DATA, *join, "--token", token, "--disable", "servicelb"]


def config(host: Host) -> str:
    """/etc/rancher/k3s/config.yaml with the keys that ocboot writes, and what a real K3s needs on hosts that are containers."""
    if conf.flavour() != conf.K3S:
        return cluster.manifest("k3s-config.yaml", NODE_IP=host.ip)
    text = cluster.manifest("k3s-config.yaml", NODE_IP=host.ip, IMAGE_PAUSE=k3s_release.PAUSE)
    return text.replace("kubelet-arg:\n", "".join(["kubelet-arg:\n", *(f"- {one}\n" for one in KUBELET)]))


def _install(host: Host, token: str, *, first: bool) -> None:
    """What install.sh with INSTALL_K3S_SKIP_DOWNLOAD and ocboot leave on a server, which is then started."""
    binary = STATE / "k3s" if conf.flavour() == conf.K3S else STANDIN / "k3s"
    hosts.put_file(host, "/usr/local/bin/k3s", binary, 0o755)
    hosts.execute(host, "ln", "-sf", "k3s", "/usr/local/bin/kubectl")
    hosts.put(host, "/etc/rancher/k3s/config.yaml", config(host))
    hosts.put(host, f"{UNIT}.env", "CATTLE_NEW_SIGNED_CERT_EXPIRATION_DAYS=3650\n")
    hosts.put(host, UNIT, unit(arguments(token, first=first)), 0o644)
    keepalived = identity.keepalived_manifest(
        node_ip=host.ip, vip=conf.VIP, init=first, image=images.reference("keepalived"), k3s=True
    )
    hosts.put(host, f"{DATA}/agent/pod-manifests/keepalived.yaml", keepalived)
    hosts.execute(host, "systemctl", "daemon-reload")
    hosts.execute(host, "systemctl", "enable", "k3s")
    done = hosts.execute(host, "sh", "-c", "systemctl start k3s 2>&1; echo rc=$?", check=False, timeout=180)
    if "rc=0" not in done:
        log = STATE / f"{host.name}-k3s.log"
        log.write_text(hosts.execute(host, "journalctl", "-u", "k3s", "-n", "200", "--no-pager", check=False))
        raise BedError(f"k3s on {host.name} did not start; its journal is in {log}.")


def vip_answers() -> bool:
    return cluster.answers(conf.VIP)


def create(workers: tuple[Host, ...]) -> None:
    if workers:
        raise BedError("The flavour k3s has no workers.")
    token = secrets.token_hex(16)
    first, *others = conf.MASTERS
    _install(first, token, first=True)
    cluster.write_kubeconfig(first)
    wait_for(f"The VIP {conf.VIP} answering", vip_answers, seconds=60)
    say(f"{first.name} is initialised; the VIP {conf.VIP} answers")
    for other in others:
        _install(other, token, first=False)
        say(f"{other.name} joined")
    wait_for("All nodes registered", lambda: cluster.ready(len(conf.MASTERS)), seconds=90)
    cluster.label_and_wait([m.name for m in conf.MASTERS])


def variables() -> dict[str, object]:
    """What the inventory says of this flavour: hosts of K3s have no etcdctl, so it is taken from the cache."""
    program = binaries.binary("etcdctl")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    return {"replace_master_etcdctl": str(program), "replace_master_etcdctl_checksum": f"sha256:{digest}"}


def misbehave(mode: str, node: str) -> None:
    """Set the stand-in's misbehaviour; a controller sees it within two seconds."""
    if conf.flavour() != conf.STANDIN:
        raise BedError(f"Only the stand-in for K3s can misbehave on demand; this bed runs {conf.flavour()}.")
    cluster.refresh_kubeconfig()
    if mode == "none":
        cluster.kubectl("-n", "kube-system", "delete", "configmap", SWITCH, "--ignore-not-found")
    else:
        metadata = {"name": SWITCH, "namespace": "kube-system"}
        data = {"mode": mode, "node": node}
        cluster.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}))
    say(f"the stand-in's misbehaviour is set to {mode}" + (f" for {node}" if node else ""))
