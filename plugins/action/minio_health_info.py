# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of this name, and shows how far its look at the drives has come, as long as that takes."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_INTERVAL = 10.0


class ActionModule(ActionBase):
    """All work is the module's. On another host than the controller nothing is shown."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        asked = dict(self._task.args)
        if not _proves(asked.get("deployments")) or asked.get("progress_file") or self._connection.transport != "local":
            return self._ask(asked, task_vars)
        folder = tempfile.mkdtemp(prefix="cloudpods-ha-")
        ended = threading.Event()
        path = os.path.join(folder, "progress")
        shower = threading.Thread(target=_show, args=(path, ended), daemon=True)
        shower.start()
        try:
            return self._ask({**asked, "progress_file": path}, task_vars)
        finally:
            ended.set()
            shower.join()
            shutil.rmtree(folder, ignore_errors=True)

    def _ask(self, asked: t.Dict[str, t.Any], task_vars: t.Any) -> t.Dict[str, t.Any]:
        return t.cast(
            "t.Dict[str, t.Any]",
            self._execute_module(module_name="cloudpods.ha.minio_health_info", module_args=asked, task_vars=task_vars),
        )


def _proves(deployments: t.Any) -> bool:
    """Whether the objects of any of them are looked at. What is wrong with the option the module says."""
    return isinstance(deployments, list) and any(
        isinstance(item, t.Mapping) and boolean(item.get("prove_readable"), strict=False) for item in deployments
    )


def _show(path: str, ended: threading.Event) -> None:
    """Show each line that is new, `NAMESPACE/NAME: ...`, until the look has ended."""
    shown: t.List[str] = []
    while not ended.wait(_INTERVAL):
        told = ""
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as handle:
            told = handle.read()
        lines = told.splitlines()
        for line in lines:
            name, _colon, counts = line.partition(": ")
            if line not in shown:
                Display().display("{0}: looking at the objects: {1}".format(name, counts))
        shown = lines or shown
