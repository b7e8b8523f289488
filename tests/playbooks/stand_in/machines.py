# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are scratch folders: each has a root, a name, a network and processes of its own, in namespaces that need no root and no container.

`/usr` is this machine's; everything else of a root is in its folder. Programs of Kubernetes and systemd are one fake program under several names
(program.py), which asks the world for the answer.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

NETWORK = "192.0.2"
BRIDGE = NETWORK + ".1"
VIP = NETWORK + ".100"
PROGRAMS = ("kubeadm", "kubelet", "kubectl", "etcdctl", "etcdutl", "systemctl", "journalctl")
SOCKET = "/run/stand-in.sock"
# A Python outside of /usr is shown to the machines at its own path.
PYTHON = os.path.realpath(sys.base_prefix)
# The interpreter of the modules, with what the environment of the tests has installed, and what it has imported beforehand.
WARM = Path(__file__).with_name("warm.py")
WARMED = tuple(
    "ansible.module_utils.basic urllib.request http.client ssl tempfile hashlib glob concurrent.futures".split()
)
WARMED_CONTROLLER = (
    *WARMED,
    "kubernetes",
    "kubernetes.dynamic",
    "kubernetes.client",
    "kubernetes.config",
    "kubernetes.stream",
)
_PRIORITY = re.compile(r"name: KEEPALIVED_PRIORITY\s+value: ['\"]?(\d+)")
_OWN = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_COPIED = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime", "ssl/openssl.cnf", "services", "protocols")
_CLONE_NEWNET = 0x40000000


def ip(*words: str) -> None:
    """Run iproute2. Raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def network() -> None:
    """The bridge that all machines are on; the controller has its first address."""
    Path("/run/netns").mkdir(exist_ok=True)
    ip("link", "set", "lo", "up")
    ip("link", "add", "br0", "type", "bridge")
    ip("addr", "add", BRIDGE + "/24", "dev", "br0")
    ip("link", "set", "br0", "up")


def executable(source: Path, target: Path) -> None:
    """A copy of a program that starts with this Python."""
    text = source.read_text(encoding="utf-8")
    target.write_text(text.replace("/usr/bin/python3", os.path.realpath(sys.executable), 1), encoding="utf-8")
    target.chmod(0o755)


def warm_controller() -> None:
    """The warm interpreter of the controller."""
    subprocess.Popen([sys.executable, "-E", str(WARM), "serve", "/", *WARMED_CONTROLLER])
    while not Path("/run/warm.sock").exists():
        time.sleep(0.02)


class Machine:
    """A machine. `ports` listen while it is on; `folder` is its root as the world sees it."""

    def __init__(self, name: str, address: str, machine_id: str, folder: Path) -> None:
        self.name, self.address, self.machine_id, self.folder = name, address, machine_id, folder
        self.holder: subprocess.Popen[bytes] | None = None
        self.on = False
        self.vip = False
        self._rests_until = 0.0
        self._seen = ""

    @property
    def _cable(self) -> str:
        """The bridge's end of the link to it."""
        return "v" + self.address.rsplit(".", 1)[1]

    def path(self, path: str) -> Path:
        """Where a path of the machine is for the world."""
        if path.startswith("/usr/local/bin/"):
            return self.folder / "programs" / path.rsplit("/", 1)[1]
        return self.folder / path.lstrip("/")

    def read(self, path: str) -> str:
        """A text file, empty without it."""
        found = self.path(path)
        return found.read_text(encoding="utf-8") if found.is_file() else ""

    def write(self, path: str, text: str, mode: int = 0o600) -> None:
        found = self.path(path)
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text(text, encoding="utf-8")
        found.chmod(mode)

    def has(self, path: str) -> bool:
        return self.path(path).exists()

    def remove(self, path: str) -> None:
        found = self.path(path)
        if found.is_dir():
            shutil.rmtree(found)
        elif found.exists():
            found.unlink()

    def boot(self) -> None:
        """Make root, network and the process that holds both."""
        self._make_root()
        ip("netns", "add", self.name)
        ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self._cable, "master", "br0", "up")
        for words in (["link", "set", "lo", "up"], ["addr", "add", self.address + "/24", "dev", "eth0"]):
            ip("-n", self.name, *words)
        ip("-n", self.name, "link", "set", "eth0", "up")
        ip("-n", self.name, "route", "add", "default", "via", BRIDGE)
        script = (
            'set -e; hostname "$1"; cd "$2"; mount --bind "$2" "$2"; cd "$2"; mount --rbind /usr usr; mount --bind programs usr/local/bin;'
            ' mount --rbind /proc proc; mount --rbind /dev dev; if [ -d ".$3" ]; then mount --rbind "$3" ".$3"; fi;'
            ' mount --rbind "$6" ".$6";'
            ' echo $$ > holder.pid; warm="$4"; root="$2"; python="$5"; shift 6; exec "$python" -E "$warm" serve "$root" "$@"'
        )
        given = [self.name, str(self.folder), PYTHON, str(WARM), sys.executable, sys.prefix, *WARMED]
        inside = ["unshare", "--mount", "--uts", "sh", "-c", script, "sh", *given]
        self.holder = subprocess.Popen(["ip", "netns", "exec", self.name, *inside])
        deadline = time.monotonic() + 90
        while not (self.folder / "run/warm.sock").exists():
            if time.monotonic() > deadline or self.holder.poll() is not None:
                raise RuntimeError("the machine {0} could not be made".format(self.name))
            time.sleep(0.01)
        self.on = True

    def scrap(self) -> None:
        """Remove what is left of a machine that is off."""
        if self.holder is not None:
            self.holder.wait()
        ip("netns", "del", self.name)
        # The end of a network is not waited for.
        subprocess.run(["ip", "link", "del", self._cable], check=False, capture_output=True)
        shutil.rmtree(self.folder)

    def pid(self) -> str:
        """The process whose namespaces are the machine's."""
        return (self.folder / "holder.pid").read_text(encoding="utf-8").strip()

    def off(self) -> None:
        """Power off: nothing answers any more."""
        self.on = False
        if self.holder is not None:
            self.holder.send_signal(signal.SIGKILL)

    def sockets(self, ports: list[tuple[str, int]]) -> list[socket.socket]:
        """Listening sockets in the machine's network."""
        made: list[socket.socket] = []

        def make() -> None:
            with open("/run/netns/" + self.name, "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            for address, port in ports:
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, port))
                sock.listen(128)
                made.append(sock)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if len(made) != len(ports):
            raise RuntimeError("the ports {0} of {1} could not be opened".format(ports, self.name))
        return made

    # keepalived: kubelet restarts it when its manifest changes, and the VIP is gone for that time.

    def priority(self, manifests: str) -> int:
        """The priority with which keepalived takes part in the election, 0 if it does not."""
        text = self.read(manifests + "/keepalived.yaml") if self.on else ""
        if text != self._seen:
            self._seen, self._rests_until = text, time.monotonic() + 3
        match = _PRIORITY.search(text)
        return int(match.group(1)) if match and time.monotonic() > self._rests_until else 0

    @property
    def seen(self) -> str:
        """keepalived's manifest as kubelet last saw it."""
        return self._seen

    def settled(self, seen: str) -> None:
        """A manifest that kubelet saw long ago."""
        self._seen, self._rests_until = seen, 0.0

    def carry(self, vip: bool) -> None:
        """Take or release the VIP."""
        if vip != self.vip:
            ip("-n", self.name, "addr", "add" if vip else "del", VIP + "/32", "dev", "eth0")
            self.vip = vip

    def _make_root(self) -> None:
        root = self.folder
        for name in (
            "etc",
            "var/lib",
            "var/log",
            "var/tmp",
            "opt",
            "root",
            "run",
            "tmp",
            "usr",
            "proc",
            "dev",
            "sys",
            "programs",
        ):
            (root / name).mkdir(parents=True, exist_ok=True)
        if not PYTHON.startswith("/usr/") and PYTHON != "/usr":
            (root / PYTHON.lstrip("/")).mkdir(parents=True)
        (root / sys.prefix.lstrip("/")).mkdir(parents=True)
        for name in _OWN:
            real = Path("/" + name)
            if real.is_symlink():
                (root / name).symlink_to(os.readlink(real))
            elif real.is_dir():
                shutil.copytree(real, root / name, symlinks=True)
        for name in _COPIED:
            if Path("/etc", name).is_file():
                (root / "etc" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path("/etc", name), root / "etc" / name)
        self.write("/etc/machine-id", self.machine_id + "\n", 0o444)
        self.write("/etc/hostname", self.name + "\n", 0o644)
        self.write("/etc/hosts", "127.0.0.1 localhost\n{0} {1}\n".format(self.address, self.name), 0o644)
        program = root / "programs" / ".program"
        executable(Path(__file__).with_name("program.py"), program)
        executable(WARM, root / "programs" / ".warm-python")
        for name in PROGRAMS:
            (root / "programs" / name).symlink_to(".program")
