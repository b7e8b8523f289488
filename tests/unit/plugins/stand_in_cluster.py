# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a cluster whose master died: API objects, hosts and etcd members, and the acts of a replacement on them.

Every act refuses, with an AssertionError, what would harm a real cluster: a member that lives or without which the
quorum is lost, a claim whose volume is elsewhere, an object with another UID than the plan said.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.cloudpods.ha.plugins.filter.replacement_verdict import replacement_verdict
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    K3S_FINALIZER,
    K3S_MEMBER_ADDRESS,
    K3S_MEMBER_NAME,
    PROVIDERS,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import healthy, quorum, voters
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import cluster as k8s_cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import journal as k8s_journal
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parity, parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes as k8s_volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import Keep
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import proof
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host, K3s, Keepalived
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import healers, view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.plan import plan
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json

Json = dict[str, Any]
Act = tuple[str, Callable[[], None]]

DEFAULTS = Path(__file__).resolve().parents[3] / "roles" / "discovery" / "defaults" / "main.yml"
# As vars/main.yml of the role hands them over.
POLICIES = tuple(
    {**item, "approval": True}
    for item in yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["discovery_claim_policies"]
)
DISCARD = ("onecloud/default-influxdb", "onecloud/default-victoria-metrics")
STORAGE = "/opt/local-path-provisioner"
VERSION = "v1.30.4"
K3S_VERSION = "v1.28.5+k3s1"
NOW = "2026-03-01T12:10:00.000000Z"
DIED = "2026-03-01T12:05:00Z"
# When the replacement became a Node, and after that its volumes were made.
JOINED = "2026-03-01T12:14:00Z"
MADE = "2026-03-01T12:15:00Z"
VIP = "192.0.2.100"
MEBIBYTE = 2**20
TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
LABELS = {"onecloud.yunion.io/controller": "enable", "node-role.kubernetes.io/control-plane": ""}
PROBED = (22, 6443, 2379, 2380, 10250)

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/persistentvolumeclaims"
PODS = "/api/v1/pods"
STATEFULSETS = "/apis/apps/v1/statefulsets"
DEPLOYMENTS = "/apis/apps/v1/deployments"
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"
CONFIGMAPS = "/api/v1/namespaces/kube-system/configmaps"
SECRETS = "/api/v1/namespaces/kube-system/secrets/"
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
LISTS = (NODES, LEASES, VOLUMES, CLAIMS, PODS, STATEFULSETS, DEPLOYMENTS, ATTACHMENTS, CONFIGMAPS)


class StandInApi:
    """What KubeApi reads: lists and single objects by their paths."""

    server = "https://192.0.2.12:6443"

    def __init__(self, lists: dict[str, list[Json]], objects: Json) -> None:
        self.lists = lists
        self.objects = objects
        self.asked: list[tuple[str, Json]] = []

    def get(self, path: str, **query: Any) -> Json | None:
        self.asked.append((path, query))
        return {"items": self.lists[path]} if path in self.lists else self.objects.get(path)

    def items(self, path: str, *, keep: Keep | None = None, **query: Any) -> list[Json]:
        found = self.get(path, **query)
        if found is None:
            raise ApiRefused("GET", path, 404, "the answer is no list")
        reduced = [item if keep is None else keep(item) for item in found["items"]]
        return [item for item in reduced if item is not None]

    def items_if_served(self, path: str, **query: Any) -> list[Json]:
        return (self.get(path, **query) or {}).get("items") or []


def node_object(name: str, address: str, uid: str, *, control_plane: bool = True) -> Json:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(LABELS if control_plane else {})}
    return {
        "metadata": {"name": name, "uid": uid, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "nodeInfo": {"kubeletVersion": VERSION},
        },
    }


def volume_object(name: str, uid: str, *, node: str, claim: Json | None = None, policy: str = "Delete") -> Json:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    volume: Json = {
        "metadata": {"name": name, "uid": uid, "annotations": {"local.path.provisioner/selected-node": node}},
        "spec": {
            "capacity": {"storage": "100Gi"},
            "persistentVolumeReclaimPolicy": policy,
            "hostPath": {"path": "{0}/{1}".format(STORAGE, name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        },
        "status": {"phase": "Bound" if claim else "Released"},
    }
    if claim:
        meta = claim["metadata"]
        volume["spec"]["claimRef"] = {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return volume


def claim_object(namespace: str, name: str, uid: str, *, volume: str = "") -> Json:
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": uid},
        "spec": {
            "storageClassName": "local-path",
            "resources": {"requests": {"storage": "100Gi"}},
            **({"volumeName": volume} if volume else {}),
        },
        "status": {"phase": "Bound" if volume else "Pending"},
    }


def pod_object(
    namespace: str, name: str, uid: str, *, node: str = "", claims: Sequence[str] = (), owner: str = ""
) -> Json:
    volumes = [{"name": item, "persistentVolumeClaim": {"claimName": item}} for item in claims]
    kind, _, maker = owner.partition("/")
    references = [{"kind": kind, "name": maker, "uid": "uid-of-" + maker, "controller": True}] if owner else []
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": uid, "ownerReferences": references},
        "spec": {"volumes": volumes, **({"nodeName": node} if node else {})},
        "status": {"phase": "Running" if node else "Pending"},
    }


def statefulset_object(namespace: str, name: str, uid: str, *, replicas: int, template: str) -> Json:
    spec = {"replicas": replicas, "template": {"spec": {}}, "volumeClaimTemplates": [{"metadata": {"name": template}}]}
    return {"metadata": {"namespace": namespace, "name": name, "uid": uid}, "spec": spec}


def deployment_object(namespace: str, name: str, uid: str, *, claim: str, managed: bool = True) -> Json:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    spec = {"replicas": 1, "template": {"spec": {"volumes": volumes}}}
    owners = [{"kind": "OnecloudCluster", "name": "default", "uid": "cr", "controller": True}]
    metadata = {"namespace": namespace, "name": name, "uid": uid, **({"ownerReferences": owners} if managed else {})}
    return {"metadata": metadata, "spec": spec}


def keepalived(address: str, *, state: str, priority: int, vip: str = VIP) -> Keepalived:
    return Keepalived(
        priority=priority,
        state=state,
        router_id="12",
        interface="eth0",
        node_ip=address,
        vips=(vip,),
        identity="same everywhere",
    )


def _proven(minio: Json) -> Json:
    """The proof of a MinIO whose objects can all be read."""
    group = "{namespace}/{name}".format(**minio)
    drives = [{"pod": minio["name"] + "-1", "path": "/export", "files": 9, "error": ""}]
    return proof.verdict(group=group, compared=proof.Compared([], [], [], [], 9), drives=drives, listed=9)


class StandInCluster:
    """Masters by name, one of them lost, and a spare host. Inventory names are not the names of Nodes.

    The lost one was MASTER of the VIP and held two of four MinIO drives and two databases.

    With `same_name` the spare is a machine with the lost one's name, with `same_address` with its address too. Then, and where K3s runs, machines have
    IDs. K3s removes the member of a Node that was deleted and forgets its password, unless told not to.
    """

    def __init__(
        self,
        names: Sequence[str] = ("master-1", "master-2", "master-3"),
        *,
        lost: str = "master-1",
        spare: str = "master-4",
        addresses: Sequence[str] = (),
        vip: str = VIP,
        provider: str = "kubeadm",
        same_name: bool = False,
        same_address: bool = False,
    ) -> None:
        self.provider = PROVIDERS[provider]
        self.is_k3s = provider == "k3s"
        self.version = K3S_VERSION if self.is_k3s else VERSION
        self.same_name, self.same_address = same_name, same_address
        self.has_machine_ids = self.is_k3s or same_name
        self.k3s_removes = self.k3s_forgets = True
        self.blocked: set[str] = set()
        self.names = tuple(names)
        self.lost, self.spare, self.vip = lost, spare, vip
        # The name of the spare's Node.
        self.heir = lost if same_name else spare
        given = addresses or ["192.0.2.{0}".format(11 + number) for number in range(len(names) + 1)]
        self.address = dict(zip([*names, spare], given, strict=True))
        if same_address:
            self.address[spare] = self.address[lost]
        self.survivors = [name for name in names if name != lost]
        self._numbers = itertools.count(1)
        self.lists: dict[str, list[Json]] = {path: [] for path in LISTS}
        server = "    server: https://{0}:6443".format(vip)
        self.objects: Json = {
            "/version": {"gitVersion": self.version},
            CLUSTER_INFO: {"data": {"kubeconfig": "clusters:\n- cluster:\n" + server + "\n"}},
        }
        self.members: list[Member] = []
        self.hosts: dict[str, Host] = {}
        self.policies = POLICIES
        # Whatever has the lost one's address answers there.
        self.answers: list[int] = [22] if same_address else []
        # Of the first MinIO.
        self.minio_proof = _proven({"namespace": "onecloud-minio", "name": "minio"})
        self.minio_gate: Json = {"ok": True, "codes": [], "sentences": []}
        self.minio_bytes = 30 * MEBIBYTE
        for name in names:
            self._add_master(name)
        self.hosts[spare] = self._host(spare, role="replacement", machine_id="machine-of-" + spare)
        self._add_workloads()
        self._kill()

    # What is asked.

    def inventory_name(self, name: str) -> str:
        return name + ".example.org"

    def api(self) -> StandInApi:
        return StandInApi(copy.deepcopy(self.lists), copy.deepcopy(self.objects))

    def api_json(self, *, lost: str = "", replacement: str = "") -> Json:
        """`replacement` is given by the proof at the end."""
        read = k8s_cluster.read(
            self.api(),  # type: ignore[arg-type]
            provider=self.provider.name,
            lost_name=lost or self.lost,
            replacement=replacement,
        )
        return to_json(read)

    def reports(self) -> list[Json]:
        return [self._report(name) for name in (*self.survivors, self.spare) if name in self.hosts]

    def cluster(self, *, lost: str = "", replacement: str = "") -> Cluster:
        api = self.api_json(lost=lost, replacement=replacement)
        return view.compose(api=api, hosts=self.reports(), wanted=lost or self.lost)

    def request(self, **fields: Any) -> Request:
        known: Json = {
            "lost": self.lost,
            "minimum_down_seconds": 60,
            "maximum_skew_seconds": 5.0,
            "drives_at_once": 1,
            "policies": self.policies,
            "discard": DISCARD,
            "storage_path": STORAGE,
        }
        return Request(**{**known, **fields})

    def settings(self, **fields: Any) -> Json:
        """What the module settings returns for `request`."""
        asked = self.request(**fields)
        return {
            "lost": asked.lost,
            "fenced": asked.fenced,
            "provider": asked.provider,
            "minimum_down": asked.minimum_down_seconds,
            "maximum_skew": asked.maximum_skew_seconds,
            "storage_path": asked.storage_path,
            "claim_policies": to_json(asked.policies),
            "discard": list(asked.discard),
            "give_up_objects": list(asked.give_up_objects),
            "accept_unproven": list(asked.accept_unproven),
            "drives_at_once": asked.drives_at_once,
        }

    def minio(self, *, converged: bool = True) -> Json:
        """What module minio_health_info says."""
        found = healers.healers(from_json(Cluster, self.api_json()), self.request())
        told = [
            {
                "namespace": item["namespace"],
                "name": item["name"],
                "error": "",
                "gate": self.minio_gate,
                "deployment_id": "d1",
                "parity": 2,
                "sets": [{"total": 4}],
                "buckets": [{"bytes": 2 * self.minio_bytes, "complete": True}],
                "converged": converged,
                "msg": "4 of 4 drives are well",
                "proof": self.minio_proof if item == found[0] else _proven(item),
            }
            for item in found
        ]
        return {"msg": "", "deployments": told}

    def plan(self, **fields: Any) -> Plan:
        cluster = self.cluster(lost=fields.get("lost", ""))
        made = plan(cluster, self.request(**fields), view.minio(self.minio()))
        # What a role gets is the plan as a fact.
        assert from_json(Plan, to_json(made)) == made
        return made

    def codes(self, **fields: Any) -> list[str]:
        return [refusal.code for refusal in self.plan(**fields).refusals]

    def verdict(self) -> Json:
        api = self.api_json(replacement=self.heir)
        return replacement_verdict(api, self.reports(), self.lost, vip_answers=True, minio=self.minio())

    @property
    def journal(self) -> Json | None:
        name = "cloudpods-ha-" + self.lost
        found = [item for item in self.lists[CONFIGMAPS] if item["metadata"]["name"] == name]
        return k8s_journal.parse(found[0]) if found else None

    # What is there.

    def find(self, path: str, name: str, namespace: str = "") -> Json | None:
        return next(
            (
                item
                for item in self.lists[path]
                if item["metadata"]["name"] == name and item["metadata"].get("namespace", "") == namespace
            ),
            None,
        )

    def node(self, name: str) -> Json:
        found = self.find(NODES, name)
        assert found is not None
        return found

    def member(self, name: str) -> Member:
        return next(item for item in self.members if self._is_at(item, name))

    def change_host(self, name: str, /, **fields: Any) -> None:
        self.hosts[name] = self.hosts[name]._replace(**fields)

    def change_member(self, name: str, /, **fields: Any) -> None:
        self.members = [item._replace(**fields) if self._is_at(item, name) else item for item in self.members]

    def set_ready(self, name: str, ready: bool, *, since: str = DIED) -> None:
        self.node(name)["status"]["conditions"] = [
            {"type": "Ready", "status": "True" if ready else "Unknown", "lastTransitionTime": since}
        ]

    def heartbeat(self, name: str, renewed: str) -> None:
        for item in self.lists[LEASES]:
            if item["metadata"]["name"] == name:
                item["spec"]["renewTime"] = renewed

    def uid(self, what: str) -> str:
        return "{0}-{1:04d}".format(what, next(self._numbers))

    def add_volume_and_claim(self, namespace: str, name: str, node: str, **fields: Any) -> Json:
        volume = self.uid("pvc")
        claim = claim_object(namespace, name, self.uid("claim"), volume=volume)
        self.lists[CLAIMS].append(claim)
        self.lists[VOLUMES].append(volume_object(volume, self.uid("pv"), node=node, claim=claim, **fields))
        return claim

    def add_statefulset(self, namespace: str, name: str, template: str, nodes: Sequence[str]) -> None:
        made = statefulset_object(namespace, name, self.uid("sts"), replicas=len(nodes), template=template)
        self.lists[STATEFULSETS].append(made)
        for number, node in enumerate(nodes):
            pod = "{0}-{1}".format(name, number)
            claim = "{0}-{1}".format(template, pod)
            self.add_volume_and_claim(namespace, claim, node)
            self.lists[PODS].append(
                pod_object(
                    namespace, pod, self.uid("pod"), node=node, claims=[claim], owner="StatefulSet/{0}".format(name)
                )
            )

    def add_daemon_pod(self, daemon_set: str, node: str, *, ready: bool = True, **spec: Any) -> Json:
        """A pod of a DaemonSet in kube-system, which runs."""
        name = "{0}-{1}".format(daemon_set, node)
        made = pod_object("kube-system", name, self.uid("pod"), node=node, owner="DaemonSet/" + daemon_set)
        made["spec"].update(spec)
        made["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
        self.lists[PODS].append(made)
        return made

    def add_deployment(self, namespace: str, name: str, node: str) -> None:
        self.lists[DEPLOYMENTS].append(deployment_object(namespace, name, self.uid("deployment"), claim=name))
        self.add_volume_and_claim(namespace, name, node)
        self.lists[PODS].append(self._deployment_pod(namespace, name, node))

    def release(self, namespace: str, name: str) -> None:
        """The claim is gone, its volume stays behind, and the provisioner's pod waits for a node that is gone."""
        claim = self.find(CLAIMS, name, namespace)
        assert claim is not None
        self.lists[CLAIMS].remove(claim)
        for volume in self.lists[VOLUMES]:
            if (volume["spec"].get("claimRef") or {}).get("uid") == claim["metadata"]["uid"]:
                volume["status"]["phase"] = "Released"
                helper = "helper-pod-delete-" + volume["metadata"]["name"]
                self.lists[PODS].append(pod_object("kube-system", helper, self.uid("pod"), node=self.lost))

    # What a replacement does, act by act; a run may be killed after each.

    def acts(self, made: Plan) -> list[Act]:
        assert not made.refusals, made.refused_text
        if made.state == "nothing_to_do":
            return []
        found: list[Act] = []
        if any(step.phase == "backup" for step in made.steps):
            found.append(("back up", lambda: self.back_up(made)))
        found.append(("write the journal", lambda: self.write_journal(dict(made.journal))))
        phases = list(dict.fromkeys(step.phase for step in made.steps))
        for phase in phases:
            if phase == "etcd_cleanup":
                refs = [ref for step in made.steps if step.phase == phase for ref in step.objects]
                found += [("remove " + ref.name, lambda ref=ref: self.remove_member(ref.uid)) for ref in refs]
            if phase == "node_removal":
                found += self._node_removal(made)
        if made.promote:
            found.append(("promote " + made.promote, lambda: self.promote(made.promote)))
        if "join" in phases:
            found += self._join(made)
        if "stateful_recovery" in phases:
            found += self._stateful_recovery(made)
        if "verify" in phases:
            found.append(("the pods are collected", self.collect_pods))
        found.append(("close the journal", self._close_journal))
        return found

    def run(self, made: Plan, *, acts: int | None = None) -> int:
        """Do so many acts of a plan, all by default; returns how many the plan has."""
        todo = self.acts(made)
        for _label, act in todo[:acts]:
            act()
        return len(todo)

    def back_up(self, made: Plan) -> None:
        """Before the first run's journal everything the plan touches is still there to be copied."""
        paths = {"Node": NODES, "PersistentVolume": VOLUMES, "PersistentVolumeClaim": CLAIMS, "Deployment": DEPLOYMENTS}
        for item in made.backup if self.journal is None else ():
            found = self.find(paths.get(item["kind"], ATTACHMENTS), item["name"], item["namespace"])
            assert found is not None, item
            assert found["metadata"]["uid"] == item["uid"], item

    def write_journal(self, entry: Json) -> None:
        state = {**(self.journal or {}), **to_json(entry)}
        name = "cloudpods-ha-" + self.lost
        self.lists[CONFIGMAPS] = [item for item in self.lists[CONFIGMAPS] if item["metadata"]["name"] != name]
        self.lists[CONFIGMAPS].append(journal_object(name, state))

    def remove_member(self, member_id: str) -> None:
        gone = next((item for item in self.members if item.id == member_id), None)
        if gone is None:
            return
        assert not gone.healthy, "a member that lives"
        assert healthy(self.members) >= quorum(len(voters(self.members))), "no quorum to agree on it"
        self.members.remove(gone)
        assert healthy(self.members) >= quorum(len(voters(self.members))), "quorum lost"

    def promote(self, host: str) -> None:
        for name in self.survivors:
            if self.inventory_name(name) == host:
                self.change_host(
                    name, keepalived=keepalived(self.address[name], state="MASTER", priority=100, vip=self.vip)
                )

    def start_kubelet(self) -> None:
        self.change_host(self.spare, joined=True)
        if self.find(NODES, self.heir) is not None:
            return
        for volume in self.lists[VOLUMES] if self.same_name else ():
            path = volume["spec"]["hostPath"]["path"]
            assert _home(volume) != self.heir or path in self.blocked, "a pod would start on an empty folder"
        made = node_object(self.heir, self.address[self.spare], self.uid("node"), control_plane=False)
        made["metadata"]["creationTimestamp"] = JOINED
        self._identify(made, self.spare)
        self.lists[NODES].append(made)
        if self.is_k3s:
            self._add_secret(self.heir)

    def add_member(self, *, learner: bool) -> None:
        if not any(self._is_at(item, self.spare) for item in self.members):
            assert healthy(self.members) >= quorum(len(voters(self.members)) + (not learner)), "quorum lost"
            self.members.append(self._member(self.spare, learner=learner, started=learner, healthy=False))
        self.change_host(self.spare, etcd_data=True)

    def start_member(self) -> None:
        """The member and the API server beside it run."""
        self.change_member(
            self.spare,
            name=self._member_name(self.heir),
            client_urls=("https://{0}:2379".format(self.address[self.spare]),),
            learner=False,
            healthy=True,
        )
        self.change_host(self.spare, etcd_health="ok", api_ready="ok", kubeconfig=True, provider=self.provider.name)

    def mark_control_plane(self) -> None:
        node = self.node(self.heir)
        node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""
        if self.is_k3s:
            self._annotate(node, self.member(self.spare))
        node["spec"]["taints"] = [dict(TAINT)]

    def bring_to_parity(self) -> None:
        cluster = self.cluster()
        new = next(node for node in cluster.nodes if node.name == self.heir)
        others = [node for node in cluster.nodes if node.control_plane and node.name not in (self.heir, self.lost)]
        wanted = parity.parity(new, others)
        node = self.node(self.heir)
        node["metadata"]["labels"].update(wanted.labels)
        node["spec"]["taints"] = [dict(taint) for taint in wanted.taints]

    def give_keepalived(self) -> None:
        mine = keepalived(self.address[self.spare], state="BACKUP", priority=90, vip=self.vip)
        self.change_host(self.spare, keepalived=mine)

    def delete_claim(self, namespace: str, name: str, uid: str) -> None:
        claim = self.find(CLAIMS, name, namespace)
        if claim is None or claim["metadata"]["uid"] != uid:
            return
        volume = self.find(VOLUMES, claim["spec"]["volumeName"])
        assert volume is not None
        where, lost = k8s_volumes.place(volume), k8s_volumes.Site(self.lost, self.lost)
        assert k8s_volumes.found_by(where, lost, ()) == ("affinity", "annotation"), "a volume that is elsewhere"
        assert volume["metadata"].get("creationTimestamp") != MADE, "a volume of the replacement"
        found = self.find(NODES, self.lost)
        assert found is None or found["metadata"]["creationTimestamp"] == JOINED, "the Node is still there"
        self.release(namespace, name)

    def make_claim(self, namespace: str, name: str) -> None:
        """A controller makes the claim anew when the pod that waited for the old one is gone."""
        if self.find(CLAIMS, name, namespace) is None:
            self.lists[CLAIMS].append(claim_object(namespace, name, self.uid("claim")))
        for pod in self._pods_of(namespace, name):
            if not pod["spec"].get("nodeName"):
                pod["metadata"]["uid"] = self.uid("pod")

    def bind_claim(self, namespace: str, name: str) -> None:
        claim = self.find(CLAIMS, name, namespace)
        assert claim is not None
        if claim["spec"].get("volumeName"):
            return
        volume = self.uid("pvc")
        claim["spec"]["volumeName"], claim["status"]["phase"] = volume, "Bound"
        self.lists[VOLUMES].append(volume_object(volume, self.uid("pv"), node=self.heir, claim=claim))
        self.lists[VOLUMES][-1]["metadata"]["creationTimestamp"] = MADE
        for pod in self._pods_of(namespace, name):
            pod["spec"]["nodeName"], pod["status"]["phase"] = self.heir, "Running"

    def cordon(self) -> None:
        for node in self.lists[NODES]:
            if node["metadata"]["name"] != self.heir and not node["spec"].get("unschedulable"):
                node["spec"]["unschedulable"] = True
                node["metadata"].setdefault("annotations", {})["ha.cloudpods.org/cordoned-for"] = self.lost

    def uncordon(self) -> None:
        for node in self.lists[NODES]:
            if (node["metadata"].get("annotations") or {}).pop("ha.cloudpods.org/cordoned-for", None):
                node["spec"].pop("unschedulable")

    def collect_pods(self) -> None:
        """The pod collector takes the pods of the node that is gone; their StatefulSets make them again."""
        here = [pod for pod in self.lists[PODS] if pod["spec"].get("nodeName") == self.lost]
        for pod in here:
            if pod["metadata"]["name"].startswith("helper-pod-"):
                continue
            self.lists[PODS].remove(pod)
            if parse.pod(pod).owner.startswith("StatefulSet/"):
                meta = pod["metadata"]
                again = pod_object(
                    meta["namespace"],
                    meta["name"],
                    self.uid("pod"),
                    claims=parse.claim_names(pod["spec"]),
                    owner=parse.pod(pod).owner,
                )
                self.lists[PODS].append(again)

    def _node_removal(self, made: Plan) -> Iterator[Act]:
        for step in made.steps:
            for ref in step.objects if step.phase == "node_removal" else ():
                if ref.kind == "Node":
                    yield "cordon the Node", lambda: self.node(self.lost)["spec"].update(unschedulable=True)
                    yield "delete the Node", lambda ref=ref: self._delete_node(ref.name, ref.uid)
                    if made.member_leaves and self.k3s_removes:
                        yield "K3s removes the member", lambda: self.remove_member(made.member_id)
                if ref.kind == "VolumeAttachment":
                    yield "delete an attachment", lambda ref=ref: self._delete(ATTACHMENTS, ref.name, ref.uid)

    def _join(self, made: Plan) -> Iterator[Act]:
        if any(step.phase == "join" and step.waits for step in made.steps):
            yield "the pods are collected", self.collect_pods
        yield "journal: joining", lambda: self.write_journal({"joining": dict(made.joining)})
        if made.stale_member_id:
            yield "remove the leftover member", lambda: self.remove_member(made.stale_member_id)
        if made.reset:
            yield "reset the host", self.reset_host
        if made.blocked and not made.joined:
            yield "block folders", lambda: self.blocked.update(item["path"] for item in made.blocked)
        if made.node_password and not made.joined:
            yield "forget the password", lambda: self.forget_password(made)
        if not made.joined and self.is_k3s:
            # With data of a member K3s goes on as that one. What it starts last registers the Node.
            mine = [item for item in self.members if self._is_at(item, self.spare) and item.id != made.member_id]
            if not voters(mine):
                yield "the member is added", lambda: self.add_member(learner=True)
                yield "the member starts", self._start_k3s
            yield "kubelet registers the Node", self.start_kubelet
        elif not made.joined:
            yield "kubelet registers the Node", self.start_kubelet
            yield "the member is added", lambda: self.add_member(learner=made.reset)
            yield "the member starts", self.start_member
        if not made.joined:
            yield "the Node becomes a control-plane node", self.mark_control_plane
        yield "parity", self.bring_to_parity
        yield "keepalived", self.give_keepalived

    def _stateful_recovery(self, made: Plan) -> Iterator[Act]:
        yield "cordon", self.cordon
        for claim in made.claims:
            where = (claim.namespace, claim.name)
            yield "delete " + claim.name, lambda where=where, claim=claim: self.delete_claim(*where, claim.uid)
            yield "make anew " + claim.name, lambda where=where: self.make_claim(*where)
            yield "bind " + claim.name, lambda where=where: self.bind_claim(*where)
        yield "remove what the gone node can't clean", self._remove_leftovers
        yield "uncordon", self.uncordon

    def _remove_leftovers(self) -> None:
        self.lists[PODS] = [pod for pod in self.lists[PODS] if not pod["metadata"]["name"].startswith("helper-pod-")]
        self.lists[VOLUMES] = [item for item in self.lists[VOLUMES] if item["status"]["phase"] != "Released"]

    def _close_journal(self) -> None:
        told = self.verdict()
        assert told["ok"], told["text"]
        self.write_journal({"finished": "2026-03-01T12:20:00Z"})

    def _delete(self, path: str, name: str, uid: str) -> None:
        found = self.find(path, name)
        if found is not None:
            assert found["metadata"]["uid"] == uid, "another object of this name"
            self.lists[path].remove(found)

    def reset_host(self) -> None:
        mine = [item for item in self.members if self._is_at(item, self.spare)]
        assert not voters(mine), "the data of a voter"
        self.change_host(self.spare, joined=False, etcd_data=False)

    def forget_password(self, made: Plan) -> None:
        assert self.find(NODES, self.lost) is None, "K3s would refuse the Node that is there"
        assert made.node_password is not None
        found = self.objects.pop(SECRETS + made.node_password.name, None)
        assert found is None or found["metadata"]["uid"] == made.node_password.uid

    def _start_k3s(self) -> None:
        # K3s compares what stands before the last hyphen of each member's name.
        names = [self.provider.node_of_member(item.name) for item in self.members if not self._is_at(item, self.spare)]
        assert self.heir not in names, "duplicate node name found"
        self.start_member()
        self.change_host(self.spare, etcd_data=True)

    def _delete_node(self, name: str, uid: str) -> None:
        self._delete(NODES, name, uid)
        if self.is_k3s and self.k3s_forgets:
            self.objects.pop(SECRETS + name + ".node-password.k3s", None)

    def _identify(self, node: Json, name: str) -> None:
        node["status"]["nodeInfo"]["kubeletVersion"] = self.version
        if self.has_machine_ids:
            node["status"]["nodeInfo"]["machineID"] = "machine-of-" + name
        if self.is_k3s:
            node["metadata"]["finalizers"] = ["wrangler.cattle.io/node", K3S_FINALIZER]

    def _annotate(self, node: Json, member: Member) -> None:
        address = next(iter(view.url_hosts(member.peer_urls)))
        wanted = {K3S_MEMBER_NAME: member.name, K3S_MEMBER_ADDRESS: address}
        node["metadata"].setdefault("annotations", {}).update(wanted)

    def _add_secret(self, name: str) -> None:
        secret = name + ".node-password.k3s"
        self.objects[SECRETS + secret] = {"metadata": {"name": secret, "uid": self.uid("secret")}}

    def _member_name(self, name: str) -> str:
        return "{0}-{1:08x}".format(name, next(self._numbers)) if self.is_k3s else name

    def _add_master(self, name: str) -> None:
        self.lists[NODES].append(node_object(name, self.address[name], self.uid("node")))
        self._identify(self.lists[NODES][-1], name)
        self.lists[LEASES].append({"metadata": {"name": name}, "spec": {"renewTime": NOW}})
        self.members.append(self._member(name))
        if self.is_k3s:
            self._annotate(self.lists[NODES][-1], self.members[-1])
            self._add_secret(name)
        if name != self.lost:
            mine = keepalived(self.address[name], state="BACKUP", priority=90, vip=self.vip)
            self.hosts[name] = self._host(
                name,
                role="survivor",
                provider=self.provider.name,
                etcd_health="ok",
                api_ready="ok",
                joined=True,
                kubeconfig=True,
                keepalived=mine,
                **({"k3s": self.k3s, "etcdctl": "/usr/local/bin/etcdctl"} if self.is_k3s else {}),
            )

    def _add_workloads(self) -> None:
        others = self.survivors or [self.lost]
        nodes = [self.lost, self.lost, others[0], others[-1]]
        self.add_statefulset("onecloud-minio", "minio", "export", nodes)
        self.add_deployment("onecloud", "default-victoria-metrics", self.lost)
        self.add_deployment("onecloud", "default-influxdb", self.lost)
        self.lists[CLAIMS].append(claim_object("onecloud", "default-baremetal-agent", self.uid("claim")))
        self.lists[PODS].append(
            pod_object("kube-system", "kube-proxy-x", self.uid("pod"), node=self.lost, owner="DaemonSet/kube-proxy")
        )
        self.lists[ATTACHMENTS] += [
            {"metadata": {"name": "attachment-of-" + node, "uid": self.uid("va")}, "spec": {"nodeName": node}}
            for node in self.names
        ]

    def _kill(self) -> None:
        """The machine is off since five minutes; the VIP went to a survivor, and Deployments made their pods anew."""
        self.set_ready(self.lost, False)
        self.heartbeat(self.lost, DIED)
        self.change_member(self.lost, healthy=False, error="connection refused", cluster_id="")
        if self.survivors:
            holder = self.survivors[0]
            self.change_host(holder, addresses=(*self.hosts[holder].addresses, self.vip))
        for pod in [item for item in self.lists[PODS] if item["spec"].get("nodeName") == self.lost]:
            pod["metadata"]["deletionTimestamp"] = DIED
            if parse.pod(pod).owner.startswith("ReplicaSet/"):
                meta = pod["metadata"]
                again = self._deployment_pod(meta["namespace"], meta["ownerReferences"][0]["name"], "")
                self.lists[PODS].append(again)

    def _deployment_pod(self, namespace: str, name: str, node: str) -> Json:
        return pod_object(
            namespace,
            "{0}-{1}".format(name, next(self._numbers)),
            self.uid("pod"),
            node=node,
            claims=[name],
            owner="ReplicaSet/" + name,
        )

    def _pods_of(self, namespace: str, claim: str) -> list[Json]:
        return [
            pod
            for pod in self.lists[PODS]
            if pod["metadata"]["namespace"] == namespace and claim in parse.claim_names(pod["spec"])
        ]

    def _member(self, name: str, *, learner: bool = False, started: bool = True, healthy: bool = True) -> Member:
        address = self.address[name]
        return Member(
            id="{0:016x}".format(0x8000000000000000 + next(self._numbers)),
            name=self._member_name(self.heir if name == self.spare else name) if started else "",
            peer_urls=("https://{0}:2380".format(bracketed(address)),),
            client_urls=("https://{0}:2379".format(bracketed(address)),) if started else (),
            learner=learner,
            healthy=healthy,
            cluster_id="c1" if healthy else "",
        )

    def _is_at(self, member: Member, name: str) -> bool:
        return member.peer_urls == ("https://{0}:2380".format(bracketed(self.address[name])),)

    def _host(self, name: str, **fields: Any) -> Host:
        known: Json = {
            "name": self.inventory_name(name),
            "reachable": True,
            "hostname": self.heir if name == self.spare else name,
            "node_ip": self.address[name],
            "addresses": (self.address[name],),
            "free_bytes": {STORAGE: 2**40},
            "architecture": "x86_64",
            **({} if self.is_k3s else {"kubeadm_version": VERSION, "kubelet_version": VERSION}),
            **({"machine_id": "machine-of-" + name} if self.has_machine_ids else {}),
        }
        return Host(**{**known, **fields})

    @property
    def k3s(self) -> K3s:
        return K3s(version=self.version, binary="b1", ca="c1", token_ca="c1")

    def _report(self, name: str) -> Json:
        host = self.hosts[name]
        report: Json = {
            "name": host.name,
            "role": host.role,
            "host": {"host": to_json(host)},
            "members": {},
            "probes": {},
        }
        if not host.reachable:
            report["host"] = {"unreachable": True, "msg": host.error}
        elif host.role == "survivor":
            mine = next((item.id for item in self.members if self._is_at(item, name)), "")
            etcd = Etcd(executor=name, executor_id=mine, cluster_id="c1", version="3.5.15", members=tuple(self.members))
            report["members"] = {"etcd": to_json(etcd)}
            report["probes"] = self._probe()
        return report

    def _probe(self) -> Json:
        """What port_probe returned on a survivor, beside the addresses it was given."""
        address = self.address[self.lost]
        found: Json = {"addresses": [address], "open": [], "closed": []}
        for port in PROBED:
            found["open" if port in self.answers else "closed"].append("{0}:{1}".format(bracketed(address), port))
        return found


def journal_object(name: str, state: Json) -> Json:
    labels = {"ha.cloudpods.org/journal": "replacement"}
    return {"metadata": {"name": name, "labels": labels}, "data": {"state": json.dumps(state)}}


def _home(volume: Json) -> str:
    return str(volume["metadata"]["annotations"]["local.path.provisioner/selected-node"])


def bracketed(address: str) -> str:
    """An address as it stands in a URL."""
    return "[{0}]".format(address) if ":" in address else address
