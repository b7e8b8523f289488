# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Secrets belong to a join: never somebody else's."""

from __future__ import annotations

import base64
from typing import Any

from ansible_collections.cloudpods.ha.plugins.module_utils._join import credentials as rules

Json = dict[str, Any]
OURS = "cloudpods.ha: join of master-4"


def secret(name: str, uid: str, *, version: str = "1", description: str = "", owner: str = "") -> rules.Credential:
    data = {"description": base64.b64encode(description.encode()).decode()} if description else None
    owners = [{"uid": owner}] if owner else None
    meta = {"name": name, "uid": uid, "resourceVersion": version, "ownerReferences": owners}
    return rules.parse({"metadata": meta, "data": data})


def told(item: rules.Credential) -> Json:
    return {"name": item.name, "uid": item.uid, "version": item.version}


TOKEN = secret("bootstrap-token-abcdef", "t", description=OURS)
OTHER = secret("bootstrap-token-ghijkl", "o", description=OURS + "0")
PROXY = secret("bootstrap-token-mnopqr", "p", description="Proxy for managing TTL for the kubeadm-certs secret")
CERTS = secret("kubeadm-certs", "c", owner="p")


def names(
    *found: rules.Credential, before: tuple[rules.Credential, ...] = (), made: tuple[rules.Credential, ...] = ()
) -> set[str]:
    mine = rules.made_for(found, OURS, before=[told(item) for item in before], made=[told(item) for item in made])
    return {item.uid for item in mine}


def test_token_certificates_and_the_token_that_limits_them_are_the_join_s() -> None:
    assert names(TOKEN, OTHER, PROXY, CERTS, made=(TOKEN, PROXY, CERTS)) == {"t", "c", "p"}


def test_after_a_kill_before_they_were_recorded_what_was_not_there_before_is_the_join_s() -> None:
    assert names(TOKEN, OTHER, PROXY, CERTS, before=(OTHER,)) == {"t", "c", "p"}


def test_certificates_that_somebody_uploaded_before_are_kept() -> None:
    assert names(TOKEN, PROXY, CERTS, before=(PROXY, CERTS)) == {"t"}


def test_certificates_that_somebody_uploads_afterwards_are_kept() -> None:
    newer = secret("kubeadm-certs", "c", version="2", owner="p2")
    assert names(TOKEN, newer, made=(TOKEN, PROXY, CERTS)) == {"t"}
    again = secret("kubeadm-certs", "c2", owner="p2")
    assert names(TOKEN, again, made=(TOKEN, PROXY, CERTS)) == {"t"}


def test_without_a_token_and_a_record_nothing_is_the_join_s() -> None:
    assert names(OTHER, PROXY, CERTS) == set()


def test_a_description_of_any_script_is_found_and_a_damaged_one_is_not_ours() -> None:
    item = secret("bootstrap-token-x", "x", description="join of 主节点-4")
    assert [i.uid for i in rules.made_for([item], "join of 主节点-4", before=[], made=[])] == ["x"]
    broken = rules.parse({"metadata": {"name": "b", "uid": "b"}, "data": {"description": "%%%"}})
    assert rules.made_for([broken], "", before=[], made=[]) == []
