"""Why a task failed, found in its result: never an empty text, and not one that says nothing."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

# Generic messages of Ansible; the reason is elsewhere in the result.
_SAYS_NOTHING = (
    "",
    "all items completed",
    "one or more items failed",
    "unknown error",
    "non-zero return code",
    "module failure",
    "(traceback unavailable)",
)
_LONGEST = 600
# What kubernetes.core says of an answer that is no object, such as a page of HTML.
_NO_OBJECT = re.compile(r"'\w+' object (has no attribute|is not|does not support) ")


def reason(result: Json) -> str:
    """Return the reason as one line of printable text, at most 600 characters long."""
    text = next((found for found in _candidates(result) if found.lower().rstrip(".") not in _SAYS_NOTHING), "")
    if _NO_OBJECT.match(text):
        text = "the answer was no object, as when something else answers in place of the API server ({0})".format(text)
    if text:
        return text[:_LONGEST]
    if result.get("censored") or result.get("_ansible_no_log"):
        return "its output is hidden, since it may hold a secret; run again with -vvv to see the host and the module"
    if "attempts" in result:
        return "it failed {0} times and gave no reason".format(result["attempts"])
    return "it failed and gave no reason"


def unreachable(answers: t.Sequence[Json], phase: str) -> str:
    """Say which hosts cut a phase short: `answers` are the results of a ping of each host in a loop."""
    away = [item for item in answers if item.get("unreachable") or item.get("failed")]
    told = "; ".join(
        "{0} can't be reached: {1}".format(
            item.get(str(item.get("ansible_loop_var")), "a host"), reason(item).rstrip(".")
        )
        for item in away
    )
    text = "The phase {0} was cut short: {1}. Run again when {2} can be reached."
    if not away:
        return "The phase {0} was cut short: a host could not be reached for a moment. All hosts answer now. Run again.".format(
            phase
        )
    return text.format(phase, told, "it" if len(away) == 1 else "they")


def _candidates(result: Json) -> t.Iterator[str]:
    for item in result.get("results") or []:
        if isinstance(item, t.Mapping) and (item.get("failed") or item.get("unreachable")):
            yield from _candidates(dict(item))
    yield _printable(result.get("msg"))
    program = _printable(result.get("stderr")) or _printable(result.get("stdout"))
    if program:
        yield "exit code {0}: {1}".format(result["rc"], program) if "rc" in result else program
    # A module that crashed: the last line of its traceback.
    yield _printable(str(result.get("exception") or result.get("module_stderr") or "").strip().rpartition("\n")[2])


def _printable(value: t.Any) -> str:
    text = " ".join(str(value or "").split())
    return "".join(char for char in text if char.isprintable())
