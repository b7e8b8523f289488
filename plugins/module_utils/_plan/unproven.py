"""What of a MinIO may be lost by approval: objects by name, and what is not proven readable. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan, Request

_NAME = re.compile(r"[a-z0-9.-]+/[a-z0-9.-]+")


def check_groups(names: t.Sequence[str]) -> None:
    """Raise HaError unless each name is an exact NAMESPACE/NAME of a MinIO."""
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise HaError(
                "replace_master_accept_unproven is a list of exact names NAMESPACE/STATEFULSET; {0!r} is not one".format(
                    name
                )
            )


def check_objects(names: t.Sequence[str]) -> None:
    """Raise HaError unless each name is that of one object, NAMESPACE/NAME/BUCKET/KEY."""
    for name in names:
        parts = name.split("/", 3) if isinstance(name, str) else []
        if len(parts) != 4 or not all(parts) or not _NAME.fullmatch("/".join(parts[:2])):
            raise HaError(
                "replace_master_give_up_objects is a list of exact names NAMESPACE/STATEFULSET/BUCKET/KEY; {0!r} is not one".format(
                    name
                )
            )


def approved_for(group: str, request: Request) -> Json:
    """What of a MinIO may be lost: {given_up, accept_unproven}."""
    return {
        "given_up": [name for name in request.give_up_objects if name.startswith(group + "/")],
        "accept_unproven": group in request.accept_unproven,
    }


def with_losses(found: t.Sequence[ClaimPlan], minio: t.Sequence[Json]) -> t.List[ClaimPlan]:
    """The claims; those of a MinIO tell what of it is lost by what was approved."""
    losses = {"{namespace}/{name}".format(**item): _approved(item["proof"]) for item in minio if item.get("proof")}
    return [
        dataclasses.replace(item, loses=losses.get(item.group, "")) if item.policy == "heal" else item for item in found
    ]


def _approved(proof: Json) -> str:
    """What a MinIO loses by approval, or nothing."""
    given = ["the objects that were given up: {0}".format(", ".join(proof["given_up"]))] if proof["given_up"] else []
    if proof["error"] and proof["permitted"]["ok"]:
        given.append("of the other objects any that the remaining drives can't provide: accepted without proof")
    return "; ".join(given)


def proofs(found: t.Sequence[ClaimPlan], minio: t.Sequence[Json]) -> t.Iterator[str]:
    """One sentence for each MinIO that heals: what of it was looked at, how, and with which result."""
    for group in dict.fromkeys(item.group for item in found if item.policy == "heal"):
        asked = next((item for item in minio if "{namespace}/{name}".format(**item) == group), None)
        proof = asked.get("proof") if asked else None
        told = proof["permitted"]["reason"] if proof else "its objects are looked at before its first drive is replaced"
        yield "{0}: {1}".format(group, told)
