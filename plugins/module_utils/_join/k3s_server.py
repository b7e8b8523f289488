"""Reads the setup of the K3s server on this host, from files only. The result contains the cluster's token."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import glob
import os
import stat
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    K3S,
    K3S_CONFIG,
    K3S_CONTAINERD,
    K3S_ENVIRONMENTS,
    K3S_MANIFESTS,
    K3S_PROGRAM,
    K3S_REGISTRIES,
    K3S_STATE,
    K3S_TEMPLATES,
    K3S_TOKEN,
    K3S_UNIT,
    K3S_UNIT_FILE,
    K3S_UNIT_FILES,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def read() -> Json:
    """Return the values that module k3s_server_info documents under RETURN. Raises HaError if this host is not a K3s server."""
    unit_file = next((path for path in K3S_UNIT_FILES if os.path.exists(path)), "")
    if not unit_file:
        raise HaError("there is no unit file of K3s ({0})".format(" or ".join(K3S_UNIT_FILES)))
    return {
        "program": K3S_PROGRAM,
        "config": _files([K3S_CONFIG, *_drop_ins(K3S_CONFIG, "yaml", "yml")]),
        "unit": _text(unit_file),
        "unit_mode": _mode(unit_file),
        "unit_drop_ins": [{**item, "mode": _mode(item["path"])} for item in _files(_drop_ins(K3S_UNIT_FILE, "conf"))],
        "environments": _files(K3S_ENVIRONMENTS),
        "registries": _text(K3S_REGISTRIES) if os.path.exists(K3S_REGISTRIES) else "",
        "templates": [{**item, "mode": _mode(item["path"])} for item in _files(_templates())],
        "token": _text(K3S_TOKEN).strip(),
        "ca": _text(K3S.ca_certificate),
        "skipped": sorted(os.path.basename(path) for path in glob.glob(glob.escape(K3S_MANIFESTS) + "/*.skip")),
        "links": sorted(_links()),
        "service": K3S_UNIT,
        "manifests": K3S_MANIFESTS,
        "state": list(K3S_STATE),
        "paths": {"config": K3S_CONFIG, "unit": K3S_UNIT_FILE, "registries": K3S_REGISTRIES},
        "more": {
            "folders": [K3S_CONFIG + ".d", K3S_UNIT_FILE + ".d"],
            "files": list(K3S_ENVIRONMENTS),
        },
    }


def _links() -> t.Iterator[str]:
    """The names of links to K3s: kubectl, crictl, ctr."""
    folder, name = os.path.split(K3S_PROGRAM)
    for entry in os.listdir(folder):
        path = os.path.join(folder, entry)
        if os.path.islink(path) and os.path.basename(os.readlink(path)) == name:
            yield entry


def _templates() -> t.List[str]:
    found = (glob.glob("{0}/{1}".format(glob.escape(K3S_CONTAINERD), name)) for name in K3S_TEMPLATES)
    return [path for paths in found for path in sorted(paths)]


def _mode(path: str) -> str:
    return "{0:04o}".format(stat.S_IMODE(os.stat(path).st_mode))


def _drop_ins(path: str, *endings: str) -> t.List[str]:
    return sorted(name for ending in endings for name in glob.glob("{0}.d/*.{1}".format(glob.escape(path), ending)))


def _files(paths: t.Iterable[str]) -> t.List[Json]:
    return [{"path": path, "content": _text(path)} for path in paths if os.path.exists(path)]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise HaError(
            "{0} can't be read: {1}".format(path, getattr(exc, "strerror", None) or "it is not text")
        ) from None
