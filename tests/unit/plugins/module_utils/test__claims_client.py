# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a claim against a stand-in for the API server and its controllers, with any pace of both."""

from __future__ import annotations

import itertools
import random
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils import _claims_client, _volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ObjectChanged

PARAMS = {
    "namespace": "ns",
    "name": "export-minio-0",
    "uid": "claim-old",
    "pv_name": "pv-old",
    "pv_uid": "pv-old-uid",
    "workload": "minio",
    "workload_uid": "w",
    "lost_node": {"name": "master-1", "uid": "node-1", "hostname_label": "host-1"},
    "replacement": "master-4",
}
CLAIM = "/api/v1/namespaces/ns/persistentvolumeclaims/export-minio-0"
PODS = "/api/v1/namespaces/ns/pods"
VOLUMES = "/api/v1/persistentvolumes"
WORKLOADS = {
    "StatefulSet": "/apis/apps/v1/namespaces/ns/statefulsets/minio",
    "Deployment": "/apis/apps/v1/namespaces/ns/deployments/minio",
}


class StandInCluster:
    """Objects by path, with controllers that move one step each tick."""

    def __init__(self, kind: str = "StatefulSet", owned: bool = True) -> None:
        self.kind = kind
        self.counter = itertools.count(1)
        self.objects: dict[str, dict] = {}
        self.deleted: list[str] = []
        for name, host in (("master-2", "host-2"), ("master-4", "host-4")):
            self.put(
                "/api/v1/nodes/" + name,
                labels={"kubernetes.io/hostname": host},
                spec={"unschedulable": name != "master-4"},
            )
            self.objects["/api/v1/nodes/" + name]["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.put(CLAIM, uid="claim-old", spec={"volumeName": "pv-old"}, status={"phase": "Bound"})
        self.put(
            f"{VOLUMES}/pv-old",
            uid="pv-old-uid",
            spec=self.volume_spec("host-1", "claim-old"),
            status={"phase": "Bound"},
        )
        self.put_pod(node="master-1", phase="Running")
        self.put(WORKLOADS[kind], uid="w", spec={"replicas": 1}, owners=[{"kind": "OnecloudCluster"}] if owned else [])

    @staticmethod
    def volume_spec(host: str, claim_uid: str) -> dict:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}
        term = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        return {
            "nodeAffinity": {"required": term},
            "claimRef": {"uid": claim_uid},
            "persistentVolumeReclaimPolicy": "Delete",
        }

    def put(self, path: str, *, uid: str = "", spec: dict, status: dict | None = None, **meta: t.Any) -> dict:
        number = next(self.counter)
        owners = {"ownerReferences": meta.pop("owners")} if "owners" in meta else {}
        metadata = {
            "name": path.rsplit("/", 1)[1],
            "namespace": "ns",
            "uid": uid or f"u{number}",
            "resourceVersion": str(number),
            "creationTimestamp": f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}Z",
            **meta,
            **owners,
        }
        self.objects[path] = {"metadata": metadata, "spec": spec, "status": status or {}}
        return self.objects[path]

    def put_pod(self, *, node: str = "", phase: str = "Pending") -> None:
        spec = {"volumes": [{"persistentVolumeClaim": {"claimName": "export-minio-0"}}], "nodeName": node}
        self.put(f"{PODS}/minio-0", spec=spec, status={"phase": phase})

    # What the code under test may call.
    def get(self, path: str, **_query: t.Any) -> dict | None:
        return self.objects.get(path)

    def items(self, path: str, **_query: t.Any) -> list[dict]:
        if path == "/api/v1/pods":
            path = PODS
        return [item for name, item in self.objects.items() if name.rsplit("/", 1)[0] == path]

    def delete(self, path: str, *, uid: str, version: str = "") -> bool:
        found = self.objects.get(path)
        if found is None:
            return False
        if found["metadata"]["uid"] != uid or version not in ("", found["metadata"]["resourceVersion"]):
            raise ObjectChanged(path, uid)
        if path.startswith(PODS):
            assert not found["spec"]["nodeName"], "a pod that was placed was deleted"
            assert version, "a pod was to be deleted whatever happened to it meanwhile"
        self.deleted.append(path.rsplit("/", 2)[1])
        if path == CLAIM:
            found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        else:
            del self.objects[path]
        return True

    # The controllers.
    def tick(self) -> None:
        for controller in random.sample([self.collect, self.protect, self.own, self.schedule], 4):
            controller()

    def collect(self) -> None:
        pod = self.objects.get(f"{PODS}/minio-0")
        if pod and pod["spec"]["nodeName"] and f"/api/v1/nodes/{pod['spec']['nodeName']}" not in self.objects:
            del self.objects[f"{PODS}/minio-0"]
        if pod and self.kind == "Deployment" and WORKLOADS["Deployment"] not in self.objects:
            self.objects.pop(f"{PODS}/minio-0", None)

    def protect(self) -> None:
        claim, pod = self.objects.get(CLAIM), self.objects.get(f"{PODS}/minio-0")
        if claim and "deletionTimestamp" in claim["metadata"] and not (pod and pod["spec"]["nodeName"]):
            del self.objects[CLAIM]
            volume = self.objects[f"{VOLUMES}/{claim['spec']['volumeName']}"]
            volume["status"]["phase"] = "Released"

    def own(self) -> None:
        if self.kind == "Deployment" and CLAIM not in self.objects:
            self.put(CLAIM, spec={})  # the operator
        if self.kind == "Deployment" and WORKLOADS["Deployment"] not in self.objects:
            self.put(WORKLOADS["Deployment"], spec={"replicas": 1}, owners=[{"kind": "OnecloudCluster"}])
            return
        if f"{PODS}/minio-0" not in self.objects:
            # As before 1.20: a claim that is being deleted counts as there, and a missing one comes with the pod only.
            if CLAIM not in self.objects:
                self.put(CLAIM, spec={})
            self.put_pod()

    def schedule(self) -> None:
        claim, pod = self.objects.get(CLAIM), self.objects.get(f"{PODS}/minio-0")
        if not claim or not pod or "deletionTimestamp" in claim["metadata"]:
            return
        pod["metadata"]["resourceVersion"] = str(next(self.counter))
        if pod["spec"]["nodeName"]:
            if pod["spec"]["nodeName"] == "master-4":
                pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            return
        if claim["spec"].get("volumeName") == "pv-old":
            return
        self.put(
            f"{VOLUMES}/pv-new", spec=self.volume_spec("host-4", claim["metadata"]["uid"]), status={"phase": "Bound"}
        )
        claim["spec"]["volumeName"], claim["status"] = "pv-new", {"phase": "Bound"}
        pod["spec"]["nodeName"] = "master-4"


def step(cluster: StandInCluster, *, check_mode: bool = False) -> dict:
    target = _claims_client.target_from(PARAMS, kind=cluster.kind)
    return _claims_client.step(cluster, target=target, check_mode=check_mode)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
def test_a_claim_is_recovered_at_any_pace_of_the_controllers(kind: str, seed: int) -> None:
    random.seed(seed)
    cluster = StandInCluster(kind)
    for _ in range(60):
        result = step(cluster)
        assert result["action"] != "refuse", result["msg"]
        if result["done"]:
            break
        for _ in range(random.randint(0, 2)):
            cluster.tick()
    assert result["done"]
    assert result["recreated"]
    assert result["claim"]["node"] == "master-4"
    assert result["claim"]["new_uid"] not in ("", "claim-old")
    assert cluster.deleted[0] == "persistentvolumeclaims"
    assert cluster.deleted.count("persistentvolumeclaims") == 1


def test_a_recovered_claim_is_left_as_it_is() -> None:
    random.seed(1)
    cluster = StandInCluster()
    while not step(cluster)["done"]:
        cluster.tick()
    before = list(cluster.deleted)
    assert step(cluster)["changed"] is False
    assert cluster.deleted == before


def test_check_mode_names_the_act_and_does_nothing() -> None:
    cluster = StandInCluster()
    cluster.collect()
    result = step(cluster, check_mode=True)
    assert (result["action"], result["changed"]) == ("delete_claim", True)
    assert cluster.deleted == []


def test_an_object_that_changed_meanwhile_is_read_again() -> None:
    class Racing(StandInCluster):
        def delete(self, path: str, *, uid: str, **_more: str) -> bool:
            raise ObjectChanged(path, uid)

    cluster = Racing()
    cluster.collect()
    result = step(cluster)
    assert (result["action"], result["changed"], result["done"]) == ("wait", False, False)


def test_a_refusal_carries_what_was_seen_and_what_to_do() -> None:
    cluster = StandInCluster("Deployment", owned=False)
    cluster.collect()
    result = step(cluster)
    assert (result["action"], result["code"]) == ("refuse", "nobody_recreates")
    assert result["advice"] in result["msg"]
    assert cluster.deleted == []


def test_an_affinity_term_without_a_host_is_no_binding() -> None:
    volume = StandInCluster().objects[f"{VOLUMES}/pv-old"]
    volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"].append({"matchExpressions": []})
    place = _claims_client.parse_volume(volume).place
    assert len(place.terms) == 2
    assert not _volumes.pinned(place, _volumes.Site("master-1", "host-1"))


def test_leftovers_are_judged_from_the_live_objects() -> None:
    random.seed(3)
    cluster = StandInCluster()
    lost = _claims_client.lost_from(PARAMS["lost_node"])
    assert [item["act"] for item in _claims_client.leftovers(cluster, lost=lost, claims=[PARAMS])["volumes"]] == [
        "wait"
    ]
    while not step(cluster)["done"]:
        cluster.tick()
    cluster.put(f"{PODS}/helper-pod-delete-pv-old", spec={"nodeName": "master-1"}, status={"phase": "Pending"})
    found = _claims_client.leftovers(cluster, lost=lost, claims=[PARAMS])
    assert [(item["name"], item["act"]) for item in found["volumes"]] == [("pv-old", "delete")]
    assert [item["name"] for item in found["helper_pods"]] == ["helper-pod-delete-pv-old"]
