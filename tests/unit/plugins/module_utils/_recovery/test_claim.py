# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import (
    HOSTNAME_LABEL,
    Place,
    Requirement,
    fits,
    site,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim, Node, Pod, Volume
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.claim import decide
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import Seen, Target, Workload
from hypothesis import given
from hypothesis import strategies as st


def place(*hosts: str, annotated: str = "", key: str = HOSTNAME_LABEL) -> Place:
    """A folder on these nodes, each in a term of its own; '' is a term that requires nothing."""
    terms = tuple((Requirement(key, "In", (host,)),) if host else () for host in hosts)
    return Place("hostPath", terms, annotated, may_be_local=True)


LOST = Lost("master-1", (), "host-1", uid="node-1")
TARGET = Target("ns", "export-minio-0", "old", "pv-old", "pv-old-uid", "StatefulSet", "minio", "w", LOST, "master-4")
DEPLOYMENT = dataclasses.replace(TARGET, claim="default-influxdb", kind="Deployment", workload="default-influxdb")


def node(name: str, uid: str, **changes: object) -> Node:
    return dataclasses.replace(Node(name, uid, ready=True, control_plane=True, hostname_label=name), **changes)


NODES = (node("master-2", "node-2", hostname_label="host-2"), node("master-4", "node-4", hostname_label="host-4"))
OLD_VOLUME = Volume("pv-old", "pv-old-uid", "Bound", "Delete", "ns/export-minio-0", "old")
NEW_VOLUME = Volume("pv-new", "pv-new-uid", "Bound", "Delete", "ns/export-minio-0", "new")
OLD_PLACE, NEW_PLACE = place("host-1", annotated="master-1"), place("host-4", annotated="master-4")
OLD_CLAIM = Claim("ns", "export-minio-0", "old", "Bound", pv_name="pv-old", created="2026-01-01T00:00:00Z")
NEW_CLAIM = dataclasses.replace(OLD_CLAIM, uid="new", pv_name="pv-new", created="2026-02-01T00:00:00Z")
UNBOUND = dataclasses.replace(NEW_CLAIM, phase="Pending", pv_name="")
STALE = Pod(
    "ns",
    "minio-0",
    "p1",
    "Pending",
    node="",
    deleting=False,
    version="7",
    created="2026-01-31T00:00:00Z",
    hint="node affinity conflict",
)
FRESH = dataclasses.replace(STALE, created="2026-02-02T00:00:00Z")
RUNNING = dataclasses.replace(
    STALE, uid="p2", version="9", phase="Running", node="master-4", ready=True, created="2026-02-02T00:00:00Z", hint=""
)
WORKLOAD = Workload("StatefulSet", "minio", "w", 4)
OPERATED = Workload("Deployment", "default-influxdb", "w", 1, managed=True)
BEFORE = Seen(NODES, OLD_CLAIM, OLD_VOLUME, OLD_PLACE, (STALE,), WORKLOAD)
AFTER = Seen(NODES, NEW_CLAIM, NEW_VOLUME, NEW_PLACE, (RUNNING,), WORKLOAD)


def seen(base: Seen = BEFORE, **changes: object) -> Seen:
    return dataclasses.replace(base, **changes)


WALK = [
    ("the old pod is still there", seen(pods=(dataclasses.replace(RUNNING, node="master-1"),)), "wait"),
    ("only an unplaced pod uses it", BEFORE, "delete_claim"),
    ("no pod uses it", seen(pods=()), "delete_claim"),
    (
        "a finished pod on a live node is no user",
        seen(pods=(dataclasses.replace(RUNNING, phase="Failed"),)),
        "delete_claim",
    ),
    ("the claim is being deleted", seen(claim=dataclasses.replace(OLD_CLAIM, deleting_seconds=3)), "wait"),
    (
        "an unplaced pod seems to hold it",
        seen(claim=dataclasses.replace(OLD_CLAIM, deleting_seconds=60)),
        "delete_pod",
    ),
    (
        "a placed pod holds it",
        seen(
            claim=dataclasses.replace(OLD_CLAIM, deleting_seconds=60),
            pods=(dataclasses.replace(RUNNING, node="master-1"), STALE),
        ),
        "wait",
    ),
    ("the claim is gone, its pod is Pending", seen(claim=None, volume=None), "delete_pod"),
    ("the claim and its pod are gone", seen(claim=None, volume=None, pods=()), "wait"),
    (
        "claim gone, pod terminating",
        seen(claim=None, volume=None, pods=(dataclasses.replace(STALE, deleting=True),)),
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
    ("a Ready pod that ends is no proof", seen(AFTER, pods=(dataclasses.replace(RUNNING, deleting=True),)), "wait"),
    ("bound and Ready on the replacement", AFTER, "done"),
    (
        "nothing runs on purpose",
        seen(claim=UNBOUND, volume=None, pods=(), workload=dataclasses.replace(WORKLOAD, replicas=0)),
        "done",
    ),
    (
        "bound, and nothing runs on purpose",
        seen(AFTER, pods=(), workload=dataclasses.replace(WORKLOAD, replicas=0)),
        "done",
    ),
    (
        "a pod that ended elsewhere before is no sign of where the new one is",
        seen(AFTER, pods=(dataclasses.replace(RUNNING, node="master-2", phase="Failed", ready=False), RUNNING)),
        "done",
    ),
    (
        "numbers that begin elsewhere",
        seen(workload=dataclasses.replace(WORKLOAD, replicas=1, first=0)),
        "delete_claim",
    ),
    (
        "a driver's own key names the lost node",
        seen(place=place("master-1", key="topology.topolvm.io/node")),
        "delete_claim",
    ),
    (
        "a driver's own key names the replacement",
        seen(AFTER, place=place("master-4", key="openebs.io/nodename")),
        "done",
    ),
    (
        "a driver's own key names the replacement by an identity that its label tells",
        seen(
            AFTER,
            place=place("id-4", key="example.org/node"),
            nodes=(
                dataclasses.replace(NODES[0], labels={"example.org/node": "id-2"}),
                dataclasses.replace(NODES[1], labels={"example.org/node": "id-4"}),
            ),
        ),
        "done",
    ),
    ("the replacement is not Ready", seen(nodes=(NODES[0], dataclasses.replace(NODES[1], ready=False))), "wait"),
    ("the lost Node is being deleted", seen(nodes=(*NODES, node("master-1", "node-1", deleting=True))), "wait"),
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
    ("replacement_cordoned", seen(nodes=(NODES[0], dataclasses.replace(NODES[1], unschedulable=True)))),
    ("claim_in_use", seen(pods=(dataclasses.replace(RUNNING, node="master-2"),))),
    ("other_volume", seen(claim=dataclasses.replace(OLD_CLAIM, pv_name="pv-other"))),
    ("other_volume", seen(volume=dataclasses.replace(OLD_VOLUME, uid="another"))),
    ("claim_mismatch", seen(volume=dataclasses.replace(OLD_VOLUME, claim_uid="another"))),
    ("not_on_lost_node", seen(place=place("host-2"))),
    ("not_on_lost_node", seen(place=place("host-1", "host-2"))),
    ("not_on_lost_node", seen(place=place("host-1", ""))),
    ("not_on_lost_node", seen(place=place())),
    ("not_on_lost_node", seen(place=place(annotated="master-1"))),
    ("not_on_lost_node", seen(place=place("host-1", annotated="master-2"))),
    ("not_on_lost_node", seen(nodes=(*NODES, node("master-3", "node-3", hostname_label="host-1")))),
    (
        "not_on_lost_node",
        seen(
            place=place("master-1", key="rack"),
            nodes=(*NODES, node("master-3", "node-3", labels={"rack": "master-1"})),
        ),
    ),
    # Nothing is deleted that nobody would make again.
    ("no_workload", seen(workload=None)),
    ("scaled_down", seen(workload=dataclasses.replace(WORKLOAD, replicas=0))),
    ("scaled_down", seen(workload=dataclasses.replace(WORKLOAD, first=1))),
    (
        "scaled_down",
        seen(AFTER, pods=(), workload=dataclasses.replace(WORKLOAD, first=1)),
    ),
    ("no_workload", seen(claim=None, volume=None, pods=(), workload=None)),
    ("scaled_down", seen(claim=None, volume=None, pods=(), workload=dataclasses.replace(WORKLOAD, replicas=0))),
    ("new_claim_lost", seen(AFTER, claim=dataclasses.replace(NEW_CLAIM, phase="Lost"))),
    ("landed_elsewhere", seen(AFTER, place=place("host-2"))),
    ("landed_elsewhere", seen(AFTER, place=place())),
    (
        "landed_elsewhere",
        seen(AFTER, place=place("z1", key="topology.kubernetes.io/zone")),
    ),
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
    assert action.remedy


def test_a_same_named_replacement_is_no_return_of_the_old_machine() -> None:
    target = dataclasses.replace(TARGET, replacement="master-1")
    state = seen(nodes=(NODES[0], node("master-1", "node-9", hostname_label="host-1")), pods=())
    assert decide(target, state).kind == "delete_claim"


SAME = dataclasses.replace(TARGET, replacement="master-1")
SAME_NODES = (NODES[0], node("master-1", "node-9", hostname_label="host-1"))
PLACED = dataclasses.replace(STALE, node="master-1")


def test_a_pod_that_can_t_start_on_a_replacement_of_the_same_name_is_no_user() -> None:
    assert decide(SAME, seen(nodes=SAME_NODES, pods=(PLACED,))).kind == "delete_claim"
    running = dataclasses.replace(PLACED, phase="Running")
    assert decide(SAME, seen(nodes=SAME_NODES, pods=(running,))).code == "claim_in_use"
    # On a replacement with a name of its own a placed pod has another volume.
    assert decide(TARGET, seen(pods=(dataclasses.replace(STALE, node="master-4"),))).code == "claim_in_use"


def test_a_claim_that_is_being_deleted_is_let_go_by_the_pod_that_can_t_start() -> None:
    going = dataclasses.replace(OLD_CLAIM, deleting_seconds=1)
    assert decide(SAME, seen(nodes=SAME_NODES, claim=going, pods=(PLACED,))).pod == PLACED
    ending = dataclasses.replace(PLACED, deleting=True)
    assert decide(SAME, seen(nodes=SAME_NODES, claim=going, pods=(ending,))).kind == "wait"
    # A new claim's pod is none that waits for the old volume.
    new = dataclasses.replace(NEW_CLAIM, deleting_seconds=1)
    assert decide(SAME, seen(nodes=SAME_NODES, claim=new, pods=(PLACED,))).kind == "wait"


def test_a_claim_that_is_recreated_waits_while_its_pod_waits_for_another_lost_claim() -> None:
    # On a replacement of the same name the old volume of the other claim still fits, so the pod is placed and can't start.
    new = place("host-1", annotated="master-1")
    for state in (seen(AFTER, place=new), seen(claim=UNBOUND, volume=None)):
        assert decide(SAME, dataclasses.replace(state, nodes=SAME_NODES, pods=(PLACED,))).kind == "wait"
    # Under a name of its own nothing is placed before the other claim is recreated too.
    for state in (seen(AFTER, pods=(FRESH,)), seen(claim=UNBOUND, volume=None, pods=(FRESH,))):
        assert decide(TARGET, state).kind == "wait"


def test_a_waiting_pod_says_why_in_the_words_of_the_scheduler() -> None:
    state = seen(claim=UNBOUND, volume=None, pods=(FRESH,))
    assert "node affinity conflict" in decide(TARGET, state).reason


def test_a_held_claim_names_who_holds_it_and_keeps_its_finalizers() -> None:
    held = dataclasses.replace(OLD_CLAIM, deleting_seconds=90, finalizers=("example.org/backup",))
    action = decide(TARGET, seen(claim=held, pods=(dataclasses.replace(RUNNING, node="master-1"),)))
    assert action.kind == "wait"
    assert "example.org/backup" in action.reason
    assert "minio-0" in action.reason


PROTECTED = "kubernetes.io/pvc-protection"


@pytest.mark.parametrize("base", [OLD_CLAIM, NEW_CLAIM], ids=["old", "new"])
@pytest.mark.parametrize(
    ("seconds", "finalizers", "code"),
    [
        (59, (PROTECTED, "example.org/backup"), ""),
        (60, (PROTECTED, "example.org/backup"), "held_by_finalizer"),
        (60, ("example.org/backup",), "held_by_finalizer"),
        (3600, (PROTECTED,), ""),
        (3600, (), ""),
    ],
)
def test_a_claim_that_a_foreign_finalizer_keeps_is_refused_after_a_time(
    base: Claim, seconds: int, finalizers: tuple[str, ...], code: str
) -> None:
    held = dataclasses.replace(base, deleting_seconds=seconds, finalizers=finalizers)
    action = decide(TARGET, seen(claim=held, pods=()))
    assert (action.kind, action.code) == ("refuse" if code else "wait", code)
    assert all(item in action.reason for item in finalizers if item != PROTECTED)


def test_a_pod_that_was_never_placed_is_let_go_before_a_held_claim_is_refused() -> None:
    held = dataclasses.replace(OLD_CLAIM, deleting_seconds=90, finalizers=("example.org/backup",))
    assert decide(TARGET, seen(claim=held)).kind == "delete_pod"


ENDING = dataclasses.replace(
    RUNNING, node="master-1", ready=False, deleting=True, deleting_seconds=60, finalizers=("example.org/drain",)
)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(seen(pods=(ENDING,)), id="the old claim"),
        pytest.param(seen(claim=None, volume=None, pods=(ENDING,)), id="no claim"),
        pytest.param(seen(claim=UNBOUND, volume=None, pods=(ENDING,)), id="a new claim"),
        pytest.param(seen(AFTER, pods=(dataclasses.replace(ENDING, node="master-4"),)), id="the next pod's name"),
    ],
)
def test_a_pod_that_a_finalizer_keeps_is_refused_after_a_time(state: Seen) -> None:
    action = decide(TARGET, state)
    assert (action.kind, action.code) == ("refuse", "held_by_finalizer")
    assert "minio-0" in action.reason
    assert "example.org/drain" in action.reason
    shortly = seen(state, pods=(dataclasses.replace(state.pods[0], deleting_seconds=59),))
    assert decide(TARGET, shortly).kind == "wait"
    assert "example.org/drain" in decide(TARGET, shortly).reason
    free = seen(state, pods=(dataclasses.replace(state.pods[0], finalizers=()),))
    assert decide(TARGET, free).kind == "wait"


def test_a_pod_that_is_held_does_not_keep_a_deployment_from_its_new_claim() -> None:
    state = seen(claim=UNBOUND, volume=None, pods=(ENDING, FRESH), workload=OPERATED)
    assert decide(DEPLOYMENT, state).kind == "wait"
    assert decide(DEPLOYMENT, seen(pods=(ENDING,), workload=OPERATED)).code == "held_by_finalizer"


def test_nothing_is_held_while_a_node_is_waited_for() -> None:
    nodes = (NODES[0], dataclasses.replace(NODES[1], ready=False))
    assert decide(TARGET, seen(nodes=nodes, pods=(ENDING,))).kind == "wait"


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
        pytest.param(seen(workload=None), "wait", id="nobody is known to make the claim again"),
        pytest.param(seen(workload=dataclasses.replace(OPERATED, uid="w2")), "delete_claim", id="made anew meanwhile"),
        pytest.param(
            seen(workload=dataclasses.replace(OPERATED, replicas=0), pods=()), "delete_claim", id="nothing runs"
        ),
        pytest.param(
            seen(claim=UNBOUND, volume=None, pods=(), workload=dataclasses.replace(OPERATED, replicas=0)),
            "done",
            id="nothing runs on purpose",
        ),
        pytest.param(
            seen(AFTER, pods=(), workload=dataclasses.replace(OPERATED, replicas=0)),
            "done",
            id="bound at once, nothing runs on purpose",
        ),
    ],
)
def test_a_deployment_is_deleted_after_its_claim_and_left_to_its_operator(state: Seen, expected: str) -> None:
    assert decide(DEPLOYMENT, state).kind == expected


@pytest.mark.parametrize("state", [seen(), seen(claim=None, volume=None)])
def test_a_deployment_that_nothing_owns_is_not_deleted(state: Seen) -> None:
    state = dataclasses.replace(state, workload=dataclasses.replace(OPERATED, managed=False))
    assert decide(DEPLOYMENT, state).code == "nobody_recreates"


HOSTS = ["host-1", "host-2", "host-4", "master-1", "z1"]
KEYS = [HOSTNAME_LABEL, "topology.topolvm.io/node", "topology.kubernetes.io/zone"]
REQUIREMENTS = st.builds(
    Requirement,
    key=st.sampled_from(KEYS),
    operator=st.sampled_from(["In", "NotIn", "Exists"]),
    values=st.lists(st.sampled_from(HOSTS), max_size=2).map(tuple),
)
LABELLED = tuple(
    dataclasses.replace(item, labels={KEYS[1]: item.name, KEYS[2]: "z1"}) for item in (*NODES, node("host-1", "node-5"))
)


@given(
    terms=st.lists(st.lists(REQUIREMENTS, max_size=2).map(tuple), max_size=2).map(tuple),
    annotated=st.sampled_from(["", "master-1", "master-2"]),
    nodes=st.lists(st.sampled_from(LABELLED), max_size=2),
)
def test_a_claim_is_deleted_only_when_no_other_node_may_use_its_volume(
    terms: tuple[tuple[Requirement, ...], ...], annotated: str, nodes: list[Node]
) -> None:
    where = Place("hostPath", terms, annotated, may_be_local=True)
    everyone = tuple({item.name: item for item in (LABELLED[1], *nodes)}.values())
    state = seen(nodes=everyone, place=where)
    action = decide(TARGET, state)
    if action.kind == "delete_claim":
        assert terms
        assert annotated != "master-2"
        assert not any(fits(where, site(item)) for item in everyone)
    else:
        assert action.code == "not_on_lost_node"
