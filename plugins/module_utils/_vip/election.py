"""Which survivor is to carry the VIP, and whether its manifest has to be edited for that. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host, Keepalived
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import from_json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip import manifest


@dataclasses.dataclass(frozen=True)
class Holder:
    """The inventory host that is to carry the VIP; `edit` when its manifest does not say so yet."""

    name: str
    edit: bool


def holder(reports: t.Mapping[str, Json], *, address: str, promote: str) -> Holder:
    """Decide from what module vip_info returned on every survivor, by inventory name.

    `promote` is the survivor that is to become 100/MASTER, '' when one is already. Raises Unsafe when a manifest is
    missing, unusable or of another VIP, or when the manifests contradict each other or `promote`.
    """
    hosts = [_host(name, report, address=address) for name, report in reports.items()]
    if promote and promote not in reports:
        raise Unsafe("VIP_PROMOTE", "{0} is none of the survivors.".format(promote), "Promote a survivor.")
    chosen = manifest.choose_promotion(hosts, [promote])
    if chosen and not promote:
        raise Unsafe(
            "VIP_NO_MASTER",
            "the keepalived manifest of no survivor says MASTER.",
            "Name the survivor that is to take the VIP over.",
        )
    name = chosen or next(iter(manifest.masters(hosts)), "")
    if not name:
        raise Unsafe("VIP_NO_MASTER", "there is no survivor.", "List the hosts that are left.")
    if promote and promote != name:
        raise Unsafe(
            "VIP_TWO_MASTERS",
            "{0} is to be promoted, but the keepalived manifest of {1} says MASTER.".format(promote, name),
            "Only one host may: run again, so that the plan is made anew.",
        )
    return Holder(name=name, edit=bool(chosen))


def _host(name: str, report: Json, *, address: str) -> Host:
    if not report.get("keepalived"):
        raise Unsafe(
            "VIP_MANIFEST",
            "the keepalived manifest of {0} can't be used: {1}.".format(name, report.get("error") or "it was not read"),
            "Repair it first: it takes its values from another survivor.",
        )
    keepalived = from_json(Keepalived, report["keepalived"])
    if address not in keepalived.vips:
        raise Unsafe(
            "VIP_ADDRESS",
            "the keepalived manifest of {0} is for {1}, not for {2}.".format(name, ", ".join(keepalived.vips), address),
            "Give the VIP of this cluster.",
        )
    return Host(name=name, role="survivor", reachable=True, keepalived=keepalived)
