"""The journal as an object of the cluster: reads it from its ConfigMap, and decides whether it may be written. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

NAMESPACE = "kube-system"
PATH = "/api/v1/namespaces/{0}/configmaps".format(NAMESPACE)
_LABELS = {"ha.cloudpods.org/journal": "replacement"}
# Not a part of the journal: the resource version of the ConfigMap from which it was read.
_VERSION = "version"


def name(lost: str) -> str:
    """Name of the ConfigMap."""
    return "cloudpods-ha-{0}".format(lost)


def parse(configmap: Json) -> Json:
    """The journal of an earlier run, with its `version`. Raises Unsafe for an unreadable one: it is never an empty journal."""
    try:
        state = json.loads((configmap.get("data") or {})["state"])
    except (KeyError, TypeError, ValueError, RecursionError):
        state = None
    if not _names_the_loss(state):
        raise Unsafe(
            "JOURNAL_UNREADABLE",
            "the journal in the ConfigMap {0}/{1} can't be read.".format(NAMESPACE, configmap["metadata"]["name"]),
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
    if not _names_the_loss(state):
        raise HaError("a journal that does not say which node is lost is not written: no later run could read it")
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


def _names_the_loss(state: t.Any) -> bool:
    lost = state.get("lost") if isinstance(state, dict) else None
    return isinstance(lost, dict) and all(key in lost for key in ("name", "addresses", "hostname_label", "uid"))


def _is_of_an_earlier_loss(old: Json, new: Json) -> bool:
    return bool(old.get("finished")) and old["lost"].get("uid") != (new.get("lost") or {}).get("uid")
