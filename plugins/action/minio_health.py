# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for MinIOs by polling minio_health_info, and reports news meanwhile."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import waiting
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import EACH, ONE
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.progress import Limits

_DEPLOYMENTS = {"deployments": {"type": "list", "elements": "dict", "required": True, "options": ONE}}
_ASKED = {
    **KUBECONFIG_ARGUMENT,
    **EACH,
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
        _validation, given = self.validate_argument_spec({**_DEPLOYMENTS, **_ASKED, **_WAITING})  # type: ignore[no-untyped-call]
        limits = Limits(given["settle_seconds"], given["stale_peer_timeout"], given["heal_stall"], given["quiet"])
        awaited = [waiting.Awaited(item) for item in given["deployments"]]
        display, start, looks, waited, answer = Display(), time.monotonic(), 0, 0.0, t.cast("t.Dict[str, t.Any]", {})
        while waiting.pending(awaited):
            asked = {key: given[key] for key in _ASKED}
            asked["deployments"] = [item.asked for item in waiting.pending(awaited)]
            answer = self._execute_module(
                module_name="cloudpods.ha.minio_health_info", module_args=asked, task_vars=task_vars
            )
            looks, waited = looks + 1, time.monotonic() - start
            awaited = waiting.judged(awaited, answer, now=waited, limits=limits, wait_for=given["wait_for"])
            for item in awaited:
                if item.line:
                    display.display(item.line)
            if self._task.check_mode or waiting.failure(awaited):
                break
            if waited + given["delay"] > given["wait_timeout"]:
                awaited = waiting.expired(awaited)
            elif waiting.pending(awaited):
                time.sleep(given["delay"])
        # What a module that broke left behind is told too.
        left = {} if "deployments" in answer else answer
        return {
            **left,
            **waiting.ended(awaited, dry=self._task.check_mode),
            "looks": looks,
            "waited": int(waited),
            "changed": False,
        }
