# SPDX-License-Identifier: GPL-3.0-or-later
"""The removal of what the lost volumes leave behind, against a stand-in for the API server and its provisioner."""

from __future__ import annotations

import random
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ObjectChanged
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import clear, client
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils._recovery.test_client import (
    PARAMS,
    PODS,
    VOLUME,
    StandInCluster,
    step,
)

LOST = client.lost_from(PARAMS["lost_node"])
NAME = PARAMS["pv_name"]
HELPER = f"helper-pod-delete-{NAME}"


class LeftCluster(StandInCluster):
    """The claim is recovered, its old volume is Released, and the provisioner of it makes a pod on the lost node `tries` times."""

    def __init__(self, tries: int = 1) -> None:
        super().__init__()
        self.tries, self.recovered = tries, False
        self.graces: list[int | None] = []
        self.slept: list[float] = []
        random.seed(3)
        while not step(self)["done"]:
            self.tick()
        self.recovered = True
        self.deleted.clear()
        self.provision()

    def provision(self) -> None:
        if self.tries:
            self.tries -= 1
            self.put(f"{PODS}/{HELPER}", spec={"nodeName": "master-1"}, status={"phase": "Pending"})

    def delete(self, path: str, *, uid: str, version: str = "", grace: int | None = None) -> bool:
        if not self.recovered:
            return super().delete(path, uid=uid, version=version)
        assert self.objects[path]["metadata"]["uid"] == uid
        assert not version
        self.deleted.append("/".join(path.rsplit("/", 2)[1:]))
        self.graces.append(grace)
        del self.objects[path]
        return True

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.provision()

    def clear(self, **more: t.Any) -> dict:
        given: dict = {"lost": LOST, "claims": [PARAMS], "seconds": 10, "delay": 3, "sleep": self.sleep, **more}
        return clear.clear(self, **given)


def test_leftovers_are_judged_from_the_live_objects() -> None:
    assert [item["act"] for item in clear.look(StandInCluster(), lost=LOST, claims=[PARAMS])["volumes"]] == ["wait"]
    found = clear.look(LeftCluster(), lost=LOST, claims=[PARAMS])
    assert [(item["name"], item["act"]) for item in found["volumes"]] == [(NAME, "delete")]
    assert [item["name"] for item in found["helper_pods"]] == [HELPER]
    assert found["deletable"] == found["held"] == found["volumes"]
    assert (found["settled"], found["msg"]) == (True, NAME + ": its claim and its node are gone")


def test_volume_and_pods_are_removed_until_a_look_finds_none() -> None:
    cluster = LeftCluster(tries=3)
    found = cluster.clear()
    assert (found["removed_volumes"], found["removed_pods"], found["held"]) == ([NAME], [HELPER], [])
    assert cluster.deleted == ["persistentvolumes/" + NAME, *["pods/" + HELPER] * 3]
    # Nobody confirms the end of a pod on a node that is gone.
    assert cluster.graces == [None, 0, 0, 0]
    assert cluster.slept == [3, 3, 3]
    again = cluster.clear()
    assert (again["removed_volumes"], again["removed_pods"]) == ([], [])
    assert cluster.slept == [3, 3, 3]


def test_a_volume_whose_claim_is_still_there_is_waited_for_and_kept() -> None:
    cluster, slept = StandInCluster(), []
    found = clear.clear(cluster, lost=LOST, claims=[PARAMS], seconds=10, delay=3, sleep=slept.append)
    assert (slept, found["held"], found["removed_volumes"]) == ([3, 3, 3, 3], found["volumes"], [])
    assert found["msg"] == NAME + ": its claim still exists"
    assert cluster.deleted == []


def test_check_mode_looks_once() -> None:
    cluster = LeftCluster(tries=9)
    found = cluster.clear(check_mode=True)
    assert (found["removed_volumes"], found["removed_pods"], cluster.slept) == ([NAME], [HELPER], [])


def test_an_object_that_changed_meanwhile_is_looked_at_again() -> None:
    class Racing(LeftCluster):
        def delete(self, path: str, *, uid: str, **more: t.Any) -> bool:
            if self.recovered and not self.slept:
                raise ObjectChanged(path, uid)
            return super().delete(path, uid=uid, **more)

    cluster = Racing()
    assert cluster.clear()["removed_volumes"] == [NAME]
    assert VOLUME not in cluster.objects


def test_what_can_not_be_removed_is_tried_until_the_time_is_over() -> None:
    class Held(LeftCluster):
        def delete(self, path: str, *, uid: str, **more: t.Any) -> bool:
            if self.recovered:
                raise ObjectChanged(path, uid)
            return super().delete(path, uid=uid, **more)

    cluster = Held()
    found = cluster.clear(seconds=6)
    assert [item["name"] for item in found["held"]] == [NAME]
    assert cluster.slept == [3, 3]
