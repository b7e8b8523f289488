# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of a host, made once and shared by overlays.

It is Debian with systemd, sshd and containerd, dressed for the flavour of the bed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import binaries, conf, release
from .conf import CACHE, HERE, run, say

PACKAGES = (
    "systemd systemd-sysv dbus openssh-server python3 iproute2 iptables nftables conntrack ethtool socat ebtables"
    " containerd runc containernetworking-plugins ca-certificates procps kmod mount util-linux iputils-ping less"
    " psmisc curl jq tar"
).split()
# Packages for images, not for hosts.
IMAGE_PACKAGES = "keepalived victoria-metrics influxdb busybox-static iptables".split()
MASKED = (
    "getty.target systemd-firstboot.service console-getty.service systemd-logind.service"
    " systemd-timesyncd.service systemd-networkd.service systemd-resolved.service"
    " systemd-modules-load.service sys-kernel-debug.mount sys-kernel-tracing.mount apt-daily.timer"
    " apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer"
).split()
ENABLED = "bed-host.service containerd.service ssh.service".split()


@dataclass(frozen=True)
class Dressing:
    """A flavour's files on top of Debian.

    ``key`` changes with all that ``lay`` writes; ``left_out`` are the files of host/ that the flavour has no use for.
    """

    key: str
    lay: Callable[[Path], None]
    enabled: tuple[str, ...] = ()
    left_out: str = ""


def _lay_kubeadm(root: Path) -> None:
    for name in ("kubeadm", "kubelet", "kubectl"):
        shutil.copy(binaries.binary(name), root / "usr/bin" / name)
        (root / "usr/bin" / name).chmod(0o755)
    for folder in ("etc/kubernetes/manifests", "opt/local-path-provisioner"):
        (root / folder).mkdir(parents=True, exist_ok=True)


def kubeadm() -> Dressing:
    return Dressing(release.current().kubernetes, _lay_kubeadm, ("kubelet.service",))


def _key() -> str:
    """Changes whenever the packages or the files laid over them change."""
    digest = hashlib.sha256()
    for part in (*PACKAGES, *IMAGE_PACKAGES, conf.DEBIAN, conf.goarch()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:12]


def debian() -> Path:
    return CACHE / f"debian-{_key()}"


def image_tree() -> Path:
    return CACHE / f"debian-images-{_key()}"


def overlay_files(left_out: str = "") -> dict[str, Path]:
    """Path on a host -> file of this repository that is laid there."""
    base = HERE / "host"
    files = {str(p.relative_to(base)): p for p in sorted(base.rglob("*")) if p.is_file()}
    return {name: path for name, path in files.items() if not left_out or left_out not in name}


def host_tree(dressing: Dressing | None = None) -> Path:
    dressing = dressing or kubeadm()
    digest = hashlib.sha256(" ".join((_key(), dressing.key, *MASKED, *ENABLED, *dressing.enabled)).encode())
    for name, source in overlay_files(dressing.left_out).items():
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    return CACHE / f"host-{digest.hexdigest()[:12]}"


def mirror() -> str:
    """The mirror this machine's own apt uses; empty leaves debootstrap its default."""
    asked = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"], check=False)
    for line in asked.stdout.splitlines():
        site, _, suite = line.partition(" ")
        if suite == conf.DEBIAN:
            return site
    return ""


def _debootstrap(target: Path) -> None:
    log = CACHE / "log/debootstrap.log"
    site = mirror()
    with conf.finished(target) as scratch:
        say(f"making the Debian root file system (log: {log})")
        options = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
        run(["nice", "debootstrap", *options, conf.DEBIAN, scratch, *([site] if site else [])], log=log)
        run(["chroot", scratch, "apt-get", "clean"], log=log)
        for old in (*scratch.glob("etc/ssh/ssh_host_*"), *scratch.glob("var/lib/apt/lists/*_Packages")):
            old.unlink()
        (scratch / "etc/machine-id").write_text("uninitialized\n")


def _image_tree(base: Path, target: Path) -> None:
    """A copy of the root with the workloads' packages, from which image layers take their files."""
    log = CACHE / "log/image-packages.log"
    with conf.finished(target) as scratch:
        say(f"installing the workloads' Debian packages (log: {log})")
        run(["cp", "-a", f"{base}/.", scratch])
        policy = scratch / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        for own in (Path("/etc/resolv.conf"), *Path("/etc/apt/apt.conf.d").glob("*proxy*")):
            shutil.copy(own, scratch / own.relative_to("/"))
        site = mirror()
        if site:
            (scratch / "etc/apt/sources.list").write_text(f"deb {site} {conf.DEBIAN} main\n")
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["chroot", scratch, "apt-get", "update"], log=log, env=env)
        install = ["chroot", scratch, "apt-get", "install", "-y", "--no-install-recommends", *IMAGE_PACKAGES]
        run(["nice", *install], log=log, env=env)


def _host_tree(base: Path, target: Path, dressing: Dressing) -> None:
    with conf.finished(target) as scratch:
        say("adding the hosts' programs and settings")
        run(["cp", "-a", f"{base}/.", scratch])
        for name, source in overlay_files(dressing.left_out).items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, scratch / name)
            (scratch / name).chmod(0o755 if source.read_bytes().startswith(b"#!") else 0o644)
        for folder in ("etc/cni/net.d", "opt/cni"):
            (scratch / folder).mkdir(parents=True, exist_ok=True)
        dressing.lay(scratch)
        if not (scratch / "opt/cni/bin").exists():
            (scratch / "opt/cni/bin").symlink_to("/usr/lib/cni")
        run(["systemctl", f"--root={scratch}", "mask", *MASKED])
        run(["systemctl", f"--root={scratch}", "enable", *ENABLED, *dressing.enabled])
        run(["systemctl", f"--root={scratch}", "set-default", "multi-user.target"])
        (scratch / "etc/hostname").unlink(missing_ok=True)


def fill_debian() -> None:
    """The parts that need no built binary."""
    if not debian().is_dir():
        _debootstrap(debian())
    if not image_tree().is_dir():
        _image_tree(debian(), image_tree())


def fill(dressing: Dressing | None = None) -> Path:
    dressing = dressing or kubeadm()
    fill_debian()
    target = host_tree(dressing)
    if not target.is_dir():
        _host_tree(debian(), target, dressing)
    return target
