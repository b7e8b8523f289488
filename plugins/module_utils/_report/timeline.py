"""The phases as bars, one below the other, with the waits for the cluster set apart from the run's own work. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._format import duration
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._report.markup import Markup, element


def timeline(phases: t.Sequence[Json], *, done: bool) -> Markup:
    """Draw `phases` of report.json. A wait is counted as at most its phase."""
    total = sum(item["seconds"] or 0 for item in phases)
    waited = sum(_waited(item) for item in phases)
    rows, before = [], 0
    for item in phases:
        rows.append(_row(item, before, max(total, 1), done=done))
        before += item["seconds"] or 0
    return element(
        "div",
        element(
            "p",
            "{0} in all: {1} of this run's own work, and at least {2} of waiting for the cluster, which no tool can shorten.".format(
                duration(total), duration(total - waited), duration(waited)
            ),
        ),
        element(
            "p",
            element("span", "", cls="key own"),
            "own work ",
            element("span", "", cls="key wait"),
            "waiting for Kubernetes, etcd, keepalived or MinIO",
        ),
        element("ol", *rows, cls="bars"),
    )


def _waited(item: Json) -> int:
    return int(min(item["seconds"] or 0, sum(wait["seconds"] for wait in item["waits"])))


def _row(item: Json, before: int, total: int, *, done: bool) -> Markup:
    seconds, waited = item["seconds"], _waited(item)
    took = ("interrupted" if done else "not finished") if seconds is None else duration(seconds)
    waits = ", ".join("{0} {1}".format(wait["what"], duration(wait["seconds"])) for wait in item["waits"])
    bar = []
    for kind, part in (("own", (seconds or 0) - waited), ("wait", waited)):
        if part:
            bar.append(element("span", "", cls=kind, style="width:{0:.2f}%".format(100 * part / total)))
    gap = element("span", "", style="width:{0:.2f}%".format(100 * before / total))
    return element(
        "li",
        element("div", element("strong", item["phase"]), element("span", took), cls="row"),
        element("div", gap, *bar, cls="bar", role="img", aria_label="{0}: {1}".format(item["phase"], took)),
        element("div", "waited for: " + waits, cls="quiet") if waits else "",
    )
