"""Checks that each lost claim has a decision, and that the lost drives of each MinIO may be replaced."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy

Refusals = t.Iterator[Refusal]


# Codes of minio_health_info for a deployment whose lost drives are partly replaced; waiting helps.
_NAMED = 50
_PASSING = {"healing", "drive_offline", "drives_missing"}


def volumes(claims: t.Sequence[ClaimPlan], request: Request) -> Refusals:
    """Refuse lost claims that are undecided, whose volume's place is uncertain, or whose loss of data is not approved."""
    for claim in claims:
        observed = "The claim {0} (volume {1}) was on the lost node: {2}.".format(
            policy.label(claim), claim.pv_name, claim.reason.rstrip(".")
        )
        if claim.code == "VOLUME_AMBIGUOUS":
            observed = "It is not certain that the volume {0} of {1} was on the lost node alone: {2}.".format(
                claim.pv_name, policy.label(claim), claim.reason
            )
            remedy = "Find out where its data is before anything is deleted. If it exists or must be left alone, set ignore in replace_master_claim_policies."
            yield Refusal("VOLUME_AMBIGUOUS", observed, remedy)
        elif claim.code == "CLAIM_HELD":
            remedy = "Find the owner of the finalizers and let it remove them, or set ignore in replace_master_claim_policies. No finalizer is removed here."
            yield Refusal("CLAIM_HELD", observed, remedy)
        elif claim.code == "CLAIM_UNDECIDED":
            yield Refusal(
                "CLAIM_UNDECIDED",
                observed,
                "Set its policy in replace_master_claim_policies (heal, discard, hook or ignore), or approve its loss by name in replace_master_discard.",
            )
    lost = [claim for claim in claims if claim.code == "DISCARD_UNAPPROVED"]
    if lost:
        losses = "; ".join(
            "{0}: {1}".format(policy.label(item), (item.loses or item.reason).rstrip(".")) for item in lost
        )
        yield Refusal(
            "DISCARD_UNAPPROVED",
            "The replacement creates empty volumes for claims whose data is lost with the node, and this loss is not approved ({0}).".format(
                losses
            ),
            "If none of this data must be saved, run again with {0} on the command line.".format(
                policy.argument([*request.discard, *map(policy.label, lost)])
            ),
        )


def drives(
    claims: t.Sequence[ClaimPlan], minio: t.Sequence[Json], approved: t.Sequence[str] = (), *, resuming: bool
) -> Refusals:
    """Refuse a MinIO whose lost drives must not be replaced. A drive that heals after an interrupted run is no refusal; the recovery waits for it."""
    for group in dict.fromkeys(claim.group for claim in claims if claim.policy == "heal"):
        asked = next((item for item in minio if "{namespace}/{name}".format(**item) == group), None)
        if asked is None or asked["error"]:
            why = asked["error"].rstrip(".") if asked else "it was not read"
            yield Refusal(
                "MINIO_UNREADABLE",
                "The state of the MinIO {0} can't be read: {1}.".format(group, why),
                "Its surviving pods must answer before a drive is replaced.",
            )
            continue
        gate = asked["gate"]
        if not gate["ok"] and not (resuming and set(gate["codes"]) <= _PASSING):
            observed = "A lost drive of the MinIO {0} must not be replaced now: {1}.".format(
                group, "; ".join(gate["sentences"])
            )
            remedy = "Bring its other drives back online, or wait until they have healed, then run again."
            if policy.is_alone(group, minio):
                names = [policy.label(claim) for claim in claims if claim.group == group]
                remedy = "Its objects are lost with the drive. To start with an empty drive, run again with {0} on the command line.".format(
                    policy.argument([*approved, *names])
                )
            yield Refusal("MINIO_UNSAFE", observed, remedy)
        elif asked.get("proof") and not asked["proof"]["permitted"]["ok"]:
            yield unproven(group, asked["proof"])


def unproven(group: str, proof: Json) -> Refusal:
    """The refusal to replace a drive of a MinIO whose objects are not all proven readable."""
    observed = "No lost drive of the MinIO {0} is replaced by an empty one: {1}.".format(group, proof["reason"])
    if proof["lost_count"]:
        remedy = (
            "An empty drive makes MinIO delete what is left of these objects; the lost drive may still have their parts. "
            "Bring those back, or save what you can, and give them up by name: {0}".format(_named(proof))
        )
    else:
        remedy = (
            "Remove the cause and run again. To go on without proof, knowing that objects may be lost, set "
            "replace_master_accept_unproven to [{0}].".format(group)
        )
    return Refusal("MINIO_UNPROVEN", observed, remedy)


def _named(proof: Json) -> str:
    names = [item["name"] for item in proof["lost"] if item["name"] not in proof["given_up"]]
    told = ", ".join(names[:_NAMED])
    more = (
        " and {0} more, which the module minio_health_info lists with prove_readable".format(len(names) - _NAMED)
        if len(names) > _NAMED
        else ""
    )
    return "replace_master_give_up_objects: [{0}]{1}.".format(told, more)
