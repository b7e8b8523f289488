# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts: podman containers with systemd and sshd, on one internal network."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from . import conf
from .conf import PREFIX, STATE, BedError, Host, run, wait_for

KEY = STATE / "id_ed25519"
SSH_CONFIG = STATE / "ssh_config"
KNOWN_HOSTS = STATE / "known_hosts"
TREE = "cloudpods-ha-bed-tree"
# Folders of /var/lib that are not overlays: containerd cannot stack one on another, and databases sync often.
BINDS = {conf.KUBEADM: ("containerd", "kubelet", "etcd")}
K3S_BINDS = ("containerd", "kubelet", "rancher")
SETTINGS = """[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def podman(*argv: str | Path, stdin: bytes | None = None, check: bool = True, timeout: float = 120) -> str:
    settings = STATE / "containers.conf"
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(SETTINGS)
    env = {"CONTAINERS_CONF": str(settings)}
    return run(["podman", *argv], stdin=stdin, check=check, env=env, timeout=timeout).stdout


def states() -> dict[str, str]:
    """Host name -> running, exited, created, ... of each host there is."""
    listed = podman("ps", "-a", "--format", "json", "--filter", f"label={PREFIX}=host")
    return {entry["Labels"]["host"]: entry["State"] for entry in json.loads(listed or "[]")}


def trees_in_use() -> set[str]:
    """The names of the root file systems under the hosts of any bed on this machine."""
    listed = json.loads(podman("ps", "-a", "--format", "json", "--filter", f"label={TREE}") or "[]")
    return {entry["Labels"][TREE] for entry in listed}


def prepare(flavour: str = conf.KUBEADM) -> None:
    """Key, ssh configuration and network; each only when it is not there."""
    STATE.mkdir(parents=True, exist_ok=True)
    STATE.chmod(0o711)
    (STATE / "flavour").write_text(f"{flavour}\n")
    (STATE / "subnet").write_text(f"{conf.SUBNET}\n")
    if not KEY.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", PREFIX, "-f", KEY])
    common = f"  User root\n  IdentityFile {KEY}\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n"
    common += f"  UserKnownHostsFile {KNOWN_HOSTS}\n  LogLevel ERROR\n  ConnectTimeout 20\n"
    every = (*conf.MASTERS, conf.SPARE, *conf.WORKERS, conf.MAKER)
    SSH_CONFIG.write_text("".join(f"Host {h.name} {h.ip}\n  HostName {h.ip}\n{common}" for h in every))
    if run(["podman", "network", "exists", PREFIX], check=False).returncode != 0:
        podman("network", "create", "--internal", "--disable-dns", "--subnet", str(conf.SUBNET), PREFIX)
    route(keep=True)


def route(*, keep: bool) -> None:
    """The route to the hosts: through the bridge, and a blackhole without the bridge.

    Netavark gives the bridge of an internal network no address; without one, packets for the hosts would leave this
    machine by its default route. Nor is the bridge there before the first host starts.
    """
    nowhere = ["ip", "route", "replace" if keep else "del", "unreachable", str(conf.SUBNET), "metric", "4096"]
    run(nowhere, check=keep)
    bridge = json.loads(podman("network", "inspect", PREFIX))[0]["network_interface"] if keep else ""
    if bridge and Path("/sys/class/net", bridge).exists():
        run(["ip", "address", "replace", f"{conf.GATEWAY}/{conf.SUBNET.prefixlen}", "dev", bridge])


def boot_env(host: Host, others: tuple[Host, ...]) -> str:
    """/etc/bed/host.env: this host's pod range and the ways to the others'."""
    routes = " ".join(f"{o.pods}={o.ip}" for o in others if o != host)
    return f'BED_PODS="{host.pods}"\nBED_IP="{host.ip}"\nBED_ROUTES="{routes}"\n'


def _seed(host: Host, folder: Path) -> None:
    """The files in /etc/bed that distinguish a host, used by bed-host.service."""
    folder.mkdir(parents=True)
    shutil.copy(f"{KEY}.pub", folder / "authorized_keys")
    # All hosts share one lower root file system; each machine needs its own ID.
    (folder / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    (folder / "host.env").write_text(boot_env(host, (*conf.MASTERS, conf.SPARE, *conf.WORKERS)))


def link_tree(source: Path, target: Path) -> None:
    """Copy containerd's store, by hard links where that is possible.

    Its blobs and snapshots never change; its databases do and are copied.
    """
    if target.exists():
        target.rmdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    if run(["cp", "-al", source, target], check=False).returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        run(["cp", "-a", "--reflink=auto", source, target])  # another file system
        return
    for database in target.rglob("*.db"):
        copy = database.with_suffix(".copy")
        shutil.copy(database, copy)
        copy.replace(database)
    for identity in target.glob("*/uuid"):
        identity.unlink()


def create(host: Host, tree: Path, store: Path | None) -> None:
    """Create and start one host from scratch."""
    binds = BINDS.get(conf.flavour(), K3S_BINDS)
    base = STATE / "hosts" / host.name
    remove(host)
    run(["ssh-keygen", "-q", "-R", host.ip, "-f", KNOWN_HOSTS], check=False)
    for name in binds:
        (base / name).mkdir(parents=True, exist_ok=True)
        (base / name).chmod(0o700 if name == "etcd" else 0o755)
    if store:
        link_tree(store, base / "containerd")
    limits = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000"]
    mounts = [part for name in binds for part in ("-v", f"{base / name}:/var/lib/{name}")]
    _seed(host, base / "seed")
    mounts += ["-v", f"{base / 'seed'}:/etc/bed:ro", "-v", f"{base / 'seed' / 'machine-id'}:/etc/machine-id:ro"]
    if conf.python() != conf.SYSTEM_PYTHON:
        folder = Path(conf.python()).parents[1]
        mounts += ["-v", f"{folder}:{folder}:ro"]
    # The gateway has no DNS server: a name outside the cluster is refused immediately.
    podman(
        "create", "--runtime", "runc", "--privileged", "--cgroupns=private", "--systemd=always", "--http-proxy=false",
        *limits, "--network", PREFIX, "--ip", host.ip, "--dns", conf.GATEWAY,
        "--hostname", host.name, "--name", host.container,
        "--label", f"{PREFIX}=host", "--label", f"host={host.name}", "--label", f"{TREE}={tree.name}",
        "--stop-timeout", "5", *mounts,
        "--rootfs", f"{tree}:O", "/sbin/init",
    )  # fmt: skip
    start(host)


def start(host: Host) -> None:
    podman("start", host.container)
    route(keep=True)


def kill(host: Host) -> None:
    """Kill a machine: none of its processes can shut down cleanly."""
    podman("kill", host.container)


def remove(host: Host) -> None:
    podman("rm", "-f", "-t", "0", "--ignore", "-v", host.container, check=False)
    base = STATE / "hosts" / host.name
    for line in Path("/proc/self/mounts").read_text().splitlines():
        where = line.split()[1]
        if where.startswith(f"{base}/"):
            run(["umount", "-l", where], check=False)
    shutil.rmtree(base, ignore_errors=True)


def remove_all() -> None:
    """Remove all containers, networks and files of the bed."""
    known = states()
    conf.each(remove, [h for h in (*conf.MASTERS, conf.SPARE, *conf.WORKERS, conf.MAKER) if h.name in known])
    podman("network", "rm", "-f", PREFIX, check=False)
    route(keep=False)
    _leftover_cgroups()
    for entry in STATE.glob("*"):
        if entry.name != "lock":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _leftover_cgroups() -> None:
    """On cgroup v1 the hosts' kubelets leave empty groups in this machine's own hierarchies."""
    if Path("/var/lib/kubelet").exists() or podman("ps", "-q").strip():
        return  # this machine is a node itself, or another bed stands beside this one
    for top in Path("/sys/fs/cgroup").glob("*/kubepods"):
        for folder, _dirs, _files in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def execute(host: Host, *argv: str, stdin: bytes | None = None, check: bool = True, timeout: float = 300) -> str:
    """Run a command in a host without its sshd; returns its output."""
    return podman("exec", "-i", host.container, *argv, stdin=stdin, check=check, timeout=timeout)


def put(host: Host, path: str, text: str, mode: int = 0o600) -> None:
    new = f"{path}.new"
    script = f"umask 077; mkdir -p $(dirname {path}); cat > {new} && chmod {mode:o} {new} && mv {new} {path}"
    execute(host, "sh", "-c", script, stdin=text.encode())


def put_file(host: Host, path: str, source: Path, mode: int) -> None:
    """Copy a file that may be too large for a pipe."""
    podman("cp", str(source), f"{host.container}:{path}.new")
    execute(host, "sh", "-c", f"chown root:root {path}.new && chmod {mode:o} {path}.new && mv {path}.new {path}")


def ssh_argv(host: Host, *command: str) -> list[str]:
    return ["ssh", "-F", str(SSH_CONFIG), host.name, *command]


def ssh(host: Host, *command: str, stdin: bytes | None = None, check: bool = True, timeout: float = 120) -> str:
    return run(ssh_argv(host, *command), stdin=stdin, check=check, timeout=timeout).stdout


def interactive_ssh(host: Host, *command: str) -> int:
    return subprocess.call(ssh_argv(host, *command))


def wait_ready(host: Host, seconds: float = 60) -> None:
    """Wait until sshd accepts logins and containerd answers."""

    def probe() -> bool:
        script = "systemctl is-active -q bed-host.service && ctr version >/dev/null"
        return run(ssh_argv(host, script), check=False, timeout=20).returncode == 0

    try:
        wait_for(f"{host.name} reachable by ssh with containerd running", probe, seconds=seconds)
    except BedError as why:
        journal = podman("exec", host.container, "journalctl", "-n", "80", "--no-pager", check=False)
        log = STATE / f"{host.name}-boot.log"
        log.write_text(journal + podman("logs", host.container, check=False))
        raise BedError(f"{why} Its journal is in {log}.") from why


def running(host: Host) -> bool:
    return states().get(host.name) == "running"
