"""Records of the recovery of one claim: the target, the objects read, and the next action."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cloudpods.ha.plugins.module_utils._codes import known
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import Place, Site, site
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim, Node, Pod, Volume


@dataclass(frozen=True)
class Workload:
    """The StatefulSet or Deployment that owns the pods. `managed`: an owner would recreate it.

    `first` is the first ordinal of a StatefulSet.
    """

    kind: str
    name: str
    uid: str
    replicas: int
    managed: bool = False
    first: int = 0


@dataclass(frozen=True)
class Target:
    """The claim to recover: the identities that the plan recorded while the volume was known to be lost."""

    namespace: str
    claim: str
    claim_uid: str
    volume: str
    volume_uid: str
    kind: str
    workload: str
    workload_uid: str
    lost: Lost
    replacement: str

    @property
    def label(self) -> str:
        """NAMESPACE/NAME of the claim."""
        return qualified(self.namespace, self.claim)


@dataclass(frozen=True)
class Seen:
    """The live objects, read together. `place` is the place of `volume`, the claim's volume."""

    nodes: t.Tuple[Node, ...]
    claim: t.Optional[Claim] = None
    volume: t.Optional[Volume] = None
    place: Place = field(default_factory=Place)
    pods: t.Tuple[Pod, ...] = ()
    workload: t.Optional[Workload] = None

    def node(self, name: str) -> t.Optional[Node]:
        """The live Node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def sites_but(self, name: str) -> t.Tuple[Site, ...]:
        """All registered nodes but one, as volumes name them."""
        return tuple(site(node) for node in self.nodes if node.name != name)


@dataclass(frozen=True)
class Action:
    """The next action: wait, delete_claim, delete_pod, delete_workload, done or refuse, and why."""

    kind: str
    reason: str
    code: str = ""
    remedy: str = ""
    pod: t.Optional[Pod] = field(default=None)


def wait(reason: str) -> Action:
    """Nothing can be done yet."""
    return Action("wait", reason)


def refuse(code: str, seen: str, remedy: str) -> Action:
    """Nothing may be done; the code is a section of docs/runbook.md."""
    return Action("refuse", seen, code=known(code), remedy=remedy)
