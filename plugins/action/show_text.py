# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints lines without quotes and brackets, so that they are easy to read."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable


class ActionModule(ActionBase):
    """Runs on the controller only; the lines are also returned, for callbacks that keep results."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        spec = {"lines": {"type": "list", "elements": "str", "required": True}}
        _validation, arguments = self.validate_argument_spec(spec)  # type: ignore[no-untyped-call]
        display = Display()
        for line in ["", *arguments["lines"], ""]:
            # Names and messages of the cluster are data: an escape sequence in them must not reach the terminal.
            display.display(printable(line))
        return {"changed": False, "lines": arguments["lines"]}
