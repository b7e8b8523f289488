# SPDX-License-Identifier: GPL-3.0-or-later
"""`k3s server`: bring this host's member, control plane and kubelet up, in k3s's order, and stay until one of them ends."""

from __future__ import annotations

import base64
import configparser
import ctypes
import os
import secrets
import signal
import socket
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from . import controller, flags, pki
from .etcd import Etcd
from .flags import Refused, Settings
from .kube import ApiError, Kube
from .supervisor import Remote, Supervisor, mismatches, split_token

LIB = Path("/usr/local/lib/k3s-standin")
ETC = Path("/etc/rancher")
REMOVED = "removed from the cluster"
PREPARING = "starting kubernetes: preparing server: "
PACKAGED = ("coredns", "local-storage")
REJECTED = (
    "Waiting to retrieve agent configuration; server is not ready: Node password rejected, duplicate hostname or contents"
    " of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the"
    " --with-node-id flag"
)


def log(level: str, text: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    print(f'time="{stamp}" level={level} msg="{shown}"', file=sys.stderr, flush=True)


def notify(state: str) -> None:
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect("\0" + where[1:] if where.startswith("@") else where)
            link.send(state.encode())


def _die_with_parent() -> None:
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self.settings, self.environment = settings, environment
        self.data = Path(settings.text("data-dir"))
        self.tls, self.agent = self.data / "server/tls", self.data / "agent"
        self.node = (settings.text("node-name") or socket.gethostname()).lower()
        self.ip = (settings.texts("node-ip") or (_own_address(),))[0]
        self.etcd = Etcd(self.data, LIB, self.node, self.ip)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.was_removed = False

    # --- the processes -------------------------------------------------------------------------------------------

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start a program that dies with this one. It is called by the main thread only, whose end the kernel watches."""
        pipe = subprocess.PIPE if name == "etcd" else None
        self.children[name] = subprocess.Popen(argv, stderr=pipe, preexec_fn=_die_with_parent)
        if pipe:
            threading.Thread(target=self._listen, args=(self.children[name],), daemon=True).start()

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        for line in child.stderr or ():
            if REMOVED.encode() in line:
                self.was_removed = True
            sys.stderr.buffer.write(line)
            sys.stderr.flush()

    def watch(self) -> None:
        """End when a child does. A removed member leaves its tombstone, and its k3s stays until something else ends."""
        for name, child in list(self.children.items()):
            code = child.poll()
            if code is None:
                continue
            time.sleep(0.5)  # its last lines
            if name == "etcd" and self.was_removed:
                (self.etcd.folder / "tombstone").touch(0o600)
                del self.children[name]
                log("info", "This node has been removed from the cluster - please restart k3s to rejoin the cluster")
                continue
            raise Refused(f"{name} exited: {code}")

    def wait(self, what: str, probe: Callable[[], bool]) -> None:
        """Until ``probe`` is true, as long as the children run."""
        rounds = 0
        while not probe():
            self.watch()
            rounds += 1
            if rounds % 20 == 0:
                log("info", what)
            time.sleep(0.3)

    def stop(self, *_signal: int | FrameType | None) -> None:
        for child in reversed(list(self.children.values())):
            child.terminate()
        sys.exit(0)

    # --- the cluster ---------------------------------------------------------------------------------------------

    def token(self) -> str:
        file = self.settings.text("token-file")
        return Path(file).read_text().strip() if file else self.settings.text("token")

    def bootstrap(self) -> tuple[str, Remote | None]:
        """The cluster's authorities and its password; and the server through which this one joins, if it does."""
        url, given, kept = self.settings.text("server"), self.token(), self.data / "server/token"
        if self.etcd.initialised:
            log("info", "Managed etcd cluster bootstrap already complete and initialized")
            password = split_token(kept.read_text().strip())[1]
            if given and split_token(given)[1] != password:
                raise Refused(f"{PREPARING}bootstrap data already found and encrypted with different token")
            if not self.etcd.bury():
                return password, None
            log("info", "tombstone file has been detected, removing data dir to rejoin the cluster")
            try:
                return password, Remote(url, given, log) if url and given else None
            except Refused:
                return password, None  # K3s passes over this error, too, and makes a new cluster
        if not url:
            if not self.settings.true("cluster-init"):
                raise Refused("the stand-in has no SQLite: it wants --cluster-init or --server")
            log("info", "Managed etcd cluster initializing")
            pki.authorities(self.tls)
            there = kept.read_text().strip() if kept.exists() else ""
            return split_token(given or there or secrets.token_hex(16))[1], None
        try:
            remote = self._validated(url, given)
        except Refused as why:
            raise Refused(f"{PREPARING}{why}") from why
        for name, content in remote.ask("/v1-k3s/server-bootstrap").items():
            if name in pki.SHARED:
                pki.write(self.tls / name, base64.b64decode(content))
        return remote.password, remote

    def _validated(self, url: str, token: str) -> Remote:
        """The server that is joined, whose authority and configuration are those of the token and of this host."""
        if not token:
            raise Refused("K3S_TOKEN is required to join a cluster")
        remote = Remote(url, token, log)
        log("info", "Managed etcd cluster not yet initialized")
        try:
            differ = mismatches(remote.ask("/v1-k3s/config"), flags.critical(self.settings))
            for name in differ:
                log("warning", f"critical configuration mismatched: {name}")
            if differ:
                raise Refused("critical configuration value mismatch between servers")
        except Refused as why:
            raise Refused(f"failed to validate server configuration: {why}") from why
        return remote

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        for folder in ("server", "server/cred", "server/tls"):
            (self.data / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        password, remote = self.bootstrap()
        self.etcd.ensure_name()
        domain, service = self.settings.text("cluster-domain"), self.settings.texts("service-cidr")[0]
        first = service.split("/")[0].rsplit(".", 1)[0] + ".1"
        names = [f"kubernetes{end}" for end in ("", ".default", ".default.svc", f".default.svc.{domain}")]
        sans = (*names, "localhost", self.node, "127.0.0.1", self.ip, first, *self.settings.texts("tls-san"))
        pki.certificates(self.tls, self.agent, node=self.node, ip=self.ip, sans=tuple(dict.fromkeys(sans)))
        self._write_tokens(password)
        self._kubeconfigs()
        if remote:
            argv = self.etcd.join(remote.ask("/db/info")["members"], log)
        elif self.etcd.initialised:
            log("info", "Starting etcd for existing cluster member")
            argv = self.etcd.configure(None, "")
        else:
            log("info", "Starting etcd for new cluster")
            argv = self.etcd.configure([f"{self.etcd.name}={self.etcd.peer_url}"], "new")
        self.start("etcd", argv)
        self.wait("Failed to test data store connection: this server is not a voting member", self.etcd.voter)
        log("info", "etcd data store connection OK")
        Supervisor(self.tls, password, flags.critical(self.settings), self.etcd.members).begin()
        self.component("kube-apiserver")
        kube = Kube(self.tls)
        self.wait("Waiting for API server to become available", kube.ready)
        self.component("kube-controller-manager")
        self.component("kube-scheduler")
        log("info", "k3s is up and running")
        notify("READY=1")
        self._agent(kube)
        own = controller.node_annotations(
            flags.shown(self.settings.arguments), self.environment, socket.gethostname(), self.ip
        )
        rounds = controller.Controller(kube, self.etcd, self.node, own, log)
        threading.Thread(target=rounds.run, daemon=True).start()
        applied: dict[str, float] = {}
        while True:
            self.watch()
            self._manifests(applied)
            time.sleep(1)

    def _write_tokens(self, password: str) -> None:
        full = pki.full_token((self.tls / "server-ca.crt").read_bytes(), password) + "\n"
        pki.write(self.data / "server/token", full)
        for name in ("node-token", "agent-token"):
            link = self.data / "server" / name
            if not link.is_symlink():
                link.symlink_to(self.data / "server/token")

    def _kubeconfigs(self) -> None:
        cred, tls, agent = self.data / "server/cred", self.tls, self.agent
        for name, base in (
            (cred / "admin.kubeconfig", tls / "client-admin"),
            (cred / "supervisor.kubeconfig", tls / "client-supervisor"),
            (cred / "controller.kubeconfig", tls / "client-controller"),
            (cred / "scheduler.kubeconfig", tls / "client-scheduler"),
            (agent / "kubelet.kubeconfig", agent / "client-kubelet"),
            (agent / "kubeproxy.kubeconfig", agent / "client-kube-proxy"),
            (agent / "k3scontroller.kubeconfig", agent / "client-k3s-controller"),
        ):
            pki.kubeconfig(name, ca=agent / "server-ca.crt", base=base)
        target = Path(self.settings.text("write-kubeconfig"))
        mode = int(self.settings.text("write-kubeconfig-mode"), 8)
        pki.kubeconfig(target, ca=tls / "server-ca.crt", base=tls / "client-admin", inline=True, mode=mode)

    # --- the components ------------------------------------------------------------------------------------------

    def values(self) -> dict[str, object]:
        """What components.conf and the packaged manifests may name."""
        settings, domain = self.settings, self.settings.text("cluster-domain")
        return {
            "ADVERTISE": settings.text("advertise-address") or self.ip,
            "AGENT": self.agent,
            "CLUSTER_CIDR": settings.texts("cluster-cidr")[0],
            "CLUSTER_DNS": flags.dns(settings)[0],
            "CLUSTER_DOMAIN": domain,
            "CRED": self.data / "server/cred",
            "ISSUER": f"https://kubernetes.default.svc.{domain}",
            "LIB": LIB,
            "NODE": self.node,
            "NODE_IP": self.ip,
            "NODE_LABELS": ",".join(settings.texts("node-label")),
            "NODE_TAINTS": ",".join(settings.texts("node-taint")),
            "SERVICE_CIDR": settings.texts("service-cidr")[0],
            "STORAGE": settings.text("default-local-storage-path") or self.data / "storage",
            "TLS": self.tls,
        }

    def component(self, name: str) -> None:
        """Start a program with its options of components.conf; one of --NAME-arg replaces one of ours."""
        table = configparser.RawConfigParser(delimiters=("=",))
        table.read(Path(__file__).parent / "components.conf")
        extra = [word.lstrip("-") for word in self.settings.values.get(f"{name}-arg", ())]
        given, known = {word.partition("=")[0] for word in extra}, self.values()
        own = [f"{k}={string.Template(v).substitute(known)}" for k, v in table[name].items() if k not in given]
        self.start(name, [str(LIB / "bin" / name), *(f"--{word}" for word in own + extra)])

    def _agent(self, kube: Kube) -> None:
        """The kubelet and kube-proxy, once the node's password is the one the cluster knows."""
        own = ETC / "node/password"
        if not own.exists():
            pki.write(own, secrets.token_hex(16) + "\n")

        def known() -> bool:
            try:
                if controller.ensure_password(kube, self.node, own.read_text().strip()):
                    return True
            except (OSError, ApiError) as why:
                log("info", f"Waiting to retrieve agent configuration; server is not ready: {why}")
            else:
                log("info", REJECTED)
            time.sleep(5)
            return False

        self.wait("Waiting to retrieve agent configuration", known)
        (self.agent / "pod-manifests").mkdir(parents=True, exist_ok=True)
        self.component("kubelet")
        self.component("kube-proxy")

    def _manifests(self, applied: dict[str, float]) -> None:
        """Packaged and own files of server/manifests; a file NAME.yaml.skip leaves NAME.yaml alone."""
        folder, disabled = self.data / "server/manifests", self.settings.texts("disable")
        folder.mkdir(parents=True, exist_ok=True)
        for name in PACKAGED if not applied else ():
            target = folder / f"{name}.yaml"
            if name in disabled:
                target.unlink(missing_ok=True)
            elif not target.with_name(f"{target.name}.skip").exists():
                text = string.Template((LIB / "manifests" / f"{name}.yaml").read_text())
                pki.write(target, text.safe_substitute(self.values()))
        applied.setdefault("", 0)
        for path in sorted(folder.glob("*.yaml")):
            changed = path.stat().st_mtime
            if applied.get(path.name) == changed or path.with_name(f"{path.name}.skip").exists():
                continue
            argv = [f"{LIB}/bin/kubectl", "--kubeconfig", f"{self.data}/server/cred/admin.kubeconfig", "apply"]
            argv += ["--server-side", "--force-conflicts", "--field-manager=deploy@k3s-standin", "-f", str(path)]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode == 0:
                applied[path.name] = changed
            else:
                log("error", f"Failed to process config: {path}: {done.stderr.strip()}")


def _own_address() -> str:
    """The address from which this host would speak to others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(("192.0.2.1", 9))
        return str(link.getsockname()[0])
