"""The result of module minio_health_info, and its sentences for the operator."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.health import Health
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import Drive
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView, starting


def report(health: Health, views: t.Sequence[PodView], *, name: str) -> t.Dict[str, t.Any]:
    """Turn a verdict into a module's result; one sentence in `msg` gives the state."""
    stands = (
        "; ".join(finding.sentence for finding in health.findings) or "every pod is healthy and no drive is healing"
    )
    if health.lost_pods:
        stands = "the drive of {0} is lost and not replaced; apart from that, {1}".format(
            ", ".join(health.lost_pods), stands
        )
    false_412 = (
        "; false answer 412 to the maintenance check from {0}".format(", ".join(health.false_412))
        if health.false_412
        else ""
    )
    healing = any(finding.code == "healing" for finding in health.gate)
    return {
        "msg": "{0}: {1}: {2}{3}".format(name, "healthy" if health.converged else "not healthy", stands, false_412),
        "deployment_id": health.deployment_id,
        "parity": health.parity,
        "sets": [
            {**dataclasses.asdict(item), "missing": item.missing, "readable": item.readable, "writable": item.writable}
            for item in health.sets
        ],
        "drives": [_drive(drive) for drive in health.drives],
        "healing": [drive.endpoint for drive in health.drives if drive.healing],
        "pods": [
            {
                key: getattr(view, key)
                for key in ("name", "node", "ready", "live", "cluster", "maintenance", "uptime", "error")
            }
            for view in views
        ],
        "readable": health.readable,
        "writable": health.writable,
        "may_lose_one_more": health.may_lose_one_more,
        "settled": health.settled,
        "converged": health.converged,
        "lost_pods": list(health.lost_pods),
        "maintenance_ok": health.maintenance_ok,
        "false_412": list(health.false_412),
        "findings": [dataclasses.asdict(finding) for finding in health.findings],
        "gate": {
            "ok": not health.gate,
            "fatal": health.gate_fatal,
            "healing": healing,
            "decided": not health.gate or health.gate_fatal or healing,
            "starting": any(starting(view) for view in views if view.name not in health.lost_pods),
            "codes": sorted({finding.code for finding in health.gate}),
            "sentences": [finding.sentence for finding in health.gate],
        },
    }


def together(items: t.Sequence[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    """The module's result of all deployments: those whose gate is not decided, and of these the ones with a pod that is starting, are
    NAMESPACE/NAME."""
    undecided = [item for item in items if not item["gate"]["decided"]]
    return {
        "changed": False,
        "msg": "; ".join(dict.fromkeys(item["msg"] for item in items)),
        "deployments": list(items),
        "undecided": [qualified(item["namespace"], item["name"]) for item in undecided],
        "starting": [qualified(item["namespace"], item["name"]) for item in undecided if item["gate"]["starting"]],
    }


def compare_buckets(
    before: t.Sequence[t.Mapping[str, t.Any]], after: t.Sequence[t.Mapping[str, t.Any]]
) -> t.Dict[str, t.Any]:
    """Compare counts of objects, {name, objects, complete} per bucket: which buckets are `gone`, and which have `fewer`
    objects ({bucket, before, after}). An incomplete count now proves nothing; an incomplete count before was at least that
    many."""
    now = {bucket["name"]: bucket for bucket in after}
    fewer = [
        {"bucket": old["name"], "before": old["objects"], "after": now[old["name"]]["objects"]}
        for old in before
        if old["name"] in now and now[old["name"]]["complete"] and now[old["name"]]["objects"] < old["objects"]
    ]
    return {"gone": [old["name"] for old in before if old["name"] not in now], "fewer": fewer}


def recovered(result: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Whether a MinIO is recovered, {ok, reason}, by everything that was asked for: its drives, the objects read back, scan and proof.

    What MinIO says of its heal proves nothing: a heal that failed may be told as done. The parts on the drives, and the scan, count.
    """
    readback, scan = result.get("readback") or {}, result.get("scan") or {}
    proof = result.get("proof")
    faults = [] if result.get("converged") else [str(result.get("msg") or "it is not whole")]
    if readback.get("failed"):
        faults.append(
            "{0} of {1} objects could not be read back: {2}".format(
                readback["failed"], readback["objects"], readback["failures"]
            )
        )
    if result.get("gone"):
        faults.append("buckets are gone that were there before: {0}".format(", ".join(result["gone"])))
    if scan.get("incomplete") or (scan.get("error") and not (proof and proof["permitted"]["ok"])):
        faults += _about_scan(scan)
    if proof and not proof["permitted"]["ok"]:
        faults.append(str(proof["permitted"]["reason"]))
    if proof and proof["incomplete_count"] and not result.get("lost_pods"):
        faults.append(_lacking(proof))
    return {"ok": not faults, "reason": printable("; ".join(faults))}


def about_objects(result: t.Mapping[str, t.Any]) -> str:
    """The sentences for the operator about counts and scan; empty without problems."""
    told = []
    if result.get("gone"):
        told.append("these buckets existed before and are missing now: {0}".format(", ".join(result["gone"])))
    told += [
        "bucket {bucket} has {after} objects, but had {before} before: check whether an application deleted them".format(
            **item
        )
        for item in result.get("fewer") or ()
    ]
    proof = result.get("proof") or {}
    told += _about_scan(result.get("scan") or {})
    # While no drive may be replaced the proof only repeats why.
    if proof and not (result.get("gate") or {}).get("codes"):
        told.append(str(proof["permitted"]["reason"]))
        if proof["incomplete_count"] and not result.get("lost_pods"):
            told.append(_lacking(proof))
    return printable("; ".join(told))


def _lacking(proof: t.Mapping[str, t.Any]) -> str:
    named = "; ".join("{bucket}/{object} ({error})".format(**item) for item in proof["incomplete"])
    return (
        "{0} of {1} objects lack parts on some drive, among them {2}. Heal them with `mc admin heal -r ALIAS`, then run "
        "again".format(proof["incomplete_count"], proof["objects"], named)
    )


def _about_scan(scan: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """The findings of a scan: whether all objects are complete on all drives."""
    named = "; ".join("{bucket}/{object} ({error})".format(**item) for item in scan.get("sample") or ())
    if scan.get("error"):
        yield "objects are not proven complete on all drives by a scan: {0}".format(scan["error"])
    elif scan.get("incomplete"):
        yield (
            "{0} of {1} objects are incomplete, among them {2}. Heal them with `mc admin heal -r ALIAS`, then run "
            "again".format(scan["incomplete"], scan["objects"], named)
        )
    elif scan:
        more = "" if scan["complete"] else "; not all objects were scanned"
        yield "the scan found {0} objects complete on all drives{1}".format(scan["objects"], more)


def _drive(drive: Drive) -> t.Dict[str, t.Any]:
    progress = drive.progress
    return {
        "endpoint": drive.endpoint,
        "state": drive.state,
        "healing": drive.healing,
        "pool": drive.pool,
        "set": drive.set_,
        "progress": {**dataclasses.asdict(progress), "percent": progress.percent} if progress else {},
    }
