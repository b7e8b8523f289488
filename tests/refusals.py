# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of refusals, docs/refusals.md, made from the code and from what the tests were seen to make.

`make refusals` runs the unit tests, notes which test makes which refusal, and writes the page.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ansible_collections.cloudpods.ha.plugins.module_utils import _codes

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "refusals.md"
# Tests in a row; the first are those of the checks themselves.
SHOWN = 3
_MAKERS = {"Refusal", "Unsafe", "_refuse", "refuse"}
# `CODE: sentence` in a role.
_IN_ROLE = re.compile(r"(?<![\w.])([A-Z][A-Z0-9]{2,}(?:_[A-Z0-9]+)+): ([^\n]*)")
_SENTENCE = re.compile(r"\[([A-Z0-9_]+)\] (\S.*)")
_HEAD = """# Refusals

Every reason for which a run stops before it acts, made by `make refusals` from the code and from what the tests were seen to make. What a message
means and what to look at is in the [runbook](runbook.md), under the same code. `…` stands for what was observed. The rules of ocboot's configuration
are in [ocboot.md](ocboot.md).

A refusal with a setting under *lifted by* can be passed by it; each other one ends only when its cause is gone. No refusal is passed by a tag, by `--limit`,
by `--start-at-task` or by `--check`. *Made to happen by* names tests that fail when the refusal is not made; there may be more.
"""


@functools.cache
def made(root: Path = ROOT) -> dict[str, list[tuple[str, str]]]:
    """Pairs of message and remedy by code, from plugins and roles."""
    found: dict[str, list[tuple[str, str]]] = {code: [] for code in _codes.RUNBOOK}
    for path in sorted((root / "plugins").rglob("*.py")):
        for code, message, remedy in _in_python(ast.parse(path.read_text(encoding="utf-8"))):
            if code in found and (message, remedy) not in found[code]:
                found[code].append((message, remedy))
    for path in sorted((root / "roles").rglob("*.yml")):
        for code, text in _IN_ROLE.findall(path.read_text(encoding="utf-8")):
            if code in found and not found[code]:
                found[code].append((re.sub(r"\{\{.*?\}\}", "…", text).strip(' "'), ""))
    return found


def _in_python(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    # Sentences that begin with their code.
    for node in ast.walk(tree):
        found = _SENTENCE.match(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
        if found:
            yield found.group(1), re.sub(r"\{[^{}]*\}", "…", found.group(2)), ""
    functions = [item for item in ast.walk(tree) if isinstance(item, ast.FunctionDef)]
    constants = {**_assigned(tree.body)}
    for function in functions:
        names = {**constants, **_assigned(list(ast.walk(function)))}
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and len(node.args) >= 3 and _name(node.func) in _MAKERS:
                code = names.get(node.args[0].id, node.args[0]) if isinstance(node.args[0], ast.Name) else node.args[0]
                branches = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
                for branch in branches:
                    if isinstance(branch, ast.Constant) and isinstance(branch.value, str):
                        yield branch.value, _text(node.args[1], names), _text(node.args[2], names)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _assigned(body: Sequence[ast.AST]) -> dict[str, ast.AST]:
    return {
        target.id: node.value
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _text(node: ast.AST, names: Mapping[str, ast.AST], depth: int = 0) -> str:
    """The text of an expression, with … for what is only known at run time."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name) and node.id in names and depth < 4:
        return _text(names[node.id], names, depth + 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return re.sub(r"\{[^{}]*\}", "…", _text(node.func.value, names, depth + 1))
    if isinstance(node, ast.IfExp):
        return _text(node.body, names, depth + 1)
    if isinstance(node, ast.BinOp):
        return _text(node.left, names, depth + 1) + _text(node.right, names, depth + 1)
    return "…"


def shown_by_playbooks(root: Path = ROOT) -> dict[str, set[str]]:
    """Tests of the playbooks that name a code: they look for it in the output of a run."""
    found: dict[str, set[str]] = {}
    for path in sorted((root / "tests" / "playbooks").glob("test_*.py")):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                for node in ast.walk(function):
                    if isinstance(node, ast.Constant) and node.value in _codes.RUNBOOK:
                        found.setdefault(str(node.value), set()).add(
                            "{0}::{1}".format(path.relative_to(root / "tests"), function.name)
                        )
    return found


def page(tests: Mapping[str, Sequence[str]]) -> str:
    """The page, with these tests for each code."""
    found = made()
    parts = [_HEAD]
    for title, codes in (
        ("Of a plan, and of roles before they act", _codes.REPLACING),
        ("Of the recovery of one claim", _codes.RECOVERY),
        ("Of retire_node", _codes.RETIRING),
    ):
        parts.append("## {0}\n".format(title))
        parts.append("| code | checks that | message | remedy | lifted by | made to happen by |")
        parts.append("| --- | --- | --- | --- | --- | --- |")
        for code, checked in codes.items():
            messages = "<br>".join(dict.fromkeys(message for message, _remedy in found[code]))
            remedies = "<br>".join(dict.fromkeys(remedy for _message, remedy in found[code] if remedy))
            lifted = "`{0}`".format(_codes.OVERRIDES[code]) if code in _codes.OVERRIDES else "nothing"
            named = "<br>".join("`{0}`".format(name) for name in tests.get(code, ()))
            cells = ["[{0}](runbook.md#{1})".format(code, code.lower()), checked, messages, remedies, lifted, named]
            parts.append("| {0} |".format(" | ".join(cell.replace("|", "\\|") for cell in cells)))
        parts.append("")
    return "\n".join(parts)


def listed(text: str) -> dict[str, list[str]]:
    """The tests of each code on a page."""
    rows = re.findall(r"^\| \[(\w+)\]\([^)]*\) \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    return {code: re.findall(r"`([^`]+)`", cell) for code, cell in rows}


def choose(record: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """A few tests for each code, from a record {code: tests}: those whose code a playbook shows, then those that make the fewest refusals."""
    shown = shown_by_playbooks()
    makes: dict[str, int] = {}
    for names in record.values():
        for name in names:
            makes[name] = makes.get(name, 0) + 1
    found = {}
    for code in _codes.RUNBOOK:
        units = sorted(set(record.get(code, ())), key=lambda name: (makes[name] > 20, "checks" not in name, name))
        found[code] = [*sorted(shown.get(code, ())), *units][:SHOWN]
    return found


def main() -> int:
    """Write the page from a record of the unit tests (a file with a line of JSON for each refusal)."""
    record: dict[str, list[str]] = {}
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        code, test = json.loads(line)
        record.setdefault(code, []).append(test)
    PAGE.write_text(page(choose(record)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
