"""From what was found to what is to be done. Pure: a Cluster in, a Plan out.

The plan names every object it will touch. It is made anew at each run from the cluster as it is, so that the plan of a run that was cut short is the rest
of the work. The order keeps etcd's quorum at every step (see _quorum): the lost member goes before a new one comes.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import KUBELET_PORT, PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parity import parity
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node, ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import (
    ClaimPlan,
    Executor,
    Plan,
    Refusal,
    Request,
    Step,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import checks, checks_k3s, policy, view
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.text import lines
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import from_json, to_json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import choose_promotion

# What a copy is kept of. Pods are not: whatever made them makes them again.
_API_VERSIONS = {
    "Node": "v1",
    "PersistentVolume": "v1",
    "PersistentVolumeClaim": "v1",
    "Deployment": "apps/v1",
    "VolumeAttachment": "storage.k8s.io/v1",
}

# What is refused although nothing else is left to be done: claims that wait for a word are work left.
_ALWAYS_REFUSED = ("LOST_NODE_RETURNED", "DISCARD_UNAPPROVED")


@dataclasses.dataclass(frozen=True)
class _Found:
    """The parts of a cluster that the plan turns on."""

    lost: Lost
    node: t.Optional[Node]
    member: t.Optional[Member]
    host: t.Optional[Host]
    host_node: t.Optional[Node]
    host_member: t.Optional[Member]
    executor: Executor
    own_leftover: bool

    @property
    def joined(self) -> bool:
        """The replacement is a Node and a voter that answers."""
        member = self.host_member
        return (
            self.host_node is not None
            and member is not None
            and member.started
            and member.healthy
            and not member.learner
        )


def plan(cluster: Cluster, request: Request, minio: t.Sequence[Json] = ()) -> Plan:
    """Plan the replacement of one node. `minio` are the results of minio_health_info for the workloads that heal."""
    refusals = [*checks.reachability(cluster)]
    if not refusals:
        refusals += checks.identity(cluster, request)
    if refusals or cluster.lost is None:
        return _told(Plan(state="refused", lost=cluster.lost, refusals=tuple(refusals)), cluster)
    found = _find(cluster, cluster.lost)
    claims, kept = policy.claims(cluster, request)
    claims = policy.without_peers(claims, minio, request.discard)
    refusals += checks.liveness(cluster, request)
    refusals += checks.membership(cluster, found.member, found.host_member if found.own_leftover else None)
    refusals += checks_k3s.k3s(cluster, found.node, found.member)
    refusals += checks.replacement(
        cluster, found.host, request, claims, minio, joined=found.joined, resuming=_resuming(cluster, found)
    )
    refusals += checks.clocks(cluster, request)
    refusals += checks.volumes(kept, request)
    refusals += checks.virtual_address(cluster)
    refusals += checks.drives(claims, minio, request.discard, resuming=_unfinished(cluster))
    if not found.executor.host and not any(item.code == "ETCDCTL_MISSING" for item in refusals):
        refusals.append(
            Refusal(
                "NO_EXECUTOR",
                "No survivor has both a healthy etcd member and a ready API server.",
                "Repair one of them first.",
            )
        )
    draft = Plan(
        state="resume" if _unfinished(cluster) else "needed",
        provider=cluster.provider,
        lost=found.lost,
        replacement=_replacement(found),
        executor=found.executor,
        claims=tuple(claims),
        kept_claims=tuple(kept),
        left_alone=tuple("{0}/{1}".format(item.namespace, item.name) for item in kept if item.policy == "ignore"),
        leftovers=tuple(_leftovers(cluster)),
        member_id=found.member.id if found.member else "",
        member_name=found.member.name if found.member else "",
        member_urls=found.member.peer_urls if found.member else (),
        member_leaves=_leaves(cluster, found),
        node_password=cluster.node_password if _same_name(found) and found.host_node is None else None,
        blocked=tuple(_blocked(cluster)) if _same_name(found) and found.host_node is None else (),
        stale_member_id=found.host_member.id if found.own_leftover and found.host_member else "",
        drain=_kubelet_answers(found) and not (found.node is not None and found.node.deleting),
        promote=_promotion(cluster),
        join=_join_needed(cluster, found),
        joined=found.joined,
        reset=_reset(cluster, found),
        restore_cordons=any(node.cordoned_for == found.lost.name for node in cluster.nodes),
        warnings=(
            *_warnings(cluster, found, claims, minio),
            *policy.unheeded(cluster, [*claims, *kept], request.discard),
        ),
        refusals=tuple(refusals),
    )
    steps = tuple(_steps(cluster, found, draft))
    if refusals and (steps or any(item.code in _ALWAYS_REFUSED for item in refusals)):
        draft = dataclasses.replace(draft, state="refused")
    elif not steps:
        # Nothing is left to be done, so nothing has to be refused; what was seen is still worth a warning.
        told = tuple("{0}: {1} {2}".format(item.code, item.seen, item.advice) for item in refusals)
        draft = dataclasses.replace(draft, state="nothing_to_do", refusals=(), warnings=(*draft.warnings, *told))
    digest = hashlib.sha256(json.dumps(to_json([steps, claims]), sort_keys=True).encode()).hexdigest()
    draft = dataclasses.replace(draft, steps=steps, id=digest[:12], backup=tuple(_backup(steps)))
    return _told(dataclasses.replace(draft, journal=_journal(cluster, found, draft, minio)), cluster)


def _told(made: Plan, cluster: Cluster) -> Plan:
    refused = " ".join("[{0}] {1} {2}".format(item.code, item.seen, item.advice) for item in made.refusals)
    return dataclasses.replace(
        made, text=tuple(lines(made, cluster)), refused_text=refused + " Nothing was changed." if refused else ""
    )


def _journal(cluster: Cluster, found: _Found, made: Plan, minio: t.Sequence[Json]) -> t.Mapping[str, t.Any]:
    lost = found.lost
    identity: Json = {
        "name": lost.name,
        "addresses": list(lost.addresses),
        "hostname_label": lost.hostname_label,
        "uid": lost.uid,
        "member_id": lost.member_id if lost.member_id is not None else made.member_id,
        "machine_id": lost.machine_id,
    }
    if found.node is not None:
        identity.update(
            to_json({"labels": found.node.labels, "taints": found.node.taints, "annotations": found.node.annotations})
        )
    claims = {claim.uid: claim for claim in (*policy.begun(cluster), *made.claims)}
    return {
        "lost": identity,
        "replacement": made.replacement.host,
        "node": made.replacement.name,
        "claims": to_json(list(claims.values())),
        "minio": {**_baseline(minio), **(((cluster.journal or {}).get("minio") or {}) if _unfinished(cluster) else {})},
        "approved": made.id,
        "touched": to_json(_touched(cluster, made)),
        "finished": None,
    }


def _baseline(minio: t.Sequence[Json]) -> Json:
    """Each MinIO as it was: while its drives are recovered it can't be asked for that any more."""
    return {
        "{namespace}/{name}".format(**item): {"deployment_id": item["deployment_id"], "buckets": item["buckets"]}
        for item in minio
        if not item["error"] and item["deployment_id"]
    }


def _backup(steps: t.Iterable[Step]) -> t.Iterator[t.Mapping[str, str]]:
    for ref in dict.fromkeys(ref for step in steps for ref in step.objects):
        if ref.kind in _API_VERSIONS:
            yield {
                "api_version": _API_VERSIONS[ref.kind],
                "kind": ref.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": ref.uid,
            }


def _leftovers(cluster: Cluster) -> t.Iterator[t.Mapping[str, str]]:
    for item in cluster.volumes:
        namespace, _slash, name = item.claim.partition("/")
        yield {"namespace": namespace, "name": name, "uid": item.claim_uid, "pv_name": item.name, "pv_uid": item.uid}


def _touched(cluster: Cluster, made: Plan) -> t.List[ObjectRef]:
    """What this run and earlier ones set out to touch, each once."""
    before = [from_json(ObjectRef, item) for item in (cluster.journal or {}).get("touched") or []]
    now = [ref for step in made.steps if not step.waits for ref in step.objects]
    return list(dict.fromkeys([*before, *now]))


def _find(cluster: Cluster, lost: Lost) -> _Found:
    hosts = [item for item in cluster.hosts if item.role == "replacement"]
    host = hosts[0] if len(hosts) == 1 else None
    node = next(
        (item for item in cluster.nodes if item.name == lost.name and (not lost.uid or item.uid == lost.uid)), None
    )
    member = view.lost_member(cluster)
    host_node, host_member = None, None
    if host is not None and host.reachable:
        host_node = next((item for item in cluster.nodes if item is not node and _is_machine(item, host)), None)
        host_member = next(
            (
                item
                for item in cluster.etcd.members
                if item is not member and view.url_hosts(item.peer_urls) & set(host.addresses)
            ),
            None,
        )
    unfinished = host_member is not None and (host_member.learner or not host_member.started)
    return _Found(
        lost=lost,
        node=node,
        member=member,
        host=host,
        host_node=host_node,
        host_member=host_member,
        executor=view.executor(cluster),
        own_leftover=unfinished and _joining(cluster) == (host.name if host else None),
    )


def _is_machine(node: Node, host: Host) -> bool:
    """Whether a Node was registered by a host. Machines that use an address one after the other are told apart by their machine ID."""
    same = not (node.machine_id and host.machine_id) or node.machine_id == host.machine_id
    return same and bool(set(node.addresses) & set(host.addresses))


def _reset(cluster: Cluster, found: _Found) -> bool:
    """An interrupted join of ours left something that the next one would stumble over.

    Not when its member votes already: its data are the cluster's. K3s comes that far before its kubelet registers the Node, and goes on from there.
    """
    host, member = found.host, found.host_member
    if host is None or found.joined or not _resuming(cluster, found):
        return False
    votes = member is not None and member.started and not member.learner
    return (host.joined or host.etcd_data) and not votes


def _same_name(found: _Found) -> bool:
    """The replacement has the lost node's name: what names the old node by its name would be taken for the new one."""
    return found.host is not None and found.host.hostname == found.lost.name


def _leaves(cluster: Cluster, found: _Found) -> bool:
    """Deleting the Node makes K3s remove its member, so that is waited for before anything is removed by ID."""
    if found.member is None or found.node is None or checks_k3s.other_member(cluster, found.node, found.member):
        return False
    return PROVIDERS[cluster.provider].deletes_member


def _blocked(cluster: Cluster) -> t.Iterator[t.Mapping[str, str]]:
    """The folders of lost volumes. On a node of the same name their pods would start on empty ones, without any error (hazard L3)."""
    for claim in cluster.claims:
        if claim.path:
            yield {"path": claim.path, "claim": "{0}/{1}".format(claim.namespace, claim.name)}


def _unfinished(cluster: Cluster) -> bool:
    return bool(cluster.journal) and not (cluster.journal or {}).get("finished")


def _kubelet_answers(found: _Found) -> bool:
    """Only a kubelet that answers can end pods: a Ready Node whose machine was just powered off can't."""
    port = ":{0}".format(KUBELET_PORT)
    return found.node is not None and found.node.ready and any(item.endswith(port) for item in found.lost.answers)


def _joining(cluster: Cluster) -> t.Optional[str]:
    """The inventory host an earlier run of ours began to join, by the journal."""
    return (cluster.journal or {}).get("joining") or None


def _resuming(cluster: Cluster, found: _Found) -> bool:
    """The replacement is what it is because of us: the lost one is out and a join of this host had begun."""
    return (
        found.node is None and found.member is None and found.host is not None and _joining(cluster) == found.host.name
    )


def _replacement(found: _Found) -> Executor:
    if found.host is None:
        return Executor()
    if found.host_node is not None:
        return Executor(host=found.host.name, name=found.host_node.name, ip=found.host_node.addresses[0])
    return Executor(
        host=found.host.name, name=found.host.hostname, ip=_nearest(found.host.addresses, found.executor.ip)
    )


def _nearest(addresses: t.Sequence[str], other: str) -> str:
    """Of a host's addresses, the one that shares the most leading bits with a survivor's: the one in its network."""
    if not other:
        return next(iter(addresses), "")
    wanted = ipaddress.ip_address(other)
    same = [item for item in map(ipaddress.ip_address, addresses) if item.version == wanted.version]
    return str(min(same, key=lambda item: (int(item) ^ int(wanted)).bit_length(), default=""))


def _promotion(cluster: Cluster) -> str:
    try:
        return choose_promotion(view.survivors(cluster), cluster.vip.holders)
    except Unsafe:  # it is among the refusals
        return ""


def _join_needed(cluster: Cluster, found: _Found) -> bool:
    if not found.joined or found.host_node is None or not found.host_node.ready:
        return True
    others = [
        node
        for node in cluster.nodes
        if node.control_plane and node.name not in (found.lost.name, found.host_node.name)
    ]
    wants_keepalived = any(host.keepalived for host in view.survivors(cluster))
    has_keepalived = found.host is not None and found.host.keepalived is not None
    return parity(found.host_node, others).differs or (wants_keepalived and not has_keepalived)


def _steps(cluster: Cluster, found: _Found, made: Plan) -> t.Iterator[Step]:
    acts = [*_removals(cluster, found, made), *_additions(cluster, made), *_recoveries(cluster, made)]
    if any(step.phase in ("etcd_cleanup", "node_removal", "stateful_recovery") for step in acts):
        yield Step(
            "backup",
            "take an etcd snapshot on {0}, verify it, and keep a copy of every object below".format(
                found.executor.host
            ),
        )
    yield from acts


def _removals(cluster: Cluster, found: _Found, made: Plan) -> t.Iterator[Step]:
    members: t.Tuple[Step, ...] = ()
    if found.member is not None:
        ref = ObjectRef("EtcdMember", "", found.member.name or ",".join(found.member.peer_urls), found.member.id)
        act = "remove the etcd member"
        if made.member_leaves:
            act = "wait for K3s to remove the etcd member, and remove it if it stays"
        members = (Step("etcd_cleanup", act, (ref,)),)
    last = PROVIDERS[cluster.provider].deletes_member
    if not last:
        yield from members
    if found.node is not None:
        act = "drain and delete the Node" if made.drain else "cordon and delete the Node"
        yield Step("node_removal", act, (ObjectRef("Node", "", found.node.name, found.node.uid),))
    if cluster.pods and (found.node is not None or made.state == "resume"):
        refs = tuple(ObjectRef("Pod", pod.namespace, pod.name, pod.uid) for pod in cluster.pods)
        act = "wait until the pod collector has taken the pods of the gone node"
        yield Step("node_removal", act, refs, waits=True)
    if cluster.attachments:
        yield Step(
            "node_removal",
            "delete stale attachments",
            tuple(ObjectRef("VolumeAttachment", "", item.name, item.uid) for item in cluster.attachments),
        )
    if last:
        yield from members


def _additions(cluster: Cluster, made: Plan) -> t.Iterator[Step]:
    if made.promote:
        yield Step("vip", "make {0} the MASTER of the VIP {1} (priority 100)".format(made.promote, cluster.vip.address))
    if made.stale_member_id:
        yield Step(
            "join",
            "remove what an interrupted join left in etcd",
            (ObjectRef("EtcdMember", "", made.replacement.host, made.stale_member_id),),
        )
    if made.join and made.node_password is not None:
        yield Step(
            "join",
            "delete the password by which K3s knows the former {0}".format(made.replacement.name),
            (made.node_password,),
        )
    if made.join and made.blocked:
        yield Step(
            "join",
            "block the folders of the lost volumes on {0}, so that nothing starts on an empty one: {1}".format(
                made.replacement.host, ", ".join(item["path"] for item in made.blocked)
            ),
        )
    if made.join:
        yield Step(
            "join",
            "join {0} ({1}) as a control-plane node through {2}".format(
                made.replacement.name, made.replacement.ip, made.executor.host
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
        # That of a volume to be retained is left as it is.
        if claim.reclaim_policy != "Retain":
            refs.append(ObjectRef("PersistentVolume", "", claim.pv_name, claim.pv_uid))
        if claim.policy == "hook":
            yield Step("stateful_recovery", "run {0} for {1}".format(claim.tasks, policy.label(claim)), tuple(refs))
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
            else "discard: recreate empty, what it held is lost"
        )
        yield Step("stateful_recovery", act, tuple(refs))
    stale = [item for item in cluster.volumes if item.reclaim_policy != "Retain"]
    if stale or cluster.helper_pods:
        volumes = [ObjectRef("PersistentVolume", "", item.name, item.uid) for item in stale]
        pods = [ObjectRef("Pod", item.namespace, item.name, item.uid) for item in cluster.helper_pods]
        yield Step(
            "stateful_recovery",
            "delete volumes without a claim, and their cleaning pods, that the gone node can't clean itself",
            (*volumes, *pods),
        )
    if made.restore_cordons:
        names = [node for node in cluster.nodes if made.lost and node.cordoned_for == made.lost.name]
        yield Step(
            "stateful_recovery",
            "make schedulable again what an earlier run cordoned",
            tuple(ObjectRef("Node", "", item.name, item.uid) for item in names),
        )


def _warnings(
    cluster: Cluster, found: _Found, claims: t.Sequence[ClaimPlan], minio: t.Sequence[Json]
) -> t.Iterator[str]:
    for told in minio:
        if told["drive_bytes"] is None and not told["error"]:
            yield "How much the MinIO {namespace}/{name} holds was not counted, so the free space was not compared.".format(
                **told
            )
    for claim in claims:
        if claim.policy == "discard":
            yield "What {0}/{1} held is lost: {2}.".format(
                claim.namespace, claim.name, (claim.loses or claim.reason).rstrip(".")
            )
    stays = checks_k3s.other_member(cluster, found.node, found.member)
    if stays:
        yield stays
    for item in cluster.volumes:
        if item.reclaim_policy == "Retain":
            yield "The volume {0} of {1} is kept, its reclaim policy is Retain.".format(
                item.name, item.claim or "no claim"
            )
    if found.node is None and found.lost.answers and not checks.taken_over(cluster, found.lost):
        yield "The lost machine {0} answers again at {1}: power it off, or run cloudpods.ha.retire_node on it.".format(
            found.lost.name, ", ".join(found.lost.answers)
        )
