"""Verdicts on the join and its progress, from the answers of the API, etcd and the hosts. Pure.

An answer is a registered module result. A result without the module's keys is a failure with the reason in `msg`.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
import urllib.parse

from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import quorum
from ansible_collections.cloudpods.ha.plugins.module_utils._format import address, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.daemons import affine
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

_PODS_SHOWN = 5
_CNI_WORDS = ("NetworkPluginNotReady", "cni", "network plugin")


def ready_to_join(etcd: Json, lost_nodes: Json, plan: Json) -> str:
    """Why the replacement must not join yet; empty if it may.

    `etcd` is the answer of etcd_member_info, `lost_nodes` that of k8s_info for the lost Node's name, `plan` the plan. The member of an interrupted join
    of this collection (`stale_member_id`) is removed right after this check and is not a problem.
    """
    lost = plan.get("lost") or {}
    found = []
    if "resources" not in lost_nodes:
        found.append("The Node {0} could not be read: {1}.".format(lost.get("name"), _reason(lost_nodes)))
    for node in lost_nodes.get("resources") or []:
        # A replacement that has joined may have the lost node's name.
        if not plan.get("joined") or node["metadata"].get("uid") == lost.get("uid"):
            found.append("The Node {0} still exists.".format(lost.get("name")))
    again = bool(found)
    if "etcd" not in etcd:
        found.append("etcd could not be read: {0}.".format(_reason(etcd)))
    else:
        view = from_json(Etcd, etcd["etcd"])
        stale = plan.get("stale_member_id") or ""
        rest = view._replace(members=tuple(item for item in view.members if item.id != stale))
        lost_member = next((item for item in rest.members if item.id == (plan.get("member_id") or None)), None)
        if lost_member is not None:
            found.append("The lost node's member {0} is still in the etcd member list.".format(lost_member.id))
            again = True
        voter = _voter(view, plan) if plan.get("reset") or stale else None
        if voter:
            return (
                "The replacement has become the etcd voter {0} since the plan was made, so it is not reset. "
                "Run again: the next plan goes on from there."
            ).format(voter.id)
        found += [item.observed for item in quorum.standing(view, ignored_id=stale)]
        found += [_sentence(item) for item in quorum.problems(rest)]
    if not found:
        return ""
    remedy = (
        "Run the earlier phases first (etcd_cleanup, node_removal)."
        if again
        else "Repair etcd and the API first, then run again."
    )
    return "The replacement can't join yet: {0} {1}".format(" ".join(dict.fromkeys(found)), remedy)


def _voter(view: Etcd, plan: Json) -> t.Optional[Member]:
    """The voter that the replacement has become; to reset it would wipe a copy of the cluster's data that counts."""
    ip = address((plan.get("replacement") or {}).get("ip") or "")
    voters = (item for item in view.members if item.started and not item.learner)
    return next((item for item in voters if ip in map(_host, item.peer_urls)), None)


def _host(url: str) -> str:
    return address(urllib.parse.urlsplit(url).hostname or "")


def survivors_wait(answer: Json, plan: Json) -> Json:
    """Whether every control-plane Node but the lost one is Ready, by the answer of control_plane_info."""
    cluster = answer.get("cluster") or {}
    if answer.get("settled") or plan.get("joined"):
        return _wait(True, "Every survivor is Ready.")
    if not cluster or cluster.get("api_error"):
        return _wait(False, "The API does not answer: {0}.".format(cluster.get("api_error") or _reason(answer)))
    lost = (plan.get("lost") or {}).get("name")
    late = [
        "{0} (last kubelet heartbeat {1})".format(
            node["name"],
            "{0} s ago".format(node["lease_age_seconds"])
            if node.get("lease_age_seconds") is not None
            else "at an unknown time",
        )
        for node in cluster.get("nodes") or []
        if node.get("control_plane") and node["name"] != lost and not node.get("ready")
    ]
    return _wait(False, "These survivors are not Ready: {0}.".format(", ".join(late) or "names unknown"))


def node_wait(answer: Json, plan: Json, pods: t.Sequence[Json] = ()) -> Json:
    """Whether the replacement's Node is Ready, by the answer of k8s_info. A Node of another machine ends the wait.

    `pods` are the Node's and the Pending ones; they are named when the Node is not Ready.
    """
    name, ip, host = (plan["replacement"].get(key) or "" for key in ("name", "ip", "host"))
    if "resources" not in answer:
        return _wait(False, "The API does not answer: {0}.".format(_reason(answer)))
    node = next(iter(answer["resources"] or []), None)
    if node is None:
        return _wait(
            False,
            "There is no Node {0}: the kubelet of {1} has not registered. See its log on that host.".format(name, host),
        )
    addresses = [
        item.get("address")
        for item in (node.get("status") or {}).get("addresses") or []
        if item.get("type") == "InternalIP"
    ]
    ready = condition(node, "Ready")
    if ready.get("status") == "True":
        if ip in addresses:
            return _wait(True, "The Node {0} is Ready.".format(name))
        shown = ", ".join(filter(None, addresses)) or "no address"
        return _wait(False, "The Node {0} has the address {1}, not {2}.".format(name, shown, ip), hopeless=True)
    said = printable(": ".join(filter(None, (ready.get("reason"), ready.get("message")))))
    found = "The Node {0} is not Ready: {1}.".format(name, said.rstrip(".") or "kubelet reports no reason")
    if ready.get("status") == "Unknown":
        found += " The kubelet of {0} has stopped reporting.".format(host)
    if any(word.lower() in said.lower() for word in _CNI_WORDS):
        found += " The network (CNI) of this Node is not set up; check the network pods."
    troubled = [text for text in (_trouble(pod, name) for pod in pods) if text]
    if troubled:
        more = len(troubled) - _PODS_SHOWN
        found += " Pods not running: {0}{1}.".format(
            "; ".join(troubled[:_PODS_SHOWN]), " and {0} more".format(more) if more > 0 else ""
        )
    return _wait(False, found)


def down_wait(answer: Json, plan: Json) -> Json:
    """Whether the replacement's Node is not Ready, or not there, by the answer of k8s_info: kubeadm joins no host whose Node is Ready."""
    name = plan["replacement"].get("name") or ""
    if "resources" not in answer:
        return _wait(False, "The API does not answer: {0}.".format(_reason(answer)))
    ready = any(condition(node, "Ready").get("status") == "True" for node in answer["resources"] or [])
    return _wait(not ready, "The Node {0} is {1}.".format(name, "still Ready" if ready else "not Ready"))


def voter_wait(answer: Json, plan: Json) -> Json:
    """Whether etcd is healthy and lists a voter at the replacement's address, by the answer of etcd_member_info."""
    ip = address(plan["replacement"].get("ip") or "")
    if "etcd" not in answer:
        return _wait(False, "etcd could not be read: {0}.".format(_reason(answer)))
    if answer.get("problems"):
        problems = " ".join(_sentence(item) for item in answer["problems"])
        return _wait(False, "etcd is not healthy with the replacement: {0}".format(problems))
    members = answer["etcd"].get("members") or []
    if any(_host(url) == ip for member in members for url in member.get("peer_urls") or []):
        return _wait(True, "The member at {0} is a healthy voter.".format(ip))
    return _wait(False, "etcd lists no member at {0}: {1}.".format(ip, "; ".join(answer.get("lines") or ["none"])))


def voter_condition_wait(answer: Json, _plan: Json) -> Json:
    """Whether K3s's condition EtcdIsVoter is true, by the answer of k8s_info for the Node."""
    node: Json = next(iter(answer.get("resources") or []), {})
    status = condition(node, "EtcdIsVoter").get("status") or "missing"
    return _wait(status == "True", "The condition EtcdIsVoter is {0}.".format(status))


def host_wait(answer: Json, plan: Json) -> Json:
    """Whether API server and etcd on the replacement report that they are ready, by the answer of control_plane_host_info."""
    host = answer.get("host")
    name = plan["replacement"].get("host")
    if not host:
        return _wait(False, "{0} could not be read: {1}.".format(name, _reason(answer)))
    states = [
        "its {0} reports: {1}".format(part, printable(host.get(key) or "").rstrip(".") or "nothing")
        for part, key in (("API server", "api_ready"), ("etcd", "etcd_health"))
        if host.get(key) != "ok"
    ]
    return _wait(
        not states,
        "{0} is not ready: {1}.".format(name, "; ".join(states)) if states else "API server and etcd are ready.",
    )


WAITS: t.Mapping[str, t.Callable[..., Json]] = {
    "survivors": survivors_wait,
    "node": node_wait,
    "down": down_wait,
    "voter": voter_wait,
    "voter_condition": voter_condition_wait,
    "host": host_wait,
}


def closed_ports(answer: Json, addresses: t.Sequence[str], ports: t.Sequence[int]) -> str:
    """Why the replacement does not reach the survivors, as the end of a sentence; empty if it reaches every port of `addresses`.

    `answer` is the result of port_probe. A port that is missing in it counts as closed.
    """
    if not addresses:
        return "got no survivor's address to connect to."
    if "open" not in answer:
        return "could not probe the survivors' ports: {0}.".format(_reason(answer))
    closed = list(answer.get("closed") or [])
    missing = len(addresses) * len(ports) - len(answer["open"]) - len(closed)
    if not closed and missing <= 0:
        return ""
    named = ", ".join(closed) or "{0} ports that were not probed".format(missing)
    return "can't connect to {0}. Fix firewall and routes first.".format(named)


def condition(node: Json, kind: str) -> Json:
    """A condition of a Node object; {} if it is missing."""
    found: Json = next(
        (item for item in (node.get("status") or {}).get("conditions") or [] if item.get("type") == kind), {}
    )
    return found


def printable(text: t.Any, length: int = 400) -> str:
    """A text of the cluster on one line, without control characters."""
    words = "".join(char if char.isprintable() else " " for char in str(text)).split()
    return " ".join(words)[:length]


def _trouble(pod: Json, node: str) -> str:
    """Why a pod of the Node does not run; empty if it runs or belongs to another Node."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    name = qualified(pod["metadata"].get("namespace"), pod["metadata"].get("name"))
    if spec.get("nodeName") != node:
        # A Pending pod of a DaemonSet names its Node in its affinity.
        said = condition(pod, "PodScheduled")
        if spec.get("nodeName") or node not in affine(spec) or said.get("status") != "False":
            return ""
        return "{0} is not scheduled: {1}".format(
            name, printable(said.get("message") or said.get("reason") or "no reason")
        )
    for item in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
        waiting = (item.get("state") or {}).get("waiting") or {}
        if waiting and waiting.get("reason") != "PodInitializing":
            said_why = printable(": ".join(filter(None, (waiting.get("reason"), waiting.get("message")))), 200)
            return "{0}: {1}".format(name, said_why or "waiting")
    return "{0}: Pending".format(name) if status.get("phase") == "Pending" else ""


def _wait(ready: bool, observed: str, *, hopeless: bool = False) -> Json:
    return {"over": ready or hopeless, "ready": ready, "observed": observed}


def _reason(answer: Json) -> str:
    return printable(answer.get("msg") or "no reason given").rstrip(".")


def _sentence(text: str) -> str:
    return printable(text).rstrip(".") + "."
