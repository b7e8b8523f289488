"""Decides whether an earlier backup is still good. Pure: judges what was read from its files."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json


def token_path(controller_path: str) -> str:
    """The path of a K3s cluster's token: beside the snapshot on the controller, with the same name."""
    return posixpath.splitext(controller_path)[0] + ".token"


def made_for(backup: Json, lost: Json) -> bool:
    """Whether the role backup made `backup` for the lost node {name, uid}."""
    of = backup.get("lost") or {}
    return bool(lost.get("name")) and all(of.get(key) == lost.get(key) for key in ("name", "uid"))


def not_reusable(
    backup: Json,
    *,
    lost: Json,
    executor: str,
    provider: str,
    copy: Json,
    original: Json,
    present: t.Collection[str],
) -> str:
    """Why a new backup is needed, in one sentence; empty if the earlier one is still good.

    `backup` is the result of the role backup in an earlier run, {} without one. `lost` is {name, uid} of the lost node now, `executor` the survivor in use
    now. `copy` (on the controller) and `original` (on that survivor) are {valid, error}, read against the hash in `backup`; {} when the file was not read.
    `present` are the paths of files on the controller that exist and are not empty.
    """
    if not backup:
        return "There is no earlier backup."
    if not made_for(backup, lost):
        of = (backup.get("lost") or {}).get("name") or "not recorded"
        return "The earlier backup was made for another lost node ({0}).".format(of)
    if not backup.get("sha256"):
        return "The earlier backup has no SHA-256 on record."
    read = [("on the controller", copy)]
    # A snapshot on another survivor is not read: that survivor may have failed since.
    if backup.get("host") == executor:
        read.append(("on " + executor, original))
    for where, snapshot in read:
        if not snapshot.get("valid"):
            why = snapshot.get("error") or "it was not read"
            return "The earlier snapshot {0} is not good: {1}.".format(where, why)
    needed = [backup.get("objects_path") or "the dump of objects"]
    if not PROVIDERS[provider].etcd_in_pod:
        # K3s encrypts its bootstrap data in etcd with the token.
        needed.append(token_path(backup.get("controller_path") or ""))
    for path in needed:
        if path not in present:
            return "The earlier backup is not complete: {0} is missing or empty.".format(path)
    return ""
