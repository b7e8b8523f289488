# SPDX-License-Identifier: GPL-3.0-or-later
"""The bed's parts are imported from beside its tool."""

from __future__ import annotations

import sys
from pathlib import Path

BED = Path(__file__).resolve().parents[3] / "tests" / "bed"
sys.path[:0] = [str(BED), str(BED / "standin")]
