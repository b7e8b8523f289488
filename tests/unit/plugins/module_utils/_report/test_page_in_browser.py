# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a real browser: nothing is cut off or overlaps its box at the width of a phone and of a screen, and text can be read in light and dark.

Needs Chromium, as Debian packages it. Where there is none these tests are reported as skipped, which says that they were not run.
The measuring script is put into a copy of the page; the page itself has none. Screenshots are kept where CLOUDPODS_HA_SCREENSHOTS names a folder.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils._report.reports import KINDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NOT RUN: there is no Chromium on this machine")

# Contrast by WCAG 2: 4.5 for text, 3 for large text; of what is drawn (bars, boxes), 3.
MEASURE = """
function rgb(text) { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : n.slice(0, 3); }
function light(c) {
  const v = c.map(x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; }
function contrast(a, b) { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); }
function behind(e) { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; }
const found = {width: innerWidth, scroll: document.documentElement.scrollWidth, faults: [], texts: 0, lowest: 99,
  dark: matchMedia('(prefers-color-scheme: dark)').matches, page: getComputedStyle(document.body).backgroundColor};
for (const e of document.querySelectorAll('main *')) {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e), name = e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40);
  if (box.right > innerWidth + 1 || box.left < -1) found.faults.push('outside: ' + name);
  if (e.scrollWidth > e.clientWidth + 1 && style.display !== 'inline' && e.clientWidth) found.faults.push('cut off: ' + name);
  if (e.matches('.bar .own, .bar .wait')) {
    const ratio = contrast(rgb(style.backgroundColor), behind(e.parentElement));
    if (ratio < 3) found.faults.push('bar ' + ratio.toFixed(2) + ': ' + name);
  }
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  found.texts += 1;
  const ratio = contrast(rgb(style.color), behind(e)), big = parseFloat(style.fontSize) >= 24;
  found.lowest = Math.min(found.lowest, ratio);
  if (ratio < (big ? 3 : 4.5)) found.faults.push('contrast ' + ratio.toFixed(2) + ': ' + name);
  if (parseFloat(style.fontSize) < 12) found.faults.push('too small: ' + name);
}
const told = document.createElement('textarea'); told.id = 'measured'; told.textContent = JSON.stringify(found); document.body.append(told);
"""
# A frame has the width it is given; a headless window is never as narrow as a phone.
FRAME = '<iframe id="{0}" style="border:0;width:{1}px;height:{2}px" srcdoc="{3}"></iframe>'
READ = """<script>onload = () => { for (const f of document.querySelectorAll('iframe')) {
  const t = f.contentDocument.getElementById('measured'); t.id = 'of-' + f.id; document.body.append(t); } };</script>"""
WIDTHS = (320, 390, 1280)


def chromium(page: Path, *arguments: str, dark: bool) -> str:
    assert CHROMIUM
    scheme = ["--blink-settings=preferredColorScheme=0" if dark else "--blink-settings=preferredColorScheme=1"]
    ran = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--user-data-dir=" + str(page.parent / "profile"), "--virtual-time-budget=2000"),
            *(*scheme, *arguments, page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def measured(pages: dict[str, str], folder: Path, *, dark: bool) -> dict[str, dict[str, Any]]:
    """What was measured of each page at each width, by NAME-WIDTH. One browser for all."""
    frames = [
        FRAME.format(
            "{0}-{1}".format(name, width),
            width,
            800,
            html.escape(text.replace("</body>", "<script>{0}</script></body>".format(MEASURE))),
        )
        for name, text in pages.items()
        for width in WIDTHS
    ]
    page = folder / "page.html"
    page.write_text("<!DOCTYPE html><body>{0}{1}</body>".format("".join(frames), READ), encoding="utf-8")
    told = re.findall(r'id="of-([^"]+)">(.*?)</textarea>', chromium(page, "--dump-dom", dark=dark))
    found = {name: dict(json.loads(html.unescape(text))) for name, text in told}
    assert len(found) == len(frames)
    return found


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, dict[str, dict[str, Any]]]:
    pages = {kind: make()["html"] for kind, make in KINDS.items()}
    return {dark: measured(pages, tmp_path_factory.mktemp("browser"), dark=dark) for dark in (False, True)}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_can_be_read(kind: str, width: int, dark: bool, looks: dict[bool, dict[str, dict[str, Any]]]) -> None:
    found = looks[dark]["{0}-{1}".format(kind, width)]
    assert found["width"] == width
    assert found["dark"] == dark
    assert found["page"] == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")
    assert found["texts"] > 5
    assert found["scroll"] <= width
    assert found["faults"] == []


def test_the_measure_finds_what_is_cut_off_and_what_cannot_be_read(tmp_path: Path) -> None:
    page = KINDS["done"]()["html"]
    pages = {
        "wide": page.replace("</main>", '<p style="width:900px">wide</p></main>'),
        "pale": page.replace("</main>", '<p style="color:#bbb">pale</p></main>'),
    }
    found = measured(pages, tmp_path, dark=False)
    assert [text for text in found["wide-390"]["faults"] if text.startswith("outside")]
    assert [text for text in found["pale-390"]["faults"] if text.startswith("contrast")]


@pytest.mark.skipif(
    "CLOUDPODS_HA_SCREENSHOTS" not in os.environ, reason="NOT RUN: CLOUDPODS_HA_SCREENSHOTS names no folder"
)
@pytest.mark.parametrize("kind", KINDS)
def test_screenshots_are_taken(kind: str, tmp_path: Path) -> None:
    folder = Path(os.environ["CLOUDPODS_HA_SCREENSHOTS"])
    folder.mkdir(parents=True, exist_ok=True)
    for width in (390, 1280):
        for dark in (False, True):
            page = tmp_path / "page.html"
            frame = FRAME.format("f", width, 3600, html.escape(KINDS[kind]()["html"]))
            page.write_text('<!DOCTYPE html><body style="margin:0">{0}</body>'.format(frame), encoding="utf-8")
            picture = folder / "{0}-{1}-{2}.png".format(kind, width, "dark" if dark else "light")
            chromium(page, "--screenshot=" + str(picture), "--window-size={0},3600".format(max(width, 500)), dark=dark)
            assert picture.stat().st_size > 10000
