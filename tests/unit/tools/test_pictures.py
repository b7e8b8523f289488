# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the console, from a recording."""

from __future__ import annotations

import json

from ansible_collections.cloudpods.ha.tests.tools import pictures


def cast(*pieces: str) -> str:
    return "\n".join([json.dumps({"version": 2}), *(json.dumps([0.1, "o", text]) for text in pieces)])


def test_a_line_that_was_renewed_is_shown_as_it_was_last() -> None:
    assert pictures.screen(["one\r\n.. wai", "ting 1 s\r\x1b[K.. waiting 2 s\r\x1b[K", "ok\r\nend"]) == [
        "one",
        "ok",
        "end",
    ]


def test_colours_become_spans_and_text_is_escaped() -> None:
    assert (
        pictures.coloured("\x1b[0;32mok <x>\x1b[0m & rest")
        == '<span style="color:#7ee787">ok &lt;x&gt;</span> &amp; rest'
    )


def test_the_page_ends_before_the_report() -> None:
    page, height = pictures.console(
        cast(
            "replace_master\r\n",
            "   0:00  discovery\r\n",
            "         ok Cordon\r\n",
            "DONE: master-1 was replaced\r\nafter it\r\n",
        )
    )
    assert "discovery" in page
    assert page.endswith("ok Cordon")
    assert height > 32
