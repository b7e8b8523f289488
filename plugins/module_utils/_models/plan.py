"""Records of a plan: the operator's request, claims to recover, steps, the plan itself.

Sizes are bytes, times are RFC 3339 strings in UTC as the API server writes them, durations are seconds, etcd IDs are hexadecimal strings.
Readers of facts and reports find the same shapes in docs/contracts.md.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Attachment, ObjectRef, Owner
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Request:
    """The operator's request. `policies` decide what happens to lost claims; the first match decides.

    `discard` are the claims (NAMESPACE/NAME) whose loss was approved by name, `give_up_objects` the objects of a MinIO
    (NAMESPACE/NAME/BUCKET/KEY), `accept_unproven` the MinIOs (NAMESPACE/NAME) that may lose what is not proven readable.
    """

    lost: str
    minimum_down_seconds: int
    maximum_skew_seconds: float
    drives_at_once: int
    fenced: bool = False
    provider: str = ""
    storage_path: str = ""
    join_method: str = "native"
    join_skip_phases: t.Tuple[str, ...] = ()
    policies: t.Tuple[t.Mapping[str, t.Any], ...] = ()
    discard: t.Tuple[str, ...] = ()
    give_up_objects: t.Tuple[str, ...] = ()
    accept_unproven: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ClaimPlan:
    """The decision on one claim. `group` is the workload whose claims are recovered together, in ascending `order`.

    `pod` is the StatefulSet's pod that mounts it, `loses` the data that is lost for good, `tasks` the task file of the policy 'hook', `code` that of a refusal.
    """

    namespace: str
    name: str
    uid: str
    pv_name: str
    pv_uid: str
    size_bytes: int
    policy: str
    reason: str
    order: int
    group: str
    owner: t.Optional[Owner] = None
    pod: str = ""
    reclaim_policy: str = ""
    loses: str = ""
    tasks: str = ""
    code: str = ""


@dataclasses.dataclass(frozen=True)
class Recovery:
    """The claims of one workload (`group`, as NAMESPACE/NAME), in batches that are recovered one after another.

    `heals`: its drives are filled by their peers. Then `given_up` are the names of its objects that may be lost, and with `accept_unproven`
    what is not proven readable may be lost.
    """

    group: str
    heals: bool
    batches: t.Tuple[t.Tuple[ClaimPlan, ...], ...]
    given_up: t.Tuple[str, ...] = ()
    accept_unproven: bool = False


@dataclasses.dataclass(frozen=True)
class Phase:
    """A phase of a replacement, which is its tag too. It is carried out by the entry point `entry` of `role` (empty: the role of its own name).

    A phase that `acts` changes the cluster and needs a proven backup; one that `closes` closes the journal of the replacement.
    One that `locks` is carried out only while this run holds the lock.
    """

    name: str
    role: str = ""
    entry: str = "main"
    acts: bool = False
    closes: bool = False
    locks: bool = False

    def __post_init__(self) -> None:
        """Set the role to the phase's name if none is given. Whoever writes in the cluster needs the lock."""
        if not self.role:
            object.__setattr__(self, "role", self.name)
        object.__setattr__(self, "locks", self.locks or self.acts or self.closes)


@dataclasses.dataclass(frozen=True)
class Step:
    """One action of a phase, on the objects that it names. With `waits`, the action changes none of them.

    `risk` is 'safe' (it can be undone by hand), 'final' (it can't, and loses no data) or 'loss' (data is lost for good).
    """

    phase: str
    act: str
    objects: t.Tuple[ObjectRef, ...] = ()
    waits: bool = False
    risk: str = "safe"


@dataclasses.dataclass(frozen=True)
class Executor:
    """The survivor that acts for the cluster: its inventory name, Node name and address."""

    host: str = ""
    name: str = ""
    ip: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The outcome of planning: the documented fact `discovery_plan`. A refused plan has no phases, steps or objects, so nothing to act on.

    `acts` are lines that name everything it acts on, and `id` is their hash; `consent` is the ID that was agreed to, empty until then.
    `replacement_ips` are the addresses of the replacement's Node, one of each family that the survivors' Nodes have.
    `left_alone` are claims (NAMESPACE/NAME) with the policy ignore. `healers` are the StatefulSets whose drives heal: {namespace, name}.
    `leftovers` are volumes without a claim: {namespace, name, uid} of the claim they had, {pv_name, pv_uid}.
    `member_id`, `member_name` and `member_urls` (of its peers) are the lost node's etcd member, empty when it is gone.
    `member_leaves`: K3s removes it automatically.
    `joining` is what the journal records of the machine that joins: {host, machine_id, hostname, address}.
    `join`: part of the join is left to do, by `join_method`; `joined`: the replacement already is a Node and a healthy voter.
    `node_password` is the Secret of a reused name, to delete before the join. `blocked` are folders {path, claim} on a replacement with the
    lost node's name in which no pod may start.
    `probe` are the lost machine's addresses at which nothing may answer right before its member and its Node are removed; none if it is fenced.
    `backup` are the objects to back up: {api_version, kind, namespace, name, uid}. `before` is the control plane as it was
    found. `journal` is the journal entry before the first change.
    `proofs` says of each MinIO that heals, in a sentence, which of its objects are proven readable, and how.

    `state` is 'needed', 'resume' (an earlier run was interrupted), 'nothing_to_do' or 'refused'.
    """

    state: str
    id: str = ""
    consent: str = ""
    acts: t.Tuple[str, ...] = ()
    provider: str = ""
    lost: t.Optional[Lost] = None
    replacement: Executor = Executor()
    replacement_ips: t.Tuple[str, ...] = ()
    executor: Executor = Executor()
    phases: t.Tuple[Phase, ...] = ()
    steps: t.Tuple[Step, ...] = ()
    refusals: t.Tuple[Refusal, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    claims: t.Tuple[ClaimPlan, ...] = ()
    kept_claims: t.Tuple[ClaimPlan, ...] = ()
    recovery: t.Tuple[Recovery, ...] = ()
    proofs: t.Tuple[str, ...] = ()
    left_alone: t.Tuple[str, ...] = ()
    leftovers: t.Tuple[t.Mapping[str, str], ...] = ()
    healers: t.Tuple[t.Mapping[str, t.Any], ...] = ()
    attachments: t.Tuple[Attachment, ...] = ()
    member_id: str = ""
    member_name: str = ""
    member_urls: t.Tuple[str, ...] = ()
    member_leaves: bool = False
    node_password: t.Optional[ObjectRef] = None
    blocked: t.Tuple[t.Mapping[str, str], ...] = ()
    stale_member_id: str = ""
    drain: bool = False
    probe: t.Tuple[str, ...] = ()
    vip: str = ""
    promote: str = ""
    join: bool = False
    join_method: str = ""
    joining: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    joined: bool = False
    reset: bool = False
    restore_cordons: bool = False
    backup: t.Tuple[t.Mapping[str, str], ...] = ()
    before: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    journal: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    refused_text: str = ""
    text: t.Tuple[str, ...] = ()
