# SPDX-License-Identifier: GPL-3.0-or-later
"""Python files stay small enough to be read at one sitting; documentation and comments do not count."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/*.py") if path.parent.name != "doc_fragments")
LIMITS = {"module_utils": 250}
ENTRY_FILE_LIMIT = 150


def code_lines(source: str) -> int:
    """Lines with code on them: no blank ones, comments, docstrings or documentation constants."""
    tree = ast.parse(source)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        documentation = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in (
            "DOCUMENTATION",
            "EXAMPLES",
            "RETURN",
        )
        if documentation or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(
        1 for number, line in lines if line.strip() and not line.strip().startswith("#") and number not in left_out
    )


def test_code_lines_leave_out_comments_blank_lines_and_documentation() -> None:
    assert code_lines('"""Doc."""\n\n# comment\nDOCUMENTATION = """\na: b\n"""\nx = 1\ny = """\ntext\n"""\n') == 4


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_to_its_size(path: Path) -> None:
    assert code_lines(path.read_text(encoding="utf-8")) <= LIMITS.get(path.parent.name, ENTRY_FILE_LIMIT)
