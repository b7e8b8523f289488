# SPDX-License-Identifier: GPL-3.0-or-later
"""`k3s server`: bring this host's member, control plane and kubelet up, in k3s's order, and stay until one of them ends."""

from __future__ import annotations

import base64
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
RUNTIME = "unix:///run/containerd/containerd.sock"
ETC = Path("/etc/rancher")
REMOVED = "removed from the cluster"
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
        self.children[name] = subprocess.Popen(argv, stderr=pipe, preexec_fn=_die_with_parent)  # noqa: PLW1509
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
                log("info", "this node has been removed from the cluster please restart k3s to rejoin the cluster")
                continue
            raise Refused(f"{name} exited: {code}")

    def wait(self, what: str, probe: Callable[[], bool]) -> None:
        """Until ``probe`` is true, as long as the children run."""
        rounds = 0
        while not probe():
            self.watch()
            rounds += 1
            if rounds % 20 == 0:
                log("info", f"Waiting: {what}")
            time.sleep(0.3)

    def stop(self, *_signal: int | FrameType | None) -> None:
        for child in reversed(list(self.children.values())):
            child.terminate()
        sys.exit(0)

    # --- the cluster ---------------------------------------------------------------------------------------------

    def token(self) -> str:
        given = self.settings.text("token")
        if not given and self.settings.text("token-file"):
            given = Path(self.settings.text("token-file")).read_text().strip()
        return given

    def bootstrap(self) -> tuple[str, Remote | None]:
        """The authorities of the cluster, and its password; and the server that is joined, if one is."""
        url, kept = self.settings.text("server"), self.data / "server/token"
        if self.etcd.bury():
            log("info", "tombstone file has been detected, removing data dir to rejoin the cluster")
        if self.etcd.initialised:
            log("info", "Managed etcd cluster bootstrap already complete and initialized")
            password = split_token(kept.read_text().strip())[1]
            if self.token() and split_token(self.token())[1] != password:
                raise Refused("bootstrap data already found and encrypted with different token")
            return password, None
        if not url:
            if not self.settings.true("cluster-init"):
                raise Refused("the stand-in has no SQLite: it wants --cluster-init or --server")
            log("info", "Managed etcd cluster initializing")
            pki.authorities(self.tls)
            there = kept.read_text().strip() if kept.exists() else ""
            return split_token(self.token() or there or secrets.token_hex(16))[1], None
        if not self.token():
            raise Refused("K3S_TOKEN is required to join a cluster")
        log("info", "Managed etcd cluster not yet initialized")
        remote = Remote(url, self.token(), log)
        differ = mismatches(remote.ask("/v1-k3s/config"), flags.critical(self.settings))
        if differ:
            log("error", f"critical configuration mismatched: {', '.join(differ)}")
            text = "critical configuration value mismatch between servers"
            raise Refused(f"failed to validate server configuration: {text}")
        for name, content in remote.ask("/v1-k3s/server-bootstrap").items():
            if name in pki.SHARED:
                pki.write(self.tls / name, base64.b64decode(content))
        return remote.password, remote

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
            argv = self.etcd.join(remote.ask("/db/info")["members"])
            log("info", f"Adding member {self.etcd.name}={self.etcd.peer_url} to etcd cluster")
        elif self.etcd.initialised:
            argv = self.etcd.configure(None, "")
        else:
            argv = self.etcd.configure([f"{self.etcd.name}={self.etcd.peer_url}"], "new")
        self.start("etcd", argv)
        self.wait("failed to test data store connection: etcd does not answer as a voting member", self.etcd.voter)
        log("info", "etcd data store connection OK")
        Supervisor(self.tls, password, flags.critical(self.settings), self.etcd.members).begin()
        self.start("kube-apiserver", self._apiserver(service, domain))
        kube = Kube(self.tls)
        self.wait("the API server is not ready", kube.ready)
        self.start("kube-controller-manager", self._controller_manager(service))
        self.start("kube-scheduler", self._scheduler())
        log("info", "k3s is up and running")
        notify("READY=1")
        self._agent(kube, domain)
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

    def _component(self, name: str, options: Mapping[str, object]) -> list[str]:
        """A program's command line; --<name>-arg replaces an option of ours."""
        extra = self.settings.values.get(f"{name}-arg", ())
        given = {word.lstrip("-").partition("=")[0] for word in extra}
        own = [f"--{key}={value}" for key, value in options.items() if key not in given]
        return [str(LIB / "bin" / name), *own, *(f"--{word.lstrip('-')}" for word in extra)]

    def _apiserver(self, service: str, domain: str) -> list[str]:
        tls, issuer = self.tls, f"https://kubernetes.default.svc.{domain}"
        options = {
            "advertise-address": self.settings.text("advertise-address") or self.ip,
            "allow-privileged": "true",
            "anonymous-auth": "false",
            "api-audiences": f"{issuer},k3s",
            "authorization-mode": "Node,RBAC",
            "client-ca-file": tls / "client-ca.crt",
            "enable-admission-plugins": "NodeRestriction",
            "enable-bootstrap-token-auth": "true",
            "etcd-cafile": tls / "etcd/server-ca.crt",
            "etcd-certfile": tls / "etcd/client.crt",
            "etcd-keyfile": tls / "etcd/client.key",
            "etcd-servers": "https://127.0.0.1:2379",
            "kubelet-certificate-authority": tls / "server-ca.crt",
            "kubelet-client-certificate": tls / "client-kube-apiserver.crt",
            "kubelet-client-key": tls / "client-kube-apiserver.key",
            "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
            "profiling": "false",
            "proxy-client-cert-file": tls / "client-auth-proxy.crt",
            "proxy-client-key-file": tls / "client-auth-proxy.key",
            "requestheader-allowed-names": "system:auth-proxy",
            "requestheader-client-ca-file": tls / "request-header-ca.crt",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User",
            "secure-port": "6443",
            "service-account-issuer": issuer,
            "service-account-key-file": tls / "service.key",
            "service-account-signing-key-file": tls / "service.key",
            "service-cluster-ip-range": service,
            "storage-backend": "etcd3",
            "tls-cert-file": tls / "serving-kube-apiserver.crt",
            "tls-private-key-file": tls / "serving-kube-apiserver.key",
        }
        return self._component("kube-apiserver", options)

    def _controller_manager(self, service: str) -> list[str]:
        tls, kubeconfig = self.tls, self.data / "server/cred/controller.kubeconfig"
        options: dict[str, object] = {
            "allocate-node-cidrs": "true",
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "cluster-cidr": self.settings.texts("cluster-cidr")[0],
            "controllers": "*,tokencleaner",
            "kubeconfig": kubeconfig,
            "profiling": "false",
            "root-ca-file": tls / "server-ca.crt",
            "service-account-private-key-file": tls / "service.key",
            "service-cluster-ip-range": service,
            "use-service-account-credentials": "true",
        }
        for kind, ca in (
            ("kube-apiserver-client", "client-ca"),
            ("kubelet-client", "client-ca"),
            ("kubelet-serving", "server-ca"),
            ("legacy-unknown", "server-ca"),
        ):
            options[f"cluster-signing-{kind}-cert-file"] = tls / f"{ca}.crt"
            options[f"cluster-signing-{kind}-key-file"] = tls / f"{ca}.key"
        return self._component("kube-controller-manager", options)

    def _scheduler(self) -> list[str]:
        kubeconfig = self.data / "server/cred/scheduler.kubeconfig"
        options = {f"{kind}kubeconfig": kubeconfig for kind in ("", "authentication-", "authorization-")}
        return self._component("kube-scheduler", {**options, "bind-address": "127.0.0.1", "profiling": "false"})

    def _agent(self, kube: Kube, domain: str) -> None:
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

        self.wait("the node password is not accepted", known)
        agent, settings = self.agent, self.settings
        (agent / "pod-manifests").mkdir(parents=True, exist_ok=True)
        dns = (settings.texts("cluster-dns") or (flags.critical(settings)["cluster-dns"][0],))[0]  # type: ignore[index]
        options: dict[str, object] = {
            "anonymous-auth": "false",
            "authentication-token-webhook": "true",
            "authorization-mode": "Webhook",
            "client-ca-file": agent / "client-ca.crt",
            "cluster-dns": dns,
            "cluster-domain": domain,
            "config": LIB / "kubelet.yaml",
            "container-runtime-endpoint": RUNTIME,
            "hostname-override": self.node,
            "kubeconfig": agent / "kubelet.kubeconfig",
            "node-ip": self.ip,
            "node-labels": ",".join(settings.texts("node-label")),
            "pod-manifest-path": agent / "pod-manifests",
            "read-only-port": "0",
            "register-with-taints": ",".join(settings.texts("node-taint")),
            "tls-cert-file": agent / "serving-kubelet.crt",
            "tls-private-key-file": agent / "serving-kubelet.key",
        }
        self.start("kubelet", self._component("kubelet", options))
        proxy = {
            "cluster-cidr": settings.texts("cluster-cidr")[0],
            "conntrack-max-per-core": "0",
            "conntrack-tcp-timeout-close-wait": "0s",
            "conntrack-tcp-timeout-established": "0s",
            "healthz-bind-address": "127.0.0.1",
            "hostname-override": self.node,
            "kubeconfig": agent / "kubeproxy.kubeconfig",
            "proxy-mode": "iptables",
        }
        self.start("kube-proxy", self._component("kube-proxy", proxy))

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
                storage = self.settings.text("default-local-storage-path") or str(self.data / "storage")
                dns = flags.critical(self.settings)["cluster-dns"][0]  # type: ignore[index]
                pki.write(target, text.safe_substitute(STORAGE=storage, CLUSTER_DNS=dns, CLUSTER_DOMAIN=self.settings.text("cluster-domain")))  # fmt: skip  # noqa: E501
        applied.setdefault("", 0)
        for path in sorted(folder.glob("*.yaml")):
            changed = path.stat().st_mtime
            if applied.get(path.name) == changed or path.with_name(f"{path.name}.skip").exists():
                continue
            argv = [LIB / "bin/kubectl", "--kubeconfig", self.data / "server/cred/admin.kubeconfig", "apply"]
            argv += ["--server-side", "--force-conflicts", "--field-manager=deploy@k3s-standin", "-f", path]
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
