"""The report as one HTML page that needs no network and no script. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import human, qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._report.drawing import planes
from ansible_collections.cloudpods.ha.plugins.module_utils._report.markup import Markup, element, join
from ansible_collections.cloudpods.ha.plugins.module_utils._report.style import STYLE
from ansible_collections.cloudpods.ha.plugins.module_utils._report.timeline import timeline

_WORDS = {"done": "DONE", "failed": "STOPPED", "open": "OPEN", "refused": "REFUSED"}
_BACKUP = (
    ("path", "snapshot on the host"),
    ("host", "host"),
    ("controller_path", "copy on the controller"),
    ("objects_path", "copies of objects"),
    ("taken", "taken"),
    ("revision", "revision"),
    ("sha256", "SHA-256"),
)


def page(data: Json) -> str:
    """Return the page. `data` is report.json."""
    lost = (data["lost"] or {}).get("name") or "the node"
    title = "Replacement of {0}: {1}".format(lost, _WORDS[data["outcome"]])
    # An empty icon keeps the browser from asking for one.
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<meta name="color-scheme" content="light dark">'),
            Markup('<link rel="icon" href="data:,">'),
            element("title", title),
            element("style", Markup(STYLE)),
        ]
    )
    main = element("main", _outcome(data), *_sections(data))
    return '<!DOCTYPE html>\n<html lang="en">\n<head>{0}</head>\n<body>{1}</body>\n</html>\n'.format(head, main)


def _outcome(data: Json) -> Markup:
    facts = [
        data["provider"],
        "plan " + data["plan"]["id"] if data["plan"]["id"] else "",
        "written " + data["written"] if data["written"] else "",
    ]
    return element(
        "header",
        element("p", _WORDS[data["outcome"]], cls="word"),
        element("h1", data["summary"]),
        element("p", ", ".join(filter(None, facts)), cls="quiet"),
        cls="outcome " + data["outcome"],
    )


def _sections(data: Json) -> t.Iterator[Markup]:
    if data["refusals"]:
        yield _section("Refusals", *(_refusal(item) for item in data["refusals"]))
    if data["todo"]:
        yield _section("What is left for you to do", _list(data["todo"], tag="ol"))
    if data["before"] or data["after"]:
        yield _section("The control plane", planes(data))
    if data["phases"]:
        yield _section("Where the time went", timeline(data["phases"], done=data["outcome"] == "done"))
    if data["claims"]:
        yield _section("Claims of the lost node", *(_claim(item, data["outcome"] == "done") for item in data["claims"]))
    warnings = [text for text in data["warnings"] if text not in data["todo"]]
    if warnings:
        yield _section("Warnings", *(element("div", text, cls="card warn") for text in warnings))
    if data["backup"]:
        yield _section("Backup", _facts((label, data["backup"].get(key)) for key, label in _BACKUP))
    checks = (data["results"].get("verify") or {}).get("checks") or []
    if checks:
        yield _section("Proof, from a new reading of the cluster", *(_check(item) for item in checks))
    if data["touched"]:
        heading = "Objects that were changed" if data["outcome"] == "done" else "Objects that the plan names"
        yield _section(heading, _list([_object(ref) for ref in data["touched"]]))


def _section(heading: str, *content: Markup) -> Markup:
    return element("section", element("h2", heading), *content)


def _list(items: t.Iterable[t.Any], *, tag: str = "ul") -> Markup:
    return element(tag, *(element("li", item) for item in items))


def _facts(facts: t.Iterable[t.Tuple[str, t.Any]]) -> Markup:
    rows = [(element("dt", label), element("dd", value)) for label, value in facts if value not in (None, "", [], {})]
    return element("dl", *(part for row in rows for part in row))


def _refusal(item: Json) -> Markup:
    return element(
        "div",
        element("p", element("strong", item["code"], cls="bad")),
        element("p", item["observed"]),
        element("p", element("strong", "To do: "), item["remedy"]),
        cls="card",
    )


def _check(item: Json) -> Markup:
    word = element("strong", "ok" if item["ok"] else "FAILED", cls="good" if item["ok"] else "bad")
    return element("div", word, " {0}: {1}".format(item["name"], item["observed"]), cls="card")


def _claim(item: Json, done: bool) -> Markup:
    new = item["new"]
    left = item["policy"] in ("ignore", "refuse")
    old = "{0}{1}".format(item["pv_name"], ", kept (Retain)" if item["reclaim_policy"] == "Retain" else "")
    proof = "; ".join(item["proof"])
    lost = item["loses"] or ("all its data" if item["policy"] in ("discard", "refuse") else "")
    return element(
        "div",
        element(
            "h3",
            qualified(item["namespace"], item["name"]),
            element("span", " {0}, {1}".format(item["policy"], human(item["size_bytes"])), cls="quiet"),
        ),
        _facts(
            (
                ("why", item["reason"]),
                ("lost for good", "" if item["policy"] == "ignore" else lost),
                ("old volume", old),
                ("new volume", _volume(new) if new else "" if left else "none in this run"),
                ("proof", proof or ("" if left else "of an earlier run" if done else "none yet")),
            )
        ),
        cls="card",
    )


def _volume(new: Json) -> str:
    return str(new["volume"]) + (" on " + new["node"] if new["node"] else "")


def _object(ref: Json) -> Markup:
    name = qualified(ref["namespace"], ref["name"]) if ref["namespace"] else ref["name"]
    return join([ref["kind"], " ", name, " ", element("code", ref["uid"], cls="quiet") if ref["uid"] else ""])
