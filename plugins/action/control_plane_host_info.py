# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the facts of a host with the module of this name, compares its clock with the controller's, and waits while a join runs there."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_OPTIONS = {
    "name": {"type": "str", "required": True},
    "role": {"type": "str", "choices": ["survivor", "replacement"], "required": True},
    "storage_paths": {"type": "list", "elements": "path", "default": []},
    "node_ip": {"type": "str", "default": ""},
    "wait_seconds": {"type": "int", "default": 300},
    "delay": {"type": "int", "default": 5},
}


class ActionModule(ActionBase):
    """The module reads its host's clock; both clocks are known only here."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(_OPTIONS)  # type: ignore[no-untyped-call]
        end, waits = time.monotonic() + given["wait_seconds"], False
        while True:
            before = time.time()
            result = t.cast(
                "t.Dict[str, t.Any]",
                self._execute_module(
                    module_name="cloudpods.ha.control_plane_host_info", module_args=given, task_vars=task_vars
                ),
            )
            after = time.time()
            if result.get("failed") or "host" not in result:
                return result
            host = result["host"]
            host.update(skew_seconds=round(result["epoch"] - before, 3), answer_seconds=round(after - before, 3))
            if not host["join_running"] or time.monotonic() + given["delay"] > end:
                return result
            if not waits:
                line = "{0}: a join is still running on this host; waiting for its end, at most {1} s"
                Display().display(line.format(given["name"], given["wait_seconds"]))
            waits = True
            time.sleep(given["delay"])
