# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a claim against a stand-in for the API server and its controllers, with any pace of both."""

from __future__ import annotations

import datetime
import itertools
import random
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, ObjectChanged
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import volumes as k8s_volumes
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client

PARAMS = {
    "namespace": "ns",
    "name": "export-minio-0",
    "uid": "claim-old-export-minio-0",
    "pv_name": "pv-old-export-minio-0",
    "pv_uid": "uid-of-pv-old-export-minio-0",
    "lost_node": {"name": "master-1", "uid": "node-1", "hostname_label": "host-1"},
    "replacement": "master-4",
}
NAME, OTHER = "export-minio-0", "logs-minio-0"
CLAIMS = "/api/v1/namespaces/ns/persistentvolumeclaims"
CLAIM = f"{CLAIMS}/{NAME}"
NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/ns/pods"
POD = f"{PODS}/minio-0"
VOLUMES = "/api/v1/persistentvolumes"
VOLUME = f"{VOLUMES}/pv-old-{NAME}"
WORKLOADS = {
    "StatefulSet": "/apis/apps/v1/namespaces/ns/statefulsets/minio",
    "Deployment": "/apis/apps/v1/namespaces/ns/deployments/minio",
}


class StandInCluster:
    """Objects by path, with controllers that move one step each tick.

    `modern` are the StatefulSets of 1.20 and later: they wait while a claim is being deleted, and make a missing one for a pod that is there. `strict` lets
    a pod hold a claim that was never placed.
    """

    def __init__(
        self,
        kind: str = "StatefulSet",
        *,
        owned: bool = True,
        claims: tuple[str, ...] = (NAME,),
        modern: bool = False,
        strict: bool = False,
    ) -> None:
        self.kind, self.claims, self.modern, self.strict = kind, claims, modern, strict
        self.counter = itertools.count(1)
        self.objects: dict[str, dict] = {}
        self.deleted: list[str] = []
        self.wanted = 1  # replicas of a Deployment that the operator makes
        self.lands_on = "master-4"
        self.since = 3600  # for how many seconds what is deleted counts as Terminating
        for name, host in (("master-2", "host-2"), ("master-4", "host-4")):
            self.put(
                f"{NODES}/{name}",
                labels={"kubernetes.io/hostname": host},
                spec={"unschedulable": name != "master-4"},
            )
            self.objects[f"{NODES}/{name}"]["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        for name in claims:
            volume, uid = f"pv-old-{name}", f"claim-old-{name}"
            self.put(f"{CLAIMS}/{name}", uid=uid, spec={"volumeName": volume}, status={"phase": "Bound"})
            spec = self.volume_spec("host-1", uid)
            self.put(f"{VOLUMES}/{volume}", uid="uid-of-" + volume, spec=spec, status={"phase": "Bound"})
        self.put_pod(node="master-1", phase="Running")
        self.put_workload(uid="w", owned=owned)

    @staticmethod
    def volume_spec(host: str, claim_uid: str) -> dict:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}
        term = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        return {
            "hostPath": {"path": "/data"},
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
        volumes = [{"persistentVolumeClaim": {"claimName": name}} for name in self.claims]
        self.put(POD, spec={"volumes": volumes, "nodeName": node}, status={"phase": phase})

    def put_workload(self, *, uid: str = "", owned: bool = True) -> None:
        owners = [{"kind": "OnecloudCluster"}] if owned else []
        self.put(WORKLOADS[self.kind], uid=uid, spec={"replicas": self.wanted}, owners=owners)

    def put_volume(self, claim: str, node: str) -> None:
        """The claim is bound to a new volume there."""
        found = self.objects[f"{CLAIMS}/{claim}"]
        volume = f"pv-new-{claim}-{next(self.counter)}"
        spec = self.volume_spec(node.replace("master", "host"), found["metadata"]["uid"])
        self.put(f"{VOLUMES}/{volume}", spec=spec, status={"phase": "Bound"})
        found["spec"]["volumeName"], found["status"] = volume, {"phase": "Bound"}

    def replicas(self) -> int:
        return self.objects.get(WORKLOADS[self.kind], {"spec": {"replicas": 0}})["spec"]["replicas"]

    def scale(self, replicas: int) -> None:
        self.objects[WORKLOADS[self.kind]]["spec"]["replicas"] = replicas
        if replicas == 0:
            self.objects.pop(POD, None)

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
        if path.startswith(CLAIMS):
            volume = self.objects[f"{VOLUMES}/{found['spec']['volumeName']}"]
            assert "host-1" in str(volume["spec"]["nodeAffinity"]), "a claim was deleted whose volume is not lost"
            assert self.replicas() or self.kind == "Deployment", "a claim was deleted that nobody would make again"
        self.deleted.append("/".join(path.rsplit("/", 2)[1:]))
        if path.startswith(CLAIMS):
            self.end(path)
        else:
            del self.objects[path]
        return True

    def end(self, path: str) -> None:
        """It is Terminating from now on."""
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=self.since)
        self.objects[path]["metadata"]["deletionTimestamp"] = then.strftime("%Y-%m-%dT%H:%M:%SZ")

    # The controllers.
    def tick(self) -> None:
        for controller in random.sample([self.collect, self.protect, self.own, self.schedule], 4):
            controller()

    def collect(self) -> None:
        pod = self.objects.get(POD)
        gone = pod and pod["spec"]["nodeName"] and f"{NODES}/{pod['spec']['nodeName']}" not in self.objects
        orphan = pod and self.kind == "Deployment" and WORKLOADS["Deployment"] not in self.objects
        if not pod or not (gone or orphan):
            return
        if pod["metadata"].get("finalizers"):
            self.end(POD)
        else:
            del self.objects[POD]

    def protect(self) -> None:
        pod = self.objects.get(POD)
        for name in self.claims:
            claim = self.objects.get(f"{CLAIMS}/{name}")
            held = pod and (pod["spec"]["nodeName"] or self.strict)
            if (
                claim
                and "deletionTimestamp" in claim["metadata"]
                and not held
                and not claim["metadata"].get("finalizers")
            ):
                del self.objects[f"{CLAIMS}/{name}"]
                self.objects[f"{VOLUMES}/{claim['spec']['volumeName']}"]["status"]["phase"] = "Released"

    def own(self) -> None:
        if self.kind == "Deployment":
            self.make_claims()  # the operator
            if WORKLOADS["Deployment"] not in self.objects:
                self.put_workload()
            elif POD not in self.objects and self.replicas():
                self.put_pod()
            return
        if not self.replicas():
            return
        ending = any(
            "deletionTimestamp" in self.objects[f"{CLAIMS}/{name}"]["metadata"]
            for name in self.claims
            if f"{CLAIMS}/{name}" in self.objects
        )
        if self.modern and ending:
            return
        # Before 1.20 a claim that is being deleted counts as there, and a missing one comes with the pod only.
        if self.modern or POD not in self.objects:
            self.make_claims()
        if POD not in self.objects:
            self.put_pod()

    def make_claims(self) -> None:
        for name in self.claims:
            if f"{CLAIMS}/{name}" not in self.objects:
                self.put(f"{CLAIMS}/{name}", spec={})

    def schedule(self) -> None:
        pod = self.objects.get(POD)
        claims = {name: self.objects.get(f"{CLAIMS}/{name}") for name in self.claims}
        if not pod or any(claim is None or "deletionTimestamp" in claim["metadata"] for claim in claims.values()):
            return
        pod["metadata"]["resourceVersion"] = str(next(self.counter))
        if pod["spec"]["nodeName"]:
            if pod["spec"]["nodeName"] == "master-4":
                pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            return
        # No claim gets a volume as long as another one of the pod is bound to a node that is gone.
        if any(claim["spec"].get("volumeName", "").startswith("pv-old") for claim in claims.values() if claim):
            return
        for name, claim in claims.items():
            if claim and not claim["spec"].get("volumeName"):
                self.put_volume(name, self.lands_on)
        pod["spec"]["nodeName"] = self.lands_on


def step(cluster: StandInCluster, name: str = NAME, *, check_mode: bool = False, diff: bool = False) -> dict:
    volume = "pv-old-" + name
    claim = {**PARAMS, "name": name, "uid": "claim-old-" + name, "pv_name": volume, "pv_uid": "uid-of-" + volume}
    claim["owner"] = {"kind": cluster.kind, "name": "minio", "uid": "w"}
    target = client.target_from(claim, PARAMS)
    return client.step(cluster, target=target, check_mode=check_mode, diff=diff)


def walk(cluster: StandInCluster, name: str = NAME, *, until: str = "done") -> dict:
    """Step and tick at any pace until a key of the result is true, or it is refused."""
    for _ in range(80):
        result = step(cluster, name)
        if result[until] or result["action"] == "refuse":
            return result
        for _ in range(random.randint(0, 2)):
            cluster.tick()
    raise AssertionError(result["msg"])


variants = pytest.mark.parametrize(
    ("kind", "modern", "strict"),
    [
        (kind, modern, strict)
        for kind in WORKLOADS
        for modern in (False, True)
        for strict in (False, True)
        if kind == "StatefulSet" or not modern
    ],
)


@pytest.mark.parametrize("seed", range(30))
@variants
def test_a_claim_is_recovered_at_any_pace_of_the_controllers(kind: str, modern: bool, strict: bool, seed: int) -> None:
    random.seed(seed)
    cluster = StandInCluster(kind, modern=modern, strict=strict)
    result = walk(cluster)
    assert result["done"], result["msg"]
    assert result["recreated"]
    assert result["claim"]["node"] == "master-4"
    assert result["claim"]["new_uid"] not in ("", PARAMS["uid"])
    assert cluster.deleted[0] == "persistentvolumeclaims/" + NAME
    assert cluster.deleted.count("persistentvolumeclaims/" + NAME) == 1


@pytest.mark.parametrize("seed", range(15))
@variants
def test_two_lost_claims_of_one_pod_are_recreated_and_then_bound(
    kind: str, modern: bool, strict: bool, seed: int
) -> None:
    random.seed(seed)
    cluster = StandInCluster(kind, claims=(NAME, OTHER), modern=modern, strict=strict)
    for name in (NAME, OTHER):
        result = walk(cluster, name, until="recreated")
        assert result["recreated"], result["msg"]
        assert result["claim"]["new_uid"] == cluster.objects[f"{CLAIMS}/{name}"]["metadata"]["uid"]
        if name == NAME:
            # Nothing is bound yet, so nothing is done, however long one waits for it.
            for _ in range(20):
                result = step(cluster)
                assert (result["done"], result["action"]) in ((False, "wait"), (False, "delete_pod")), result["msg"]
                cluster.tick()
            assert f"persistentvolumeclaims/{OTHER}" not in cluster.deleted
    for name in (NAME, OTHER):
        assert walk(cluster, name)["done"]
    assert sorted(item for item in cluster.deleted if item.startswith("persist")) == [
        f"persistentvolumeclaims/{NAME}",
        f"persistentvolumeclaims/{OTHER}",
    ]
    # A quick operator makes the claim again before the Deployment's turn comes.
    assert cluster.deleted.count("deployments/minio") <= 1


@pytest.mark.parametrize("seed", range(30))
@variants
def test_the_steps_for_two_claims_of_one_pod_may_alternate(kind: str, modern: bool, strict: bool, seed: int) -> None:
    random.seed(seed)
    cluster = StandInCluster(kind, claims=(NAME, OTHER), modern=modern, strict=strict)
    was: dict[str, bool] = {}
    for _ in range(160):
        name = random.choice([NAME, OTHER])
        result = step(cluster, name)
        assert result["action"] != "refuse", result["msg"]
        assert result["recreated"] or not was.get(name), "a claim was recreated and is the lost one again"
        was[name] = result["recreated"] or was.get(name, False)
        if all(step(cluster, item, check_mode=True)["done"] for item in (NAME, OTHER)):
            break
        for _ in range(random.randint(0, 2)):
            cluster.tick()
    assert all(step(cluster, item)["done"] for item in (NAME, OTHER))
    assert len([item for item in cluster.deleted if item.startswith("persist")]) == 2


@pytest.mark.parametrize("what", [CLAIM, POD])
@variants
def test_what_a_finalizer_holds_is_named_refused_and_never_let_go_by_force(
    kind: str, modern: bool, strict: bool, what: str
) -> None:
    random.seed(5)
    cluster = StandInCluster(kind, modern=modern, strict=strict)
    cluster.objects[what]["metadata"]["finalizers"] = ["example.org/backup"]
    result = walk(cluster)
    assert (result["action"], result["code"]) == ("refuse", "held_by_finalizer"), result["msg"]
    assert "example.org/backup" in result["observed"]
    assert cluster.objects[what]["metadata"]["finalizers"] == ["example.org/backup"]
    # Who set it has finished, and the run is started again.
    cluster.objects[what]["metadata"]["finalizers"] = []
    if what == POD:
        cluster.objects.pop(POD)
    assert walk(cluster)["done"]


def test_a_finalizer_that_holds_for_a_moment_is_waited_for_by_its_name() -> None:
    random.seed(5)
    cluster = StandInCluster(modern=True)
    cluster.since = 20
    cluster.objects[CLAIM]["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection", "example.org/backup"]
    for _ in range(6):
        result = step(cluster)
        cluster.tick()
    assert result["action"] == "wait"
    assert "example.org/backup" in result["reason"]


@pytest.mark.parametrize("ticks", range(10))
@pytest.mark.parametrize("modern", [False, True])
def test_a_statefulset_that_is_scaled_to_nothing_meanwhile_is_no_endless_wait(modern: bool, ticks: int) -> None:
    random.seed(ticks)
    cluster = StandInCluster(modern=modern)
    for _ in range(ticks):
        step(cluster)
        cluster.tick()
    cluster.scale(0)
    deleted = list(cluster.deleted)
    result = walk(cluster)
    assert result["done"] if result["recreated"] else result["code"] == "scaled_down", result["msg"]
    assert cluster.deleted == deleted
    cluster.scale(1)
    assert walk(cluster)["pod"]["ready"]


def test_a_deployment_with_no_replicas_gets_its_claim_and_nothing_more() -> None:
    random.seed(2)
    cluster = StandInCluster("Deployment")
    cluster.wanted = 0
    cluster.scale(0)
    result = walk(cluster)
    assert (result["done"], result["recreated"], result["claim"]["pv"]) == (True, True, ""), result["msg"]
    assert cluster.deleted == [f"persistentvolumeclaims/{NAME}"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", list(WORKLOADS))
def test_a_claim_that_lands_on_another_node_is_refused_and_left(kind: str, seed: int) -> None:
    random.seed(seed)
    cluster = StandInCluster(kind)
    cluster.lands_on = "master-2"
    result = walk(cluster)
    assert (result["action"], result["code"]) == ("refuse", "landed_elsewhere"), result["msg"]
    assert result["claim"]["node"] == "master-2"
    before = dict(cluster.objects), list(cluster.deleted)
    for _ in range(5):
        assert step(cluster)["code"] == "landed_elsewhere"
        cluster.tick()
    assert cluster.deleted == before[1]
    assert set(cluster.objects) == set(before[0])


def test_a_wait_says_why_the_pods_on_the_replacement_do_not_start() -> None:
    cluster = StandInCluster()
    helper = cluster.put(f"{PODS}/helper", spec={"nodeName": "master-4"}, status={"phase": "Pending"})
    event = cluster.put("/api/v1/namespaces/ns/events/e", spec={})
    event.update(reason="FailedCreatePodSandBox", message="runc create failed", type="Warning")
    waiting = next(
        found for found in iter(lambda: (cluster.tick(), step(cluster))[1], None) if found["action"] == "wait"
    )
    assert "On master-4 pods don't start: ns/helper: FailedCreatePodSandBox: runc create failed" in waiting["msg"]
    helper["status"]["phase"] = "Running"
    assert "ns/helper" not in step(cluster)["msg"]


def test_a_claim_that_somebody_made_again_on_another_node_is_left() -> None:
    cluster = StandInCluster()
    cluster.collect()
    del cluster.objects[CLAIM]
    cluster.put(CLAIM, spec={})
    cluster.put_volume(NAME, "master-2")
    assert step(cluster)["code"] == "landed_elsewhere"
    assert cluster.deleted == []


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
    assert "diff" not in result
    assert cluster.deleted == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_diff_names_what_is_deleted_and_nothing_of_what_it_holds(check_mode: bool) -> None:
    cluster = StandInCluster("Deployment")
    assert step(cluster, diff=True)["diff"] == {"before": "", "after": ""}
    cluster.collect()
    told = step(cluster, check_mode=check_mode, diff=True)["diff"]
    head = f"PersistentVolumeClaim ns/{NAME}"
    assert (told["before_header"], told["after_header"], told["after"]) == (head, head, "")
    assert told["before"] == (
        f"kind: PersistentVolumeClaim\nmetadata:\n  namespace: ns\n  name: {NAME}\n  uid: {PARAMS['uid']}\n"
    )
    cluster.objects.pop(CLAIM)
    told = step(cluster, check_mode=check_mode, diff=True)["diff"]
    assert told["before"] == "kind: Deployment\nmetadata:\n  namespace: ns\n  name: minio\n  uid: w\n"
    cluster = StandInCluster()
    cluster.objects.pop(CLAIM)
    cluster.put_pod()
    uid = cluster.objects[POD]["metadata"]["uid"]
    told = step(cluster, check_mode=check_mode, diff=True)["diff"]
    assert told["before"] == f"kind: Pod\nmetadata:\n  namespace: ns\n  name: minio-0\n  uid: {uid}\n"


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
    assert result["remedy"] in result["msg"]
    assert cluster.deleted == []


def test_an_affinity_term_without_a_host_is_no_binding() -> None:
    volume = StandInCluster().objects[VOLUME]
    volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"].append({"matchExpressions": []})
    place = k8s_volumes.place(volume)
    assert len(place.terms) == 2
    assert not k8s_volumes.pinned(place, k8s_volumes.Site("master-1", "host-1"))


def test_a_claim_of_a_hook_is_judged_from_the_live_object() -> None:
    cluster = StandInCluster()
    now = client.recovered(cluster, PARAMS)
    assert (now["ok"], now["lost"], now["claim"]["new_uid"]) == (False, True, "")
    assert now["msg"] == f"ns/{NAME} is still the lost claim. It must be gone, or recreated and bound"
    cluster.put(CLAIM, uid="another", spec={})
    now = client.recovered(cluster, PARAMS)
    assert (now["ok"], now["lost"]) == (False, False)
    assert now["msg"].startswith(f"ns/{NAME} was recreated and is not bound: its phase is not set")
    cluster.put_volume(NAME, "master-4")
    now = client.recovered(cluster, PARAMS)
    assert (now["ok"], now["claim"]["new_uid"], now["claim"]["phase"]) == (True, "another", "Bound")
    del cluster.objects[CLAIM]
    assert client.recovered(cluster, PARAMS)["ok"]
    cluster.put(CLAIM, uid=PARAMS["uid"], spec={"volumeName": "pv-of-somebody"}, status={"phase": "Bound"})
    with pytest.raises(HaError, match="pv-of-somebody"):
        client.recovered(cluster, PARAMS)
