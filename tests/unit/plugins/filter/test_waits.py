# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tasks waited, from their registered results."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.filter.waits import FilterModule, waits


@pytest.mark.parametrize(
    ("result", "delay", "seconds"),
    [
        ({"attempts": 4, "changed": False}, 5, 15),
        ({"attempts": 4}, "5", 15),
        ({"attempts": 1}, 5, 0),
        ({"changed": False}, 5, 0),
        ({"skipped": True}, 5, 0),
        ({}, 5, 0),
        ("", 5, 0),
        (None, 5, 0),
        ({"results": []}, 5, 0),
        ({"results": [{"attempts": 2}, {"attempts": 3}, {"skipped": True}]}, 2, 6),
        ({"waited": 61, "attempts": 1}, 1, 61),
    ],
)
def test_the_pauses_between_attempts_are_counted(result: Any, delay: Any, seconds: int) -> None:
    assert waits([["x", result, delay]]) == ([{"what": "x", "seconds": seconds}] if seconds else [])


def test_it_is_registered_under_the_name_of_its_file() -> None:
    assert FilterModule().filters() == {"waits": waits}
