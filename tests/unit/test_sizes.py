# SPDX-License-Identifier: GPL-3.0-or-later
"""Python files stay small enough to be read at one sitting.

Counted are lines of code: no blank lines, no comments, no docstrings, and none of the documentation that a module or filter begins with.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path for path in (ROOT / "plugins").rglob("*.py") if path.parent.name != "doc_fragments")
LIMIT = 250
ENTRY_FILE_LIMIT = 150
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines_of_code(source: str) -> int:
    counted = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(source)):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if docstring or (
            isinstance(node, ast.Assign) and {getattr(item, "id", "") for item in node.targets} & DOCUMENTATION
        ):
            counted -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(counted)


def test_docstrings_comments_and_documentation_are_no_code() -> None:
    source = '"""Doc."""\n\n# comment\nDOCUMENTATION = r"""\nmodule: x\n"""\nx = [\n    1,\n]\nif x:\n    y = 2\n'
    assert lines_of_code(source) == 5


def test_there_are_files() -> None:
    assert any(path.parent.parent.name == "module_utils" for path in PLUGINS)


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_to_its_size(path: Path) -> None:
    shared = "module_utils" in path.parts
    assert lines_of_code(path.read_text(encoding="utf-8")) <= (LIMIT if shared else ENTRY_FILE_LIMIT)
