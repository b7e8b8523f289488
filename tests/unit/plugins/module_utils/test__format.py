# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._format import human, printable, qualified


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (20 * 2**30, "20.0 GiB"), (3 * 2**40, "3.0 TiB")],
)
def test_bytes_are_shown_in_powers_of_1024(size: float, text: str) -> None:
    assert human(size) == text


def test_an_object_is_named_by_namespace_and_name() -> None:
    assert qualified("onecloud", "default-glance") == "onecloud/default-glance"


def test_what_would_control_a_terminal_is_a_question_mark() -> None:
    assert printable("node \x1b[2J\r\u202emaster-1 主") == "node ?[2J??master-1 主"
