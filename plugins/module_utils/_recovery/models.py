"""What the recovery of one claim looks at, and the act that follows, as frozen records."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import Place, Site


@dataclass(frozen=True)
class LostNode:
    """The node that is gone: its name, the UID of its Node object, the value of its hostname label."""

    name: str
    uid: str
    hostname: str

    @property
    def site(self) -> Site:
        """The node as volumes name it."""
        return Site(self.name, self.hostname)


@dataclass(frozen=True)
class LiveNode:
    """A Node object as it is now."""

    name: str
    uid: str
    hostname: str
    ready: bool = True
    schedulable: bool = True
    terminating: bool = False
    labels: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        """The node as volumes name it."""
        return Site(self.name, self.hostname, self.labels)


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim. `selected_node` is the node for which the scheduler asked a volume."""

    uid: str
    phase: str
    volume_name: str = ""
    selected_node: str = ""
    created: str = ""
    terminating_seconds: t.Optional[int] = None
    finalizers: t.Tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """A PersistentVolume."""

    name: str
    uid: str
    claim_uid: str
    phase: str = "Bound"
    place: Place = field(default_factory=Place)
    policy: str = "Delete"
    terminating: bool = False
    finalizers: t.Tuple[str, ...] = ()


@dataclass(frozen=True)
class Pod:
    """A pod that mounts the claim. `hint` says why it is not running, in the words of the scheduler or the kubelet.

    `terminating_seconds` count from the end of the time it was given to end by itself.
    """

    name: str
    uid: str
    version: str
    phase: str
    node: str = ""
    ready: bool = False
    terminating: bool = False
    created: str = ""
    hint: str = ""
    terminating_seconds: int = 0
    finalizers: t.Tuple[str, ...] = ()


@dataclass(frozen=True)
class Workload:
    """The StatefulSet or Deployment that owns the pods. `managed`: something above it would create it again.

    `first` is the ordinal at which a StatefulSet begins to count.
    """

    kind: str
    name: str
    uid: str
    replicas: int
    managed: bool = False
    first: int = 0


@dataclass(frozen=True)
class Target:
    """What is to be recovered: the identities that the plan recorded while the volume was known to be lost."""

    namespace: str
    claim: str
    claim_uid: str
    volume: str
    volume_uid: str
    kind: str
    workload: str
    workload_uid: str
    lost: LostNode
    replacement: str

    @property
    def label(self) -> str:
        """Namespace and name of the claim, as people write it."""
        return "{0}/{1}".format(self.namespace, self.claim)


@dataclass(frozen=True)
class Seen:
    """The live objects, read in one go."""

    nodes: t.Tuple[LiveNode, ...]
    claim: t.Optional[Claim] = None
    volume: t.Optional[Volume] = None
    pods: t.Tuple[Pod, ...] = ()
    workload: t.Optional[Workload] = None

    def node(self, name: str) -> t.Optional[LiveNode]:
        """The live Node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def sites_but(self, name: str) -> t.Tuple[Site, ...]:
        """All registered nodes but one, as volumes name them."""
        return tuple(node.site for node in self.nodes if node.name != name)


@dataclass(frozen=True)
class Action:
    """The next act: wait, delete_claim, delete_pod, delete_workload, done or refuse, and why."""

    kind: str
    reason: str
    code: str = ""
    advice: str = ""
    pod: t.Optional[Pod] = field(default=None)
