# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded member: its name, its configuration, joining as a learner, promotion, removal, snapshots."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import pki
from .flags import Refused

LOCAL = "https://127.0.0.1:2379"


def node_of(member: str) -> str:
    """The node's name in a member's name: what stands before the last hyphen (pkg/etcd/etcd.go, join)."""
    last = member.rfind("-")
    return member[:last] if last > 1 else member


def to_remove(members: Sequence[Mapping[str, Any]], name: str, address: str) -> int | None:
    """The id of the member that has both this name and this peer address (pkg/etcd/etcd.go, RemovePeer)."""
    for one in members:
        if one.get("name") == name and any(urlsplit(u).hostname == address for u in one.get("peerURLs", [])):
            return int(one["ID"])
    return None


@dataclass(frozen=True)
class Plan:
    """What a joining member does: whether it is to be added, and its --initial-cluster."""

    add: bool
    cluster: tuple[str, ...]


def plan_join(members: Sequence[Mapping[str, Any]], *, name: str, node: str, address: str) -> Plan:
    """Refuses a node name that another member has."""
    add, cluster = True, []
    for one in members:
        its = str(one.get("name") or "")
        for url in one.get("peerURLs", []):
            mine = urlsplit(url).hostname == address
            if not its and mine:
                its = name
            if its == name and mine:
                add = False
            cluster.append(f"{its}={one['peerURLs'][0]}")
        if its != name and node_of(its) == node:
            raise Refused("etcd cluster join failed: duplicate node name found, please use a unique name for this node")
    if add:
        cluster.append(f"{name}=https://{address}:2380")
    return Plan(add, tuple(cluster))


class Etcd:
    def __init__(self, data: Path, lib: Path, node: str, address: str) -> None:
        self.folder = data / "server/db/etcd"
        self.snapshots = data / "server/db/snapshots"
        self.tls = data / "server/tls/etcd"
        self.lib, self.node, self.address = lib, node, address

    @property
    def initialised(self) -> bool:
        return (self.folder / "member/wal").is_dir()

    @property
    def name(self) -> str:
        return (self.folder / "name").read_text()

    @property
    def peer_url(self) -> str:
        return f"https://{self.address}:2380"

    def bury(self) -> bool:
        """Put the data of a member that was removed aside, as k3s does at the start after the tombstone was written."""
        if not (self.folder / "tombstone").exists():
            return False
        self.folder.rename(self.folder.with_name(f"etcd-backup-{int(time.time())}"))
        return True

    def ensure_name(self) -> None:
        if not (self.folder / "name").exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            pki.write(self.folder / "name", f"{self.node}-{str(uuid.uuid4())[:8]}")
        self.folder.chmod(0o700)

    def ctl(self, *argv: str, endpoints: str = LOCAL, timeout: float = 20) -> Any:
        """One etcdctl call; its JSON."""
        full = [str(self.lib / "bin/etcdctl"), "--endpoints", endpoints, "--command-timeout", f"{timeout:.0f}s"]
        full += ["--cacert", f"{self.tls}/server-ca.crt", "--cert", f"{self.tls}/client.crt"]
        full += ["--key", f"{self.tls}/client.key", "-w", "json", *argv]
        done = subprocess.run(full, capture_output=True, text=True, timeout=timeout + 5, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            words = [line for line in lines if line.startswith(("Error:", "panic:"))]
            raise OSError((words or lines or [f"etcdctl {argv[0]} failed"])[0])
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    def members(self, endpoints: str = LOCAL) -> list[dict[str, Any]]:
        return list(self.ctl("member", "list", endpoints=endpoints)["members"])

    def status(self) -> dict[str, Any]:
        return dict(self.ctl("endpoint", "status", timeout=5)[0]["Status"])

    def voter(self) -> bool:
        try:
            return not self.status().get("isLearner", False)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return False

    def configure(self, cluster: Sequence[str] | None, state: str) -> list[str]:
        """Write db/etcd/config; the member's command line. Without ``cluster`` the data that is there decides."""
        lines = [
            f"name: {self.name}",
            f"data-dir: {self.folder}",
            f"listen-client-urls: {LOCAL},https://{self.address}:2379",
            "listen-client-http-urls: https://127.0.0.1:2382",
            f"advertise-client-urls: https://{self.address}:2379",
            f"listen-peer-urls: https://127.0.0.1:2380,{self.peer_url}",
            "listen-metrics-urls: http://127.0.0.1:2381",
            "election-timeout: 5000",
            "heartbeat-interval: 500",
            "snapshot-count: 10000",
            "logger: zap",
            "log-level: warn",
            "log-outputs: [stderr]",
        ]
        if cluster is not None:
            lines += [f"initial-advertise-peer-urls: {self.peer_url}", f"initial-cluster: {','.join(cluster)}"]
            lines.append(f"initial-cluster-state: {state}")
        for part, cert, ca in (("client", "server-client", "server-ca"), ("peer", "peer-server-client", "peer-ca")):
            lines += [f"{part}-transport-security:", "  client-cert-auth: true"]
            lines += [f"  cert-file: {self.tls}/{cert}.crt", f"  key-file: {self.tls}/{cert}.key"]
            lines.append(f"  trusted-ca-file: {self.tls}/{ca}.crt")
        pki.write(self.folder / "config", "\n".join(lines) + "\n")
        return [str(self.lib / "bin/etcd"), "--config-file", str(self.folder / "config")]

    def join(self, known: Sequence[Mapping[str, Any]], log: Callable[[str, str], None]) -> list[str]:
        """Add this member as a learner through the members that are there; its command line."""
        urls = [u for m in known if not m.get("isLearner") for u in m.get("clientURLs", [])]
        endpoints = ",".join(u for u in urls if urlsplit(u).hostname != self.address)
        try:
            plan = plan_join(self.members(endpoints), name=self.name, node=self.node, address=self.address)
        except Refused:
            (self.folder / "name").unlink()
            raise
        while plan.add:
            log("info", f"Adding member {self.name}={self.peer_url} to etcd cluster [{' '.join(plan.cluster[:-1])}]")
            try:
                self.ctl("member", "add", "", "--learner", f"--peer-urls={self.peer_url}", endpoints=endpoints)
                break
            except OSError as why:
                if not any(word in str(why) for word in ("too many learner", "unhealthy cluster")):
                    raise
                log("info", f"Waiting for other members to finish joining etcd cluster: {why}")
                time.sleep(1)
        log("info", f"Starting etcd to join cluster with members [{' '.join(plan.cluster)}]")
        return self.configure(plan.cluster, "existing")

    def promote_learners(self) -> list[str]:
        """What the leader's k3s does every 15 s (manageLearners): promote whoever has caught up."""
        status = self.status()
        if status["header"]["member_id"] != status.get("leader"):
            return []
        done = []
        for one in self.members():
            if one.get("isLearner"):
                try:
                    self.ctl("member", "promote", f"{one['ID']:x}")
                except OSError:
                    continue  # not started, or not yet in step with the leader
                done.append(str(one.get("name")))
        return done

    def remove_peer(self, name: str, address: str) -> bool:
        member = to_remove(self.members(), name, address)
        if member is None:
            return False
        self.ctl("member", "remove", f"{member:x}")
        return True

    def snapshot(self, name: str, folder: Path | None = None) -> Path:
        where = folder or self.snapshots
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = where / f"{name}-{self.node}-{int(time.time())}"
        self.ctl("snapshot", "save", str(target), timeout=60)
        target.chmod(0o600)
        return target
