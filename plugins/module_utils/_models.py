# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""What a control plane looks like, as frozen records. docs/contracts.md describes the same shapes for readers of facts and reports.

Sizes are bytes, times are RFC 3339 strings in UTC as the API server writes them, durations are seconds, etcd IDs are hexadecimal strings.
"""

from __future__ import annotations

import dataclasses
import typing as t

Json = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Node:
    """A Node object. `down_seconds` counts from when it stopped being Ready; `lease_age_seconds` from the kubelet's last sign of life.

    `machine_id` is that of the machine that registered it. `deleting`: it was deleted, and `finalizers` still hold it. `etcd_voter` is K3s's own word on
    its member, None where it says nothing; K3s 1.28.4 and 1.28.5 never correct a word once given, so it may confirm and never deny.
    """

    name: str
    uid: str
    ready: bool
    control_plane: bool
    addresses: t.Tuple[str, ...] = ()
    hostname_label: str = ""
    kubelet_version: str = ""
    unschedulable: bool = False
    cordoned_for: t.Optional[str] = None
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    taints: t.Tuple[t.Mapping[str, str], ...] = ()
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    created: str = ""
    down_seconds: t.Optional[int] = None
    lease_age_seconds: t.Optional[int] = None
    machine_id: str = ""
    deleting: bool = False
    finalizers: t.Tuple[str, ...] = ()
    etcd_voter: t.Optional[bool] = None


@dataclasses.dataclass(frozen=True)
class Member:
    """An etcd member as the cluster lists it; `healthy` is the outcome of a linearizable read through that member alone."""

    id: str
    name: str
    peer_urls: t.Tuple[str, ...]
    client_urls: t.Tuple[str, ...]
    learner: bool = False
    healthy: bool = False
    error: str = ""
    cluster_id: str = ""
    revision: int = 0

    @property
    def started(self) -> bool:
        """A member that was added but never started has no name and no client URL."""
        return bool(self.name and self.client_urls)


@dataclasses.dataclass(frozen=True)
class Etcd:
    """The etcd cluster as seen by `executor`, the host that was asked, whose own member is `executor_id`; `error` says why nobody could be asked."""

    executor: str = ""
    executor_id: str = ""
    cluster_id: str = ""
    version: str = ""
    members: t.Tuple[Member, ...] = ()
    alarms: t.Tuple[str, ...] = ()
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Keepalived:
    """A host's keepalived static pod. `identity` is a digest of VIP, router id and password, to compare hosts without showing a secret."""

    priority: int
    state: str
    router_id: str
    interface: str
    node_ip: str
    vips: t.Tuple[str, ...]
    identity: str


@dataclasses.dataclass(frozen=True)
class K3s:
    """K3s on a host. `binary` is the SHA-256 of the program, `ca` that of the certificate of the cluster's server CA, `token_ca` the one the host's token
    names; the latter two are empty where they are not known.
    """

    version: str
    binary: str = ""
    ca: str = ""
    token_ca: str = ""


@dataclasses.dataclass(frozen=True)
class Host:
    """What a host of the inventory says about itself. `skew_seconds` is its clock minus the controller's when it was asked; since the answer took
    `answer_seconds`, the clocks differ by so much less at the most.

    `join_running`: kubeadm, or a K3s that has not become ready yet, is at work. `etcdctl` is the path of the program on the host, empty without one.
    """

    name: str
    role: str
    reachable: bool
    error: str = ""
    provider: str = ""
    hostname: str = ""
    node_ip: str = ""
    addresses: t.Tuple[str, ...] = ()
    interfaces: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    skew_seconds: float = 0.0
    answer_seconds: float = 0.0
    kubeadm_version: str = ""
    kubelet_version: str = ""
    joined: bool = False
    etcd_data: bool = False
    join_running: bool = False
    machine_id: str = ""
    architecture: str = ""
    etcdctl: str = ""
    k3s: t.Optional[K3s] = None
    etcd_health: str = ""
    api_ready: str = ""
    kubeconfig: bool = False
    free_bytes: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    keepalived: t.Optional[Keepalived] = None


@dataclasses.dataclass(frozen=True)
class Owner:
    """The workload that mounts a claim. `managed`: something made it, and makes it again when it is deleted."""

    kind: str
    namespace: str
    name: str
    uid: str
    managed: bool = False


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod that was, or should be, on the lost node; `claims` are the names of those it mounts."""

    namespace: str
    name: str
    uid: str
    phase: str
    node: str
    deleting: bool
    owner: str = ""
    claims: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim with the volume it is bound to. `pv_name` is empty for a claim that was never bound.

    `volume_kind` is hostPath, local, the CSI driver's name, or the key of another source. `workload_labels` are those of what mounts it.
    """

    namespace: str
    name: str
    uid: str
    phase: str
    storage_class: str = ""
    pv_name: str = ""
    pv_uid: str = ""
    pv_phase: str = ""
    reclaim_policy: str = ""
    path: str = ""
    size_bytes: int = 0
    found_by: t.Tuple[str, ...] = ()
    mounted_by: t.Tuple[Owner, ...] = ()
    volume_kind: str = ""
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    workload_labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    finalizers: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume of the lost node with no claim of its own any more (Released, Failed, or its claim was recreated)."""

    name: str
    uid: str
    phase: str
    reclaim_policy: str
    claim: str
    claim_uid: str = ""
    size_bytes: int = 0
    found_by: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Attachment:
    """A VolumeAttachment to the lost node."""

    name: str
    uid: str
    volume: str


@dataclasses.dataclass(frozen=True)
class Lost:
    """The lost node. `seen_in` says where its name was found; `answers` are ports that still accept a connection, as HOST:PORT, if it was `probed`.

    `member_id` is the etcd member it had, None while that was never written down. `machine_id` is that of the machine, empty when nobody knows it.
    """

    name: str
    addresses: t.Tuple[str, ...]
    hostname_label: str
    uid: str = ""
    member_id: t.Optional[str] = None
    machine_id: str = ""
    seen_in: t.Tuple[str, ...] = ()
    answers: t.Tuple[str, ...] = ()
    probed: bool = False


@dataclasses.dataclass(frozen=True)
class Vip:
    """The virtual address. `holders` are the hosts that carry it."""

    address: str = ""
    holders: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ObjectRef:
    """One object the plan will touch. Namespace is empty for what has none; an etcd member's UID is its ID."""

    kind: str
    namespace: str
    name: str
    uid: str


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Everything discovery found: the documented fact `discovery_cluster`.

    `cloudpods` is what the policies ask of its OnecloudCluster: {version, glance_on_s3}; None where there is none.
    """

    provider: str
    lost: t.Optional[Lost] = None
    server: str = ""
    kubernetes_version: str = ""
    api_error: str = ""
    now: str = ""
    nodes: t.Tuple[Node, ...] = ()
    etcd: Etcd = Etcd()
    hosts: t.Tuple[Host, ...] = ()
    vip: Vip = Vip()
    claims: t.Tuple[Claim, ...] = ()
    pending_claims: t.Tuple[Claim, ...] = ()
    volumes: t.Tuple[Volume, ...] = ()
    pods: t.Tuple[Pod, ...] = ()
    stranded_pods: t.Tuple[Pod, ...] = ()
    attachments: t.Tuple[Attachment, ...] = ()
    helper_pods: t.Tuple[Pod, ...] = ()
    cluster_info_server: str = ""
    node_password: t.Optional[ObjectRef] = None
    cloudpods: t.Optional[Json] = None
    journal: t.Optional[Json] = None


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why an act is not safe: a code (a section of docs/runbook.md), what was seen, and what to do."""

    code: str
    seen: str
    advice: str


@dataclasses.dataclass(frozen=True)
class Request:
    """What the operator asked for. `policies` decide what happens to lost claims, the first that matches wins.

    `discard` are the claims (NAMESPACE/NAME) whose loss was approved by name.
    """

    lost: str
    fenced: bool = False
    provider: str = ""
    minimum_down_seconds: int = 60
    maximum_skew_seconds: float = 5.0
    storage_path: str = ""
    policies: t.Tuple[t.Mapping[str, t.Any], ...] = ()
    discard: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ClaimPlan:
    """What happens to one claim. `group` is the workload all of whose claims are recovered together, in ascending `order`.

    `pod` is the StatefulSet's pod that mounts it, `loses` what is gone for good, `tasks` the file of the policy 'hook', `code` that of a refusal.
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
class Step:
    """One act of a phase, on the objects it names. One that only `waits` touches none of them."""

    phase: str
    act: str
    objects: t.Tuple[ObjectRef, ...] = ()
    waits: bool = False


@dataclasses.dataclass(frozen=True)
class Executor:
    """The survivor that acts for the cluster: its inventory name, Node name and address."""

    host: str = ""
    name: str = ""
    ip: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The outcome of planning: the documented fact `discovery_plan`. With refusals, nothing may be done.

    `left_alone` are claims to be ignored, as NAMESPACE/NAME.
    `leftovers` are volumes without a claim: {namespace, name, uid} of the claim they had, {pv_name, pv_uid}.
    `member_id`, `member_name` and `member_urls` (of its peers) are the lost node's etcd member, empty when it is gone.
    `member_leaves`: K3s itself is to remove it.
    `join` says that something of the join is to be done, `joined` that the replacement already is a Node and a voter that answers.
    `node_password` is the Secret of a name that is used again, to be deleted before the join. `blocked` are folders {path, claim} on a replacement of the
    lost node's own name in which nothing may start.
    `backup` are the objects to keep a copy of: {api_version, kind, namespace, name, uid}. `journal` is what has to be written down before the first act.

    `state` is 'needed', 'resume' (an earlier run was cut short), 'nothing_to_do' or 'refused'.
    """

    state: str
    id: str = ""
    provider: str = ""
    lost: t.Optional[Lost] = None
    replacement: Executor = Executor()
    executor: Executor = Executor()
    steps: t.Tuple[Step, ...] = ()
    refusals: t.Tuple[Refusal, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    claims: t.Tuple[ClaimPlan, ...] = ()
    kept_claims: t.Tuple[ClaimPlan, ...] = ()
    left_alone: t.Tuple[str, ...] = ()
    leftovers: t.Tuple[t.Mapping[str, str], ...] = ()
    member_id: str = ""
    member_name: str = ""
    member_urls: t.Tuple[str, ...] = ()
    member_leaves: bool = False
    node_password: t.Optional[ObjectRef] = None
    blocked: t.Tuple[t.Mapping[str, str], ...] = ()
    stale_member_id: str = ""
    drain: bool = False
    promote: str = ""
    join: bool = False
    joined: bool = False
    reset: bool = False
    restore_cordons: bool = False
    backup: t.Tuple[t.Mapping[str, str], ...] = ()
    journal: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    refused_text: str = ""
    text: t.Tuple[str, ...] = ()
