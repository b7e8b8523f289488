# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a kubeconfig on the controller for as long as this run lives, and not longer, however the run ends."""

from __future__ import annotations

import base64
import os
import pathlib
import shutil
import time
import typing as t

import yaml
from ansible.plugins.action import ActionBase
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._guard import ended, guard, identity
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.kubeconfig import NAME, taken_apart
from ansible_collections.cloudpods.ha.plugins.module_utils._private import write

# A run's folder, and the file in it that says whose it is.
_FOLDER = ".run-"
_OWNER = "owner"
# Seconds.
_LINGER = 10


class ActionModule(ActionBase):
    """Runs on the controller only. The run is the parent of the process that carries out the task."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        spec = {
            "directory": {"type": "path", "required": True},
            "content": {"type": "str", "no_log": True},
            "src": {"type": "path"},
            "server": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        }
        _validation, given = self.validate_argument_spec(  # type: ignore[no-untyped-call]
            spec,
            mutually_exclusive=[("content", "src")],
            required_if=[("state", "present", ("content", "src"), True)],
        )
        try:
            if given["state"] == "absent":
                shutil.rmtree(str(folder_of(given["directory"], os.getppid())), ignore_errors=True)
                return {"changed": False}
            return {"changed": False, **keep(given, run=os.getppid())}
        except (HaError, OSError) as exc:
            return {"failed": True, "changed": False, "msg": str(exc)}


def keep(given: t.Mapping[str, t.Any], *, run: int) -> t.Dict[str, t.Any]:
    """Write the kubeconfig into a folder of this run, remove those of ended runs, and return {path, removed}. Raises HaError or OSError."""
    parent = pathlib.Path(given["directory"])
    # The folders of other losses too, and of this one under another spelling of its name.
    removed = [path for place in sorted({parent, *parent.parent.glob("*")}) for path in sweep(place)]
    folder = folder_of(parent, run)
    data, base = _read(given)
    made, files = taken_apart(data, folder=str(folder), base=base, server=given["server"])
    if not (folder / _OWNER).exists():
        write([str(parent), str(folder)], {})
        write([str(folder)], {_OWNER: identity(run).encode()})
        guard(run, clean=lambda: _remove_later(folder))
    write([str(folder)], {**files, NAME: yaml.safe_dump(_plain(made)).encode()})
    return {"path": str(folder / NAME), "removed": removed}


def folder_of(parent: t.Union[str, pathlib.Path], run: int) -> pathlib.Path:
    """The folder of a run: no other run has the same, also if its process has the same number."""
    return pathlib.Path(parent) / (_FOLDER + "{0}-{1}".format(run, identity(run).rpartition("/")[2] or "0"))


def _remove_later(folder: pathlib.Path) -> None:
    """The guard of the lock still needs the keys, to release it."""
    time.sleep(_LINGER)
    shutil.rmtree(str(folder), ignore_errors=True)


def sweep(parent: pathlib.Path) -> t.Iterator[str]:
    """Remove the folders of runs that have ended, and yield their paths. One of another machine's run, in a shared home folder, stays."""
    for folder in sorted(parent.glob(_FOLDER + "*")):
        if folder.is_symlink() or not folder.is_dir():
            continue
        try:
            known = (folder / _OWNER).read_text(encoding="ascii")
        except (OSError, UnicodeError):
            known = ""
        if ended(known):
            shutil.rmtree(str(folder), ignore_errors=True)
            yield str(folder)


def _read(given: t.Mapping[str, t.Any]) -> t.Tuple[t.Any, str]:
    """The parsed kubeconfig, and the folder to which its relative paths refer. Raises HaError without quoting it."""
    path = pathlib.Path(given["src"]) if given.get("src") else None
    if path is not None and not path.is_file():
        raise HaError("there is no kubeconfig at {0}".format(path))
    try:
        text = path.read_bytes() if path is not None else base64.b64decode(given["content"], validate=True)
        return yaml.safe_load(text), str(path.resolve().parent) if path is not None else ""
    except (yaml.YAMLError, ValueError, RecursionError):
        raise HaError("the kubeconfig {0} is no YAML".format(path or "of the survivor")) from None


def _plain(value: t.Any) -> t.Any:
    """The value with text of Python's own type. Ansible marks text by types of its own, which PyYAML can't write."""
    if isinstance(value, str):
        return "".join((value, ""))
    if isinstance(value, t.Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
