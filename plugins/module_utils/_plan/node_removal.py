"""Decides whether the lost Node may be deleted, and lists its remaining objects, from objects read just before."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal

_POWER_OFF = "Power the machine off, then run again."


def verdict(node: Json, *, plan: Json, provider: str, leases: Json, etcd: t.Optional[Json]) -> Json:
    """Judge the deletion of the Node that the plan names.

    `node` and `leases` are the k8s_info results for the Node of that name and for all Leases in kube-node-lease; `leases` is {} when they were not read
    yet. `etcd` is the record Etcd as JSON, read now; None when it was not read, which is allowed only where deleting the Node does not remove the
    etcd member.

    Returns {ok, reason, present, foreign, waits, version}. `present`: the planned Node exists, at the resource `version`. `foreign`: the plan had it as
    gone, and another Node has its name. `waits`: the Node could not be read, or still appears alive, which passes if the machine was powered off a moment
    ago.
    """
    lost = plan.get("lost") or {}
    name, uid = lost.get("name") or "", lost.get("uid") or ""
    found = {"ok": True, "reason": "", "present": False, "foreign": False, "waits": False, "version": ""}
    unread = _unread("Node", node) or (_unread("Leases of the kubelets", leases) if leases else "")
    if unread:
        return {**found, "ok": False, "reason": unread, "waits": True}
    live = next((item for item in node["resources"] if item["metadata"]["name"] == name), None)
    if live is None:
        return found
    if not uid:
        return {**found, "foreign": True}
    meta = live["metadata"]
    if meta["uid"] != uid:
        observed = "The Node {0} has the UID {1}, but the plan was made for {2}: a machine has registered with that name since.".format(
            name, meta["uid"], uid
        )
        reason = _text(Refusal("NODE_RETURNED", observed, _POWER_OFF))
        return {**found, "ok": False, "reason": reason}
    found.update(present=True, version=meta.get("resourceVersion") or "")
    if meta.get("deletionTimestamp"):
        # The Node was deleted earlier; later findings don't change that.
        return found
    alive = "" if plan.get("drain") else _alive(live, leases, plan)
    reason = alive or _member(plan, provider, etcd)
    return {**found, "ok": not reason, "reason": reason, "waits": bool(alive)}


def _unread(what: str, result: Json) -> str:
    """Why a k8s_info task read nothing; empty when it succeeded."""
    if "resources" in result and result.get("api_found") is not False:
        return ""
    return "The {0} could not be read: {1}.".format(what, str(result.get("msg") or "no reason given").rstrip("."))


def _alive(live: Json, read: Json, plan: Json) -> str:
    """Signs of a running kubelet on the machine that the plan had as lost.

    The executor's heartbeat is the clock, else those of the other masters: their clocks were compared. That of the lost machine, or of a worker, may be wrong.
    """
    leases = read.get("resources") or []
    name = live["metadata"]["name"]
    masters = {
        item["name"]
        for item in (plan.get("before") or {}).get("nodes") or []
        if not item["lost"] and item["name"] != name
    }
    now = parse.newest_lease(leases, {str((plan.get("executor") or {}).get("name") or "")} - {name})
    now = now or parse.newest_lease(leases, masters)
    node = parse.node(live, leases=leases, now=now)
    age = node.lease_age_seconds
    heartbeat = "" if age is None else " (last kubelet heartbeat {0} s ago)".format(age)
    own = next((item for item in leases if item["metadata"]["name"] == name), None)
    limit = ((own or {}).get("spec") or {}).get("leaseDurationSeconds") or parse.LEASE_SECONDS
    if node.ready:
        return _text(Refusal("NODE_READY", "The Node {0} is Ready{1}.".format(name, heartbeat), _POWER_OFF))
    if parse.kubelet_runs(node, limit=limit):
        running = "The Node {0} is not Ready, but its kubelet runs{1}.".format(name, heartbeat)
        return _text(Refusal("NODE_READY", running, _POWER_OFF))
    if own and not now:
        untimed = "No master has a heartbeat by which that of the Node {0} could be judged.".format(name)
        return _text(Refusal("NODE_READY", untimed, "Bring the kubelet of a survivor back, then run again."))
    return ""


def _member(plan: Json, provider: str, etcd: t.Optional[Json]) -> str:
    """Why the etcd member, which K3s removes with the Node, must not be removed."""
    if not PROVIDERS[provider].deletes_member:
        return ""
    members = (etcd or {}).get("members") or []
    error = (etcd or {}).get("error")
    if error or not members:
        observed = "K3s removes the etcd member with the Node, but etcd can't be read now: {0}.".format(
            (error or "etcd listed no members").rstrip(".")
        )
        return _text(Refusal("ETCD_UNREADABLE", observed, "Restore access to etcd on a survivor, then run again."))
    known = {plan.get("member_id"), plan.get("member_name")} - {"", None}
    for member in members:
        if member.get("healthy") and known & {member.get("id"), member.get("name")}:
            observed = "The etcd member {0} ({1}) of the lost node answers a linearizable read now, and K3s would remove it with the Node.".format(
                member.get("id"), member.get("name")
            )
            return _text(Refusal("MEMBER_HEALTHY", observed, _POWER_OFF))
    return ""


def silent(probe: Json, *, plan: Json) -> Json:
    """Judge a probe of the lost machine's addresses, made just before its member or its Node is removed: {ok, reason}.

    `probe` is the result of module port_probe for the addresses in the plan's `probe`; a failed one proves nothing.
    """
    name = (plan.get("lost") or {}).get("name") or ""
    wanted = list(plan.get("probe") or [])
    if not wanted:
        return {"ok": True, "reason": ""}
    answers = [str(item) for item in probe.get("open") or []]
    if answers:
        observed = "The lost machine {0} accepts connections at {1} now.".format(name, ", ".join(answers))
        return {"ok": False, "reason": _text(Refusal("NODE_ANSWERS", observed, _POWER_OFF))}
    # As for the plan, one address is enough: a survivor may have no route to the others. At an outer one another machine may be silent.
    outer = (plan.get("lost") or {}).get("outer_addresses") or ()
    closed = [where for where in probe.get("closed") or [] if str(where).rpartition(":")[0].strip("[]") not in outer]
    if probe.get("failed") or probe.get("unreachable") or not closed:
        observed = "Whether the lost machine {0} answers at {1} could not be probed: {2}.".format(
            name, ", ".join(wanted), str(probe.get("msg") or "no reason given").rstrip(".")
        )
        return {"ok": False, "reason": _text(Refusal("NODE_UNPROBED", observed, "Run again."))}
    return {"ok": True, "reason": ""}


def _text(refusal: Refusal) -> str:
    return "{0.code}: {0.observed} {0.remedy}".format(refusal)


def left(found: Json, *, uids: t.Collection[str] = (), only: str = "") -> t.List[str]:
    """The objects that a k8s_info task (or a loop of it) found, one text each. An unreadable result is one text too.

    With `uids` only these objects count, with `only` "ending" those being deleted, with "evictable" pods that no DaemonSet and no kubelet owns.
    """
    texts = []
    for result in found.get("results", [found]):
        unread = _unread("objects", result)
        if unread:
            texts.append(unread)
        for item in result.get("resources") or []:
            meta = item["metadata"]
            if (not uids or meta.get("uid") in uids) and _counts(meta, only):
                texts.append(_described(item.get("kind") or "object", meta))
    return texts


def _counts(meta: Json, only: str) -> bool:
    if only == "ending":
        return bool(meta.get("deletionTimestamp"))
    if only == "evictable":
        return all(owner.get("kind") not in ("DaemonSet", "Node") for owner in meta.get("ownerReferences") or [])
    return True


def _described(kind: str, meta: Json) -> str:
    name = "/".join(filter(None, (meta.get("namespace"), meta["name"])))
    since = meta.get("deletionTimestamp")
    details = ["being deleted since {0}".format(since)] if since else []
    if meta.get("finalizers"):
        details.append("held by the finalizers {0}".format(", ".join(meta["finalizers"])))
    return "{0} {1}{2}".format(kind, name, " ({0})".format("; ".join(details)) if details else "")
