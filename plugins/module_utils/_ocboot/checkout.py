"""Which ocboot a folder holds, read from its files. git is not run, since a release is often unpacked from a tarball."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootCheckout

ENTRY = "ocboot.py"
_NETWORKS = "onecloud/roles/utils/set-hostnetworks/tasks/main.yml"
_MASTER_K3S = ("onecloud/roles/k3s", "onecloud/roles/master-node/tasks/k3s.yml")


def look(folder: str) -> OcbootCheckout:
    """Describe a checkout. Raises HaError when the folder holds no ocboot."""
    version = _read(folder, "VERSION").strip()
    if not version or not os.path.isfile(os.path.join(folder, ENTRY)):
        raise HaError("{0} is not a checkout of ocboot: VERSION or {1} is missing".format(folder, ENTRY))
    networks = _read(folder, _NETWORKS)
    return OcbootCheckout(
        version=version,
        branch=branch_of(folder),
        k3s_role=all(os.path.exists(os.path.join(folder, path)) for path in _MASTER_K3S),
        k8s_v115="K8S_V115" in _read(folder, "lib/consts.py") + _read(folder, "lib/k3s.py"),
        # Since commit 1082501f ocboot reads the address of the interface that host_networks names, and fails when it has none.
        host_networks_regression=bool(
            re.search(r"_host_networks_ip_lookup", networks) and re.search(r"(?m)^\s*failed_when:", networks)
        ),
    )


def branch_of(folder: str) -> str:
    """The branch or tag that is checked out, "" when it is unknown. A tag with a message is found only when it is packed."""
    git = os.path.join(folder, ".git")
    if os.path.isfile(git):  # a linked work tree
        git = os.path.join(folder, _read(folder, ".git").partition("gitdir:")[2].strip())
    head = _read(git, "HEAD").strip()
    if head.startswith("ref: "):
        return head[len("ref: refs/heads/") :] if head.startswith("ref: refs/heads/") else ""
    common = os.path.join(git, _read(git, "commondir").strip() or ".")
    return _tag(common, head) if head else ""


def _tag(git: str, commit: str) -> str:
    names = [name for name, target in _tags(git) if target == commit]
    return sorted(names)[0] if names else ""


def _tags(git: str) -> t.Iterator[t.Tuple[str, str]]:
    """(name, commit) of every tag. The commit of a packed tag with a message is on the line after it."""
    latest = ""
    for line in _read(git, "packed-refs").splitlines():
        target, _space, name = line.partition(" ")
        if line.startswith("^") and latest:
            yield latest, line[1:]
            continue
        latest = name[len("refs/tags/") :] if name.startswith("refs/tags/") else ""
        if latest:
            yield latest, target
    folder = os.path.join(git, "refs", "tags")
    for root, _folders, files in os.walk(folder):
        for file in files:
            path = os.path.join(root, file)
            yield os.path.relpath(path, folder), _read(path).strip()


def _read(*path: str) -> str:
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""
