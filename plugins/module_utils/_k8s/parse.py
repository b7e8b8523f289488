"""From API objects to records. Pure: mappings in, records out; what is missing in an object is empty, never guessed."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
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
CORDONED_FOR = "ha.cloudpods.org/cordoned-for"
HELPER_POD = "helper-pod-"

_SUFFIXES = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
}
_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(k|[KMGTP]i|[MGTP]|)$")


def quantity(text: str) -> int:
    """A Kubernetes quantity of storage, in bytes; 0 for what is no such quantity."""
    match = _QUANTITY.match(text or "")
    return int(float(match.group(1)) * _SUFFIXES[match.group(2)]) if match else 0


def moment(text: t.Optional[str]) -> t.Optional[datetime.datetime]:
    """An RFC 3339 time as the API writes it, or None."""
    if not text:
        return None
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def newest_lease(leases: t.Iterable[Json]) -> str:
    """The newest sign of life of any node: the cluster's own idea of now, so that no clock of ours matters. Empty without leases."""
    times = [lease["spec"]["renewTime"] for lease in leases if (lease.get("spec") or {}).get("renewTime")]
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
        control_plane=any(label in labels for label in CONTROL_PLANE_LABELS),
        addresses=tuple(item["address"] for item in status.get("addresses") or [] if item.get("type") == "InternalIP"),
        hostname_label=labels.get(HOSTNAME_LABEL, meta["name"]),
        kubelet_version=(status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        unschedulable=bool(spec.get("unschedulable")),
        cordoned_for=(meta.get("annotations") or {}).get(CORDONED_FOR),
        labels=labels,
        taints=tuple(spec.get("taints") or ()),
        annotations=meta.get("annotations") or {},
        created=meta.get("creationTimestamp") or "",
        down_seconds=None if ready else _seconds_between(condition.get("lastTransitionTime"), now),
        lease_age_seconds=_seconds_between(renewed, now),
        machine_id=(status.get("nodeInfo") or {}).get("machineID", ""),
        deleting=bool(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        etcd_voter=_etcd_voter(status),
    )


def _etcd_voter(status: Json) -> t.Optional[bool]:
    """K3s says by this condition whether the node's member takes part in votes."""
    said: Json = next((item for item in status.get("conditions") or [] if item.get("type") == "EtcdIsVoter"), {})
    return said.get("status") == "True" if said else None


def _seconds_between(earlier: t.Optional[str], later: str) -> t.Optional[int]:
    start, end = moment(earlier), moment(later)
    return max(0, int((end - start).total_seconds())) if start and end else None


def pod(obj: Json) -> Pod:
    """A pod and the workload that made it."""
    meta = obj["metadata"]
    owner = next((ref for ref in meta.get("ownerReferences") or [] if ref.get("controller")), None)
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        phase=(obj.get("status") or {}).get("phase", ""),
        node=(obj.get("spec") or {}).get("nodeName") or "",
        deleting=bool(meta.get("deletionTimestamp")),
        owner="{0}/{1}".format(owner["kind"], owner["name"]) if owner else "",
        claims=tuple(claim_names(obj.get("spec") or {})),
    )


def pod_hint(obj: Json) -> str:
    """What keeps a pod from running, in the words of the scheduler or the kubelet; empty when neither says."""
    status = obj.get("status") or {}
    scheduled: Json = next((item for item in status.get("conditions") or [] if item.get("type") == "PodScheduled"), {})
    if scheduled.get("status") == "False":
        return str(scheduled.get("message") or scheduled.get("reason") or "")
    for container in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return "{0} {1}".format(waiting.get("reason") or "", waiting.get("message") or "").strip()
    return ""


def claim_names(pod_spec: Json) -> t.List[str]:
    """The claims a pod, or a pod template, mounts."""
    volumes = pod_spec.get("volumes") or []
    return [item["persistentVolumeClaim"]["claimName"] for item in volumes if item.get("persistentVolumeClaim")]


def is_older(obj: Json, created: str) -> bool:
    """Whether an object was made before a moment; True when either time is missing."""
    made, other = moment(obj["metadata"].get("creationTimestamp")), moment(created)
    return made is None or other is None or made < other


def mounting(namespace: str, claim: str, workloads: t.Iterable[Json], pods: t.Iterable[Json]) -> t.List[Json]:
    """The objects that mount a claim: workloads (with their `kind`) by their templates, so that they are found when no pod of theirs is left.

    A pod that mounts the claim and belongs to none of them stands for itself.
    """
    found = [item for item in workloads if item["metadata"]["namespace"] == namespace and claim in _claims_of(item)]
    return found or [
        item
        for item in pods
        if item["metadata"]["namespace"] == namespace and claim in claim_names(item.get("spec") or {})
    ]


def owners(namespace: str, claim: str, workloads: t.Iterable[Json], pods: t.Iterable[Json]) -> t.Tuple[Owner, ...]:
    """What mounts a claim, by name: each workload, and for a pod its controller, or itself without one."""
    found: t.List[Owner] = []
    for item in mounting(namespace, claim, workloads, pods):
        meta = item["metadata"]
        if "kind" in item:
            managed = bool(meta.get("ownerReferences"))
            found.append(Owner(item["kind"], namespace, meta["name"], meta["uid"], managed=managed))
            continue
        record = pod(item)
        kind, name = record.owner.split("/", 1) if record.owner else ("Pod", record.name)
        found.append(Owner(kind, namespace, name, uid="" if record.owner else record.uid))
    return tuple(dict.fromkeys(found))


def shared_labels(objects: t.Iterable[Json]) -> t.Dict[str, str]:
    """The labels that all of these objects have, with the same value."""
    labels = [item["metadata"].get("labels") or {} for item in objects]
    first = labels[0] if labels else {}
    return {key: value for key, value in first.items() if all(item.get(key) == value for item in labels)}


def _claims_of(workload: Json) -> t.List[str]:
    spec = workload.get("spec") or {}
    names = claim_names((spec.get("template") or {}).get("spec") or {})
    first = (spec.get("ordinals") or {}).get("start", 0)
    for template in spec.get("volumeClaimTemplates") or []:
        stem = "{0}-{1}".format(template["metadata"]["name"], workload["metadata"]["name"])
        names += ["{0}-{1}".format(stem, first + index) for index in range(spec.get("replicas", 1))]
    return names


def claim(
    obj: Json,
    *,
    volume: t.Optional[Json] = None,
    reasons: t.Tuple[str, ...] = (),
    workloads: t.Sequence[Json] = (),
    pods: t.Sequence[Json] = (),
) -> Claim:
    """A claim with its volume, where it has one, and with what mounts it, of these workloads and pods."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    users = (meta["namespace"], meta["name"], workloads, pods)
    source = ((volume or {}).get("spec") or {}) if volume else {}
    path = (source.get("hostPath") or source.get("local") or {}).get("path", "")
    size = (source.get("capacity") or {}).get("storage") or ((spec.get("resources") or {}).get("requests") or {}).get(
        "storage", ""
    )
    return Claim(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        phase=(obj.get("status") or {}).get("phase", ""),
        storage_class=spec.get("storageClassName") or "",
        pv_name=volume["metadata"]["name"] if volume else "",
        pv_uid=volume["metadata"]["uid"] if volume else "",
        pv_phase=(volume.get("status") or {}).get("phase", "") if volume else "",
        reclaim_policy=source.get("persistentVolumeReclaimPolicy", ""),
        path=path,
        size_bytes=quantity(size),
        found_by=reasons,
        mounted_by=owners(*users),
        volume_kind=place(volume).kind if volume else "",
        labels=meta.get("labels") or {},
        workload_labels=shared_labels(mounting(*users)),
        finalizers=tuple(meta.get("finalizers") or ()),
    )


def bound_claim(volume: Json, claims: t.Iterable[Json]) -> t.Optional[Json]:
    """The claim that really is bound to a volume: same UID in claimRef, and it names the volume back (hazard L5)."""
    ref = volume["spec"].get("claimRef") or {}
    for item in claims:
        if (
            item["metadata"]["uid"] == ref.get("uid")
            and (item.get("spec") or {}).get("volumeName") == volume["metadata"]["name"]
        ):
            return item
    return None


def leftover_volume(volume: Json, *, reasons: t.Tuple[str, ...] = ()) -> Volume:
    """A volume without a claim of its own."""
    ref = volume["spec"].get("claimRef") or {}
    return Volume(
        name=volume["metadata"]["name"],
        uid=volume["metadata"]["uid"],
        phase=(volume.get("status") or {}).get("phase", ""),
        reclaim_policy=volume["spec"].get("persistentVolumeReclaimPolicy", ""),
        claim="{0}/{1}".format(ref.get("namespace", ""), ref.get("name", "")) if ref else "",
        claim_uid=ref.get("uid", ""),
        size_bytes=quantity((volume["spec"].get("capacity") or {}).get("storage", "")),
        found_by=reasons,
    )


def attachment(obj: Json) -> Attachment:
    """A VolumeAttachment."""
    source = (obj.get("spec") or {}).get("source") or {}
    return Attachment(
        name=obj["metadata"]["name"], uid=obj["metadata"]["uid"], volume=source.get("persistentVolumeName", "")
    )


def cloudpods(objects: t.Sequence[Json]) -> t.Optional[Json]:
    """What the policies ask of the first OnecloudCluster: {version, glance_on_s3}; None without one."""
    if not objects:
        return None
    spec = objects[0].get("spec") or {}
    return {"version": spec.get("version") or "", "glance_on_s3": bool((spec.get("glance") or {}).get("switchToS3"))}


def journal_state(configmap: Json) -> Json:
    """What an earlier run wrote down. A journal that can't be read is an error of its own, never an empty one."""
    try:
        state = json.loads((configmap.get("data") or {})["state"])
        readable = all(key in state["lost"] for key in ("name", "addresses", "hostname_label", "uid"))
    except (KeyError, TypeError, ValueError):
        readable = False
    if not readable:
        raise HaError(
            "the journal in the ConfigMap kube-system/{0} can't be read: repair it, or delete it when no replacement is "
            "under way".format(configmap["metadata"]["name"])
        )
    return t.cast(Json, state)
