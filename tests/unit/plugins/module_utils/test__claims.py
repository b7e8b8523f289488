# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._claims import (
    Claim,
    LiveNode,
    LostNode,
    Pod,
    Seen,
    Target,
    Volume,
    Workload,
    decide,
)

LOST = LostNode("master-1", "node-1", "host-1")
TARGET = Target("ns", "export-minio-0", "old", "pv-old", "pv-old-uid", "StatefulSet", "minio", "w", LOST, "master-4")
DEPLOYMENT = dataclasses.replace(TARGET, claim="default-influxdb", kind="Deployment", workload="default-influxdb")
NODES = (LiveNode("master-2", "node-2", "host-2"), LiveNode("master-4", "node-4", "host-4"))
OLD_VOLUME = Volume("pv-old", "pv-old-uid", "old", hostnames=("host-1",), annotated_node="master-1")
NEW_VOLUME = Volume("pv-new", "pv-new-uid", "new", hostnames=("host-4",), annotated_node="master-4")
OLD_CLAIM = Claim("old", "Bound", "pv-old", created="2026-01-01T00:00:00Z")
NEW_CLAIM = Claim("new", "Bound", "pv-new", created="2026-02-01T00:00:00Z")
UNBOUND = Claim("new", "Pending", created="2026-02-01T00:00:00Z")
STALE = Pod("minio-0", "p1", "7", "Pending", created="2026-01-31T00:00:00Z", hint="node affinity conflict")
FRESH = dataclasses.replace(STALE, created="2026-02-02T00:00:00Z")
RUNNING = Pod("minio-0", "p2", "9", "Running", node="master-4", ready=True, created="2026-02-02T00:00:00Z")
WORKLOAD = Workload("StatefulSet", "minio", "w", 4)
OPERATED = Workload("Deployment", "default-influxdb", "w", 1, managed=True)
BEFORE = Seen(NODES, OLD_CLAIM, OLD_VOLUME, (STALE,), WORKLOAD)
AFTER = Seen(NODES, NEW_CLAIM, NEW_VOLUME, (RUNNING,), WORKLOAD)


def seen(base: Seen = BEFORE, **changes: object) -> Seen:
    return dataclasses.replace(base, **changes)


def node(name: str, uid: str, **changes: object) -> LiveNode:
    return dataclasses.replace(LiveNode(name, uid, name), **changes)


WALK = [
    ("the old pod is still there", seen(pods=(dataclasses.replace(RUNNING, node="master-1"),)), "wait"),
    ("only an unplaced pod uses it", BEFORE, "delete_claim"),
    ("no pod uses it", seen(pods=()), "delete_claim"),
    (
        "a finished pod on a live node is no user",
        seen(pods=(dataclasses.replace(RUNNING, phase="Failed"),)),
        "delete_claim",
    ),
    ("the claim is being deleted", seen(claim=dataclasses.replace(OLD_CLAIM, terminating_seconds=3)), "wait"),
    (
        "an unplaced pod seems to hold it",
        seen(claim=dataclasses.replace(OLD_CLAIM, terminating_seconds=60)),
        "delete_pod",
    ),
    (
        "a placed pod holds it",
        seen(
            claim=dataclasses.replace(OLD_CLAIM, terminating_seconds=60),
            pods=(dataclasses.replace(RUNNING, node="master-1"), STALE),
        ),
        "wait",
    ),
    ("the claim is gone, its pod is Pending", seen(claim=None, volume=None), "delete_pod"),
    ("the claim and its pod are gone", seen(claim=None, volume=None, pods=()), "wait"),
    (
        "claim gone, pod terminating",
        seen(claim=None, volume=None, pods=(dataclasses.replace(STALE, terminating=True),)),
        "wait",
    ),
    (
        "claim gone, pod still on the lost node",
        seen(claim=None, pods=(dataclasses.replace(RUNNING, node="master-1"),)),
        "wait",
    ),
    ("a new claim, the pod of before", seen(claim=UNBOUND, volume=None), "delete_pod"),
    ("a new claim, its own pod", seen(claim=UNBOUND, volume=None, pods=(FRESH,)), "wait"),
    (
        "an older pod that was placed is left",
        seen(claim=UNBOUND, volume=None, pods=(dataclasses.replace(STALE, node="master-4"),)),
        "wait",
    ),
    (
        "a Ready pod of the vanished node is no proof",
        seen(AFTER, pods=(dataclasses.replace(RUNNING, node="master-1"),)),
        "wait",
    ),
    ("the new claim is bound, no pod yet", seen(AFTER, pods=()), "wait"),
    ("the new claim is bound, its volume unread", seen(AFTER, volume=None), "wait"),
    ("the pod is not Ready", seen(AFTER, pods=(dataclasses.replace(RUNNING, ready=False),)), "wait"),
    ("a Ready pod that ends is no proof", seen(AFTER, pods=(dataclasses.replace(RUNNING, terminating=True),)), "wait"),
    ("bound and Ready on the replacement", AFTER, "done"),
    (
        "nothing runs on purpose",
        seen(claim=UNBOUND, volume=None, pods=(), workload=dataclasses.replace(WORKLOAD, replicas=0)),
        "done",
    ),
    ("the replacement is not Ready", seen(nodes=(NODES[0], dataclasses.replace(NODES[1], ready=False))), "wait"),
    ("the lost Node is being deleted", seen(nodes=(*NODES, node("master-1", "node-1", terminating=True))), "wait"),
    (
        "the volume's object is gone, the claim Lost",
        seen(claim=dataclasses.replace(OLD_CLAIM, phase="Lost"), volume=None),
        "delete_claim",
    ),
    ("the volume's object is gone, the claim not Lost", seen(volume=None), "wait"),
]

REFUSALS = [
    ("lost_node_present", seen(nodes=(*NODES, node("master-1", "node-1")))),
    ("lost_node_returned", seen(nodes=(*NODES, node("master-1", "node-9")))),
    ("no_replacement", seen(nodes=NODES[:1])),
    ("replacement_cordoned", seen(nodes=(NODES[0], dataclasses.replace(NODES[1], schedulable=False)))),
    ("claim_in_use", seen(pods=(dataclasses.replace(RUNNING, node="master-2"),))),
    ("other_volume", seen(claim=dataclasses.replace(OLD_CLAIM, volume_name="pv-other"))),
    ("other_volume", seen(volume=dataclasses.replace(OLD_VOLUME, uid="another"))),
    ("claim_mismatch", seen(volume=dataclasses.replace(OLD_VOLUME, claim_uid="another"))),
    ("not_on_lost_node", seen(volume=dataclasses.replace(OLD_VOLUME, hostnames=("host-2",)))),
    ("not_on_lost_node", seen(volume=dataclasses.replace(OLD_VOLUME, hostnames=("host-1", "host-2")))),
    ("not_on_lost_node", seen(volume=dataclasses.replace(OLD_VOLUME, hostnames=("host-1", "*")))),
    ("not_on_lost_node", seen(volume=dataclasses.replace(OLD_VOLUME, hostnames=()))),
    ("not_on_lost_node", seen(volume=dataclasses.replace(OLD_VOLUME, annotated_node="master-2"))),
    ("no_workload", seen(claim=None, volume=None, pods=(), workload=None)),
    ("scaled_down", seen(claim=None, volume=None, pods=(), workload=dataclasses.replace(WORKLOAD, replicas=0))),
    ("new_claim_lost", seen(AFTER, claim=dataclasses.replace(NEW_CLAIM, phase="Lost"))),
    ("landed_elsewhere", seen(AFTER, volume=dataclasses.replace(NEW_VOLUME, hostnames=("host-2",)))),
    ("landed_elsewhere", seen(AFTER, pods=(dataclasses.replace(RUNNING, node="master-2"),))),
    (
        "landed_elsewhere",
        seen(claim=dataclasses.replace(UNBOUND, selected_node="master-2"), volume=None, pods=(FRESH,)),
    ),
]


@pytest.mark.parametrize(("state", "expected"), [pytest.param(*rest, id=name) for name, *rest in WALK])
def test_the_next_act_follows_from_the_live_objects(state: Seen, expected: str) -> None:
    assert decide(TARGET, state).kind == expected


@pytest.mark.parametrize(("code", "state"), REFUSALS)
def test_what_is_not_proven_safe_is_refused(code: str, state: Seen) -> None:
    action = decide(TARGET, state)
    assert (action.kind, action.code) == ("refuse", code)
    assert action.reason
    assert action.advice


def test_a_same_named_replacement_is_no_return_of_the_old_machine() -> None:
    target = dataclasses.replace(TARGET, replacement="master-1")
    state = seen(nodes=(NODES[0], node("master-1", "node-9", hostname="host-1")), pods=())
    assert decide(target, state).kind == "delete_claim"


SAME = dataclasses.replace(TARGET, replacement="master-1")
SAME_NODES = (NODES[0], node("master-1", "node-9", hostname="host-1"))
PLACED = dataclasses.replace(STALE, node="master-1")


def test_a_pod_that_can_t_start_on_a_replacement_of_the_same_name_is_no_user() -> None:
    assert decide(SAME, seen(nodes=SAME_NODES, pods=(PLACED,))).kind == "delete_claim"
    running = dataclasses.replace(PLACED, phase="Running")
    assert decide(SAME, seen(nodes=SAME_NODES, pods=(running,))).code == "claim_in_use"
    # On a replacement with a name of its own a placed pod has another volume.
    assert decide(TARGET, seen(pods=(dataclasses.replace(STALE, node="master-4"),))).code == "claim_in_use"


def test_a_claim_that_is_being_deleted_is_let_go_by_the_pod_that_can_t_start() -> None:
    going = dataclasses.replace(OLD_CLAIM, terminating_seconds=1)
    assert decide(SAME, seen(nodes=SAME_NODES, claim=going, pods=(PLACED,))).pod == PLACED
    ending = dataclasses.replace(PLACED, terminating=True)
    assert decide(SAME, seen(nodes=SAME_NODES, claim=going, pods=(ending,))).kind == "wait"
    # A new claim's pod is none that waits for the old volume.
    new = dataclasses.replace(NEW_CLAIM, terminating_seconds=1)
    assert decide(SAME, seen(nodes=SAME_NODES, claim=new, pods=(PLACED,))).kind == "wait"


def test_a_waiting_pod_says_why_in_the_words_of_the_scheduler() -> None:
    state = seen(claim=UNBOUND, volume=None, pods=(FRESH,))
    assert "node affinity conflict" in decide(TARGET, state).reason


def test_a_held_claim_names_who_holds_it_and_keeps_its_finalizers() -> None:
    held = dataclasses.replace(OLD_CLAIM, terminating_seconds=90, finalizers=("example.org/backup",))
    action = decide(TARGET, seen(claim=held, pods=(dataclasses.replace(RUNNING, node="master-1"),)))
    assert action.kind == "wait"
    assert "example.org/backup" in action.reason
    assert "minio-0" in action.reason


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(seen(workload=OPERATED), "delete_claim", id="the claim goes first"),
        pytest.param(seen(claim=None, volume=None, workload=OPERATED), "delete_workload", id="then the Deployment"),
        pytest.param(
            seen(claim=None, volume=None, workload=None, pods=()), "wait", id="then the operator is waited for"
        ),
        pytest.param(
            seen(claim=None, volume=None, workload=dataclasses.replace(OPERATED, uid="w2")),
            "wait",
            id="a new Deployment stays",
        ),
        pytest.param(seen(claim=UNBOUND, volume=None, pods=(FRESH,), workload=OPERATED), "wait", id="a quick operator"),
        pytest.param(seen(AFTER, workload=OPERATED), "done", id="Ready on the replacement"),
    ],
)
def test_a_deployment_is_deleted_after_its_claim_and_left_to_its_operator(state: Seen, expected: str) -> None:
    assert decide(DEPLOYMENT, state).kind == expected


@pytest.mark.parametrize("state", [seen(), seen(claim=None, volume=None)])
def test_a_deployment_that_nothing_owns_is_not_deleted(state: Seen) -> None:
    state = dataclasses.replace(state, workload=dataclasses.replace(OPERATED, managed=False))
    assert decide(DEPLOYMENT, state).code == "nobody_recreates"
