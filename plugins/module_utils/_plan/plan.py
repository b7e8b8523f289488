"""Makes the Plan from the Cluster.

The plan names every object that it changes. Each run makes a new plan from the current cluster, so the plan after an interrupted run is the rest
of the work. The order keeps etcd's quorum at every step (see _etcd/quorum): the lost member is removed before a new one is added.
A refused plan has nothing to act on.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Plan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import consent, phases, policy, situation, unproven
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import claims as claim_checks
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import etcd, hosts, k3s, lost, replacement, vip
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.control_plane import control_plane
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.healers import healing
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.journal import backup_objects, journal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.situation import Situation
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.steps import batches, steps
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.text import lines

# Refusals that remain when all other work is done: a claim without approval is unfinished work.
_ALWAYS_REFUSED = ("LOST_NODE_RETURNED", "DISCARD_UNAPPROVED")


def plan(cluster: Cluster, request: Request, minio: t.Sequence[Json] = ()) -> Plan:
    """Plan the replacement of one node. `minio` is the result of `view.minio`."""
    refusals = [*hosts.reachability(cluster)]
    if not refusals:
        refusals += lost.identity(cluster, request)
    if refusals or cluster.lost is None:
        return _refused(Plan(state="refused", lost=cluster.lost, refusals=tuple(refusals)), cluster)
    found = situation.find(cluster, cluster.lost)
    claims, kept = policy.claims(cluster, request)
    claims = unproven.with_losses(policy.without_peers(claims, minio, request.discard), minio)
    refusals += _refusals(cluster, request, found, claims, kept, minio)
    draft = dataclasses.replace(
        _draft(cluster, request, found, claims, kept),
        healers=tuple({"namespace": item["namespace"], "name": item["name"]} for item in healing(cluster, claims)),
        proofs=tuple(unproven.proofs(claims, minio)),
    )
    planned = tuple(steps(cluster, found, draft))
    warnings = (*_warnings(cluster, found, claims, minio), *policy.unheeded(cluster, [*claims, *kept], request.discard))
    state = "resume" if situation.unfinished(cluster) else "needed"
    if refusals and (planned or any(item.code in _ALWAYS_REFUSED for item in refusals)):
        state = "refused"
    elif not planned:
        # All work is done, so there is nothing to refuse; the observations become warnings.
        state = "nothing_to_do"
        warnings += tuple("{0}: {1} {2}".format(item.code, item.observed, item.remedy) for item in refusals)
        refusals = []
    made = dataclasses.replace(
        draft,
        state=state,
        steps=planned,
        phases=phases.held(cluster.provider, {step.phase for step in planned}, refused=state == "refused"),
        refusals=tuple(refusals),
        warnings=warnings,
        backup=tuple(backup_objects(planned)),
    )
    if state == "refused":
        return _refused(made, cluster)
    acts = tuple(consent.acts(made))
    made = dataclasses.replace(made, acts=acts if planned else (), id=consent.identifier(acts))
    made = dataclasses.replace(made, journal=journal(cluster, found, made, minio))
    return dataclasses.replace(made, text=tuple(lines(made, cluster)))


def _refusals(
    cluster: Cluster,
    request: Request,
    found: Situation,
    claims: t.Sequence[ClaimPlan],
    kept: t.Sequence[ClaimPlan],
    minio: t.Sequence[Json],
) -> t.List[Refusal]:
    """Every reason not to carry out the plan, in the order of a manual check."""
    refusals = [
        *lost.liveness(cluster, request),
        *etcd.membership(cluster, found.member, found.host_member if found.own_leftover else None),
        *k3s.k3s(cluster, found.node, found.member),
        *replacement.replacement(
            cluster,
            found.host,
            request,
            claims,
            minio,
            lacking=situation.lacking(cluster, found),
            joined=found.joined,
            ours=(found.host_node, found.host_member) if situation.resuming(cluster, found) else None,
        ),
        *hosts.clocks(cluster, request),
        *claim_checks.volumes(kept, request),
        *vip.virtual_address(cluster),
        *vip.configuration(cluster, found.host, joined=found.joined),
        *claim_checks.drives(claims, minio, request.discard, resuming=situation.unfinished(cluster)),
    ]
    if not found.executor.host and not any(item.code == "ETCDCTL_MISSING" for item in refusals):
        refusals.append(
            Refusal(
                "NO_EXECUTOR",
                "No survivor has both a healthy etcd member and a ready API server.",
                "Repair etcd and the API server on one survivor first.",
            )
        )
    return refusals


def _draft(
    cluster: Cluster,
    request: Request,
    found: Situation,
    claims: t.Sequence[ClaimPlan],
    kept: t.Sequence[ClaimPlan],
) -> Plan:
    """The plan's data for the roles, before the checks."""
    name_is_taken_over = situation.same_name(found) and found.host_node is None
    member = found.member
    return Plan(
        state="resume" if situation.unfinished(cluster) else "needed",
        provider=cluster.provider,
        lost=found.lost,
        replacement=situation.replacement(cluster, found),
        replacement_ips=situation.addresses(cluster, found),
        executor=found.executor,
        claims=tuple(claims),
        kept_claims=tuple(kept),
        recovery=batches(claims, request),
        left_alone=tuple(policy.label(item) for item in (*kept, *_gone(cluster, request)) if item.policy == "ignore"),
        leftovers=tuple(_leftovers(cluster)),
        attachments=cluster.attachments,
        member_id=member.id if member else "",
        member_name=member.name if member else "",
        member_urls=member.peer_urls if member else (),
        member_leaves=situation.member_leaves(cluster, found),
        node_password=cluster.node_password if name_is_taken_over else None,
        blocked=tuple(_blocked(cluster)) if name_is_taken_over else (),
        stale_member_id=found.host_member.id if found.own_leftover and found.host_member else "",
        drain=situation.kubelet_answers(found) and not (found.node is not None and found.node.deleting),
        probe=_probe(cluster, request, found),
        vip=cluster.vip.address,
        promote=situation.promotion(cluster),
        join=situation.join_needed(cluster, found),
        join_method=request.join_method,
        joining=_joining(cluster, found),
        joined=found.joined,
        reset=situation.needs_reset(cluster, found),
        # Its own Node is deleted.
        restore_cordons=any(node.cordoned_for == found.lost.name != node.name for node in cluster.nodes),
        before=control_plane(cluster),
    )


def _probe(cluster: Cluster, request: Request, found: Situation) -> t.Tuple[str, ...]:
    """Addresses of the lost machine alone: not the VIP, and none that the replacement has taken over."""
    if request.fenced or lost.taken_over(cluster, found.lost):
        return ()
    addresses = dict.fromkeys((*found.lost.addresses, *found.lost.outer_addresses))
    return tuple(address for address in addresses if address != cluster.vip.address)


def _gone(cluster: Cluster, request: Request) -> t.List[ClaimPlan]:
    """The decisions about claims whose volume is gone: 'ignore' leaves them alone, nothing else acts on them."""
    return [policy.decide(item, request.policies, cluster.cloudpods, request.discard) for item in cluster.gone_claims]


def _refused(made: Plan, cluster: Cluster) -> Plan:
    """The refused plan: the reasons and the text, without anything that a role could act on."""
    reasons = " ".join("[{0}] {1} {2}".format(item.code, item.observed, item.remedy) for item in made.refusals)
    return Plan(
        state="refused",
        provider=made.provider,
        lost=dataclasses.replace(made.lost, uid="", member_id=None) if made.lost else None,
        replacement=made.replacement,
        executor=made.executor,
        refusals=made.refusals,
        warnings=made.warnings,
        before={} if cluster.api_error else control_plane(cluster),
        refused_text=printable(reasons + " Nothing was changed."),
        text=tuple(lines(made, cluster)),
    )


def _joining(cluster: Cluster, found: Situation) -> t.Mapping[str, str]:
    """What the journal is to record of the machine that joins, so that a later run knows it again."""
    if found.host is None:
        return {}
    return {
        "host": found.host.name,
        "machine_id": found.host.machine_id,
        "hostname": found.host.hostname,
        "address": situation.replacement(cluster, found).ip,
    }


def _leftovers(cluster: Cluster) -> t.Iterator[t.Mapping[str, str]]:
    for item in cluster.volumes:
        namespace, _slash, name = item.claim.partition("/")
        yield {"namespace": namespace, "name": name, "uid": item.claim_uid, "pv_name": item.name, "pv_uid": item.uid}


def _blocked(cluster: Cluster) -> t.Iterator[t.Mapping[str, str]]:
    """The folders of lost volumes. On a node of the same name, their pods would silently start on empty folders (hazard L3)."""
    for claim in cluster.claims:
        if claim.path:
            yield {"path": claim.path, "claim": qualified(claim.namespace, claim.name)}


def _warnings(
    cluster: Cluster, found: Situation, claims: t.Sequence[ClaimPlan], minio: t.Sequence[Json]
) -> t.Iterator[str]:
    for answer in minio:
        if answer["drive_bytes"] is None and not answer["error"]:
            yield "The data of the MinIO {namespace}/{name} was not measured, so the free space was not checked.".format(
                **answer
            )
    for claim in claims:
        if claim.policy == "discard":
            yield "The data of {0}/{1} is lost: {2}.".format(
                claim.namespace, claim.name, (claim.loses or claim.reason).rstrip(".")
            )
    for claim_gone in cluster.gone_claims:
        yield (
            "The volume {0} of the claim {1}/{2} was on the lost node, and its object is gone: nothing here recovers the claim. "
            "Save what refers to it, then delete it, so that its workload gets a new one."
        ).format(claim_gone.pv_name, claim_gone.namespace, claim_gone.name)
    stays = k3s.other_member(cluster, found.node, found.member)
    if stays:
        yield stays
    for item in cluster.volumes:
        if item.reclaim_policy == "Retain":
            yield "The volume {0} of {1} is kept, its reclaim policy is Retain.".format(
                item.name, item.claim or "no claim"
            )
    for node in cluster.nodes:
        if node.unschedulable and node.cordoned_for and found.lost.name not in (node.cordoned_for, node.name):
            yield (
                "The Node {0} is still cordoned for the replacement of {1}, and this run leaves it so. Finish that replacement, "
                "or lift the cordon: kubectl uncordon {0}."
            ).format(node.name, node.cordoned_for)
    if found.node is None and found.lost.answers and not lost.taken_over(cluster, found.lost):
        yield "The lost machine {0} answers again at {1}: power it off, or run cloudpods.ha.retire_node on it.".format(
            found.lost.name, ", ".join(found.lost.answers)
        )
