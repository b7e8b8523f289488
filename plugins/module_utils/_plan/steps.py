"""The steps of a plan, in order, each with the objects it changes; and the batches in which claims are recovered."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan, Recovery, Request, Step
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy, unproven, view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.situation import Situation
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import promotion_priority

_HOW = {"ocboot": ", by ocboot", "manual": ", by hand: the run prints the commands and waits"}


def steps(cluster: Cluster, found: Situation, made: Plan) -> t.Iterator[Step]:
    """Yield the steps in the order of the phases. The backup precedes the first change."""
    waits = tuple(_waits(cluster, found, made))
    first = tuple(step for step in waits if step.phase == "join")
    acts = [*_removals(cluster, found, made), *first, *_additions(cluster, made), *_recoveries(cluster, made)]
    if len(acts) > len(first):
        yield Step(
            "backup",
            "take an etcd snapshot on {0}, verify it, and keep a copy of every object below".format(
                found.executor.host
            ),
        )
    yield from acts
    yield from (step for step in waits if step not in first)


def _waits(cluster: Cluster, found: Situation, made: Plan) -> t.Iterator[Step]:
    """The end of the lost node's pods, before a Node of the same name joins or at the end."""
    if cluster.pods and (found.node is not None or made.state == "resume"):
        yield Step(
            "join" if made.join and made.replacement.name == found.lost.name else "verify",
            "wait until pod garbage collection has deleted the pods of the lost node",
            tuple(ObjectRef("Pod", pod.namespace, pod.name, pod.uid) for pod in cluster.pods),
            waits=True,
        )


def _removals(cluster: Cluster, found: Situation, made: Plan) -> t.Iterator[Step]:
    members: t.Tuple[Step, ...] = ()
    if found.member is not None:
        ref = ObjectRef("EtcdMember", "", found.member.name or ",".join(found.member.peer_urls), found.member.id)
        act = "remove the etcd member"
        if made.member_leaves:
            act = "wait for K3s to remove the etcd member, and remove it if it stays"
        members = (Step("etcd_cleanup", act, (ref,), risk="final"),)
    last = PROVIDERS[cluster.provider].deletes_member
    if not last:
        yield from members
    if found.node is not None:
        act = "drain and delete the Node" if made.drain else "cordon and delete the Node"
        yield Step("node_removal", act, (ObjectRef("Node", "", found.node.name, found.node.uid),), risk="final")
    if cluster.attachments:
        yield Step(
            "node_removal",
            "delete stale attachments",
            tuple(ObjectRef("VolumeAttachment", "", item.name, item.uid) for item in cluster.attachments),
            risk="final",
        )
    if last:
        yield from members


def _additions(cluster: Cluster, made: Plan) -> t.Iterator[Step]:
    if made.promote:
        priority = promotion_priority(view.survivors(cluster), made.promote)
        act = "make {0} the MASTER of the VIP {1} (priority {2})".format(made.promote, cluster.vip.address, priority)
        yield Step("vip", act)
    if made.stale_member_id:
        yield Step(
            "join",
            "remove the etcd member of an interrupted join",
            (ObjectRef("EtcdMember", "", made.replacement.host, made.stale_member_id),),
            risk="final",
        )
    if made.join and made.node_password is not None:
        yield Step(
            "join",
            "delete the K3s node password of the former {0}".format(made.replacement.name),
            (made.node_password,),
            risk="final",
        )
    if made.join and made.blocked:
        yield Step(
            "join",
            "block the folders of the lost volumes on {0}, so that no pod starts on an empty folder: {1}".format(
                made.replacement.host, ", ".join(item["path"] for item in made.blocked)
            ),
        )
    if made.join:
        yield Step(
            "join",
            "join {0} ({1}) as a control-plane node through {2}{3}".format(
                made.replacement.name, made.replacement.ip, made.executor.host, _HOW.get(made.join_method, "")
            ),
        )


def _recoveries(cluster: Cluster, made: Plan) -> t.Iterator[Step]:
    others = [
        ObjectRef("Node", "", node.name, node.uid)
        for node in cluster.nodes
        if not node.unschedulable and node.name not in (made.replacement.name, made.lost.name if made.lost else "")
    ]
    if made.claims and others:
        yield Step("stateful_recovery", "cordon while claims are recreated", tuple(others))
    for claim in made.claims:
        refs = [ObjectRef("PersistentVolumeClaim", claim.namespace, claim.name, claim.uid)]
        # A volume to retain is left as it is.
        if claim.reclaim_policy != "Retain":
            refs.append(ObjectRef("PersistentVolume", "", claim.pv_name, claim.pv_uid))
        if claim.policy == "hook":
            yield Step(
                "stateful_recovery",
                "run {0} for {1}".format(claim.tasks, policy.label(claim)),
                tuple(refs),
                risk="loss",
            )
            continue
        if claim.owner is not None and claim.owner.kind == "Deployment":
            refs.append(ObjectRef("Deployment", claim.owner.namespace, claim.owner.name, claim.owner.uid))
        refs += [
            ObjectRef("Pod", pod.namespace, pod.name, pod.uid)
            for pod in cluster.stranded_pods
            if claim.owner
            and (pod.namespace, pod.owner) == (claim.namespace, "StatefulSet/" + claim.owner.name)
            and claim.name.endswith("-" + pod.name)
            and (not pod.node or (pod.node == made.replacement.name and pod.phase == "Pending"))
        ]
        act = (
            "heal: recreate empty, its peers fill it"
            if claim.policy == "heal"
            else "discard: recreate empty, its data is lost"
        )
        yield Step(
            "stateful_recovery",
            act,
            tuple(refs),
            risk="final" if claim.policy == "heal" and not claim.loses else "loss",
        )
    stale = [item for item in cluster.volumes if item.reclaim_policy != "Retain"]
    if stale or cluster.helper_pods:
        volumes = [ObjectRef("PersistentVolume", "", item.name, item.uid) for item in stale]
        pods = [ObjectRef("Pod", item.namespace, item.name, item.uid) for item in cluster.helper_pods]
        yield Step(
            "stateful_recovery",
            "delete volumes without a claim, and their helper pods, which can't run on the lost node",
            (*volumes, *pods),
            risk="final",
        )
    if made.restore_cordons:
        names = [node for node in cluster.nodes if made.lost and node.cordoned_for == made.lost.name != node.name]
        yield Step(
            "stateful_recovery",
            "uncordon the nodes that an earlier run cordoned",
            tuple(ObjectRef("Node", "", item.name, item.uid) for item in names),
        )


def batches(claims: t.Sequence[ClaimPlan], request: Request) -> t.Tuple[Recovery, ...]:
    """Group the claims by workload, in order, and split each group into batches that are recovered one after another.

    The claims of one pod stay together: none can be bound while another one is still old. A batch of a MinIO that heals has
    `request.drives_at_once` pods (at least one), any other batch has one.
    """
    recoveries = []
    for group in dict.fromkeys(claim.group for claim in claims):
        mine = [claim for claim in claims if claim.group == group]
        heals = any(claim.policy == "heal" for claim in mine)
        approved = unproven.approved_for(group, request)
        pods = dict.fromkeys(claim.pod for claim in mine)
        units = [tuple(claim for claim in mine if claim.pod == pod) for pod in pods]
        size = max(1, request.drives_at_once) if heals else 1
        cut = [tuple(claim for unit in units[at : at + size] for claim in unit) for at in range(0, len(units), size)]
        recoveries.append(
            Recovery(
                group=group,
                heals=heals,
                batches=tuple(cut),
                given_up=tuple(approved["given_up"]) if heals else (),
                accept_unproven=heals and approved["accept_unproven"],
            )
        )
    return tuple(recoveries)
