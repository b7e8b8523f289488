"""The lock of a run: a Lease in the cluster, so that two runs never act at once. Decides who may hold it. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._format import duration
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import moment
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

NAME = "cloudpods-ha"
NAMESPACE = "kube-system"
PATH = "/apis/coordination.k8s.io/v1/namespaces/{0}/leases".format(NAMESPACE)
# Without a renewal for so many seconds a lock has expired; it is renewed every `RENEWAL` seconds, also during long waits.
EXPIRY = 60
RENEWAL = 10
# The annotation with the identity of the run's process on its controller.
PROCESS = "ha.cloudpods.org/process"


@dataclasses.dataclass(frozen=True)
class Lock:
    """A Lease that was read. Times are seconds since 1970 by the API server's clock; `process` is the identity of the holder's process."""

    holder: str
    process: str
    acquired: float
    renewed: float
    expires_after: float
    version: str

    @property
    def expires(self) -> float:
        """When it expires without a renewal."""
        return self.renewed + self.expires_after


def parse(lease: t.Optional[Json]) -> t.Optional[Lock]:
    """The lock as the Lease tells it; None without a Lease or a holder. An unreadable time counts as long ago, an unreadable duration as `EXPIRY`."""
    spec = (lease or {}).get("spec") or {}
    if not lease or not spec.get("holderIdentity"):
        return None
    metadata = lease.get("metadata") or {}
    seconds = spec.get("leaseDurationSeconds")
    return Lock(
        holder=str(spec["holderIdentity"]),
        process=str((metadata.get("annotations") or {}).get(PROCESS) or ""),
        acquired=_seconds(spec.get("acquireTime")),
        renewed=_seconds(spec.get("renewTime")),
        expires_after=float(seconds) if isinstance(seconds, int) and not isinstance(seconds, bool) else EXPIRY,
        version=str(metadata.get("resourceVersion") or ""),
    )


def check(lock: t.Optional[Lock], holder: str, *, now: float, has_ended: bool, take_over: bool) -> bool:
    """Whether `holder` already holds the lock. Raises Unsafe if somebody else holds it, or may still act.

    `has_ended`: the holder's process is known to have ended. An expired lock proves that nobody renews it, and not that nobody acts any more.
    """
    if lock is None or has_ended:
        return False
    if lock.holder == holder:
        return True
    observed = "{0} has held the lock since {1}, {2} ago, and renewed it {3} ago.".format(
        lock.holder, _text(lock.acquired), duration(max(0, now - lock.acquired)), duration(max(0, now - lock.renewed))
    )
    if now < lock.expires:
        raise Unsafe(
            "LOCK_HELD",
            observed,
            "That run is at work. Wait until it ends, then run again. If it is dead, the lock expires in {0}. Nothing was changed.".format(
                duration(lock.expires - now)
            ),
        )
    if not take_over:
        raise Unsafe(
            "LOCK_HELD",
            observed,
            "The lock has expired: that run was killed, or its controller is cut off and may still act. Make sure that it is dead, then run again with "
            "-e replace_master_take_over_lock=true. Nothing was changed.",
        )
    return False


def lease(holder: str, process: str, *, now: float, acquired: t.Optional[float] = None, version: str = "") -> Json:
    """The Lease that gives the lock to `holder`, first or again. With a version, it replaces that version only."""
    metadata = {"name": NAME, "namespace": NAMESPACE, "annotations": {PROCESS: process}}
    if version:
        metadata["resourceVersion"] = version
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": EXPIRY,
            "acquireTime": _micro(now if acquired is None else acquired),
            "renewTime": _micro(now),
        },
    }


def _seconds(text: t.Any) -> float:
    """A time of the API, RFC 3339 with or without a fraction, in seconds since 1970; 0 if it is none."""
    try:
        found = moment(str(text))
    except ValueError:
        return 0.0
    return found.timestamp() if found is not None and found.tzinfo is not None else 0.0


def _micro(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
