# SPDX-License-Identifier: GPL-3.0-or-later
"""What no run may do, whatever its command line, judged from the world's logs of writes and acts alone; and the end state of a world, to compare."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, Replacing

Json = dict[str, Any]

_NEEDS_UID = (
    "Node",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "Deployment",
    "StatefulSet",
    "VolumeAttachment",
    "Pod",
)
_SUFFIX = re.compile(r"-[0-9a-f]{8}$")
_PRIVATE = 0o077
# A module's arguments are not in its archive.
_ANSIBLE = re.compile(r"/\.ansible/|__pycache__|\.pyenv|^tmp/ansible_[^/]*_payload_")
# What stays on the controller for good: backups, reports, and each plan that was shown.
_KEPT = re.compile(
    r"(^|/)(backups|reports/[^/]+/reports)/|^reports/[^/]+/(report\.(html|json|txt)|plans/[0-9a-f]+\.txt)$"
)


def lock(entry: Json) -> bool:
    """Whether a write is of the run's own lock, which is no change of the cluster."""
    return entry.get("kind") == "Lease" and entry.get("namespace") == "kube-system"


def writes(state: Json) -> list[Json]:
    """The writes that were carried out, without those of a dry run."""
    return [item for item in state["log"] if item["status"] < 400 and not item["dry"]]


def lost_objects(state: Json, replacing: Replacing, lost: str = LOST) -> set[str]:
    """The UIDs that a replacement may delete: what the lost machine leaves behind, by the objects before the first run."""
    found, claims = set(), set()
    for item in state["objects"]:
        meta, spec = item["metadata"], item.get("spec") or {}
        if item["kind"] == "Node" and meta["name"] == lost:
            found.add(meta["uid"])
        if item["kind"] == "VolumeAttachment" and spec.get("nodeName") == lost:
            found.add(meta["uid"])
        if item["kind"] == "PersistentVolume" and lost in json.dumps(spec.get("nodeAffinity")):
            found |= {meta["uid"], spec["claimRef"]["uid"]}
            claims.add((spec["claimRef"]["namespace"], spec["claimRef"]["name"]))
    for item in state["objects"]:
        named = {(item["metadata"].get("namespace"), item["metadata"]["name"])}
        if item["kind"] == "Deployment" and named & claims:
            found.add(item["metadata"]["uid"])
        if item["kind"] == "Secret" and replacing.provider == "k3s" and item["metadata"]["name"].startswith(lost + "."):
            found.add(item["metadata"]["uid"])
    return found


def unsafe(state: Json, allowed: set[str], lost: str = LOST, replacement: str = SPARE) -> list[str]:
    """The unsafe acts of all runs in a world, each a sentence."""
    foreign = _foreign(state, {lost, replacement})
    return [*state["unsafe"], *_unnamed(state, allowed, lost), *_unproven(state), *foreign]


def _unnamed(state: Json, allowed: set[str], lost: str) -> Iterator[str]:
    for entry in writes(state):
        if entry["verb"] not in ("DELETE", "EVICT") or lock(entry):
            continue
        was, kind = entry.get("was") or {}, entry["kind"]
        label = "{0} {1}".format(kind, entry["name"])
        given = entry.get("preconditions") or {}
        if kind in _NEEDS_UID and not given.get("uid"):
            yield "{0} was deleted without its UID".format(label)
        # A kubelet that came back since the last look has changed the Node.
        if kind == "Node" and not given.get("resourceVersion"):
            yield "{0} was deleted without the version that was looked at".format(label)
        if kind == "Secret" and entry["name"].startswith(("bootstrap-token-", "kubeadm-certs")):
            continue
        if kind == "Pod" and not (was.get("spec") or {}).get("nodeName"):
            continue
        if kind == "Pod" and was["spec"]["nodeName"] == lost:
            continue
        if entry.get("uid") not in allowed:
            yield "{0} was deleted, which nothing ties to the lost machine".format(label)
        ready = [item for item in (was.get("status") or {}).get("conditions") or [] if item["type"] == "Ready"]
        if kind == "Node" and ready and ready[0]["status"] == "True":
            yield "the Node {0} was deleted while it was Ready".format(entry["name"])


def _unproven(state: Json) -> Iterator[str]:
    """Writes and removals before a backup."""
    backups = [item["writes"] for item in state["acts"] if item["act"] == "snapshot"]
    first = min(backups, default=None)
    for number, entry in enumerate(state["log"]):
        if entry["status"] < 400 and not entry["dry"] and not lock(entry) and (first is None or number < first):
            yield "{0} {1} {2} was written before a backup".format(entry["verb"], entry["kind"], entry["name"])
            break
    for item in state["acts"]:
        if item["act"] == "snapshot":
            break
        yield "{0} on {1} was done before a backup".format(item["act"], item["by"])


def _foreign(state: Json, own: set[str]) -> Iterator[str]:
    """A reset or a stop of a machine that no run had begun to join."""
    begun = set()
    for item in state["acts"]:
        if item["act"] in ("kubeadm join", "start k3s"):
            begun.add(item["by"])
            if item["by"] not in own:
                yield "{0} on the survivor {1}".format(item["act"], item["by"])
        if item["act"] in ("kubeadm reset", "stop k3s") and item["by"] not in begun:
            yield "{0} on {1}, where no run had joined".format(item["act"], item["by"])


def end_state(replacing: Replacing) -> Json:
    """What a replacement leaves, without names and times that differ from run to run."""
    state = replacing.state()
    objects = state["objects"]

    def of(kind: str) -> list[Json]:
        return sorted((item for item in objects if item["kind"] == kind), key=_name)

    journals = [item for item in of("ConfigMap") if item["metadata"]["name"].startswith("cloudpods-ha-")]
    return {
        "nodes": [
            [
                item["metadata"]["name"],
                sorted(item["metadata"]["labels"].items()),
                sorted(key for key in item["metadata"].get("annotations") or {} if key.startswith("ha.cloudpods")),
                item["spec"].get("taints") or [],
                bool(item["spec"].get("unschedulable")),
            ]
            for item in of("Node")
        ],
        "members": sorted(
            [_SUFFIX.sub("", item["name"]), bool(item.get("isLearner")), item["peerURLs"]] for item in state["members"]
        ),
        "claims": [[_name(item), item["status"]["phase"]] for item in of("PersistentVolumeClaim")],
        "volumes": sorted(
            [
                _name({"metadata": {**item["spec"]["claimRef"]}}),
                item["metadata"]["annotations"]["local.path.provisioner/selected-node"],
                item["status"]["phase"],
            ]
            for item in of("PersistentVolume")
        ),
        "workloads": [[item["kind"], _name(item)] for kind in ("Deployment", "StatefulSet") for item in of(kind)],
        "attachments": [_name(item) for item in of("VolumeAttachment")],
        "secrets": [_name(item) for item in of("Secret")],
        "locks": [_name(item) for item in of("Lease") if item["metadata"]["namespace"] == "kube-system"],
        "journals": [[_name(item), bool(json.loads(item["data"]["state"]).get("finished"))] for item in journals],
        "vip": state["vip"],
        "files": {name: _files(replacing, name) for name in ("master-2", "master-3", SPARE)},
        "controller": _controller(replacing),
    }


def _name(item: Json) -> str:
    return "{0}/{1}".format(item["metadata"].get("namespace", ""), item["metadata"]["name"])


def _files(replacing: Replacing, name: str) -> list[str]:
    """Files of a machine, but the backups, whose number depends on the runs, and Ansible's own: its folder, and the archive of a module that was killed."""
    root = replacing.machine(name)
    found = []
    for top in ("etc/kubernetes", "etc/rancher", "etc/systemd", "var/lib", "var/tmp", "tmp", "run", "root", "programs"):
        for path in sorted((root / top).rglob("*")):
            text = str(path.relative_to(root))
            if path.is_file() and not _ANSIBLE.search(text):
                found.append(text)
    return found


def _controller(replacing: Replacing) -> list[str]:
    """Files on the controller that may not stay: kubeconfigs, programs, tokens outside of the backups, anything temporary."""
    found = []
    for path in sorted((replacing.folder / "controller").rglob("*")):
        text = str(path.relative_to(replacing.folder / "controller"))
        if (
            path.is_file()
            and not _KEPT.search(text)
            and not text.startswith((".ansible", "tmp/ansible-local", "tmp/k8srcp"))
        ):
            found.append(text)
    return found


def secrets_found(replacing: Replacing, output: str) -> list[str]:
    """Where a secret is that must not be there: output, arguments of processes, journal, report, files open to others or left behind."""
    state = replacing.state()
    words = {word.encode() for word in state["secrets"]}

    def held(text: bytes) -> bool:
        return any(word in text for word in words)

    found = ["the arguments of a process: " + item for item in state["leaks"]]
    configmaps = [item for item in state["objects"] if item["kind"] == "ConfigMap"]
    places = {
        "the output": output,
        "an argument list": json.dumps(state["calls"]),
        "the journal": json.dumps(configmaps),
    }
    found += [name for name, text in places.items() if held(text.encode())]
    controller = replacing.folder / "controller"
    roots = {"the controller": [controller]}
    for name in ("master-2", "master-3", SPARE):
        roots[name] = [replacing.machine(name) / top for top in ("tmp", "var/tmp", "root", "run", "var/backups")]
    for name, folders in roots.items():
        for path in sorted(item for folder in folders for item in folder.rglob("*")):
            if not path.is_file() or path.is_symlink() or not held(path.read_bytes()):
                continue
            if "/backups/" not in str(path) or stat.S_IMODE(path.stat().st_mode) & _PRIVATE:
                found.append("{0} on {1}".format(path.name, name))
    return found
