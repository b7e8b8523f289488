"""Records of discovery's findings: the lost node, the VIP, the complete cluster.

Sizes are bytes, times are RFC 3339 strings in UTC as the API server writes them, durations are seconds, etcd IDs are hexadecimal strings.
Readers of facts and reports find the same shapes in docs/contracts.md.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import (
    Attachment,
    Claim,
    DaemonPod,
    Node,
    ObjectRef,
    Pod,
    Volume,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal

# Where a name is seen of which nothing is left but volumes: it may have been a worker.
BY_VOLUMES = ("volumes",)


@dataclasses.dataclass(frozen=True)
class Lost:
    """The lost node. `seen_in` lists where its name was found; `answers` are ports that still accept a connection, as HOST:PORT, if it was `probed`.

    `member_id` is its former etcd member, None if it was never recorded. `machine_id` is empty if unknown. At `outer_addresses` it may answer too, but other
    machines may share them.
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
    outer_addresses: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Vip:
    """The virtual address. `holders` are the hosts that carry it."""

    address: str = ""
    holders: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The findings of discovery: the documented fact `discovery_cluster`.

    `gone_claims` name a volume that is gone, and that was requested on the lost node or used by a pod there. `kubeadm_settings` are the values in
    kubeadm-config that a joining master gets, by their paths. `replacement` is the Node whose `daemon_pods` were asked for, with those of all other masters.
    `api_refusal` is why the cluster can't be read although its API answers.
    `cloudpods` are the facts of its OnecloudCluster that policies use: {version, glance_on_s3}; None without one.
    """

    provider: str
    lost: t.Optional[Lost] = None
    server: str = ""
    kubernetes_version: str = ""
    api_error: str = ""
    api_refusal: t.Optional[Refusal] = None
    now: str = ""
    nodes: t.Tuple[Node, ...] = ()
    etcd: Etcd = Etcd()  # noqa: RUF009  it is frozen
    hosts: t.Tuple[Host, ...] = ()
    vip: Vip = Vip()
    claims: t.Tuple[Claim, ...] = ()
    gone_claims: t.Tuple[Claim, ...] = ()
    pending_claims: t.Tuple[Claim, ...] = ()
    volumes: t.Tuple[Volume, ...] = ()
    pods: t.Tuple[Pod, ...] = ()
    stranded_pods: t.Tuple[Pod, ...] = ()
    attachments: t.Tuple[Attachment, ...] = ()
    helper_pods: t.Tuple[Pod, ...] = ()
    replacement: str = ""
    daemon_pods: t.Tuple[DaemonPod, ...] = ()
    cluster_info_server: str = ""
    kubeadm_settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    node_password: t.Optional[ObjectRef] = None
    cloudpods: t.Optional[Json] = None
    journal: t.Optional[Json] = None
