"""The control plane before and after, drawn with boxes: machines, their etcd members, the VIP. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._report.markup import Markup, element

_NODES = {
    "ready": ("Node Ready", "good"),
    "not_ready": ("Node not Ready", "bad"),
    "gone": ("no Node", "bad"),
    "planned": ("Node, planned", "quiet"),
}


def planes(data: Json) -> Markup:
    """Draw `before` and `after` of report.json; in place of an `after` that was not reached, what the plan aims at."""
    before, after = data["before"], data["after"]
    drawn = []
    if before:
        drawn.append(_plane("Before" if data["outcome"] != "refused" else "As it was found", before))
    if after:
        drawn.append(
            _plane("After, as it was read" if data["outcome"] == "done" else "As it was read last", after, data)
        )
    elif before and data["outcome"] != "refused":
        drawn.append(_plane("Planned, not proven", _planned(before, data["replacement"]), data, planned=True))
    return element("div", *drawn, cls="planes")


def _planned(before: Json, new: Json) -> Json:
    machine = {"name": new["name"], "address": new["ip"], "node": "planned", "lost": False, "holds_vip": False}
    kept = [item for item in before["nodes"] if not item["lost"] and item["name"] != new["name"]]
    return {**before, "nodes": [*kept, {**machine, "member": None}]}


def _plane(heading: str, plane: Json, data: t.Optional[Json] = None, *, planned: bool = False) -> Markup:
    new = data["replacement"]["name"] if data else ""
    machines = [_machine(item, is_new=bool(new) and item["name"] == new) for item in plane["nodes"]]
    holders = [item["name"] for item in plane["nodes"] if item["holds_vip"]]
    vip = []
    if plane["vip"]:
        at = "on " + ", ".join(holders) if holders else "" if planned else "on no machine"
        vip = [
            element("span", " ".join(filter(None, ("VIP", plane["vip"], at))), cls="vip"),
            element("div", "", cls="rail"),
        ]
    workers = plane["workers"]
    return element(
        "div",
        element("h3", heading),
        *vip,
        element("ul", *machines, cls="machines"),
        element(
            "p", "and {0} other Node{1}".format(workers, "" if workers == 1 else "s") if workers else "", cls="quiet"
        ),
        cls="plane planned" if planned else "plane",
    )


def _machine(item: Json, *, is_new: bool) -> Markup:
    word, kind = _NODES[item["node"]]
    member = item["member"]
    if member:
        etcd = element(
            "p",
            "etcd {0}, ".format("learner" if member["learner"] else "voter"),
            element("strong", "healthy", cls="good")
            if member["healthy"]
            else element("strong", "no answer", cls="bad"),
        )
    else:
        etcd = element("p", "etcd member, planned" if item["node"] == "planned" else "no etcd member", cls="quiet")
    mark = ("lost", "bad") if item["lost"] else ("replacement", "good") if is_new else None
    classes = ["machine", "lost" if item["lost"] else "new" if is_new else "", "holder" if item["holds_vip"] else ""]
    return element(
        "li",
        element("p", element("strong", item["name"])),
        element("p", mark[0], cls=mark[1]) if mark else "",
        element("p", item["address"], cls="quiet") if item["address"] else "",
        element("p", word, cls=kind),
        etcd,
        cls=" ".join(filter(None, classes)),
    )
