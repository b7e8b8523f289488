"""Records of Kubernetes objects: Node, Pod, claim, volume, attachment, and a reference to any of them.

Sizes are bytes, times are RFC 3339 strings in UTC as the API server writes them, durations are seconds, etcd IDs are hexadecimal strings.
Readers of facts and reports find the same shapes in docs/contracts.md.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Node:
    """A Node object. `down_seconds` counts from its last Ready state; `lease_age_seconds` from the kubelet's last heartbeat.

    `machine_id` is that of the machine that registered it. `deleting`: it was deleted, and `finalizers` still hold it. `etcd_voter` is K3s's condition of
    its member, None without one; K3s 1.28.4 and 1.28.5 never correct the condition, so "True" is proof and "False" is not. `outer_addresses` are its
    ExternalIPs: machines may share one, so they identify none. `kubelet_reports`: its kubelet wrote the condition Ready, be it True or False.
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
    outer_addresses: t.Tuple[str, ...] = ()
    kubelet_reports: bool = False


@dataclasses.dataclass(frozen=True)
class Owner:
    """The workload that mounts a claim. `managed`: its owner created it, and recreates it after a deletion."""

    kind: str
    namespace: str
    name: str
    uid: str
    managed: bool = False


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod. `claims` are the names of those it mounts; `owner` is KIND/NAME of its controller.

    `hint` says why it is not running, as reported by the scheduler or the kubelet. `deleting_seconds` count from the end of its grace
    period, None while it is not being deleted. `version` is its resourceVersion.
    """

    namespace: str
    name: str
    uid: str
    phase: str
    node: str
    deleting: bool
    owner: str = ""
    claims: t.Tuple[str, ...] = ()
    version: str = ""
    ready: bool = False
    created: str = ""
    hint: str = ""
    deleting_seconds: t.Optional[int] = None
    finalizers: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class DaemonPod:
    """A pod of a DaemonSet (`daemon_set`) for one Node: where it is, or where it is to be placed.

    `hint` says why it is not Ready. With `host_network` it starts also where the network of pods is broken.
    """

    namespace: str
    name: str
    daemon_set: str
    node: str
    ready: bool = False
    hint: str = ""
    host_network: bool = False


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim with the volume it is bound to. `pv_name` is empty for a claim that was never bound.

    `volume_kind` is hostPath, local, the CSI driver's name, or the key of another source. `workload_labels` are those of its workload.
    `selected_node` is the node for which the scheduler requested a volume. `deleting_seconds` is None while it is not being deleted.
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
    selected_node: str = ""
    created: str = ""
    deleting_seconds: t.Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Volume:
    """A PersistentVolume. `claim` is NAMESPACE/NAME of the claim it is or was for, `claim_uid` the UID of that claim.

    In the losses of a node, it is a volume without its claim (Released, Failed, or its claim was recreated).
    """

    name: str
    uid: str
    phase: str
    reclaim_policy: str
    claim: str
    claim_uid: str = ""
    size_bytes: int = 0
    found_by: t.Tuple[str, ...] = ()
    deleting: bool = False
    finalizers: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Attachment:
    """A VolumeAttachment to the lost node."""

    name: str
    uid: str
    volume: str


@dataclasses.dataclass(frozen=True)
class ObjectRef:
    """One object that the plan changes. The namespace is empty without one; an etcd member's UID is its ID."""

    kind: str
    namespace: str
    name: str
    uid: str
