# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for a MinIO by polling minio_health_info, and reports news meanwhile."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import ARGUMENTS
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.progress import SETTLED, WAIT, Limits, Memory, look

_ASKED = {
    **KUBECONFIG_ARGUMENT,
    **ARGUMENTS,
    "readings": {"type": "int", "default": 2},
    "interval": {"type": "int", "default": 3},
}
_WAITING = {
    "wait_for": {"type": "str", "choices": ["whole", "healed"], "default": "whole"},
    "wait_timeout": {"type": "int", "default": 86400},
    "delay": {"type": "int", "default": 5},
    "stale_peer_timeout": {"type": "int", "default": 45},
    "heal_stall": {"type": "int", "default": 300},
    "quiet": {"type": "int", "default": 30},
}


class ActionModule(ActionBase):
    """The polls run on the task's host; the verdict is made here."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec({**_ASKED, **_WAITING})  # type: ignore[no-untyped-call]
        asked = {key: given[key] for key in _ASKED}
        limits = Limits(given["settle_seconds"], given["stale_peer_timeout"], given["heal_stall"], given["quiet"])
        name = qualified(given["namespace"], given["name"])
        display, memory, start = Display(), Memory(), time.monotonic()
        looks = 0
        while True:
            result = t.cast(
                "t.Dict[str, t.Any]",
                self._execute_module(
                    module_name="cloudpods.ha.minio_health_info", module_args=asked, task_vars=task_vars
                ),
            )
            looks, now = looks + 1, time.monotonic()
            memory, judged = look(memory, result, name=name, now=now, limits=limits)
            result.update(outcome=judged.state, looks=looks, waited=int(now - start), changed=False)
            if judged.line:
                display.display(judged.line)
            if self._task.check_mode or judged.state == SETTLED:
                return result
            if judged.state != WAIT:
                told = "; ".join(judged.why)
                return {**result, "failed": True, "msg": "{0}: MinIO will not heal by waiting: {1}".format(name, told)}
            if given["wait_for"] == "healed" and not result.get("failed") and not result["healing"]:
                return {**result, "outcome": "healed"}
            if now - start + given["delay"] > given["wait_timeout"]:
                told = "not healed within the time limit of {0} s. {1}. Run again to continue waiting".format(
                    result["waited"], result.get("msg") or "no check succeeded"
                )
                return {**result, "failed": True, "outcome": "timeout", "msg": "{0}: {1}".format(name, told)}
            time.sleep(given["delay"])
