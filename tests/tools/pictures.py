# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures in the README, with Chromium: pictures.py CHROMIUM. The report is the sample that the tests have; the console is the end of the
recording of the demo, docs/demo.cast.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils._report.reports import KINDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
# The last lines of the run: as many as one reads at a glance.
LINES = 56
# Colours of a terminal by their numbers, legible on the picture's dark ground.
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea"}
STYLE = "margin:0;padding:16px 20px;background:#0d1117;color:#c9d1d9;font:13px/1.35 'DejaVu Sans Mono',monospace;white-space:pre"


def screen(pieces: Iterable[str]) -> list[str]:
    """The lines that a terminal shows after these pieces of output: a line that was renewed in place is as it was last. Colours stay in."""
    lines = "".join(pieces).replace("\r\n", "\n").split("\n")
    return [re.split(r"\r(?:\x1b\[K)?", line)[-1] for line in lines]


def coloured(line: str) -> str:
    """A line as HTML, its colours as spans."""
    parts = re.split(r"\x1b\[([0-9;]*)m", line)
    shown = [html.escape(parts[0])]
    for codes, text in zip(parts[1::2], parts[2::2], strict=True):
        found = [COLOURS[code] for code in codes.split(";") if code in COLOURS]
        shown.append(f'<span style="color:{found[0]}">{html.escape(text)}</span>' if found else html.escape(text))
    return "".join(shown)


def console(cast: str) -> tuple[str, int]:
    """The page of the console's picture and its height in pixels: the end of the run in a recording of the demo."""
    _header, *events = (json.loads(line) for line in cast.splitlines())
    lines = screen(text for _at, kind, text in events if kind == "o")
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    # Up to the report, which has a picture of its own.
    end = next(number for number, line in enumerate(plain) if line.startswith("DONE: "))
    chosen = [line for line in lines[:end] if line.strip()][-LINES:]
    page = '<!doctype html><meta charset=utf-8><body style="{0}">{1}'.format(STYLE, "\n".join(map(coloured, chosen)))
    return page, 32 + round(len(chosen) * 13 * 1.35)


def shoot(chromium: str, page: str, size: tuple[int, int], target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--window-size={0},{1}".format(*size), "--screenshot={0}".format(target), source.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )


def main() -> None:
    (DOCS / "images").mkdir(exist_ok=True)
    shoot(sys.argv[1], KINDS["done"]()["html"], (960, 1180), DOCS / "images" / "report.png")
    page, height = console((DOCS / "demo.cast").read_text(encoding="utf-8"))
    shoot(sys.argv[1], page, (860, height), DOCS / "images" / "console.png")


if __name__ == "__main__":
    main()
