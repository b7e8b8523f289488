# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine that runs the bed must have: Debian packages and kernel features."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .conf import CACHE, BedError, run, say

# program -> Debian package
PROGRAMS = {
    "podman": "podman",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "conmon": "conmon",
    "iptables-nft": "iptables",
}
NETAVARK = ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PROBE = "bedprobe0"
KERNEL = ("overlay", "veth", "bridge", "nf_tables")
# A host takes some 15 (systemd, containerd, kubelet and its pods), all of root; the kernel's default is 128.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INSTANCES = 1024


def missing_programs() -> list[str]:
    """The Debian packages whose programs are not installed."""
    lacking = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not any(Path(n).exists() for n in NETAVARK):
        lacking.append("netavark")
    if not KEYRING.exists():
        lacking.append("debian-archive-keyring")
    return lacking


def _listed(feature: str) -> bool:
    """Whether the kernel says that it has the feature, built in or as a module."""
    if any(line.split()[-1] == feature for line in Path("/proc/filesystems").read_text().splitlines()):
        return True
    release = Path("/lib/modules", os.uname().release)
    lists = [release / name for name in ("modules.builtin", "modules.dep")]
    return Path("/sys/module", feature).exists() or any(
        f"/{feature}.ko" in one.read_text() for one in lists if one.exists()
    )


def _tried(feature: str) -> bool:
    """Use the feature; what is built in often shows nowhere."""
    if feature == "nf_tables":
        return run(["iptables-nft", "-S"], check=False).returncode == 0
    made = run(["ip", "link", "add", PROBE, "type", feature], check=False).returncode == 0
    run(["ip", "link", "del", PROBE], check=False)
    return made


def kernel_lacks() -> list[str]:
    """The features that are neither listed nor work when tried."""
    return [feature for feature in KERNEL if not _listed(feature) and not _tried(feature)]


def root() -> None:
    if os.geteuid() != 0:
        raise BedError("The bed needs root: its hosts run kubelets, which mount file systems.")


def watch(limit: Path = INOTIFY) -> None:
    """Raise the number of inotify instances until the machine's next start, where two beds would not find enough."""
    now = int(limit.read_text())
    if now < INSTANCES:
        say(f"raising {limit} from {now} to {INSTANCES}")
        limit.write_text(f"{INSTANCES}\n")


def require() -> None:
    """Root, the packages and the kernel; installs missing packages on Debian."""
    root()
    lacking = missing_programs()
    if lacking:
        if not shutil.which("apt-get"):
            raise BedError(f"Missing programs; install the Debian packages {' '.join(sorted(lacking))}.")
        say(f"installing {' '.join(sorted(lacking))}")
        log, env = CACHE / "log/apt.log", {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], log=log, env=env)
        run(["apt-get", "install", "-y", "--no-install-recommends", *sorted(lacking)], log=log, env=env)
    absent = kernel_lacks()
    if absent:
        raise BedError(f"The kernel of this machine lacks {', '.join(absent)}, which the bed's hosts need.")
    watch()
