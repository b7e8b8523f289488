"""Converts API objects to records. Pure; missing values are empty, never guessed."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import decimal
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import address, printable, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import HOSTNAME_LABEL, place
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import (
    Attachment,
    Claim,
    Node,
    Owner,
    Pod,
    Volume,
)

CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# K3s: a server with an etcd member; alone, without one of those above, it has no API server.
ETCD_LABELS = ("node-role.kubernetes.io/etcd",)
CORDONED_FOR = "ha.cloudpods.org/cordoned-for"
HELPER_POD = "helper-pod-"

CLAIM_SELECTED_NODE = "volume.kubernetes.io/selected-node"

_SUFFIXES: t.Mapping[str, decimal.Decimal] = {
    **{
        suffix: decimal.Decimal(10) ** (3 * power)
        for power, suffix in enumerate(("n", "u", "m", "", "k", *"MGTPE"), -3)
    },
    **{suffix + "i": decimal.Decimal(2) ** (10 * power) for power, suffix in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"[+]?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,9})|([KMGTPE]i|[numkMGTPE]|))")
# Heartbeats come every 10 s, and clocks may differ by some seconds.
_AHEAD_SECONDS = 60
# The kubelet's default, for a lease without a duration.
LEASE_SECONDS = 40
# Kubernetes replaces greater numbers by this one.
_GREATEST = 2**63 - 1


def quantity(text: str) -> int:
    """A Kubernetes quantity of storage in bytes, rounded up as Kubernetes does; 0 for an invalid or negative one."""
    match = _QUANTITY.fullmatch(str(text or ""))
    if not match:
        return 0
    number, exponent, suffix = match.groups()
    # Beyond these powers, a value exceeds the greatest number or is less than one byte.
    scale = _SUFFIXES[suffix] if exponent is None else decimal.Decimal(10) ** max(-40, min(40, int(exponent)))
    size = (decimal.Decimal(number) * scale).min(_GREATEST)
    return int(size.to_integral_value(decimal.ROUND_CEILING))


def moment(text: t.Optional[str]) -> t.Optional[datetime.datetime]:
    """An RFC 3339 time as the API writes it, or None."""
    if not text:
        return None
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def newest_lease(leases: t.Iterable[Json], names: t.Collection[str]) -> str:
    """The newest heartbeat of these nodes: the cluster's clock, so that the local clock does not matter. Empty without one.

    `names` are nodes whose clocks are compared with each other, the survivors: a heartbeat has its own machine's time.
    """
    times = [
        lease["spec"]["renewTime"]
        for lease in leases
        if lease["metadata"]["name"] in names and (lease.get("spec") or {}).get("renewTime")
    ]
    return max(times, key=lambda text: t.cast(datetime.datetime, moment(text)), default="")


def node(obj: Json, *, leases: t.Sequence[Json], now: str) -> Node:
    """A Node with the age of its lease and how long it has not been Ready, both by the cluster's clock."""
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    labels = meta.get("labels") or {}
    condition: Json = next((item for item in status.get("conditions") or [] if item.get("type") == "Ready"), {})
    ready = condition.get("status") == "True"
    renewed = next(
        ((lease.get("spec") or {}).get("renewTime") for lease in leases if lease["metadata"]["name"] == meta["name"]),
        None,
    )
    return Node(
        name=meta["name"],
        uid=meta["uid"],
        ready=ready,
        control_plane=is_master(obj),
        addresses=internal_addresses(obj),
        hostname_label=labels.get(HOSTNAME_LABEL, meta["name"]),
        kubelet_version=(status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        unschedulable=bool(spec.get("unschedulable")),
        cordoned_for=(meta.get("annotations") or {}).get(CORDONED_FOR),
        labels=labels,
        taints=tuple(spec.get("taints") or ()),
        annotations=meta.get("annotations") or {},
        created=meta.get("creationTimestamp") or "",
        down_seconds=None if ready else _seconds_between(condition.get("lastTransitionTime"), now),
        lease_age_seconds=_lease_age(renewed, now),
        machine_id=(status.get("nodeInfo") or {}).get("machineID", ""),
        deleting=bool(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        etcd_voter=_etcd_voter(status),
        outer_addresses=_addresses(obj, "ExternalIP"),
        # Of a kubelet that is silent, the controller manager writes "Unknown".
        kubelet_reports=condition.get("status") in ("True", "False"),
    )


def kubelet_runs(record: Node, *, limit: int = LEASE_SECONDS) -> bool:
    """Whether the kubelet of a Node gives a sign of life: it wrote the condition Ready, or its heartbeat is not older than its lease."""
    age = record.lease_age_seconds
    return record.kubelet_reports or (age is not None and age < limit)


def is_master(obj: Json) -> bool:
    """Whether a Node has a control-plane role."""
    return any(label in (obj["metadata"].get("labels") or {}) for label in CONTROL_PLANE_LABELS)


def internal_addresses(obj: Json) -> t.Tuple[str, ...]:
    """All internal addresses of a Node, each in its usual form."""
    return _addresses(obj, "InternalIP")


def _addresses(obj: Json, kind: str) -> t.Tuple[str, ...]:
    found = (obj.get("status") or {}).get("addresses") or []
    return tuple(address(item["address"]) for item in found if item.get("type") == kind)


def _etcd_voter(status: Json) -> t.Optional[bool]:
    """K3s's condition whether the node's member is a voter."""
    said: Json = next((item for item in status.get("conditions") or [] if item.get("type") == "EtcdIsVoter"), {})
    return said.get("status") == "True" if said else None


def _lease_age(renewed: t.Optional[str], now: str) -> t.Optional[int]:
    """Seconds since a heartbeat; None if that is unknown, as for one that is clearly ahead of the cluster's clock: it has a wrong clock's time."""
    start, end = moment(renewed), moment(now)
    if start is None or end is None or (start - end).total_seconds() > _AHEAD_SECONDS:
        return None
    return max(0, int((end - start).total_seconds()))


def _seconds_between(earlier: t.Optional[str], later: str) -> t.Optional[int]:
    start, end = moment(earlier), moment(later)
    return max(0, int((end - start).total_seconds())) if start and end else None


def _deleting_seconds(meta: Json, now: str) -> t.Optional[int]:
    """How long an object has been terminating, 0 if unknown; None if it is not being deleted."""
    return (_seconds_between(meta["deletionTimestamp"], now) or 0) if meta.get("deletionTimestamp") else None


def pod(obj: Json, *, now: str = "") -> Pod:
    """A pod and the workload that created it. `now` is the reference for the duration of its termination."""
    meta, status = obj["metadata"], obj.get("status") or {}
    owner = next((ref for ref in meta.get("ownerReferences") or [] if ref.get("controller")), None)
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        phase=status.get("phase") or "",
        node=(obj.get("spec") or {}).get("nodeName") or "",
        deleting=bool(meta.get("deletionTimestamp")),
        owner="{0}/{1}".format(owner["kind"], owner["name"]) if owner else "",
        claims=tuple(claim_names(obj.get("spec") or {})),
        version=meta.get("resourceVersion") or "",
        ready=any(
            item.get("type") == "Ready" and item.get("status") == "True" for item in status.get("conditions") or []
        ),
        created=meta.get("creationTimestamp") or "",
        hint=pod_hint(obj),
        deleting_seconds=_deleting_seconds(meta, now),
        finalizers=tuple(meta.get("finalizers") or ()),
    )


def without_containers(obj: Json) -> Json:
    """A pod with what is read of it here, which is a small part of it."""
    spec = obj.get("spec") or {}
    return {**obj, "spec": {key: spec[key] for key in ("nodeName", "volumes") if key in spec}}


def pod_hint(obj: Json) -> str:
    """Why a pod does not run, as reported by the scheduler or the kubelet; empty without a report."""
    status = obj.get("status") or {}
    scheduled: Json = next((item for item in status.get("conditions") or [] if item.get("type") == "PodScheduled"), {})
    if scheduled.get("status") == "False":
        return printable(str(scheduled.get("message") or scheduled.get("reason") or ""))
    for container in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return printable("{0} {1}".format(waiting.get("reason") or "", waiting.get("message") or "")).strip()
    return ""


def claim_names(pod_spec: Json) -> t.List[str]:
    """The claims a pod, or a pod template, mounts."""
    volumes = pod_spec.get("volumes") or []
    return [item["persistentVolumeClaim"]["claimName"] for item in volumes if item.get("persistentVolumeClaim")]


def is_older(obj: Json, created: str) -> bool:
    """Whether an object was created before a time; True if either time is missing."""
    made, other = moment(obj["metadata"].get("creationTimestamp")), moment(created)
    return made is None or other is None or made < other


def owners(users: t.Iterable[Json]) -> t.Tuple[Owner, ...]:
    """The owners that mount a claim: each workload (an object with its `kind`), and for a pod its controller, or itself without one."""
    found: t.List[Owner] = []
    for item in users:
        meta = item["metadata"]
        if "kind" in item:
            managed = bool(meta.get("ownerReferences"))
            found.append(Owner(item["kind"], meta["namespace"], meta["name"], meta["uid"], managed=managed))
            continue
        record = pod(item)
        kind, name = record.owner.split("/", 1) if record.owner else ("Pod", record.name)
        found.append(Owner(kind, record.namespace, name, uid="" if record.owner else record.uid))
    return tuple(dict.fromkeys(found))


def shared_labels(objects: t.Iterable[Json]) -> t.Dict[str, str]:
    """The labels that all of these objects have, with the same value."""
    labels = [item["metadata"].get("labels") or {} for item in objects]
    first = labels[0] if labels else {}
    return {key: value for key, value in first.items() if all(item.get(key) == value for item in labels)}


def claim(
    obj: Json,
    *,
    volume: t.Optional[Json] = None,
    reasons: t.Tuple[str, ...] = (),
    users: t.Sequence[Json] = (),
    now: str = "",
) -> Claim:
    """A claim with its volume, if given, and with the objects that mount it (see _k8s/mounts.py)."""
    meta, spec, found = obj["metadata"], obj.get("spec") or {}, volume or {}
    source = found.get("spec") or {}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "")
    return Claim(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        phase=(obj.get("status") or {}).get("phase") or "",
        storage_class=spec.get("storageClassName") or "",
        pv_name=spec.get("volumeName") or "",
        pv_uid=volume["metadata"]["uid"] if volume else "",
        pv_phase=(found.get("status") or {}).get("phase", ""),
        reclaim_policy=source.get("persistentVolumeReclaimPolicy", ""),
        path=(source.get("hostPath") or source.get("local") or {}).get("path", ""),
        size_bytes=quantity((source.get("capacity") or {}).get("storage") or asked),
        found_by=reasons,
        mounted_by=owners(users),
        volume_kind=place(volume).kind if volume else "",
        labels=meta.get("labels") or {},
        workload_labels=shared_labels(users),
        finalizers=tuple(meta.get("finalizers") or ()),
        selected_node=selected_node(obj),
        created=meta.get("creationTimestamp") or "",
        deleting_seconds=_deleting_seconds(meta, now),
    )


def waits_for_volume(obj: Json) -> bool:
    """Whether a claim is Pending and names no volume."""
    return (obj.get("status") or {}).get("phase") == "Pending" and not (obj.get("spec") or {}).get("volumeName")


def claim_uid(volume: Json) -> str:
    """The UID of the claim that a volume names; empty without one."""
    return str(((volume.get("spec") or {}).get("claimRef") or {}).get("uid") or "")


def selected_node(obj: Json) -> str:
    """The node for which a volume was requested for a claim; empty without one."""
    return str((obj["metadata"].get("annotations") or {}).get(CLAIM_SELECTED_NODE) or "")


def bound_claim(volume: Json, claims: t.Mapping[str, Json]) -> t.Optional[Json]:
    """The claim (by UID) that is really bound to a volume: same UID in claimRef, and the claim names the volume (hazard L5)."""
    found = claims.get(claim_uid(volume))
    names = found is not None and (found.get("spec") or {}).get("volumeName") == volume["metadata"]["name"]
    return found if names else None


def volume(obj: Json, *, reasons: t.Tuple[str, ...] = ()) -> Volume:
    """A PersistentVolume, and why it counts as lost."""
    meta, spec = obj["metadata"], obj["spec"]
    ref = spec.get("claimRef") or {}
    return Volume(
        name=meta["name"],
        uid=meta["uid"],
        phase=(obj.get("status") or {}).get("phase", ""),
        reclaim_policy=spec.get("persistentVolumeReclaimPolicy", ""),
        claim=qualified(ref.get("namespace", ""), ref.get("name", "")) if ref else "",
        claim_uid=ref.get("uid", ""),
        size_bytes=quantity((spec.get("capacity") or {}).get("storage", "")),
        found_by=reasons,
        deleting=bool(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
    )


def attachment(obj: Json) -> Attachment:
    """A VolumeAttachment."""
    source = (obj.get("spec") or {}).get("source") or {}
    return Attachment(
        name=obj["metadata"]["name"], uid=obj["metadata"]["uid"], volume=source.get("persistentVolumeName", "")
    )


def cloudpods(objects: t.Sequence[Json]) -> t.Optional[Json]:
    """The facts that policies use of the first OnecloudCluster: {version, glance_on_s3}; None without one."""
    if not objects:
        return None
    spec = objects[0].get("spec") or {}
    return {"version": spec.get("version") or "", "glance_on_s3": bool((spec.get("glance") or {}).get("switchToS3"))}
