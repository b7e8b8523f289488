# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker of our own, for the time of one command.

It lives in network, mount and process namespaces of its own: bridges, iptables chains, mounts and every process of its containers go with it.
What namespaces don't hold is put back by `stop`: control groups, a few settings of the kernel, its folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bedlib.conf import BedError, run, say, wait_for

STATE = Path(os.environ.get("CLOUDPODS_HA_KIND_STATE") or "/var/lib/cloudpods-ha-kind")
SOCKET = STATE / "docker.sock"
HERE = Path(__file__).resolve().parent.parent
CAP_SYS_RESOURCE = 24
# Written outside of its own folder, by dockerd and its containerd.
HIDDEN = ("/etc/docker", "/opt/containerd")
# kubelet sets them, for the whole machine.
SYSCTLS = "kernel.keys.root_maxbytes kernel.keys.root_maxkeys kernel.panic kernel.panic_on_oops vm.overcommit_memory vm.panic_on_oom".split()


def without_proxies(environment: dict[str, str]) -> dict[str, str]:
    """There is no way out of the namespace, and kind hands proxies on to its nodes."""
    return {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}


def lacks_resource(status: str) -> bool:
    """Whether a process with this /proc/self/status can't give CAP_SYS_RESOURCE to a container."""
    (bounds,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    return not bounds >> CAP_SYS_RESOURCE & 1


def _limits() -> list[str]:
    """The hard limits of this process, which may be too low for Docker's defaults and not be raised."""
    options = []
    for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            options.append(f"--default-ulimit={name}={hard}:{hard}")
    return options


def arguments(status: str) -> list[str]:
    """The command line of dockerd."""
    runtime = ["--add-runtime", f"cut={HERE}/runc-without-resource", "--default-runtime", "cut"]
    return [
        "dockerd",
        f"--host=unix://{SOCKET}",
        f"--data-root={STATE}/data",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--cgroup-parent=/{STATE.name}",
        "--oom-score-adjust=0",
        *_limits(),
        *(runtime if lacks_resource(status) else []),
    ]


def install(wanted: Sequence[tuple[str, str]]) -> None:
    """Install the Debian packages of missing programs, (program, package). Services do not start, now or at the next boot."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [package for program, package in wanted if not shutil.which(program, path=path)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BedError(f"The scenario needs root and these Debian packages: {', '.join(missing)}.")
    say(f"installing {', '.join(missing)}")
    policy = Path("/usr/sbin/policy-rc.d")
    own = not policy.exists()
    if own:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        run(["apt-get", "update", "-q"])
        options = ["install", "-qy", "--no-install-recommends"]
        run(["apt-get", *options, *missing], env={"DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if own:
            policy.unlink()
    if "docker.io" in missing and shutil.which("systemctl"):
        run(["systemctl", "disable", "docker.service", "docker.socket", "containerd.service"], check=False)


def start(*, keep: bool) -> None:
    """Start it; unless it is to be kept, it dies with this process, however that ends."""
    stop()
    (STATE / "data").mkdir(parents=True)
    values = {name: run(["sysctl", "-n", name], check=False).stdout.strip() for name in SYSCTLS}
    (STATE / "sysctls.json").write_text(json.dumps(values))
    # A shell is the first process, since that collects orphans.
    script = (
        f"ip link set lo up; mkdir -p {' '.join(HIDDEN)}; for one in /run {' '.join(HIDDEN)}; do mount -t tmpfs tmpfs $one; done; "
        f"{shlex.join(arguments(Path('/proc/self/status').read_text()))} & wait"
    )
    spaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", script]
    bound = [] if keep else ["setpriv", "--pdeathsig", "KILL"]
    with (STATE / "dockerd.log").open("wb") as log:
        environment = without_proxies(dict(os.environ)) | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        started = subprocess.Popen(
            [*bound, *spaces], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    (STATE / "pid").write_text(str(started.pid))

    def ready() -> bool:
        if started.poll() is not None:
            raise BedError("dockerd ended: " + (STATE / "dockerd.log").read_text(errors="replace")[-600:])
        return docker("version", check=False).returncode == 0

    wait_for("The start of dockerd", ready, seconds=120)


def docker(*command: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run(["docker", *command], env={"DOCKER_HOST": f"unix://{SOCKET}"}, check=check)


def pid() -> int:
    """The process that holds its namespaces; 0 if there is none."""
    with contextlib.suppress(OSError, ValueError):
        found = int((STATE / "pid").read_text())
        if str(STATE) in Path(f"/proc/{found}/cmdline").read_text():
            return found
    return 0


def enter(command: Sequence[str]) -> list[str]:
    """The command, with its network."""
    return ["nsenter", f"--net=/proc/{pid()}/ns/net", *command]


def stop() -> None:
    """End it with all its containers, and put back what it changed. Safe to repeat."""
    holder = pid()
    if holder:
        # The kernel ends every process of a process namespace with the first one.
        os.kill(holder, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(holder, 0)
    wait_for("The removal of the control groups", _remove_groups, seconds=60)
    if not STATE.exists():
        return
    with contextlib.suppress(OSError, ValueError):
        for name, value in json.loads((STATE / "sysctls.json").read_text()).items():
            if value:
                run(["sysctl", "-q", "-w", f"{name}={value}"], check=False)
    shutil.rmtree(STATE)
    for name in HIDDEN:
        with contextlib.suppress(OSError):
            Path(name).rmdir()


def _remove_groups() -> bool:
    top = Path("/sys/fs/cgroup")
    for group in (top / STATE.name, *top.glob(f"*/{STATE.name}")):
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError:
                return False
    return True
