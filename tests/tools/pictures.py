# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the picture of the report in the README, with Chromium: pictures.py CHROMIUM. The report is the sample that the tests have."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils._report.reports import KINDS

TARGET = Path(__file__).resolve().parents[2] / "docs" / "images" / "report.png"


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(KINDS["done"]()["html"], encoding="utf-8")
        subprocess.run(
            [
                *(sys.argv[1], "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--window-size=960,1180", "--screenshot={0}".format(TARGET), page.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )


if __name__ == "__main__":
    main()
