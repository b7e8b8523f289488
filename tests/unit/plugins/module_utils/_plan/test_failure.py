# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task failed is said in its own words, whatever the shape of its result."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.failure import reason, unreachable


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"msg": "no route"}, "no route"),
        (
            {
                "msg": "One or more items failed",
                "results": [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "full"}],
            },
            "full",
        ),
        ({"msg": "All items completed", "results": [{"unreachable": True, "msg": "timed out"}]}, "timed out"),
        ({"msg": "non-zero return code", "rc": 2, "stderr": "bad\nflag"}, "exit code 2: bad flag"),
        ({"msg": "non-zero return code", "rc": 1, "stderr": "", "stdout": "out"}, "exit code 1: out"),
        ({"msg": "Unknown error", "module_stderr": "Traceback:\n  x\nKeyError: 'y'"}, "KeyError: 'y'"),
        ({"msg": "\x1b[31mred\x07\n  text"}, "[31mred text"),
        ({"msg": {"a": 1}}, "{'a': 1}"),
        (
            {"msg": "'str' object has no attribute 'to_dict'"},
            "the answer was no object, as when something else answers in place of the API server ('str' object has no attribute 'to_dict')",
        ),
        ({"attempts": 5}, "it failed 5 times and gave no reason"),
        ({}, "it failed and gave no reason"),
    ],
)
def test_the_reason_is_found(result: dict[str, Any], said: str) -> None:
    assert reason(result) == said


def test_a_hidden_result_says_that_it_is_hidden() -> None:
    assert "hidden" in reason({"censored": "the output has been hidden", "msg": ""})


def test_a_reason_has_an_end() -> None:
    assert len(reason({"msg": "x" * 5000})) == 600


def test_a_traceback_that_ansible_does_not_keep_is_no_reason() -> None:
    assert "hidden" in reason({"censored": "x", "exception": "(traceback unavailable)"})


def answer(host: str, **result: Any) -> dict[str, Any]:
    """A result of a loop over hosts whose variable has a name of its own."""
    return {"ansible_loop_var": "__x_asked", "__x_asked": host, **result}


AWAY = {"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host.\x1b[2J"}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            [answer("master-2", ping="pong")],
            "a host could not be reached for a moment. All hosts answer now. Run again.",
        ),
        (
            [answer("master-2", ping="pong"), answer("master-4", **AWAY)],
            "master-4 can't be reached: Failed to connect to the host via ssh: No route to host.[2J. Run again when it can be reached.",
        ),
        (
            [answer("master-2", **AWAY), answer("master-4", failed=True, msg="no Python")],
            "No route to host.[2J; master-4 can't be reached: no Python. Run again when they can be reached.",
        ),
        ([{"failed": True, "msg": "x"}], "a host can't be reached: x. Run again when it can be reached."),
    ],
)
def test_who_cut_a_phase_short_is_told(answers: list[dict[str, Any]], said: str) -> None:
    told = unreachable(answers, "join")
    assert told.startswith("The phase join was cut short: ")
    assert told.endswith(said)
