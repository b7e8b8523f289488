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
}
NETAVARK = ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark")
# kernel feature -> how it shows: a file system's name, or a module that is built in, loaded or can be loaded
KERNEL = ("overlay", "veth", "bridge", "nf_tables", "xt_conntrack", "xt_comment", "nft_compat")
FILE_SYSTEMS = ("overlay",)


def missing_programs() -> list[str]:
    """The Debian packages whose programs are not installed."""
    lacking = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    return lacking if any(Path(n).exists() for n in NETAVARK) else [*lacking, "netavark"]


def _has(feature: str) -> bool:
    if feature in FILE_SYSTEMS and any(line.split()[-1] == feature for line in Path("/proc/filesystems").read_text().splitlines()):
        return True
    if Path("/sys/module", feature).exists():
        return True
    release = Path("/lib/modules", os.uname().release)
    listed = "".join((release / name).read_text() for name in ("modules.builtin", "modules.dep") if (release / name).exists())
    return f"/{feature}.ko" in listed


def kernel_lacks() -> list[str]:
    """The features that can neither be seen nor tried."""
    return [feature for feature in KERNEL if not _has(feature) and not _tried(feature)]


def _tried(feature: str) -> bool:
    """Try what a feature is for; built-in code often shows nowhere."""
    probe = "bedprobe0"
    if feature in ("veth", "bridge"):
        made = run(["ip", "link", "add", probe, "type", feature], check=False).returncode == 0
        run(["ip", "link", "del", probe], check=False)
        return made
    if feature == "nf_tables":
        return run(["iptables-nft", "-S"], check=False).returncode == 0 if shutil.which("iptables-nft") else True
    if feature in ("xt_conntrack", "xt_comment", "nft_compat"):
        return True
    return False


def require() -> None:
    """Root, the packages and the kernel; installs missing packages on Debian."""
    if os.geteuid() != 0:
        raise BedError("The bed needs root: its hosts run kubelets, which mount file systems.")
    lacking = missing_programs()
    if lacking:
        if not shutil.which("apt-get"):
            raise BedError(f"Missing programs; install what Debian calls {' '.join(sorted(lacking))}.")
        say(f"installing {' '.join(sorted(lacking))}")
        log, env = CACHE / "log/apt.log", {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], log=log, env=env)
        run(["apt-get", "install", "-y", "--no-install-recommends", "iptables", *sorted(lacking)], log=log, env=env)
    absent = kernel_lacks()
    if absent:
        raise BedError(f"The kernel of this machine lacks {', '.join(absent)}, which the bed's hosts need.")
