# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: Phases, what was done, and one line for each wait
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Shows a run as a person follows it. Phases are headings with the time since the start, everything done is one line with its object, each wait is
    one line with what is waited for, how long, how long it usually takes and how far it is. Skipped tasks are not shown, retries are no failures,
    warnings stand at the end.
  - On a terminal a wait renews its line in place, otherwise it is printed after 5 s and then every 30 s.
  - With C(-v) it shows what P(ansible.builtin.default#callback) shows.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout callback, with C(stdout_callback=cloudpods.ha.progress) in ansible.cfg or E(ANSIBLE_STDOUT_CALLBACK)
"""

import functools
import os
import shutil
import sys
import time
import typing as t

from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.cloudpods.ha.plugins.module_utils._console.view import Line, View
from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.failure import reason

_COLOURS = {
    "heading": "bright blue",
    "done": "green",
    "warning": "bright purple",
    "refusal": "red",
    "failed": "red",
    "end": "green",
}
_Method = t.TypeVar("_Method", bound=t.Callable[..., None])
_SHOWS_TEXT = ("cloudpods.ha.show_text", "cloudpods.ha.consent")


def _unless_verbose(method: _Method) -> _Method:
    """With -v, the default callback's method of the same name is called instead."""

    @functools.wraps(method)
    def either(self: CallbackModule, *args: t.Any, **how: t.Any) -> None:
        if self._plain:
            getattr(super(CallbackModule, self), method.__name__)(*args, **how)
        else:
            method(self, *args, **how)

    return t.cast("_Method", either)


class CallbackModule(Default):
    """Prints what View makes of the events; messages of actions pass through it, so that a renewed line is never in their way."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "cloudpods.ha.progress"

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._plain = self._display.verbosity > 0
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._view = View(terminal=self._terminal)
        self._live = ""
        self._action = ""
        self._pid = os.getpid()
        if not self._plain:
            self._print = self._display.display
            self._display.display = self._message  # type: ignore[method-assign]

    def _message(self, msg: str, color: t.Optional[str] = None, stderr: bool = False, **how: t.Any) -> None:
        """What others display: warnings are kept, the progress of a wait becomes its line, the rest is shown above the renewed line."""
        # A task's process has a copy of this object; what it displays is handed to this process, which asks again.
        if how.get("log_only") or os.getpid() != self._pid:
            self._print(msg, color=color, stderr=stderr, **how)
        elif msg.lstrip().startswith(("[WARNING]", "[DEPRECATION WARNING]")):
            self._view.warned(msg)
        else:
            lines = self._view.said(msg, time.monotonic()) if not stderr and not color else None
            if lines is None:
                self._clear()
                self._print(msg, color=color, stderr=stderr, **how)
            else:
                self._show(lines)

    def _show(self, lines: t.Iterable[Line]) -> None:
        for line in lines:
            self._clear()
            if line.live and self._terminal:
                width = max(20, shutil.get_terminal_size().columns - 1)
                self._live = printable(line.text)[:width]
                sys.stdout.write(self._live)
                sys.stdout.flush()
            else:
                self._print(printable(line.text), color=_COLOURS.get(line.kind))

    def _clear(self) -> None:
        if self._live:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
            self._live = ""

    @staticmethod
    def _item(result: t.Any) -> str:
        found = result.result.get("_ansible_item_label", "")
        return found if isinstance(found, str) else ""

    @_unless_verbose
    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        name = os.path.splitext(os.path.basename(playbook._file_name))[0]
        self._show(self._view.begin(name, time.monotonic()))

    @_unless_verbose
    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:  # noqa: ARG002
        self._action = task.action
        self._show(self._view.task(task.get_name(), time.monotonic()))
        if task.action in _SHOWS_TEXT:
            self._clear()

    @_unless_verbose
    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._keep_warnings(result)
        # The items of a loop were shown one by one.
        told = {**result.result, "changed": False} if "results" in result.result else result.result
        self._show(self._view.result(told, time.monotonic()))
        if self._action.rpartition(".")[2] == "debug":
            skip = ("changed", "failed", "msg")
            value = result.result.get("msg") or next(
                (item for key, item in result.result.items() if not key.startswith("_") and key not in skip), ""
            )
            self._show(self._view.note(value))

    @_unless_verbose
    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        self._show(self._view.result(result.result, time.monotonic(), item=self._item(result)))

    @_unless_verbose
    def v2_runner_retry(self, result: t.Any) -> None:
        self._show(self._view.retry(result.result, time.monotonic(), item=self._item(result)))

    @_unless_verbose
    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._keep_warnings(result)
        if not ignore_errors:
            self._show(self._view.failed(reason(dict(result.result))))

    @_unless_verbose
    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        text = "{0} can't be reached: {1}".format(result.host.get_name(), reason(dict(result.result)))
        self._show(self._view.failed(text))

    @_unless_verbose
    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        told = [stats.summarize(host) for host in stats.processed]
        failed = any(host["failures"] or host["unreachable"] for host in told)
        self._show(self._view.end(time.monotonic(), failed=failed))
        self._clear()

    # What the default callback shows and this one does not.

    @_unless_verbose
    def v2_playbook_on_play_start(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_playbook_on_include(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_runner_on_start(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_runner_item_on_failed(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_runner_on_skipped(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_runner_item_on_skipped(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_on_file_diff(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_playbook_on_no_hosts_matched(self, *_args: t.Any) -> None:
        pass

    @_unless_verbose
    def v2_playbook_on_no_hosts_remaining(self, *_args: t.Any) -> None:
        pass

    def _keep_warnings(self, result: t.Any) -> None:
        for text in result.result.get("warnings") or []:
            self._view.warned(str(text))
