"""Reads the objects of a claim's recovery from the API, and carries out the decided action."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, ObjectChanged
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.mounts import Mounts
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.volumes import Place, fits, pinned, place, site
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Claim, Node
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import stuck
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.claim import decide
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import Action, Seen, Target, Workload
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.verdicts import hooked

Json = t.Dict[str, t.Any]

_PLURAL = {"StatefulSet": "statefulsets", "Deployment": "deployments"}
_CLAIM_KEYS = ("namespace", "name", "uid", "pv_name", "pv_uid")
# Refusals of a dry run, in which the earlier phases changed nothing.
_TOO_EARLY = ("lost_node_present", "no_replacement")

# The modules' sub-options of the lost node.
LOST_NODE_ARGUMENT: t.Mapping[str, t.Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "uid": {"type": "str", "required": True},
        "hostname_label": {"type": "str", "required": True},
    },
}


def check_claim(claim: Json, *, owned: bool = False) -> None:
    """Raise HaError when an entry of a module's `claims` lacks an identity, or with `owned` the workload that mounts it."""
    lacks = [key for key in _CLAIM_KEYS if not claim.get(key)]
    if owned:
        owner = claim.get("owner") or {}
        lacks += ["owner." + key for key in ("kind", "name") if not owner.get(key)]
    if lacks:
        raise HaError("an entry of 'claims' lacks {0}: {1}".format(", ".join(lacks), claim.get("name")))


def target_from(claim: Json, params: Json) -> Target:
    """Build the target from a claim of a plan and the parameters of the module. Raises HaError when the claim lacks something."""
    check_claim(claim, owned=True)
    owner = claim["owner"]
    if owner["kind"] not in _PLURAL:
        raise HaError(
            "the claim {0} belongs to {1}, not to one of {2}".format(claim["name"], owner["kind"], ", ".join(_PLURAL))
        )
    return Target(
        namespace=claim["namespace"],
        claim=claim["name"],
        claim_uid=claim["uid"],
        volume=claim["pv_name"],
        volume_uid=claim["pv_uid"],
        kind=owner["kind"],
        workload=owner["name"],
        workload_uid=owner.get("uid") or "",
        lost=lost_from(params["lost_node"]),
        replacement=params["replacement"],
    )


def lost_from(params: Json) -> Lost:
    """Build the lost node from a module's sub-options."""
    return Lost(name=params["name"], addresses=(), hostname_label=params["hostname_label"], uid=params["uid"])


def step(api: KubeApi, *, target: Target, check_mode: bool, diff: bool = False) -> Json:
    """Read, decide, and carry out one action. Returns a module's result; a refusal and an outdated action are results too,
    not errors."""
    seen = read(api, target)
    action = decide(target, seen)
    acted = False
    if action.kind.startswith("delete_"):
        try:
            acted = check_mode or _delete(api, target=target, action=action)
        except ObjectChanged as exc:
            action = Action(
                "wait", "the object changed between reading and deletion, so it is read again: {0}".format(exc)
            )
    if action.kind == "wait":
        told = stuck.words(api, target.replacement)
        if told:
            action = Action("wait", "{0}. On {1} pods don't start: {2}".format(action.reason, target.replacement, told))
    result = _report(target, seen, action, acted=acted)
    if diff:
        result["diff"] = _diff(target, action) if acted else {"before": "", "after": ""}
    return result


def read(api: KubeApi, target: Target) -> Seen:
    """Read the live objects. The claim is read first: an older claim with a newer pod can only lead to waiting."""
    claim = claim_of(api, target.namespace, target.claim)
    volume = api.get("/api/v1/persistentvolumes/" + claim.pv_name) if claim and claim.pv_name else None
    workload = api.get(_workload_path(target))
    now, pods = _now(), api.items("/api/v1/namespaces/{0}/pods".format(target.namespace))
    return Seen(
        nodes=nodes(api),
        claim=claim,
        volume=None if volume is None else parse.volume(volume),
        place=Place() if volume is None else place(volume),
        pods=tuple(parse.pod(item, now=now) for item in Mounts((), pods).of(target.namespace, target.claim)),
        workload=None if workload is None else parse_workload(workload, kind=target.kind),
    )


def recovered(api: KubeApi, target: Json) -> Json:
    """Return as a module's result whether a hook has recovered its claim (namespace, name, uid, pv_name).

    Raises HaError when the claim has another volume than the planned one.
    """
    label = qualified(target["namespace"], target["name"])
    claim = claim_of(api, target["namespace"], target["name"])
    if claim is not None and claim.uid == target["uid"] and claim.pv_name != target["pv_name"]:
        raise HaError(
            "{0} is bound to '{1}', not to {2} as planned. Run again, to make a new plan".format(
                label, claim.pv_name, target["pv_name"]
            )
        )
    now = None if claim is None else {"uid": claim.uid, "volume": claim.pv_name, "phase": claim.phase or "not set"}
    verdict = hooked(target, now)
    remedy = "" if verdict["ok"] else ". It must be gone, or recreated and bound"
    return {
        **verdict,
        "msg": "{0} {1}{2}".format(label, verdict["reason"], remedy),
        "claim": {
            "namespace": target["namespace"],
            "name": target["name"],
            "old_uid": target["uid"],
            "new_uid": claim.uid if claim is not None and claim.uid != target["uid"] else "",
            "pv": claim.pv_name if claim is not None else "",
            "node": "",
            "phase": claim.phase if claim is not None else "",
        },
    }


def parse_workload(obj: Json, *, kind: str) -> Workload:
    """Read a StatefulSet or Deployment. A Deployment owned by a custom resource is recreated by that resource's
    operator."""
    replicas = obj["spec"].get("replicas")
    return Workload(
        kind=kind,
        name=obj["metadata"]["name"],
        uid=obj["metadata"]["uid"],
        replicas=1 if replicas is None else int(replicas),
        managed=bool(obj["metadata"].get("ownerReferences")),
        first=int((obj["spec"].get("ordinals") or {}).get("start") or 0),
    )


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def nodes(api: KubeApi) -> t.Tuple[Node, ...]:
    """All Nodes; whether a kubelet lives is not looked at."""
    return tuple(parse.node(item, leases=(), now="") for item in api.items("/api/v1/nodes"))


def claim_of(api: KubeApi, namespace: str, name: str) -> t.Optional[Claim]:
    """The claim of that name, whose UID may be another's; None without one."""
    found = api.get("/api/v1/namespaces/{0}/persistentvolumeclaims/{1}".format(namespace, name))
    return None if found is None else parse.claim(found, now=_now())


def _workload_path(target: Target) -> str:
    return "/apis/apps/v1/namespaces/{0}/{1}/{2}".format(target.namespace, _PLURAL[target.kind], target.workload)


def _delete(api: KubeApi, *, target: Target, action: Action) -> bool:
    _kind, path, uid = _object(target, action)
    # At this version the pod had no node: if the scheduler binds it meanwhile, the server refuses the deletion.
    return api.delete(path, uid=uid, version=action.pod.version if action.pod else "")


def _object(target: Target, action: Action) -> t.Tuple[str, str, str]:
    """Kind, path and UID of the object to delete."""
    core = "/api/v1/namespaces/{0}".format(target.namespace)
    if action.kind == "delete_claim":
        path = "{0}/persistentvolumeclaims/{1}".format(core, target.claim)
        return "PersistentVolumeClaim", path, target.claim_uid
    if action.kind == "delete_workload":
        return target.kind, _workload_path(target), target.workload_uid
    if action.pod is None:
        raise HaError("no pod was named for the action {0}".format(action.kind))
    return "Pod", "{0}/pods/{1}".format(core, action.pod.name), action.pod.uid


def _diff(target: Target, action: Action) -> Json:
    """The identity of the deleted object, before and after, without its content."""
    kind, path, uid = _object(target, action)
    name = path.rsplit("/", 1)[1]
    lines = ["kind: " + kind, "metadata:", "  namespace: " + target.namespace, "  name: " + name, "  uid: " + uid]
    header = "{0} {1}/{2}".format(kind, target.namespace, name)
    return {"before_header": header, "after_header": header, "before": "\n".join(lines) + "\n", "after": ""}


def _report(target: Target, seen: Seen, action: Action, *, acted: bool) -> Json:
    claim, done = seen.claim, action.kind == "done"
    renewed = claim is not None and claim.uid != target.claim_uid
    pod = action.pod or next((item for item in seen.pods if not item.deleting), None)
    words = {"done": "recovered", "wait": "not recovered yet", "refuse": "refused"}.get(
        action.kind, action.kind.replace("_", " ")
    )
    name = " {0}".format(action.pod.name) if action.kind == "delete_pod" and action.pod else ""
    result: Json = {
        "changed": acted,
        "action": action.kind,
        "reason": action.reason,
        "done": done,
        "recreated": renewed,
        "msg": "{0}: {1}{2}: {3}{4}".format(
            target.label, words, name, action.reason, " " + action.remedy if action.remedy else ""
        ),
        "claim": {
            "namespace": target.namespace,
            "name": target.claim,
            "old_uid": target.claim_uid,
            "new_uid": claim.uid if claim is not None and renewed else "",
            "pv": claim.pv_name if claim else "",
            "node": _bound_on(target, seen),
            "phase": claim.phase if claim else "",
        },
        "pod": {"name": pod.name, "uid": pod.uid, "node": pod.node, "phase": pod.phase, "ready": pod.ready}
        if pod
        else {},
    }
    if action.kind == "refuse":
        result.update(
            {
                "code": action.code,
                "too_early": action.code in _TOO_EARLY,
                "observed": action.reason,
                "remedy": action.remedy,
            }
        )
    return result


def _bound_on(target: Target, seen: Seen) -> str:
    """The only node on which the claim's volume can be used; empty without a volume or without a single node."""
    if seen.volume is None:
        return ""
    where = seen.place
    found = [node.name for node in seen.nodes if fits(where, site(node))]
    if not found and pinned(where, site(target.lost)):
        found = [target.lost.name]
    return found[0] if len(found) == 1 else ""
