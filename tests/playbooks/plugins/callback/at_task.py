# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each result of a run to a file, and at a given one kills the controller or changes the cluster."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: at_task
short_description: Trace of a run, and what happens to it
description: >-
  STAND_IN_AT is NUMBER:kill after that result, snapshots for a snapshot of the world after each result, or TASK:change:NAME or TASK:hold:FILE before that
  task; a colon in its name is %.
type: notification
author: cloudpods.ha authors
"""


class CallbackModule(CallbackBase):
    """A result counts when its task was not skipped."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "at_task"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._begun: dict[str, int] = {}
        self._file = os.environ.get("STAND_IN_TASKS") or ""
        self._when, _, self._what = (os.environ.get("STAND_IN_AT") or "").partition(":")
        self._when = self._when.replace("%", ":")
        self._done = False

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:  # noqa: ARG002
        kind, _, argument = self._what.partition(":")
        if kind not in ("change", "hold") or self._done:
            return
        name = task.get_name()
        if self._when in (name, name.rpartition(" : ")[2]):
            self._done = True
            if kind == "change":
                self._ask({"do": "change", "name": argument})
            else:
                self._hold(argument)

    def _hold(self, gate: str) -> None:
        """Wait until the file exists, at most half an hour."""
        with open(gate + ".reached", "w", encoding="utf-8"):
            pass
        for _ in range(18000):
            if os.path.exists(gate):
                return
            time.sleep(0.1)

    def _ask(self, request: dict[str, t.Any]) -> None:
        with socket.socket(socket.AF_UNIX) as world:
            world.connect(os.environ["STAND_IN_CONTROL"])
            world.sendall(json.dumps(request).encode())
            world.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: world.recv(65536), b"")).decode()
        self._write({"asked": request, "answer": answer})

    def _write(self, entry: dict[str, t.Any]) -> None:
        if self._file:
            with open(self._file, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry) + "\n")

    def _result(self, result: t.Any, state: str) -> None:
        self._number += 1
        task = result.task if hasattr(result, "task") else result._task
        body = result.result if hasattr(result, "result") else result._result
        self._write(
            {
                "number": self._number,
                "task": task.get_name(),
                "action": task.action,
                "state": state,
                "changed": bool(body.get("changed")),
            }
        )
        if self._when == "snapshots":
            self._ask({"do": "snapshot", "name": str(self._number)})
        if self._what == "kill" and self._when == str(self._number):
            os.kill(os.getpid(), signal.SIGKILL)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._result(result, "ok")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        self._result(result, "failed")

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._result(result, "unreachable")
