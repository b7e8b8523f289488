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
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import DaemonPod, Node, Pod
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
    silent = [host.name for host in cluster.hosts if not host.reachable]
    own = {host.name: view.node_of(cluster, host) for host in cluster.hosts if host.reachable}
    # A host that can't be read may be any Node.
    strange = [] if silent else sorted(node.name for node in masters if node.name not in own.values())
    absent = [name for name, node in own.items() if node not in {node.name for node in masters}]
    yield _check(
        "nodes",
        (
            ("not Ready: ", unready),
            ("could not be read over SSH: ", silent),
            ("not in the inventory: ", strange),
            ("not a control-plane node: ", absent),
        ),
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
        (("still need a volume of the lost node: ", waiting), ("still on it: ", [_held(pod) for pod in cluster.pods])),
        "no pod waits for the lost node",
    )
    if cluster.replacement:
        yield _pods_there(cluster)
    yield _check(
        "cordons",
        # The cordon of another replacement is lifted by that one.
        (("still cordoned: ", [node.name for node in cluster.nodes if lost and node.cordoned_for == lost]),),
        "no cordon of this recovery is left",
    )
    for item in minio:
        yield Check("MinIO", bool(item["converged"]), item["summary"])


def _held(pod: Pod) -> str:
    """A pod of the lost node with what holds it: without a finalizer a controller that does not run."""
    name = qualified(pod.namespace, pod.name)
    return "{0} (held by the finalizers {1})".format(name, ", ".join(pod.finalizers)) if pod.finalizers else name


def pods_run(cluster: Cluster) -> bool:
    """Whether each pod of a DaemonSet on the replacement is Ready that is so on every other master; also if that was not asked for."""
    return not cluster.replacement or not _daemons_there(cluster)[1]


def _daemons_there(cluster: Cluster) -> t.Tuple[t.List[DaemonPod], t.List[DaemonPod], t.List[str]]:
    """The replacement's pods of DaemonSets that are Ready, those that are not, and the DaemonSets without a pod there.

    Of the last two only what is Ready on every other Ready master: the rest is no fault of the replacement.
    """
    where = cluster.replacement
    others = {node.name for node in cluster.nodes if node.control_plane and node.ready and node.name != where}
    sets: t.Dict[t.Tuple[str, str], t.List[DaemonPod]] = {}
    for pod in cluster.daemon_pods:
        sets.setdefault((pod.namespace, pod.daemon_set), []).append(pod)
    ready, troubled, absent = [], [], []
    for key, pods in sorted(sets.items()):
        mine = sorted((pod for pod in pods if pod.node == where), key=lambda pod: pod.name)
        works = [pod for pod in mine if pod.ready]
        ready += works[:1]
        if not works and others and others <= {pod.node for pod in pods if pod.ready}:
            troubled += mine
            absent += [] if mine else [qualified(*key)]
    return ready, troubled, absent


def _pods_there(cluster: Cluster) -> Check:
    """Judge whether pods can start on the replacement: one in the network of pods that does is enough, none of several is a fault.

    A single application that has trouble there, or an image that takes long, is told and no fault of the replacement.
    """
    where = cluster.replacement
    ready, troubled, absent = _daemons_there(cluster)
    named = _first(["{0} ({1})".format(qualified(pod.namespace, pod.name), pod.hint) for pod in troubled])
    networked = [pod for pod in troubled if not pod.host_network]
    if networked and all(pod.host_network for pod in ready):
        return Check(
            "pods there",
            False,
            "no pod in the network of pods starts on {0}: {1}; look at `kubectl -n {2} describe pod {3}`, and on {0} at the CNI and the log of "
            "containerd".format(where, ", ".join(named), networked[0].namespace, networked[0].name),
        )
    told = ["{0} DaemonSet pod{1} on {2}".format(len(ready), " runs" if len(ready) == 1 else "s run", where)]
    if troubled:
        told.append("not Ready there, but on every other master: {0}".format(", ".join(named)))
    if absent:
        told.append("without a pod there, perhaps by a node selector or a taint: {0}".format(", ".join(_first(absent))))
    return Check("pods there", True, "; ".join(told))


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
