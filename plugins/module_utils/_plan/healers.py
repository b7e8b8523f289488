"""The MinIOs whose lost drives heal, and what is asked of them before a plan. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy, unproven


def healers(cluster: Cluster, request: Request, minio: t.Sequence[Json] = ()) -> t.List[Json]:
    """The StatefulSets whose drives heal, as the `deployments` that minio_health_info is asked about before a plan: are their objects counted and readable?

    `minio` is the result of `view.minio`.
    """
    active, _kept = policy.claims(cluster, request)
    found = healing(cluster, policy.without_peers(active, minio, request.discard))
    return [
        {
            **item,
            "count_objects": True,
            "prove_readable": True,
            **unproven.approved_for(qualified(item["namespace"], item["name"]), request),
        }
        for item in found
    ]


def healing(cluster: Cluster, active: t.Sequence[ClaimPlan]) -> t.List[Json]:
    """The StatefulSets that claims to heal belong to, each with those claims: {namespace, name, lost_claims: [{name, uid}]}.

    They are the claims of the journal and `active`, the claims to recover now.
    """
    found: t.Dict[str, Json] = {}
    for claim in {item.uid: item for item in (*policy.begun(cluster), *active)}.values():
        if claim.policy == "heal" and claim.owner is not None and claim.owner.kind == "StatefulSet":
            item = found.setdefault(
                claim.group, {"namespace": claim.owner.namespace, "name": claim.owner.name, "lost_claims": []}
            )
            item["lost_claims"].append({"name": claim.name, "uid": claim.uid})
    return list(found.values())
