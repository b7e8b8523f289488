# SPDX-License-Identifier: GPL-3.0-or-later
"""The page tells what the JSON tells, needs nothing else, and no data of the cluster becomes markup."""

from __future__ import annotations

import html.parser
import re

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._report.markup import element, escape
from ansible_collections.cloudpods.ha.plugins.module_utils._report.timeline import timeline
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils._report.reports import KINDS, NASTY, done

VOID = {"meta", "link", "br"}


class Reader(html.parser.HTMLParser):
    """The text, the tags and the attributes of a page; fails on a tag that is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_nothing_from_elsewhere(kind: str) -> None:
    page = KINDS[kind]()["html"]
    read = Reader(page)
    assert not read.tags & {"script", "img", "iframe", "object", "form"}
    assert not {name for name in read.attributes if name.startswith("on")} | (read.attributes & {"src", "srcset"})
    assert set(re.findall(r'href="([^"]*)"', page)) == {"data:,"}
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_tells_what_the_json_tells(kind: str) -> None:
    found = KINDS[kind]()
    data, text = found["json"], " ".join("".join(Reader(found["html"]).text).split())

    def told(value: str) -> bool:
        return " ".join("".join(char if char.isprintable() else "\ufffd" for char in value).split()) in text

    assert told(data["summary"])
    assert all(told(line) for line in (*data["warnings"], *data["todo"]))
    assert all(told(item["observed"]) and told(item["remedy"]) and told(item["code"]) for item in data["refusals"])
    for claim in data["claims"]:
        assert told("{namespace}/{name}".format(**claim))
        assert told(claim["pv_name"])
        assert all(told(line) for line in claim["proof"])
        assert not claim["new"] or told(claim["new"]["volume"])
    for phase in data["phases"]:
        assert told(phase["phase"])
        assert all(told(wait["what"]) for wait in phase["waits"])
    for plane in filter(None, (data["before"], data["after"])):
        assert all(told(item["name"]) for item in plane["nodes"])
    assert all(told(str(data["backup"][key])) for key in ("path", "controller_path", "sha256") if data["backup"])


def test_the_page_of_a_success_draws_the_plane_before_and_after() -> None:
    text = " ".join(Reader(done()["html"]).text)
    before, after = text[text.index("Before") :].split("After, as it was read")
    after = after[: after.index("Where the time went")]
    assert "lost" in before
    assert "replacement" not in before
    assert "replacement" in after
    assert "master-1" not in after
    assert "VIP 192.0.2.10" in after


def test_data_of_the_cluster_is_no_markup() -> None:
    page = KINDS["k3s"]()["html"]
    assert "<script>" not in page
    assert "\x1b" not in page
    assert NASTY.split("&", maxsplit=1)[0].strip() in "".join(Reader(page).text)
    assert element("p", '"<&', cls='a" onclick="x') == '<p class="a&quot; onclick=&quot;x">&quot;&lt;&amp;</p>'
    assert element("p", escape("<b>")) == "<p>&lt;b&gt;</p>"


def test_bars_never_leave_their_row() -> None:
    phases = [
        {"phase": "a", "seconds": 10, "waits": [{"what": "x", "seconds": 99}]},
        {"phase": "b", "seconds": None, "waits": []},
        {"phase": "c", "seconds": 0, "waits": []},
        {"phase": "d", "seconds": 30, "waits": [{"what": "y", "seconds": 10}]},
    ]
    for row in timeline(phases, done=False).split("<li>")[1:]:
        assert sum(map(float, re.findall(r"width:([\d.]+)%", row))) <= 100.01
    timeline([{"phase": "b", "seconds": None, "waits": []}], done=True)
