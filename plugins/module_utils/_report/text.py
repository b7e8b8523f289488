"""The report as lines for a person at a terminal. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.text import claim_lines, object_line
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json


def text(data: Json, claims: t.Sequence[ClaimPlan]) -> t.Iterator[str]:
    """Yield the lines of a report. `data` is report.json, `claims` its claims as records."""
    outcome = data["outcome"]
    lost = (data["lost"] or {}).get("name") or "the node"
    if outcome == "done":
        yield "DONE: {0} was replaced by {1}".format(lost, data["replacement"]["name"])
    elif outcome == "open":
        yield "OPEN: {0} is not replaced yet, or the replacement is not proven".format(lost)
    elif outcome == "refused":
        yield "REFUSED: {0} is not replaced, and nothing was changed".format(lost)
        for refusal in data["refusals"]:
            yield "  [{code}] {observed}".format(**refusal)
            yield "      -> {remedy}".format(**refusal)
    else:
        yield "STOPPED: {0} is not replaced yet".format(lost)
        yield "  {0}".format(data["failure"])
        yield "  Fix the cause, then run the same command again; it continues from here."
    yield ""
    yield from _phases(data, done=outcome == "done")
    backup = data["backup"]
    if backup:
        yield ""
        yield "etcd snapshot: {0} on {1}, revision {2}; a copy is {3}".format(
            backup.get("path"), backup.get("host"), backup.get("revision"), backup.get("controller_path")
        )
    if claims:
        yield ""
        yield "Claims that were on {0}:".format(lost)
        yield from claim_lines(claims)
    if data["touched"]:
        yield ""
        yield "Touched:" if outcome == "done" else "Planned:"
        for line in dict.fromkeys(object_line(from_json(ObjectRef, ref)) for ref in data["touched"]):
            yield "  {0}".format(line)
    verified = (data["results"].get("verify") or {}).get("text") or []
    if verified:
        yield ""
        yield "Proof:"
        yield from ("  {0}".format(line) for line in verified)
    yield ""
    for warning in data["warnings"]:
        yield "WARNING: {0}".format(warning)


def _phases(data: Json, *, done: bool) -> t.Iterator[str]:
    for item in data["phases"]:
        waited = sum(wait["seconds"] for wait in item["waits"])
        yield "  {0:<18} {1}{2}".format(
            item["phase"],
            ("interrupted" if done else "not finished") if item["seconds"] is None else "{0} s".format(item["seconds"]),
            ", {0} s of them waiting for the cluster".format(waited) if waited and item["seconds"] is not None else "",
        )
