# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts are imported from beside their tool."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[3] / "tests"
sys.path[:0] = [str(TESTS / "bed"), str(TESTS / "kind")]
