"""Takes a kubeconfig apart: the file for one run, and the keys as files beside it. Pure.

Clients write inline keys to temporary files of their own, which stay behind when the process is killed. Keys in files spare them that.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import binascii
import posixpath
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

NAME = "kubeconfig"
# Where a kubeconfig has a key inline, and where as a path; the name of its file.
_CLUSTER = {"certificate-authority": "ca.crt"}
_USER = {"client-certificate": "client.crt", "client-key": "client.key"}
_PATHS_OF_USER = ("tokenFile",)


def taken_apart(data: t.Any, *, folder: str, base: str = "", server: str = "") -> t.Tuple[Json, t.Dict[str, bytes]]:
    """Return the kubeconfig of the current context, and the files that it names: {name: content}, all of them below `folder`.

    `data` is the parsed kubeconfig, `base` the folder to which its relative paths refer. With `server` it points to that URL.
    Raises HaError, without quoting anything, if there is no current context with a cluster and a user.
    """
    files: t.Dict[str, bytes] = {}
    try:
        current = str(data["current-context"])
        context = dict(_named(data["contexts"], current)["context"])
        cluster = _with_files(_named(data["clusters"], context["cluster"])["cluster"], _CLUSTER, folder, base, files)
        user = _with_files(_named(data["users"], context["user"])["user"], _USER, folder, base, files)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise HaError(
            "the kubeconfig has no current context with a cluster and a user, or a key in it is not base64"
        ) from None
    for key in _PATHS_OF_USER:
        if user.get(key):
            user[key] = posixpath.join(base, str(user[key]))
    if server:
        cluster["server"] = server
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "contexts": [{"name": current, "context": context}],
        "clusters": [{"name": context["cluster"], "cluster": cluster}],
        "users": [{"name": context["user"], "user": user}],
    }
    return made, files


def _named(items: t.Sequence[Json], name: t.Any) -> Json:
    return next((item for item in items if item["name"] == name), {})


def _with_files(
    entry: Json, keys: t.Mapping[str, str], folder: str, base: str, files: t.Dict[str, bytes]
) -> t.Dict[str, t.Any]:
    made = dict(entry)
    for key, name in keys.items():
        inline = made.pop(key + "-data", None)
        if inline:
            files[name] = base64.b64decode(str(inline), validate=True)
            made[key] = posixpath.join(folder, name)
        elif made.get(key):
            made[key] = posixpath.join(base, str(made[key]))
    return made
