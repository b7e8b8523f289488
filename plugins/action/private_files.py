# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files on the controller that only their owner can read, without a module's process for each."""

from __future__ import annotations

import json
import re
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._private import write

# C1, and what turns the direction of text.
_CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPEC = {
    "folders": {"type": "list", "elements": "path", "required": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            # As "str", a mapping that ansible-core 2.16 made of text which looks like one would be written in Python's notation.
            "text": {"type": "raw"},
            "data": {"type": "raw"},
        },
        "mutually_exclusive": [("text", "data")],
        "required_one_of": [("text", "data")],
    },
}


class ActionModule(ActionBase):
    """Runs on the controller only. No result, diff or error holds what is written."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(_SPEC)  # type: ignore[no-untyped-call]
        changed: t.List[str] = []
        try:
            # Before anything is written.
            contents = {_name(item): _content(item) for item in given["files"]}
            write(given["folders"], contents, check_mode=self._task.check_mode, changed=changed)
        except HaError as exc:
            return {"failed": True, "changed": bool(changed), "msg": str(exc), "paths": changed}
        return {"changed": bool(changed), "paths": changed}


def _name(item: t.Mapping[str, t.Any]) -> str:
    name = str(item["name"])
    if name in ("", ".", "..") or "/" in name:
        raise HaError("{0!r} is no name of a file in a folder. Nothing was written.".format(name))
    return name


def _content(item: t.Mapping[str, t.Any]) -> bytes:
    """What is written. An error does not quote it."""
    if item["data"] is not None:
        try:
            text = json.dumps(item["data"], indent=4, sort_keys=True, ensure_ascii=False)
            # json escapes the first 32 characters; these control a terminal too.
            text = _CONTROL.sub(lambda char: "\\u{0:04x}".format(ord(char.group())), text) + "\n"
        except (TypeError, ValueError):
            raise HaError(
                "The data of {0} can't be written as JSON. Nothing was written.".format(item["name"])
            ) from None
    elif isinstance(item["text"], str):
        text = item["text"]
    else:
        raise HaError("The text of {0} is no text; give a value as data. Nothing was written.".format(item["name"]))
    # A server may send half a letter.
    return text.encode("utf-8", "replace")
