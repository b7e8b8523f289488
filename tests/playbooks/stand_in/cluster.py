# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster of the scratch machines: its etcd members, what its controllers, kubelets and keepalived do, and what is installed on a machine."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import secrets
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    K3S_CONFIG,
    K3S_DATA,
    K3S_FINALIZER,
    K3S_MEMBER_ADDRESS,
    K3S_MEMBER_NAME,
    K3S_NODE_SECRET,
    K3S_PROGRAM,
    K3S_TOKEN,
    K3S_UNIT_FILE,
    PROVIDERS,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import CORDONED_FOR
from ansible_collections.cloudpods.ha.tests.bed.bedlib import identity
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.machines import VIP, Machine
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import Store, before, now
from ansible_collections.cloudpods.ha.tests.unit.plugins import stand_in_cluster

Json = dict[str, Any]

ROLE = "node-role.kubernetes.io/control-plane"
PVC_PROTECTION = "kubernetes.io/pvc-protection"
NODE_INFO = (
    "architecture bootID containerRuntimeVersion kernelVersion kubeProxyVersion osImage operatingSystem systemUUID"
)
CONTAINERS = [{"name": "main", "image": "stand-in"}]
# Secrets that must never be seen where they do not belong; each is searched for.
CANARIES = {
    "password": "Canary5pass",
    "kubeconfig": "canary-kubeconfig-9f2d1c",
    "k3s_token": "canaryk3stoken77ab",
    "ca_key": "canary-ca-key-4b1e",
    "workload": "canary-workload-env-81cc",
    "setting": "canary-setting-5e0f",
}


# What anybody may write into the cluster, and nothing may evaluate: a controller that does leaves this file.
EVALUATED = "/run/machines/evaluated"
TEMPLATE = "{{{{ lookup('pipe', 'touch {0}') }}}}".format(EVALUATED)
NOTE = "example.org/note"
# A cordon of a replacement that another run began, for a node that nobody knows any more.
OTHER_CORDON = ("master-3", "master-9")


def machine_id(name: str) -> str:
    """A machine ID as systemd writes it."""
    return hashlib.md5(name.encode()).hexdigest()  # noqa: S324  a name, no secret


class Cluster:
    """`members` are the etcd members, `acts` what was done on machines and in etcd. `unsafe` are acts that a real cluster would not survive."""

    def __init__(self, shape: Json, folder: Path, certificate: str, key: str) -> None:
        self.k3s = shape.get("provider") == "k3s"
        self.provider = PROVIDERS["k3s" if self.k3s else "kubeadm"]
        self.certificate, self.key = certificate, key
        self.store = Store()
        self.acts: list[Json] = []
        self.unsafe: list[str] = []
        self.alarm = False
        # Whether a pod of a DaemonSet can start on the spare machine; the sandbox of one that can't is never made.
        self.sandboxes = True
        # What kubelets say that are not Ready although they run, by the names of their machines.
        self.unready: dict[str, str] = {}
        # Tokens and keys that programs make are added.
        self.secrets: list[str] = list(CANARIES.values())
        given: Json = {"provider": self.provider.name}
        if shape.get("same_name"):
            given["same_name"] = True
        model = stand_in_cluster.StandInCluster(**given)
        self.version = model.version
        self.lost, self.spare = model.lost, model.spare
        self.heir = model.heir
        self.machines: dict[str, Machine] = {}
        for name in (*model.names, model.spare):
            host = self.heir if name == model.spare and model.same_name else name
            machine = Machine(host, model.address[name], machine_id(name), folder / name)
            self.machines[name] = machine
        self.members: list[Json] = [
            {
                "ID": int(item.id, 16),
                "name": item.name,
                "peerURLs": list(item.peer_urls),
                "clientURLs": list(item.client_urls),
            }
            for item in model.members
        ]
        self.cluster_id, self.revision = 0xC1, 1000
        self._load(model)

    # The objects at the start.

    def _load(self, model: stand_in_cluster.StandInCluster) -> None:
        kinds = {
            stand_in_cluster.NODES: "Node",
            stand_in_cluster.VOLUMES: "PersistentVolume",
            stand_in_cluster.CLAIMS: "PersistentVolumeClaim",
            stand_in_cluster.STATEFULSETS: "StatefulSet",
            stand_in_cluster.DEPLOYMENTS: "Deployment",
            stand_in_cluster.ATTACHMENTS: "VolumeAttachment",
            stand_in_cluster.PODS: "Pod",
        }
        model.add_statefulset("tools", "cache", "data", [model.lost, *model.survivors])
        for path, kind in kinds.items():
            for item in model.lists[path]:
                # MinIO is not played: it would have to be healed. Its own tests and the bed have it.
                if item["metadata"].get("namespace") != "onecloud-minio":
                    self._adopt(kind, copy.deepcopy(item), model)
        for volume in self.store.all("PersistentVolume"):
            if (volume["spec"].get("claimRef") or {}).get("namespace") == "onecloud-minio":
                self.store.drop(volume)
        for name in model.names:
            renewed = before(600) if name == model.lost else now(fraction=True)
            self._lease(name, renewed)
        self.store.put(
            "OnecloudCluster",
            {"metadata": {"namespace": "onecloud", "name": "default"}, "spec": {"version": "v3.10.15"}},
        )
        server = "clusters:\n- cluster:\n    server: https://{0}:6443\n".format(VIP)
        if self.k3s:
            for name in model.names:
                self._password(name)
        else:
            info = {"metadata": {"namespace": "kube-public", "name": "cluster-info"}, "data": {"kubeconfig": server}}
            self.store.put("ConfigMap", info)
        self.store.put("DaemonSet", {"metadata": {"namespace": "kube-system", "name": "kube-proxy"}, "spec": {}})

    def _adopt(self, kind: str, item: Json, model: stand_in_cluster.StandInCluster) -> None:
        meta = item["metadata"]
        meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
        meta.setdefault("annotations", {})[NOTE] = TEMPLATE
        if kind == "PersistentVolume" and item["spec"]["claimRef"]["namespace"] == "tools":
            item["spec"]["hostPath"]["path"] = "{0}/{1}/{2}".format(stand_in_cluster.STORAGE, TEMPLATE, meta["name"])
        if kind == "Node":
            self._describe_node(item, machine_id(meta["name"]))
            meta["labels"][NOTE] = TEMPLATE
            if meta["name"] == OTHER_CORDON[0]:
                item["spec"]["unschedulable"] = True
                meta["annotations"][CORDONED_FOR] = OTHER_CORDON[1]
            lost = meta["name"] == model.lost
            item["status"]["conditions"] = [
                {
                    "type": "Ready",
                    "status": "Unknown" if lost else "True",
                    "lastTransitionTime": before(560)[:19] + "Z" if lost else "2026-01-01T00:00:00Z",
                }
            ]
        if kind == "Pod":
            if meta.get("deletionTimestamp"):
                meta["deletionTimestamp"] = before(200)[:19] + "Z"
            item["spec"]["containers"] = copy.deepcopy(CONTAINERS)
            if item["spec"].get("nodeName") and item["spec"]["nodeName"] != model.lost:
                item["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        if kind == "PersistentVolumeClaim":
            meta["finalizers"] = [PVC_PROTECTION]
        if kind in ("StatefulSet", "Deployment"):
            env = [{"name": "PASSWORD", "value": CANARIES["workload"]}]
            item["spec"]["template"]["spec"]["containers"] = [{**CONTAINERS[0], "env": env}]
        if kind == "VolumeAttachment":
            item["spec"].update(attacher="stand-in", source={"persistentVolumeName": "pv-of-" + meta["name"]})
        self.store.put(kind, item)

    def _describe_node(self, item: Json, machine: str) -> None:
        """`machine` is its machine ID."""
        info = item["status"]["nodeInfo"]
        info.update(dict.fromkeys(NODE_INFO.split(), "stand-in"))
        info.update(machineID=machine, operatingSystem="linux", kubeletVersion=self.version, architecture="amd64")
        if not self.k3s:
            item["metadata"].setdefault("annotations", {})["kubeadm.alpha.kubernetes.io/cri-socket"] = (
                "unix:///run/containerd/containerd.sock"
            )

    def lose(self, name: str) -> None:
        """The machine of a Node was lost ten minutes ago. What was logged before is forgotten: this is the begin of another replacement."""
        self.store.log.clear()
        self.acts.clear()
        node = self.store.find("Node", name)
        if node is None:
            raise ValueError("no Node {0}".format(name))
        ready = next(item for item in node["status"]["conditions"] if item["type"] == "Ready")
        ready.update(status="Unknown", lastTransitionTime=before(560)[:19] + "Z")
        self.store.put("Node", node)
        self._lease(name, before(600))
        for pod in self.store.all("Pod"):
            if pod["spec"].get("nodeName") == name:
                pod["metadata"]["deletionTimestamp"] = before(200)[:19] + "Z"
                self.store.put("Pod", pod)

    def _lease(self, name: str, renewed: str) -> None:
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed}
        found = self.store.find("Lease", name, "kube-node-lease")
        self.store.put(
            "Lease", {**(found or {"metadata": {"namespace": "kube-node-lease", "name": name}}), "spec": spec}
        )

    def _password(self, name: str) -> None:
        secret = {"namespace": "kube-system", "name": K3S_NODE_SECRET.format(name)}
        hashed = base64.b64encode(b"$1:hash-of-the-password").decode()
        self.store.put("Secret", {"metadata": secret, "data": {"hash": hashed}, "type": "Opaque"})

    # Machines.

    def make_master(self, machine: Machine, *, keepalived: str = "") -> None:
        """The files of a control-plane machine."""
        provider = self.provider
        url = "https://{0}:6443".format("127.0.0.1" if self.k3s else VIP)
        user = {"name": "admin", "user": {"token": CANARIES["kubeconfig"]}}
        ca = base64.b64encode(self.certificate.encode()).decode()
        entry = {"name": "x", "cluster": {"server": url, "certificate-authority-data": ca}}
        context = {"name": "x", "context": {"cluster": "x", "user": "admin"}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "x", "clusters": [entry]}
        machine.write(provider.admin_kubeconfig, json.dumps({**config, "users": [user], "contexts": [context]}))
        machine.write(provider.kubelet_config, json.dumps(config))
        machine.write(provider.ca_certificate, self.certificate, 0o644)
        for path in (provider.etcd_ca, provider.etcd_cert):
            machine.write(path, self.certificate, 0o644)
        machine.write(provider.etcd_key, self.key)
        machine.write(provider.etcd_data + "/member/snap/db", "data of etcd")
        if self.k3s:
            self._make_k3s(machine)
        else:
            machine.write("/etc/kubernetes/pki/ca.key", CANARIES["ca_key"])
            machine.write(provider.manifests + "/etcd.yaml", "kind: Pod\n")
            machine.write(
                provider.manifests + "/kube-apiserver.yaml", "    - --advertise-address={0}\n".format(machine.address)
            )
        if keepalived:
            text = identity.keepalived_manifest(
                node_ip=machine.address, vip=VIP, init=keepalived == "MASTER", image="keepalived", k3s=self.k3s
            )
            password = (identity.keepalived_password_k3s if self.k3s else identity.keepalived_password)(VIP)
            machine.write(provider.manifests + "/keepalived.yaml", text.replace(password, CANARIES["password"]))

    def _make_k3s(self, machine: Machine) -> None:
        machine.write(PROVIDERS["k3s"].etcd_mark, "advertise-client-urls: https://{0}:2379\n".format(machine.address))
        machine.write(K3S_TOKEN, self.token + "\n")
        for name in ("client-admin", "client-kube-apiserver"):
            machine.write(K3S_DATA + "/server/tls/{0}.crt".format(name), self.certificate, 0o644)
            machine.write(K3S_DATA + "/server/tls/{0}.key".format(name), self.key)
        machine.write(K3S_DATA + "/server/manifests/traefik.yaml.skip", "")
        machine.path(self.provider.manifests).mkdir(parents=True, exist_ok=True)
        if not machine.has(K3S_CONFIG):
            machine.write(K3S_CONFIG, "node-ip: {0}\ntls-san:\n- {1}\n".format(machine.address, VIP))
            machine.write(K3S_UNIT_FILE, "[Service]\nType=notify\nExecStart={0} server\n".format(K3S_PROGRAM), 0o644)
            self.give_k3s(machine)
            machine.path("/usr/local/bin/kubectl").unlink()
            machine.path("/usr/local/bin/kubectl").symlink_to("k3s")

    def give_k3s(self, machine: Machine) -> None:
        """The program, as a file of its own: it is copied to the replacement."""
        program = machine.path("/usr/local/bin/.program").read_text(encoding="utf-8")
        machine.write(K3S_PROGRAM, program, 0o755)

    @property
    def token(self) -> str:
        """The token with which a K3s server joins."""
        digest = hashlib.sha256(self.certificate.encode()).hexdigest()
        return "K10{0}::server:{1}".format(digest, CANARIES["k3s_token"])

    # etcd.

    def alive(self, member: Json) -> bool:
        """Whether the machine of a member is on and runs it."""
        return not member.get("isLearner") and bool(member.get("clientURLs")) and self.runs(self.machine_of(member))

    def machine_of(self, member: Json) -> Machine | None:
        address = member["peerURLs"][0].removeprefix("https://").rsplit(":", 1)[0]
        found = [item for item in self.machines.values() if item.address == address]
        return next((item for item in found if item.on), found[0] if found else None)

    def runs(self, machine: Machine | None) -> bool:
        """Whether a machine is on and runs a control plane."""
        return machine is not None and machine.on and machine.has(self.provider.etcd_mark)

    def voters(self) -> list[Json]:
        return [item for item in self.members if not item.get("isLearner")]

    def has_quorum(self) -> bool:
        return sum(map(self.alive, self.voters())) > len(self.voters()) // 2

    def remove_member(self, number: int, by: str) -> bool:
        """Remove a member by its ID, and note when that harms. Whether it was there."""
        gone = next((item for item in self.members if item["ID"] == number), None)
        if gone is None:
            return False
        self.act(by, "remove member", gone["name"])
        if self.alive(gone):
            self.unsafe.append("the healthy member {0} was removed".format(gone["name"]))
        self.members.remove(gone)
        if not self.has_quorum():
            self.unsafe.append("etcd lost its quorum when the member {0} was removed".format(gone["name"]))
        self.revision += 1
        return True

    def add_member(self, machine: Machine) -> None:
        """Add the member of a machine that joins, as a started voter."""
        if any(self.machine_of(item) is machine for item in self.members):
            return
        suffix = "-" + secrets.token_hex(4) if self.k3s else ""
        self.members.append(
            {
                "ID": secrets.randbits(62) + 1,
                "name": machine.name + suffix,
                "peerURLs": ["https://{0}:2380".format(machine.address)],
                "clientURLs": ["https://{0}:2379".format(machine.address)],
            }
        )
        self.revision += 1

    def act(self, by: str, what: str, of: str = "") -> None:
        """Log what was done, with the number of API writes before it."""
        self.acts.append({"by": by, "act": what, "of": of, "writes": len(self.store.log), "time": now(fraction=True)})

    # Joining.

    def register(self, machine: Machine) -> None:
        """The kubelet registers its Node."""
        if self.store.find("Node", machine.name) is not None:
            return
        item = stand_in_cluster.node_object(machine.name, machine.address, str(uuid.uuid4()), control_plane=False)
        item["metadata"]["creationTimestamp"] = now()
        item["metadata"].setdefault("annotations", {})
        self._describe_node(item, machine.machine_id)
        item["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": now()}]
        self.store.put("Node", item)
        self._lease(machine.name, now(fraction=True))

    def promote(self, machine: Machine) -> None:
        """The Node becomes one of the control plane."""
        node = self.store.find("Node", machine.name)
        if node is None:
            return
        node["metadata"]["labels"][ROLE] = ""
        if self.k3s:
            member = next(item for item in self.members if self.machine_of(item) is machine)
            node["metadata"]["annotations"].update(
                {K3S_MEMBER_NAME: member["name"], K3S_MEMBER_ADDRESS: machine.address}
            )
            node["metadata"]["finalizers"] = ["wrangler.cattle.io/node", K3S_FINALIZER]
            node["status"]["conditions"].append({"type": "EtcdIsVoter", "status": "True"})
            self._password(machine.name)
        else:
            node["spec"]["taints"] = [dict(stand_in_cluster.TAINT)]
        self.store.put("Node", node)

    def unregister_member_of(self, node: Json) -> None:
        """K3s removes the member of a deleted Node."""
        name = (node["metadata"].get("annotations") or {}).get(K3S_MEMBER_NAME)
        member = next((item for item in self.members if item["name"] == name), None)
        if member is not None:
            self.remove_member(member["ID"], "k3s")
        secret = self.store.find("Secret", K3S_NODE_SECRET.format(node["metadata"]["name"]), "kube-system")
        if secret is not None:
            self.store.drop(secret)
