"""Verifies the replacement from a fresh reading of the cluster, not from the results of the actions. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import problems
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import DaemonPod, Node
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view

# Names of a list in a check.
_NAMED = 5


@dataclasses.dataclass(frozen=True)
class Check:
    """One condition that must hold. `observed` is the observation, whether it holds or not."""

    name: str
    ok: bool
    observed: str


def verdict(
    cluster: Cluster, *, vip_answers: bool, minio: t.Sequence[Json], left_alone: t.Collection[str] = ()
) -> t.Tuple[Check, ...]:
    """Check nodes, members, API servers, VIP, volumes, pods, cordons and MinIO. `left_alone` are claims (NAMESPACE/NAME) with the policy ignore."""
    if cluster.api_error:
        return (Check("API", False, cluster.api_error),)
    return tuple(_checks(cluster, vip_answers, minio, left_alone))


def _checks(
    cluster: Cluster, vip_answers: bool, minio: t.Sequence[Json], left_alone: t.Collection[str]
) -> t.Iterator[Check]:
    lost = cluster.lost.name if cluster.lost else ""
    masters = [node for node in cluster.nodes if node.control_plane]
    unready = [node.name for node in masters if not node.ready]
    covered = {view.node_of(cluster, host) for host in cluster.hosts if host.reachable}
    strange = sorted(node.name for node in masters if node.name not in covered)
    absent = [host.name for host in cluster.hosts if view.node_of(cluster, host) not in {node.name for node in masters}]
    yield _check(
        "nodes",
        (("not Ready: ", unready), ("not in the inventory: ", strange), ("not a control-plane node: ", absent)),
        "{0} control-plane nodes, all Ready: {1}".format(
            len(masters), ", ".join(sorted(node.name for node in masters))
        ),
    )
    yield _check(
        "lost node",
        (("still there: ", [node.name for node in cluster.nodes if _is_lost(node, cluster.lost)]),),
        "{0} has no Node".format(lost)
        if lost not in {node.name for node in masters}
        else "the lost node is gone; the new {0} has its name".format(lost),
    )
    member = view.lost_member(cluster)
    gone = [member.name or member.id] if member else []
    voters = sorted(member.name for member in cluster.etcd.members if not member.learner)
    count = (
        ()
        if len(voters) == len(cluster.hosts)
        else ("{0} voters for {1} hosts".format(len(voters), len(cluster.hosts)),)
    )
    yield _check(
        "etcd",
        (("", problems(cluster.etcd)), ("still a member: ", gone), ("", count)),
        "{0} started voters, each answers a linearizable read: {1}".format(len(voters), ", ".join(voters)),
    )
    yield _check(
        "API servers",
        (
            (
                "",
                [
                    "{0} {1}".format(host.name, host.api_ready or "has none" if host.reachable else host.error)
                    for host in cluster.hosts
                    if host.api_ready != "ok"
                ],
            ),
        ),
        "ready on {0}".format(", ".join(sorted(host.name for host in cluster.hosts))),
    )
    yield from _vip(cluster, vip_answers)
    stale = [item.name for item in cluster.volumes if item.reclaim_policy != "Retain"]
    helpers = [qualified(pod.namespace, pod.name) for pod in cluster.helper_pods]
    yield _check(
        "volumes",
        (("left of the lost node: ", stale), ("helper pods: ", helpers)),
        "no volume of the lost node is left",
    )
    gone = [
        name
        for name in (qualified(item.namespace, item.name) for item in cluster.gone_claims)
        if name not in left_alone
    ]
    yield _check(
        "claims",
        (("their volumes were on the lost node and are gone: ", gone),),
        "no claim names a volume that is gone",
    )
    waiting = [
        qualified(pod.namespace, pod.name)
        for pod in cluster.stranded_pods
        if any(qualified(pod.namespace, claim) not in left_alone for claim in pod.claims)
    ]
    yield _check(
        "pods",
        (("still need a volume of the lost node: ", waiting), ("still on it: ", [pod.name for pod in cluster.pods])),
        "no pod waits for the lost node",
    )
    if cluster.replacement:
        yield _pods_there(cluster)
    yield _check(
        "cordons",
        (("still cordoned: ", [node.name for node in cluster.nodes if node.cordoned_for]),),
        "no cordon of this recovery is left",
    )
    for item in minio:
        yield Check("MinIO", bool(item["converged"]), item["summary"])


def pods_run(cluster: Cluster) -> bool:
    """Whether the pods that every other master runs do run on the replacement; also if that was not asked for."""
    return not cluster.replacement or _pods_there(cluster).ok


def _pods_there(cluster: Cluster) -> Check:
    """Compare the replacement's pods of DaemonSets with those of the other Ready masters: what none of them lacks must be Ready there too.

    What is not Ready on another one either is no fault of the replacement, and is told only.
    """
    where = cluster.replacement
    others = {node.name for node in cluster.nodes if node.control_plane and node.ready and node.name != where}
    sets: t.Dict[t.Tuple[str, str], t.List[DaemonPod]] = {}
    for pod in cluster.daemon_pods:
        sets.setdefault((pod.namespace, pod.daemon_set), []).append(pod)
    running = 0
    troubled: t.List[DaemonPod] = []
    absent: t.List[t.Tuple[str, str]] = []
    known: t.List[str] = []
    for key, pods in sorted(sets.items()):
        ready = {pod.node for pod in pods if pod.ready}
        mine = sorted((pod for pod in pods if pod.node == where), key=lambda pod: pod.name)
        elsewhere = bool(others) and others <= ready
        if where in ready:
            running += 1
        elif mine and elsewhere:
            troubled += mine
        elif mine:
            known.append("{0} is not Ready there, nor everywhere else".format(qualified(*key)))
        elif elsewhere and _is_wanted(cluster, pods):
            absent.append(key)
        elif elsewhere:
            known.append("{0} has no pod there, perhaps by its node selector or a taint".format(qualified(*key)))
    observed = "{0} DaemonSet pod{1} {2} on {3}".format(
        running, "" if running == 1 else "s", "runs" if running == 1 else "run", where
    )
    faults = (
        (
            "not Ready on {0}, but on every other control-plane node: ".format(where),
            _first(["{0} ({1})".format(qualified(pod.namespace, pod.name), pod.hint) for pod in troubled]),
        ),
        (
            "without a pod on {0}, but with one on every other control-plane node: ".format(where),
            _first([qualified(*key) for key in absent]),
        ),
        ("", [_remedy(where, troubled, absent)] if troubled or absent else []),
    )
    return _check("pods of the replacement", faults, "; ".join([observed, *_first(known)]))


def _is_wanted(cluster: Cluster, pods: t.Sequence[DaemonPod]) -> bool:
    """Whether a DaemonSet must have a pod on the replacement: some master has one, all labels it asks for as the replacement, and all its taints."""
    nodes = {node.name: node for node in cluster.nodes}
    new = nodes.get(cluster.replacement)
    return new is not None and any(
        all(new.labels.get(key) == nodes[pod.node].labels.get(key) for key in pod.selects)
        and _repelling(new) <= _repelling(nodes[pod.node])
        for pod in pods
        if pod.ready and pod.node in nodes
    )


def _repelling(node: Node) -> t.Set[t.Tuple[str, str, str]]:
    found = ((str(item.get("key")), str(item.get("value") or ""), str(item.get("effect"))) for item in node.taints)
    return {taint for taint in found if taint[2] != "PreferNoSchedule"}


def _remedy(where: str, troubled: t.Sequence[DaemonPod], absent: t.Sequence[t.Tuple[str, str]]) -> str:
    if troubled:
        namespace, kind, name = troubled[0].namespace, "pod", troubled[0].name
    else:
        namespace, kind, name = absent[0][0], "daemonset", absent[0][1]
    return "look at `kubectl -n {0} describe {1} {2}`, and on {3} at the CNI and the log of containerd".format(
        namespace, kind, name, where
    )


def _first(names: t.Sequence[str]) -> t.List[str]:
    more = len(names) - _NAMED
    return [*names[:_NAMED], *(["and {0} more".format(more)] if more > 0 else [])]


def _is_lost(node: Node, lost: t.Optional[Lost]) -> bool:
    """Whether a Node is the lost one, or a machine that came back with its name. A replacement with that name is a control-plane node."""
    return lost is not None and node.name == lost.name and (node.uid == lost.uid or not node.control_plane)


def _vip(cluster: Cluster, answers: bool) -> t.Iterator[Check]:
    if not cluster.vip.address:
        return
    holders = cluster.vip.holders
    wrong = [] if len(holders) == 1 else ["held by {0}".format(" and ".join(holders) or "no host")]
    silent = [] if answers else ["no API server answers there"]
    masters = [host.name for host in cluster.hosts if _is_master(host)]
    contradicting = [] if len(masters) == 1 else ["{0} hosts are MASTER: {1}".format(len(masters), ", ".join(masters))]
    yield _check(
        "VIP",
        (("", wrong), ("", silent), ("", contradicting)),
        "{0} is on {1} and the API answers there".format(cluster.vip.address, ", ".join(holders)),
    )


def _is_master(host: Host) -> bool:
    return host.keepalived is not None and host.keepalived.state == "MASTER"


def _check(name: str, faults: t.Sequence[t.Tuple[str, t.Sequence[str]]], otherwise: str) -> Check:
    found = ["{0}{1}".format(label, ", ".join(items)) for label, items in faults if items]
    return Check(name, not found, "; ".join(found) or otherwise)
