# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks for consent to a plan, once, or shows the command that gives it; keeps the acts of each plan that was shown."""

from __future__ import annotations

import pathlib
import re
import sys
import typing as t

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import consent
from ansible_collections.cloudpods.ha.plugins.module_utils._private import write
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json

_SPEC = {
    "plan": {"type": "dict", "required": True},
    "directory": {"type": "path", "required": True},
    "acting": {"type": "bool", "required": True},
    "wanted": {"type": "str", "default": ""},
    "confirm": {"type": "bool", "default": True},
    "show_command": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Runs on the controller only."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(_SPEC)  # type: ignore[no-untyped-call]
        plan = from_json(Plan, given["plan"])
        folder = pathlib.Path(given["directory"]) / "plans"
        display = Display()
        if plan.acts:
            try:
                _keep(folder, plan)
            except HaError as exc:
                return {"failed": True, "changed": False, "msg": str(exc)}
        if given["show_command"] and plan.acts:
            sources = (task_vars or {}).get("ansible_inventory_sources") or []
            line = consent.command(
                sys.argv, inventory=sources, lost=plan.lost.name if plan.lost else "", plan_id=plan.id
            )
            _show(
                display, ["Nothing was changed. This command carries out this plan, and no other:", "", "  " + line, ""]
            )
        decision = consent.decide(
            plan,
            acting=given["acting"],
            wanted=given["wanted"],
            confirm=given["confirm"],
            known=_kept(folder, given["wanted"]),
        )
        if decision.ask:
            question = "Carry out the plan {0} as shown above? Type yes to go on, anything else stops: ".format(plan.id)
            decision = consent.answered(plan, _ask(display, question))
        if decision.difference:
            _show(display, ["", *decision.difference, ""])
        if decision.refusal:
            return {"failed": True, "changed": False, "msg": decision.refusal, "difference": list(decision.difference)}
        return {"changed": False, "consent": decision.consent}


def _ask(display: Display, question: str) -> t.Optional[str]:
    """The answer; None without a terminal. An interrupt is an answer: no."""
    try:
        answer: t.Any = display.prompt_until("\n" + question, complete_input=(b"\r", b"\n"))
    except AnsiblePromptNoninteractive:
        return None
    except AnsiblePromptInterrupt:
        return ""
    if isinstance(answer, AnsiblePromptNoninteractive):
        return None
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else ""


def _show(display: Display, lines: t.Iterable[str]) -> None:
    for line in lines:
        display.display(printable(line))


def _keep(folder: pathlib.Path, plan: Plan) -> None:
    """Keep the acts of the plan, whole or not at all. A file of its ID that was cut off or changed is put right. Raises HaError."""
    text = "".join(line + "\n" for line in plan.acts)
    write([str(folder)], {plan.id + ".txt": text.encode()})


def _kept(folder: pathlib.Path, wanted: str) -> t.Optional[t.List[str]]:
    """The acts of a plan that was shown on this machine; None if there is none of that ID, or its file was changed."""
    path = folder / (wanted.lower() + ".txt")
    if not re.fullmatch(r"[0-9a-f]{12}", wanted.lower()) or not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    return lines if consent.identifier(lines) == wanted.lower() else None
