"""The journal as an object of the cluster: reads it from its ConfigMap, and decides whether it may be written. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import ObjectRef
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import ClaimPlan
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

NAMESPACE = "kube-system"
PATH = "/api/v1/namespaces/{0}/configmaps".format(NAMESPACE)
_LABELS = {"ha.cloudpods.org/journal": "replacement"}
# Not a part of the journal: the resource version of the ConfigMap from which it was read.
_VERSION = "version"
_PARTS = {
    "replacement": str,
    "node": str,
    "claims": list,
    "minio": dict,
    "before": dict,
    "approved": str,
    "touched": list,
    "backup": dict,
    "joining": dict,
    "credentials": dict,
    "phases": dict,
    "finished": str,
}
_RECORDS: t.Mapping[str, t.Type[t.Any]] = {"claims": ClaimPlan, "touched": ObjectRef}
_BACKUP = ("host", "path", "controller_path", "sha256", "objects_path", "taken")


def name(lost: str) -> str:
    """Name of the ConfigMap."""
    return "cloudpods-ha-{0}".format(lost)


def parse(configmap: Json) -> Json:
    """The journal of an earlier run, with its `version`. Raises Unsafe for an unreadable one: it is never an empty journal."""
    try:
        state = json.loads((configmap.get("data") or {})["state"])
    except (KeyError, TypeError, ValueError, RecursionError):
        state = None
    damaged = _damaged(state)
    if damaged:
        raise Unsafe(
            "JOURNAL_UNREADABLE",
            "the journal in the ConfigMap {0}/{1} can't be read: {2} is not what a run writes.".format(
                NAMESPACE, configmap["metadata"]["name"], damaged
            ),
            "Repair the journal, or delete it if no replacement is in progress.",
        )
    return with_version(state, configmap)


def with_version(state: Json, configmap: t.Optional[Json]) -> Json:
    """The journal with the version of its ConfigMap."""
    return {**state, _VERSION: str(((configmap or {}).get("metadata") or {}).get("resourceVersion") or "")}


def configmap(lost: str, state: Json, *, found: t.Optional[Json]) -> t.Optional[Json]:
    """The ConfigMap to write; None if `found` says the same already. Raises Unsafe if `found` is not the version that the journal was read in.

    Without a version, nobody had begun this replacement when the plan was made. Raises HaError for a journal that no later run could read.
    """
    damaged = _damaged(state)
    if damaged:
        raise HaError(
            "a journal is not written that no later run could read: {0} is not what a run writes".format(damaged)
        )
    known = str(state.get(_VERSION) or "")
    content = {key: value for key, value in state.items() if key != _VERSION}
    version = str(found["metadata"].get("resourceVersion") or "") if found else ""
    if known != version and not (found and not known and _is_of_an_earlier_loss(parse(found), content)):
        raise changed(lost)
    if found and known and parse(found) == with_version(content, found):
        return None
    metadata: t.Dict[str, t.Any] = {"name": name(lost), "namespace": NAMESPACE, "labels": _LABELS}
    if found:
        metadata["resourceVersion"] = version
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"state": json.dumps(content, sort_keys=True)},
    }


def changed(lost: str) -> Unsafe:
    """The refusal to write over another run's journal."""
    return Unsafe(
        "JOURNAL_CHANGED",
        "another run wrote the journal of {0} after this plan was made.".format(lost),
        "The plan is out of date, so this run stops. Run again.",
    )


def _damaged(state: t.Any) -> str:
    """The part of a journal that a run can't use; empty if there is none. The records of a finished one may be of another release."""
    if not isinstance(state, dict):
        return "its state"
    lost = state.get("lost")
    if not isinstance(lost, dict) or any(key not in lost for key in ("name", "addresses", "hostname_label", "uid")):
        return "lost"
    for key, kind in _PARTS.items():
        if not isinstance(state.get(key), (kind, type(None))):
            return key
    for key in ("minio", "phases"):
        if not all(isinstance(value, dict) for value in (state.get(key) or {}).values()):
            return key
    for key, record in _RECORDS.items():
        try:
            for item in () if state.get("finished") else state.get(key) or ():
                from_json(record, item)
        except (TypeError, ValueError, AttributeError):
            return key
    backup = state.get("backup")
    return "backup" if backup and not all(isinstance(backup.get(key), str) for key in _BACKUP) else ""


def _is_of_an_earlier_loss(old: Json, new: Json) -> bool:
    return bool(old.get("finished")) and old["lost"].get("uid") != (new.get("lost") or {}).get("uid")
