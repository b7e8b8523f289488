# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the stand-in API: lists, writes with their preconditions, patches, deletions. Every write is logged, refused ones too."""

from __future__ import annotations

import copy
import datetime
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]


class Resource(NamedTuple):
    """A resource of the API. `group` is a path, as api/v1 or apis/apps/v1."""

    group: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        return self.group.split("/", 1)[1]


RESOURCES = [
    Resource("api/v1", "nodes", "Node", False),
    Resource("api/v1", "persistentvolumes", "PersistentVolume", False),
    Resource("api/v1", "namespaces", "Namespace", False),
    Resource("api/v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
    Resource("api/v1", "pods", "Pod", True),
    Resource("api/v1", "configmaps", "ConfigMap", True),
    Resource("api/v1", "secrets", "Secret", True),
    Resource("api/v1", "events", "Event", True),
    Resource("apis/apps/v1", "statefulsets", "StatefulSet", True),
    Resource("apis/apps/v1", "deployments", "Deployment", True),
    Resource("apis/apps/v1", "daemonsets", "DaemonSet", True),
    Resource("apis/apps/v1", "replicasets", "ReplicaSet", True),
    Resource("apis/coordination.k8s.io/v1", "leases", "Lease", True),
    Resource("apis/storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", False),
    Resource("apis/storage.k8s.io/v1", "storageclasses", "StorageClass", False),
    Resource("apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", True),
    Resource("apis/onecloud.yunion.io/v1alpha1", "onecloudclusters", "OnecloudCluster", True),
]
KINDS = {item.kind: item for item in RESOURCES}


class Refused(Exception):
    """An answer that is no success: status, reason as the API spells it, text."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status, self.reason, self.text = status, reason, text


def now(fraction: bool = False) -> str:
    """The time as the API writes it."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if fraction else "%Y-%m-%dT%H:%M:%SZ")


def before(seconds: float) -> str:
    """A time in the past."""
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Store:
    """Objects by (kind, namespace, name). Use `lock` around a change that reads first."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.version = 1000
        self.log: list[Json] = []

    # For the cluster's own controllers, which are not logged.

    def all(self, kind: str) -> list[Json]:
        """The objects of a kind, as they are stored."""
        return [item for key, item in sorted(self.objects.items()) if key[0] == kind]

    def find(self, kind: str, name: str, namespace: str = "") -> Json | None:
        return self.objects.get((kind, namespace, name))

    def put(self, kind: str, item: Json) -> Json:
        """Store a new object, or one that was changed in place."""
        resource, meta = KINDS[kind], item.setdefault("metadata", {})
        item["apiVersion"], item["kind"] = resource.api_version, kind
        meta.setdefault("uid", str(uuid.uuid4()))
        meta.setdefault("creationTimestamp", now())
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        self.objects[(kind, meta.get("namespace", "") if resource.namespaced else "", meta["name"])] = item
        return item

    def drop(self, item: Json) -> None:
        """Remove an object at once, whatever its finalizers."""
        meta = item["metadata"]
        self.version += 1
        self.objects.pop((item["kind"], meta.get("namespace", ""), meta["name"]), None)

    def end(self, item: Json) -> bool:
        """Delete as the API does: an object with finalizers only gets its time of deletion. Whether it is gone."""
        if item["metadata"].get("finalizers"):
            if not item["metadata"].get("deletionTimestamp"):
                item["metadata"]["deletionTimestamp"] = now()
                self.put(item["kind"], item)
            return False
        self.drop(item)
        return True

    # For requests.

    def answer(self, verb: str, path: str, query: dict[str, str], body: Json | None, content: str = "") -> Json:
        """The answer to a request. Raises Refused."""
        with self.lock:
            if verb == "GET":
                return copy.deepcopy(self._read(path, query))
            entry: Json = {"verb": verb, "path": path, "time": now(fraction=True), "dry": bool(query.get("dryRun"))}
            try:
                return copy.deepcopy(self._write(verb, path, query, body or {}, content, entry))
            except Refused as exc:
                entry["status"] = exc.status
                raise
            finally:
                entry.setdefault("status", 200)
                self.log.append(entry)

    def _read(self, path: str, query: dict[str, str]) -> Json:
        discovered = _discovery(path)
        if discovered is not None:
            return discovered
        resource, namespace, name, _rest = parsed(path)
        if name:
            return self._found(resource, namespace, name)
        items = [
            item
            for item in self.all(resource.kind)
            if (not namespace or item["metadata"].get("namespace") == namespace) and _selected(item, query)
        ]
        meta = {"resourceVersion": str(self.version)}
        return {"kind": resource.kind + "List", "apiVersion": resource.api_version, "metadata": meta, "items": items}

    def _write(self, verb: str, path: str, query: dict[str, str], body: Json, content: str, entry: Json) -> Json:
        resource, namespace, name, rest = parsed(path)
        entry.update(kind=resource.kind, namespace=namespace, name=name)
        dry = bool(query.get("dryRun"))
        if verb == "POST" and rest == "eviction":
            found = self._found(resource, namespace, name)
            entry.update(verb="EVICT", uid=found["metadata"]["uid"])
            if not dry:
                self.end(found)
            return _success()
        if verb == "POST":
            return self._create(resource, namespace, body, entry, dry)
        if not name:
            raise Refused(405, "MethodNotAllowed", "the stand-in deletes no collections")
        if verb == "PATCH" and "apply" in content and self.find(resource.kind, name, namespace) is None:
            return self._create(resource, namespace, body, entry, dry)
        found = self._found(resource, namespace, name)
        entry.update(uid=found["metadata"]["uid"])
        if verb == "DELETE":
            given = body.get("preconditions") or {}
            entry.update(preconditions=given, was=copy.deepcopy(found))
            _hold(found, given)
            if dry:
                return found
            return _success() if self.end(found) else found
        entry["body"] = (
            {key: value for key, value in body.items() if key != "data"} if resource.kind == "Secret" else body
        )
        meta = body.get("metadata") or {}
        _hold(found, {key: meta[key] for key in ("uid", "resourceVersion") if meta.get(key)})
        entry["preconditions"] = {key: meta[key] for key in ("uid", "resourceVersion") if meta.get(key)}
        changed = copy.deepcopy(body) if verb == "PUT" else _merged(copy.deepcopy(found), body)
        for key in ("uid", "creationTimestamp", "deletionTimestamp", "namespace", "name", "resourceVersion"):
            if key in found["metadata"]:
                changed["metadata"][key] = found["metadata"][key]
        if dry or changed == found:
            return changed
        found.clear()
        found.update(changed)
        if found["metadata"].get("deletionTimestamp") and not found["metadata"].get("finalizers"):
            self.drop(found)
            return found
        return self.put(resource.kind, found)

    def _create(self, resource: Resource, namespace: str, body: Json, entry: Json, dry: bool) -> Json:
        meta = body.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        if resource.namespaced:
            meta["namespace"] = namespace
        entry.update(verb="CREATE", name=meta["name"])
        if resource.kind != "Secret":
            entry["body"] = copy.deepcopy(body)
        if self.find(resource.kind, meta["name"], namespace) is not None:
            raise Refused(409, "AlreadyExists", "{0} {1} already exists".format(resource.plural, meta["name"]))
        if dry:
            return body
        made = self.put(resource.kind, body)
        entry["uid"] = made["metadata"]["uid"]
        return made

    def _found(self, resource: Resource, namespace: str, name: str) -> Json:
        found = self.find(resource.kind, name, namespace)
        if found is None:
            raise Refused(404, "NotFound", '{0} "{1}" not found'.format(resource.plural, name))
        return found


def _hold(found: Json, preconditions: Json) -> None:
    for key, wanted in preconditions.items():
        if wanted is None:
            continue
        if found["metadata"][key] != wanted:
            raise Refused(
                409,
                "Conflict",
                "Precondition failed: {0} in precondition: {1}, in object meta: {2}".format(
                    key, wanted, found["metadata"][key]
                ),
            )


def _success() -> Json:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


def parsed(path: str) -> tuple[Resource, str, str, str]:
    """Resource, namespace, name and what follows it. Raises Refused for a path that the stand-in does not serve."""
    for resource in RESOURCES:
        rest = (
            path.removeprefix("/{0}/".format(resource.group)) if path.startswith("/" + resource.group + "/") else None
        )
        if rest is None:
            continue
        words, namespace = rest.strip("/").split("/"), ""
        if resource.namespaced and words[0] == "namespaces" and len(words) > 2:
            namespace, words = words[1], words[2:]
        if resource.kind == "Namespace" and len(words) > 2:
            continue
        if words[0] == resource.plural and (namespace or not resource.namespaced or len(words) == 1):
            return resource, namespace, words[1] if len(words) > 1 else "", "/".join(words[2:])
    raise Refused(404, "NotFound", "the server could not find the requested resource")


def _discovery(path: str) -> Json | None:
    groups: dict[str, list[Resource]] = {}
    for resource in RESOURCES:
        groups.setdefault(resource.group, []).append(resource)
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        found = []
        for group in groups:
            if group.startswith("apis/"):
                _apis, name, version = group.split("/")
                one = {"groupVersion": "{0}/{1}".format(name, version), "version": version}
                found.append({"name": name, "versions": [one], "preferredVersion": one})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}
    members = groups.get(path.strip("/"))
    if members is None:
        return None
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    items = [
        {"name": item.plural, "singularName": "", "namespaced": item.namespaced, "kind": item.kind, "verbs": verbs}
        for item in members
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": members[0].api_version,
        "resources": items,
    }


def _selected(item: Json, query: dict[str, str]) -> bool:
    """Whether an object matches labelSelector and fieldSelector: terms with =, == and !=, and labels that exist."""
    labels = item["metadata"].get("labels") or {}

    def field(path: str) -> str:
        value: Any = item
        for word in path.split("."):
            value = value.get(word) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    reads: list[tuple[str, Callable[[str], str | None]]] = [
        (query.get("labelSelector", ""), labels.get),
        (query.get("fieldSelector", ""), field),
    ]
    return all(_holds(term, read) for text, read in reads for term in _terms(text))


def _terms(text: str) -> Iterator[str]:
    yield from filter(None, text.split(","))


def _holds(term: str, read: Callable[[str], str | None]) -> bool:
    key, unequal, value = term.partition("!=")
    if unequal:
        return read(key) != value
    key, equal, value = term.partition("=")
    if equal:
        return read(key) == value.lstrip("=")
    return (read(key.lstrip("!")) is None) == key.startswith("!")


def _merged(found: Any, patch: Any) -> Any:
    """A JSON merge patch; the strategic one differs only for lists of objects, which nothing here patches."""
    if not isinstance(patch, dict):
        return patch
    result = found if isinstance(found, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def compact(item: Json) -> str:
    """An object in one line."""
    return json.dumps(item, sort_keys=True)
