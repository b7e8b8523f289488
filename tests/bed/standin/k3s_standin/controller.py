# SPDX-License-Identifier: GPL-3.0-or-later
"""What k3s does to Node objects: labels, annotations, conditions, finalizers, the node-password Secret, member removal.

One round every two seconds on each server; what only one server may do is done by the holder of a Lease.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .etcd import Etcd
from .kube import MERGE, STRATEGIC, ApiError, Kube

ETCD_NAME, ETCD_ADDRESS = "etcd.k3s.cattle.io/node-name", "etcd.k3s.cattle.io/node-address"
ETCD_ROLE = "node-role.kubernetes.io/etcd"
ROLES = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", ETCD_ROLE)
FINALIZERS = ("wrangler.cattle.io/node", "wrangler.cattle.io/managed-etcd-controller")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
SECRETS = "/api/v1/namespaces/kube-system/secrets"
# The switch that `bed standin-misbehave` turns: data.mode, data.node ("" is every node).
SWITCH = "/api/v1/namespaces/kube-system/configmaps/k3s-standin-misbehave"
SLOW = 60.0
SPOILED: dict[str, dict[str, str | None]] = {
    "annotations-missing": {ETCD_NAME: None, ETCD_ADDRESS: None},
    "address-mismatch": {ETCD_ADDRESS: "192.0.2.254"},
}
# As wrangler's leader election: nothing happens for so long after the holder died.
LEASE_SECONDS = 45


def misbehaves(switch: Mapping[str, str], node: str) -> str:
    """The misbehaviour in force for a node, "" for none."""
    return switch.get("mode", "") if switch.get("node", "") in ("", node) else ""


@dataclass(frozen=True)
class Removal:
    """What the removal handler does with a deleted Node: ``error`` keeps the finalizer."""

    name: str = ""
    address: str = ""
    error: str = ""


def removal(node: Mapping[str, Any]) -> Removal:
    """onRemove of pkg/etcd/member_controller.go."""
    key = node["metadata"]["name"]
    annotations = node["metadata"].get("annotations", {})
    if ETCD_ROLE not in node["metadata"].get("labels", {}):
        return Removal()
    for annotation, word in ((ETCD_NAME, "name"), (ETCD_ADDRESS, "address")):
        if annotation not in annotations:
            return Removal(error=f"node {word} annotation for node {key} not found")
    return Removal(annotations[ETCD_NAME], annotations[ETCD_ADDRESS])


def password_hash(password: str, salt: bytes) -> str:
    """The form that k3s keeps: $1:salt:cost:r:p:hash."""
    n, r, p = 15, 8, 1
    made = hashlib.scrypt(password.encode(), salt=salt, n=2**n, r=r, p=p, dklen=64, maxmem=2**26)
    return f"$1:{salt.hex()}:{n}:{r}:{p}:{base64.b64encode(made).decode().rstrip('=')}"


def ensure_password(kube: Kube, node: str, password: str) -> bool:
    """Make the node-password Secret, or compare with the one there (pkg/nodepassword/nodepassword.go, Ensure)."""
    name = f"{node.lower()}.node-password.k3s"
    there = kube.find(f"{SECRETS}/{name}")
    if there is None:
        made = password_hash(password, os.urandom(8)).encode()
        data = {"hash": base64.b64encode(made).decode()}
        metadata = {"name": name, "namespace": "kube-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "immutable": True, "data": data}
        kube.call("POST", SECRETS, {**secret, "type": "Opaque"})
        return True
    kept = base64.b64decode(there["data"]["hash"]).decode()
    return kept == password_hash(password, bytes.fromhex(kept.split(":")[1]))


@dataclass
class Controller:
    kube: Kube
    etcd: Etcd
    node: str
    annotations: dict[str, str]
    log: Callable[[str, str], None]
    waiting: dict[str, float] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Rounds without end; an error is logged and the round tried again, as a controller does."""
        while True:
            try:
                self.round()
            except (OSError, ApiError, ValueError, KeyError) as why:
                self._once("round", "error", f"error syncing: {why}, requeuing")
            time.sleep(2)

    def _once(self, key: str, level: str, text: str) -> None:
        if self.said.get(key) != text:
            self.said[key] = text
            self.log(level, text)

    def round(self) -> None:
        for name in self.etcd.promote_learners():
            self.log("info", f"Promoted learner {name}")
        switch = (self.kube.find(SWITCH) or {}).get("data", {})
        nodes = {n["metadata"]["name"]: n for n in self.kube.call("GET", "/api/v1/nodes")["items"]}
        if self.node in nodes and "deletionTimestamp" not in nodes[self.node]["metadata"]:
            self._own(nodes[self.node], misbehaves(switch, self.node))
        if not self._leads():
            return
        for name, node in nodes.items():
            metadata = node["metadata"]
            if "deletionTimestamp" in metadata:
                self._removed(node, misbehaves(switch, name))
                continue
            missing = [f for f in FINALIZERS if f not in metadata.get("finalizers", [])]
            if missing:
                whole = [*metadata.get("finalizers", []), *missing]
                self._patch(node, {"metadata": {"finalizers": whole}})
            self._annotate(node, SPOILED.get(misbehaves(switch, name), {}))

    def _patch(self, node: Mapping[str, Any], body: dict[str, Any]) -> None:
        body["metadata"]["resourceVersion"] = node["metadata"]["resourceVersion"]
        try:
            self.kube.call("PATCH", f"/api/v1/nodes/{node['metadata']['name']}", body, MERGE)
        except ApiError as why:
            if why.status not in (404, 409):  # gone or changed meanwhile: the next round sees it
                raise

    def _annotate(self, node: Mapping[str, Any], wanted: Mapping[str, str | None]) -> None:
        there = node["metadata"].get("annotations", {})
        if any(there.get(key) != value for key, value in wanted.items()):
            self._patch(node, {"metadata": {"annotations": dict(wanted)}})

    def _own(self, node: Mapping[str, Any], mode: str) -> None:
        """Labels, annotations (pkg/etcd/metadata_controller.go) and the condition EtcdIsVoter of this server."""
        labels = {**dict.fromkeys(ROLES, "true"), "node.kubernetes.io/instance-type": "k3s"}
        wanted: dict[str, str | None] = dict(self.annotations)
        if mode not in SPOILED:
            wanted |= {ETCD_NAME: self.etcd.name, ETCD_ADDRESS: self.etcd.address}
        there = node["metadata"]
        if any(there.get("labels", {}).get(k) != v for k, v in labels.items()) or any(
            there.get("annotations", {}).get(k) != v for k, v in wanted.items()
        ):
            self._patch(node, {"metadata": {"labels": labels, "annotations": wanted}})
        learner = bool(self.etcd.status().get("isLearner", False))
        old: dict[str, str] = next((c for c in node["status"].get("conditions", []) if c["type"] == "EtcdIsVoter"), {})
        now = datetime.datetime.now(datetime.UTC)
        beat = datetime.datetime.fromisoformat(old.get("lastHeartbeatTime", "2000-01-01T00:00:00Z"))
        status = "False" if learner else "True"
        if old.get("status") == status and (now - beat).total_seconds() < 300:
            return
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {
            "type": "EtcdIsVoter",
            "status": status,
            "reason": "MemberIsLearner" if learner else "MemberNotLearner",
            "message": "Node has not been promoted to voting member of the etcd cluster"
            if learner
            else "Node is a voting member of the etcd cluster",
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp if old.get("status") != status else old["lastTransitionTime"],
        }
        path = f"/api/v1/nodes/{self.node}/status"
        self.kube.call("PATCH", path, {"status": {"conditions": [condition]}}, STRATEGIC)

    def _removed(self, node: Mapping[str, Any], mode: str) -> None:
        metadata = node["metadata"]
        name, held = metadata["name"], list(metadata.get("finalizers", []))
        if "wrangler.cattle.io/node" in held:
            if mode != "password-kept":
                secret = f"{SECRETS}/{name.lower()}.node-password.k3s"
                if self.kube.find(secret) is not None:
                    self.kube.call("DELETE", secret)
            held.remove("wrangler.cattle.io/node")
        if "wrangler.cattle.io/managed-etcd-controller" in held and self._member_removed(node, mode):
            held.remove("wrangler.cattle.io/managed-etcd-controller")
        if held != metadata.get("finalizers", []):
            self._patch(node, {"metadata": {"finalizers": held}})

    def _member_removed(self, node: Mapping[str, Any], mode: str) -> bool:
        name, uid = node["metadata"]["name"], node["metadata"]["uid"]
        self._once(f"removing {uid}", "info", f"Removing etcd member {name} from cluster")
        asked = removal(node)
        if asked.error:
            text = f"error syncing '{name}': handler managed-etcd-controller: {asked.error}, requeuing"
            self._once(f"error {uid}", "error", text)
            return False
        if mode == "slow-removal" and time.monotonic() - self.waiting.setdefault(uid, time.monotonic()) < SLOW:
            return False
        if asked.name and self.etcd.remove_peer(asked.name, asked.address):
            self.log("info", f"Removing name={asked.name} address={asked.address} from etcd")
        return True

    def _leads(self) -> bool:
        """Hold or take the Lease; whose renewal is older than its duration has lost it."""
        now = datetime.datetime.now(datetime.UTC)
        spec = {
            "holderIdentity": self.node,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        lease = self.kube.find(f"{LEASE}/k3s-etcd")
        body: dict[str, Any] = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        body["metadata"] = {"name": "k3s-etcd", "namespace": "kube-system"}
        try:
            if lease is None:
                self.kube.call("POST", LEASE, body)
                return True
            held = datetime.datetime.fromisoformat(lease["spec"]["renewTime"])
            mine = lease["spec"]["holderIdentity"] == self.node
            if not mine and (now - held).total_seconds() < LEASE_SECONDS:
                return False
            body["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
            self.kube.call("PUT", f"{LEASE}/k3s-etcd", body)
        except ApiError as why:
            if why.status == 409:
                return False
            raise
        return True


def node_annotations(arguments: list[str], environment: Mapping[str, str], host: str, ip: str) -> dict[str, str]:
    """k3s.io/* of a Node."""
    env = {k: v for k, v in sorted(environment.items()) if k.startswith("K3S_")}
    env = {k: "********" if "TOKEN" in k and not k.endswith("_FILE") else v for k, v in env.items()}
    shown, shown_env = json.dumps(arguments, separators=(",", ":")), json.dumps(env, separators=(",", ":"))
    digest = base64.b32encode(hashlib.sha256((shown + shown_env).encode()).digest()).decode()
    return {
        "k3s.io/hostname": host,
        "k3s.io/internal-ip": ip,
        "k3s.io/node-args": shown,
        "k3s.io/node-env": shown_env,
        "k3s.io/node-config-hash": digest,
    }
