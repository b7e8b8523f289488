# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the operator's variables, converts them to their types, and refuses misspelt and invalid ones."""

from __future__ import annotations

import os
import pathlib
import typing as t

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import settings as rules

PREFIX = "replace_master_"
SPECS = pathlib.Path(__file__).resolve().parents[2] / "roles" / "replace_master" / "meta" / "argument_specs.yml"
_WORDS = {"list": "a list", "dict": "a mapping whose keys are text"}


def parse(text: str) -> t.Any:
    """Read YAML, and so JSON. Raises ValueError for text that is neither."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as exc:
        raise ValueError(str(exc)) from exc


class ActionModule(ActionBase):
    """Runs on the controller only. Defaults, types and allowed values are those of role replace_master, in whose scope it runs.

    An option with no_log is a secret or may hold some: its value is in no message, and only the call with `hidden` returns it, whose task is not shown.
    """

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec({"hidden": {"type": "bool", "default": False}})  # type: ignore[no-untyped-call]
        options = yaml.safe_load(SPECS.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        given = {name for name in task_vars if name.startswith(PREFIX)} - rules.MADE
        found = [
            *rules.limited(str(task_vars.get("ansible_limit") or "")),
            *rules.made_elsewhere(task_vars, load_extra_vars(self._loader)),
            *rules.misspelt(given, options),
        ]
        values: t.Dict[str, t.Any] = {}
        for name in sorted(given & set(options)):
            option = options[name]
            try:
                values[name] = rules.from_text(name, option, self._templar.template(task_vars[name]), parse=parse)
                if option.get("no_log") and _checked_by_spec({name: option}, {name: values[name]}).error_messages:
                    raise HaError(name)
            except HaError as exc:
                hidden = "{0} is not {1}; its value is not shown.".format(name, _WORDS.get(option.get("type"), "text"))
                found.append(hidden if option.get("no_log") else str(exc))
        shown = {name: option for name, option in options.items() if not option.get("no_log")}
        checked = _checked_by_spec(shown, {name: values[name] for name in values if name in shown})
        found += [] if found else ["{0}.".format(text.rstrip(".")) for text in checked.error_messages]
        settings = {name[len(PREFIX) :]: value for name, value in checked.validated_parameters.items()}
        if arguments["hidden"]:
            # A secret by itself is handed to the one role that needs it.
            lists = {name for name in set(options) - set(shown) if options[name]["type"] in _WORDS}
            return {
                "changed": False,
                "settings": {name[len(PREFIX) :]: values[name] for name in lists if name in values},
            }
        settings.setdefault("lost", "")
        if not found:
            found = [*rules.problems(settings, task_vars["groups"], prefix=PREFIX), *_missing_hooks(settings)]
        if found:
            return {"failed": True, "changed": False, "msg": "{0} Nothing was changed.".format(" ".join(found))}
        return {"changed": False, "settings": settings}


def _checked_by_spec(options: t.Mapping[str, t.Any], values: t.Mapping[str, t.Any]) -> t.Any:
    return ArgumentSpecValidator({name: _without_words(option) for name, option in options.items()}).validate(
        dict(values)
    )


def _without_words(option: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """An option in the validator's form. Required options and the values of policies are checked here, with better messages."""
    return {key: value for key, value in option.items() if key in ("type", "elements", "choices")}


def _missing_hooks(settings: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for item in settings["claim_policies"]:
        path = str(item.get("tasks") or "")
        if path and not os.path.isfile(path):
            yield "The file {0} in {1}claim_policies does not exist on the controller.".format(path, PREFIX)
