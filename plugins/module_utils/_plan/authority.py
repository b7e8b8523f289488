"""What this run's input allows for a claim that an earlier run began to recover. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import fnmatch
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Request

# The policies that recover a claim.
ACTIVE = ("heal", "discard", "hook")


def authorized(begun_claim: ClaimPlan, request: Request) -> ClaimPlan:
    """A claim of the journal, if this run's input allows what an earlier run began. Whoever can write the journal approves nothing and names no file to run.

    The labels that a policy goes by may be gone, so a policy counts if its patterns fit.
    """
    fitting = [item for item in request.policies if matches(item, begun_claim.namespace, begun_claim.name)]
    if begun_claim.policy == "hook":
        tasks = next((str(item["tasks"]) for item in fitting if item.get("tasks")), "")
        if tasks:
            return dataclasses.replace(begun_claim, tasks=tasks)
        why = "an earlier run began to recover it with a hook, but no policy of this run names the hook's tasks"
        return dataclasses.replace(begun_claim, policy="refuse", tasks="", code="CLAIM_UNDECIDED", reason=why)
    own = any(item["policy"] == "discard" and not item.get("approval") for item in fitting)
    if (
        begun_claim.policy == "discard"
        and not own
        and qualified(begun_claim.namespace, begun_claim.name) not in request.discard
    ):
        why = "an earlier run began to discard it, but this run does not approve its loss"
        return dataclasses.replace(begun_claim, policy="refuse", code="DISCARD_UNAPPROVED", reason=why)
    if begun_claim.policy not in ACTIVE:
        why = "the journal holds the policy {0}, which recovers nothing".format(begun_claim.policy)
        return dataclasses.replace(begun_claim, policy="refuse", tasks="", code="CLAIM_UNDECIDED", reason=why)
    return dataclasses.replace(begun_claim, tasks="", code="")


def matches(item: t.Mapping[str, t.Any], namespace: str, name: str) -> bool:
    """Whether the patterns of a policy fit a claim."""
    patterns = ((namespace, item.get("namespace")), (name, item.get("claim")))
    return all(fnmatch.fnmatchcase(text, str(pattern or "*")) for text, pattern in patterns)
