# SPDX-License-Identifier: GPL-3.0-or-later
"""What controllers, scheduler, kubelets, provisioner and keepalived do in one round. A round changes little, as on a cluster."""

from __future__ import annotations

import copy
import itertools
import time
import uuid
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.cluster import CONTAINERS, PVC_PROTECTION, Cluster
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.machines import Machine
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import Store, now
from ansible_collections.cloudpods.ha.tests.unit.plugins import stand_in_cluster

Json = dict[str, Any]

_FINISHED = ("Succeeded", "Failed")


class Controllers:
    """One round after another, under the lock of the objects."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store: Store = cluster.store
        self._renewed = 0.0

    def renew(self) -> None:
        """Let the next round renew the leases of the Nodes."""
        self._renewed = 0.0

    def round(self) -> None:
        """One round of everything."""
        with self.store.lock:
            self._keepalived()
            self._nodes()
            self._collect()
            self._statefulsets()
            self._operator()
            self._daemonsets()
            self._claims()
            self._schedule()
            self._kubelets()

    def _keepalived(self) -> None:
        manifests = self.cluster.provider.manifests
        bids = {item.name: (item.priority(manifests), item.vip) for item in self.cluster.machines.values() if item.on}
        best = max(bids.values(), default=(0, False))
        holder = next((name for name, bid in bids.items() if bid == best and best[0] > 0), "")
        for machine in self.cluster.machines.values():
            if machine.on and (machine.name != holder):
                machine.carry(False)
        for machine in self.cluster.machines.values():
            if machine.on and machine.name == holder:
                machine.carry(True)

    def _nodes(self) -> None:
        renew = time.monotonic() - self._renewed > 2
        if renew:
            self._renewed = time.monotonic()
        for machine in self.cluster.machines.values():
            node = self.store.find("Node", machine.name)
            if node is None or not machine.on:
                continue
            if not self.cluster.runs(machine):
                self._notice(node, machine)
                continue
            if machine.address not in [item["address"] for item in node["status"]["addresses"]]:
                continue
            if renew:
                lease = self.store.find("Lease", machine.name, "kube-node-lease")
                if lease is not None:
                    lease["spec"]["renewTime"] = now(fraction=True)
                    self.store.put("Lease", lease)
            ready = next(item for item in node["status"]["conditions"] if item["type"] == "Ready")
            why = self.cluster.unready.get(machine.name, "")
            if ready["status"] != ("False" if why else "True") or ready.get("message", "") != why:
                ready.update(status="False" if why else "True", message=why, lastTransitionTime=now())
                self.store.put("Node", node)
        for node in self.store.all("Node"):
            if node["metadata"].get("deletionTimestamp") and node["metadata"].get("finalizers"):
                self.cluster.unregister_member_of(node)
                self.store.drop(node)

    def _notice(self, node: Json, machine: Machine) -> None:
        """The node controller notices that a host was reset: it has no kubelet any more."""
        ready = next(item for item in node["status"]["conditions"] if item["type"] == "Ready")
        if ready["status"] == "True" and not machine.has(self.cluster.provider.kubelet_config):
            ready.update(status="Unknown", lastTransitionTime=now())
            self.store.put("Node", node)

    def _collect(self) -> None:
        nodes = {item["metadata"]["name"] for item in self.store.all("Node")}
        owners = {
            (kind, item["metadata"]["name"]) for kind in ("StatefulSet", "Deployment") for item in self.store.all(kind)
        }
        for pod in self.store.all("Pod"):
            node = pod["spec"].get("nodeName")
            made_by = [
                ("Deployment" if item["kind"] == "ReplicaSet" else item["kind"], item["name"])
                for item in pod["metadata"].get("ownerReferences") or []
            ]
            orphan = any(kind in ("StatefulSet", "Deployment") and (kind, name) not in owners for kind, name in made_by)
            if (node and node not in nodes) or orphan:
                self.store.drop(pod)
        for lease in self.store.all("Lease"):
            meta = lease["metadata"]
            if meta["namespace"] == "kube-node-lease" and meta["name"] not in nodes:
                self.store.drop(lease)

    def _statefulsets(self) -> None:
        for item in self.store.all("StatefulSet"):
            meta, spec = item["metadata"], item["spec"]
            for number in range(spec["replicas"]):
                name = "{0}-{1}".format(meta["name"], number)
                pod = self.store.find("Pod", name, meta["namespace"])
                claims = ["{0}-{1}".format(part["metadata"]["name"], name) for part in spec["volumeClaimTemplates"]]
                for claim in claims:
                    self._claim(meta["namespace"], claim)
                if pod is None:
                    self._pod(meta["namespace"], name, claims, "StatefulSet/" + meta["name"])

    def _operator(self) -> None:
        """Cloudpods' operator makes its Deployments again, and with them their claims; Deployments have one pod."""
        known = ("default-victoria-metrics", "default-influxdb")
        for name in known:
            found = self.store.find("Deployment", name, "onecloud")
            if found is None:
                self._claim("onecloud", name)
                made = stand_in_cluster.deployment_object("onecloud", name, str(uuid.uuid4()), claim=name)
                made["spec"]["template"]["spec"]["containers"] = copy.deepcopy(CONTAINERS)
                self.store.put("Deployment", made)
        for item in self.store.all("Deployment"):
            meta = item["metadata"]
            owned = [
                pod
                for pod in self.store.all("Pod")
                if not pod["metadata"].get("deletionTimestamp")
                and any(ref["name"] == meta["name"] for ref in pod["metadata"].get("ownerReferences") or [])
            ]
            if not owned and item["spec"].get("replicas", 1):
                name = "{0}-{1}".format(meta["name"], uuid.uuid4().hex[:5])
                self._pod(meta["namespace"], name, [meta["name"]], "ReplicaSet/" + meta["name"])

    def _daemonsets(self) -> None:
        for item, node in itertools.product(self.store.all("DaemonSet"), self.store.all("Node")):
            meta, where = item["metadata"], node["metadata"]["name"]
            name = "{0}-{1}".format(meta["name"], where)
            if self.store.find("Pod", name, meta["namespace"]) is None and self._machine(where) is not None:
                pod = self._pod(meta["namespace"], name, [], "DaemonSet/" + meta["name"])
                pod["spec"]["nodeName"] = where

    def _claims(self) -> None:
        for claim in self.store.all("PersistentVolumeClaim"):
            meta = claim["metadata"]
            users = [
                pod
                for pod in self.store.all("Pod")
                if pod["metadata"]["namespace"] == meta["namespace"]
                and meta["name"] in _claims_of(pod)
                and pod["spec"].get("nodeName")
                and pod["status"]["phase"] not in _FINISHED
            ]
            if meta.get("deletionTimestamp") and not users and meta.get("finalizers") == [PVC_PROTECTION]:
                self.store.drop(claim)
        live = {item["metadata"]["uid"] for item in self.store.all("PersistentVolumeClaim")}
        for volume in self.store.all("PersistentVolume"):
            claim_uid = (volume["spec"].get("claimRef") or {}).get("uid")
            if claim_uid and claim_uid not in live and volume["status"]["phase"] == "Bound":
                volume["status"]["phase"] = "Released"
                self.store.put("PersistentVolume", volume)
            elif (
                volume["status"]["phase"] == "Released" and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
            ):
                self._unprovision(volume)

    def _schedule(self) -> None:
        for pod in self.store.all("Pod"):
            if pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
                continue
            claims = [
                self.store.find("PersistentVolumeClaim", name, pod["metadata"]["namespace"]) for name in _claims_of(pod)
            ]
            if any(item is None or item["metadata"].get("deletionTimestamp") for item in claims):
                continue
            bound = {
                _home(volume)
                for item in claims
                if item is not None and item["spec"].get("volumeName")
                for volume in [self.store.find("PersistentVolume", item["spec"]["volumeName"])]
                if volume is not None
            }
            fits = [
                machine
                for node in self.store.all("Node")
                for machine in [self._machine(node["metadata"]["name"])]
                if machine is not None
                and not node["spec"].get("unschedulable")
                and not node["metadata"].get("deletionTimestamp")
                and not any(item["effect"] == "NoSchedule" for item in node["spec"].get("taints") or [])
                and bound <= {node["metadata"]["name"]}
            ]
            if fits:
                pod["spec"]["nodeName"] = fits[0].name
                self.store.put("Pod", pod)
                for item in claims:
                    if item is not None and not item["spec"].get("volumeName"):
                        self._provision(item, fits[0])

    def _kubelets(self) -> None:
        for pod in self.store.all("Pod"):
            machine = self._machine(pod["spec"].get("nodeName") or "")
            if machine is None:
                continue
            if pod["metadata"].get("deletionTimestamp"):
                self.store.drop(pod)
            elif (
                not self.cluster.sandboxes and machine is self.cluster.machines[self.cluster.spare] and _is_daemon(pod)
            ):
                waiting = {"reason": "ContainerCreating"}
                pod["status"] = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}
                self.store.put("Pod", pod)
            elif pod["status"].get("phase") == "Pending" and self._can_mount(pod, machine):
                pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                self.store.put("Pod", pod)

    def _unprovision(self, volume: Json) -> None:
        """The provisioner removes a volume where it is; a node that is not registered, or not live, is waited for."""
        machine = self._machine(_home(volume))
        if machine is not None and self.store.find("Node", machine.name) is not None:
            machine.remove(_folder(volume))
            self.store.drop(volume)

    def _can_mount(self, pod: Json, machine: Machine) -> bool:
        """Whether kubelet finds the folders of a pod's volumes. It makes one that is missing, so that an old claim's pod would start empty."""
        for name in _claims_of(pod):
            claim = self.store.find("PersistentVolumeClaim", name, pod["metadata"]["namespace"])
            volume = self.store.find("PersistentVolume", ((claim or {}).get("spec") or {}).get("volumeName") or "")
            path = _folder(volume)
            if path and not machine.has(path):
                self.cluster.unsafe.append("the pod {0} started on an empty folder".format(pod["metadata"]["name"]))
                machine.path(path).mkdir(parents=True)
            if path and not machine.path(path).is_dir():
                return False
        return True

    def make_folders(self) -> None:
        """The folders of all volumes, on their machines."""
        for volume in self.store.all("PersistentVolume"):
            if _folder(volume):
                self.cluster.machines[_home(volume)].path(_folder(volume)).mkdir(parents=True, exist_ok=True)

    def _machine(self, node: str) -> Machine | None:
        """The live machine of a Node. A lost machine and its replacement may have one name."""
        named = (item for item in self.cluster.machines.values() if item.name == node)
        return next(filter(self.cluster.runs, named), None)

    def _claim(self, namespace: str, name: str) -> None:
        if self.store.find("PersistentVolumeClaim", name, namespace) is None:
            made = stand_in_cluster.claim_object(namespace, name, str(uuid.uuid4()))
            made["metadata"]["finalizers"] = [PVC_PROTECTION]
            self.store.put("PersistentVolumeClaim", made)

    def _pod(self, namespace: str, name: str, claims: list[str], owner: str) -> Json:
        made = stand_in_cluster.pod_object(namespace, name, str(uuid.uuid4()), claims=claims, owner=owner)
        made["spec"]["containers"] = copy.deepcopy(CONTAINERS)
        return self.store.put("Pod", made)

    def _provision(self, claim: Json, machine: Machine) -> None:
        name = "pvc-" + claim["metadata"]["uid"]
        claim["spec"]["volumeName"], claim["status"]["phase"] = name, "Bound"
        self.store.put("PersistentVolumeClaim", claim)
        volume = stand_in_cluster.volume_object(name, str(uuid.uuid4()), node=machine.name, claim=claim)
        volume["metadata"]["creationTimestamp"] = now()
        machine.path(_folder(volume)).mkdir(parents=True, exist_ok=True)
        self.store.put("PersistentVolume", volume)


def _claims_of(pod: Json) -> list[str]:
    return [
        item["persistentVolumeClaim"]["claimName"]
        for item in pod["spec"].get("volumes") or []
        if item.get("persistentVolumeClaim")
    ]


def _is_daemon(pod: Json) -> bool:
    return any(item["kind"] == "DaemonSet" for item in pod["metadata"].get("ownerReferences") or [])


def _home(volume: Json) -> str:
    return str(volume["metadata"]["annotations"]["local.path.provisioner/selected-node"])


def _folder(volume: Json | None) -> str:
    """The folder of a volume on its machine; empty for other volumes."""
    return str((((volume or {}).get("spec") or {}).get("hostPath") or {}).get("path") or "")
