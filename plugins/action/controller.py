# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that the controller has the Python packages and the collections that this collection needs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import pathlib
import sys
import typing as t

import yaml
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.controller import missing, packages

COLLECTION = pathlib.Path(__file__).resolve().parents[2]


def installed_package(name: str) -> t.Optional[str]:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed_collection(name: str) -> t.Optional[str]:
    """The version of a collection, empty if it has no manifest, None if it is not there."""
    try:
        found = importlib.util.find_spec("ansible_collections." + name)
    except ModuleNotFoundError:
        found = None
    for place in (found.submodule_search_locations or ()) if found else ():
        manifest = pathlib.Path(place) / "MANIFEST.json"
        if manifest.is_file():
            return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return None if found is None else ""


def needed_collections() -> t.Dict[str, str]:
    """{name: lowest version}, from the manifest of an installed collection or from the galaxy.yml of a checkout."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.is_file():
        found = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["dependencies"]
    else:
        found = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]
    return {name: version.lstrip(">= ") for name, version in found.items()}


class ActionModule(ActionBase):
    """Runs on the controller only."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        self.validate_argument_spec({})  # type: ignore[no-untyped-call]
        runtime = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text(encoding="utf-8"))
        core = {"ansible-core": runtime["requires_ansible"].lstrip(">= ")}
        wanted = packages((COLLECTION / "meta" / "ee-requirements.txt").read_text(encoding="utf-8"))
        collections = needed_collections()
        lacks = [
            *missing(core, {"ansible-core": ansible_version}, kind="program"),
            *missing(
                wanted,
                {name: installed_package(name) for name in wanted},
                kind="Python package",
                where=" for {0}".format(sys.executable),
            ),
            *missing(collections, {name: installed_collection(name) for name in collections}, kind="collection"),
        ]
        if not lacks:
            return {"changed": False, "missing": []}
        msg = (
            "The controller lacks {0}. Install them (README.md, Requirements), or run from the image, which has everything. "
            "Nothing was changed.".format("; ".join(lacks))
        )
        return {"failed": True, "changed": False, "msg": msg, "missing": lacks}
