"""Which Secrets in the cluster were made for a join: the bootstrap token, and the certificates uploaded beside it. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import binascii
import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

SECRETS = "/api/v1/namespaces/kube-system/secrets"
TOKEN_TYPE = "bootstrap.kubernetes.io/token"  # noqa: S105  the name of a type
CERTIFICATES = "kubeadm-certs"


@dataclasses.dataclass(frozen=True)
class Credential:
    """A Secret, without what is secret in it. `description` is a token's, `owners` the UIDs of the Secrets that own it."""

    name: str
    uid: str
    version: str
    description: str = ""
    owners: t.Tuple[str, ...] = ()


def parse(secret: Json) -> Credential:
    """A Secret of the API."""
    metadata = secret.get("metadata") or {}
    try:
        text = base64.b64decode(str((secret.get("data") or {}).get("description") or "")).decode("utf-8", "replace")
    except binascii.Error:
        text = ""
    return Credential(
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        version=str(metadata.get("resourceVersion") or ""),
        description=text,
        owners=tuple(str(item.get("uid") or "") for item in metadata.get("ownerReferences") or []),
    )


def made_for(
    found: t.Iterable[Credential], description: str, *, before: t.Sequence[Json], made: t.Sequence[Json]
) -> t.List[Credential]:
    """Those of `found` that were made for the join with this description.

    `before` and `made` are {name, uid, version} of what was there before the join, and of what it made, as the journal has them. Certificates have no
    description: they are the join's if they are recorded as such, or, where it was killed before it recorded any, if they are not those of before.
    Whoever uploads certificates again changes their version: those are not the join's any more.
    """
    known, old = {(item["uid"], item["version"]) for item in made}, {(item["uid"], item["version"]) for item in before}
    every = list(found)
    tokens = [item for item in every if item.description == description and description]
    # Without a token of the join, and without a record, nothing tells whose the certificates are.
    begun = bool(tokens) or bool(made)
    certificates = [
        item
        for item in every
        if item.name == CERTIFICATES
        and ((item.uid, item.version) in known or (begun and not made and (item.uid, item.version) not in old))
    ]
    owners = {uid for item in certificates for uid in item.owners} - {item["uid"] for item in before}
    return [*tokens, *certificates, *(item for item in every if item.uid in owners and item not in tokens)]
