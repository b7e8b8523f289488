"""Decides which survivor carries the VIP, whether its manifest must be edited, and whether it alone carries the VIP. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host, Keepalived
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.manifest import BACKUP_PRIORITY, HIGHEST_PRIORITY

# The MASTER's priority with ocboot and ocadm.
MASTER_PRIORITY = 100


@dataclasses.dataclass(frozen=True)
class Holder:
    """The inventory host that must carry the VIP. `edit`: its manifest must be changed to MASTER with `priority`."""

    name: str
    edit: bool
    priority: int


def by_host(results: t.Sequence[Json]) -> t.Dict[str, Json]:
    """The reports of vip_info by inventory name, from the results of a loop. A host without a report has the reason in `error`."""
    return {
        result[result["ansible_loop_var"]]: result.get("vip")
        or {"error": str(result.get("msg") or "no reason given").splitlines()[0]}
        for result in results
    }


def holder(reports: t.Mapping[str, Json], *, address: str, promote: str) -> Holder:
    """Choose the holder from the results of module vip_info on every survivor, by inventory name.

    `promote` is the survivor that becomes MASTER, '' if there is one already. Raises Unsafe when a manifest is
    missing, unusable or of another VIP, or when the manifests contradict each other or `promote`.
    """
    hosts = [_host(name, report, address=address) for name, report in reports.items()]
    if promote and promote not in reports:
        raise Unsafe("VIP_PROMOTE", "{0} is not a survivor.".format(promote), "Promote a survivor.")
    chosen = choose_promotion(hosts, [promote])
    if chosen and not promote:
        raise Unsafe(
            "VIP_NO_MASTER",
            "no survivor's keepalived manifest says MASTER.",
            "Name the survivor that takes the VIP over.",
        )
    name = chosen or next(iter(masters(hosts)), "")
    if not name:
        raise Unsafe("VIP_NO_MASTER", "No survivor is listed.", "List the surviving hosts.")
    if promote and promote != name:
        raise Unsafe(
            "VIP_TWO_MASTERS",
            "{0} would be promoted, but the keepalived manifest of {1} already says MASTER.".format(promote, name),
            "Only one host may be MASTER. Run again, to make a new plan.",
        )
    if chosen:
        return Holder(name=name, edit=True, priority=promotion_priority(hosts, name))
    return Holder(
        name=name,
        edit=False,
        priority=next(host.keepalived.priority for host in hosts if host.name == name and host.keepalived),
    )


def carriers(reports: t.Mapping[str, Json]) -> t.List[str]:
    """The inventory hosts that carry the VIP, from the results of module vip_info."""
    return [name for name, report in reports.items() if report.get("holds")]


def not_alone(reports: t.Mapping[str, Json], *, address: str, wanted: str) -> str:
    """Why `wanted` is not proven to be the only holder of the VIP; empty if it is. A host that did not answer may carry the VIP."""
    silent = [
        "{0} ({1})".format(name, report.get("error")) for name, report in reports.items() if "holds" not in report
    ]
    if silent:
        return "These hosts may carry the VIP {0}, since they did not answer: {1}. Repair the connection to them, then run again.".format(
            address, ", ".join(silent)
        )
    found = carriers(reports)
    if not wanted or found != [wanted]:
        text = "The VIP {0} must be carried by {1} alone, but is carried by: {2}. Check keepalived on these hosts, then run again."
        return text.format(address, wanted or "one host", ", ".join(found) or "no host")
    return ""


def unanswered(answers: t.Mapping[str, Json], *, address: str) -> str:
    """Why the API is not proven to answer at the VIP; empty if it does. `answers` are results of the module https_probe, by the querying host."""
    wrong = {name: result for name, result in answers.items() if result.get("status") != 200}
    if not answers or wrong:
        failed = ["{0}: {1}".format(name, result.get("msg") or "no answer") for name, result in wrong.items()]
        return "The API does not answer at the VIP {0}. {1}".format(address, "; ".join(failed) or "No host queried it.")
    return ""


def identity_differs(hosts: t.Sequence[Host]) -> t.Tuple[str, ...]:
    """Return the names of all hosts with a manifest if these differ in VIP, router ID or password."""
    found = {host.name: host.keepalived.identity for host in hosts if host.keepalived is not None}
    return tuple(sorted(found)) if len(set(found.values())) > 1 else ()


def masters(hosts: t.Sequence[Host]) -> t.Tuple[str, ...]:
    """Return the names of the hosts whose manifest says MASTER."""
    return tuple(
        sorted(host.name for host in hosts if host.keepalived is not None and host.keepalived.state == "MASTER")
    )


def choose_promotion(hosts: t.Sequence[Host], holders: t.Sequence[str]) -> str:
    """Return the survivor that must become MASTER, or '' if there is one already (or none runs keepalived).

    `hosts` are the survivors, `holders` the names of hosts that carry the VIP now.
    Raises Unsafe when the survivors' manifests contradict each other.
    """
    found = {host.name: host.keepalived for host in hosts if host.keepalived is not None}
    if not found:
        return ""
    differing = identity_differs(hosts)
    if differing:
        raise Unsafe(
            "VIP_IDENTITY_DIFFERS",
            "the keepalived manifests of {0} differ in VIP, router ID or password.".format(", ".join(differing)),
            "Each host would take the VIP. Make these values equal on all hosts first.",
        )
    named = masters(hosts)
    if len(named) > 1:
        raise Unsafe(
            "VIP_TWO_MASTERS",
            "the keepalived manifests of {0} all say MASTER.".format(", ".join(named)),
            "Make all but one of them BACKUP with priority {0} first.".format(BACKUP_PRIORITY),
        )
    if named:
        rivals = sorted(
            name for name, item in found.items() if name != named[0] and item.priority >= found[named[0]].priority
        )
        if rivals:
            raise Unsafe(
                "VIP_PRIORITY",
                "{0} is MASTER with priority {1}, but the priority of {2} is not lower.".format(
                    named[0], found[named[0]].priority, ", ".join(rivals)
                ),
                "Set the priority of the other hosts to {0} first; only one host may have the highest priority.".format(
                    BACKUP_PRIORITY
                ),
            )
        return ""
    chosen = _successor(found, holders)
    promotion_priority(hosts, chosen)
    return chosen


def promotion_priority(hosts: t.Sequence[Host], chosen: str) -> int:
    """The priority that puts this host above all others: 100, or one more than their highest.

    Raises Unsafe if another host has the highest possible priority.
    """
    others = {host.name: host.keepalived.priority for host in hosts if host.keepalived and host.name != chosen}
    priority = max(MASTER_PRIORITY, max(others.values(), default=0) + 1)
    if priority > HIGHEST_PRIORITY:
        highest = sorted(name for name, value in others.items() if value >= HIGHEST_PRIORITY)
        raise Unsafe(
            "VIP_PRIORITY",
            "{0} must become MASTER, but no priority is higher than that of {1}.".format(chosen, ", ".join(highest)),
            "Set the priority of the other hosts to {0} first; only one host may have the highest priority.".format(
                BACKUP_PRIORITY
            ),
        )
    return priority


def _host(name: str, report: Json, *, address: str) -> Host:
    if not report.get("keepalived"):
        raise Unsafe(
            "VIP_MANIFEST",
            "the keepalived manifest of {0} can't be used: {1}.".format(name, report.get("error") or "it was not read"),
            "Repair it first, with the values of another survivor's manifest.",
        )
    keepalived = from_json(Keepalived, report["keepalived"])
    if address not in keepalived.vips:
        raise Unsafe(
            "VIP_ADDRESS",
            "the keepalived manifest of {0} is for {1}, not for {2}.".format(name, ", ".join(keepalived.vips), address),
            "Check the VIP of this cluster and repair the manifest.",
        )
    return Host(name=name, role="survivor", reachable=True, keepalived=keepalived)


def _successor(found: t.Mapping[str, Keepalived], holders: t.Sequence[str]) -> str:
    holding = [name for name in found if name in holders]
    return min(holding or found, key=lambda name: (-found[name].priority, name))
