# SPDX-License-Identifier: GPL-3.0-or-later
"""Python files stay small enough to be read at one sitting.

Counted are statements and the heads of compound ones, so that neither comments and documentation nor the way a long
line is wrapped matter.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/*.py") if path.parent.name != "doc_fragments")
LIMITS = {"module_utils": 250}
ENTRY_FILE_LIMIT = 150


def statements(source: str) -> int:
    """How many statements a file has, docstrings left out."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    return sum(1 for node in nodes if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)))


def test_docstrings_and_comments_are_no_statements() -> None:
    assert statements('"""Doc."""\n\n# comment\nx = [\n    1,\n]\nif x:\n    y = 2\n') == 3


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_to_its_size(path: Path) -> None:
    assert statements(path.read_text(encoding="utf-8")) <= LIMITS.get(path.parent.name, ENTRY_FILE_LIMIT)
