#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the files that run on the cluster's hosts, one per line: every module that does not ask the API, and all that it imports.

With --tests, prints the unit tests of these files instead.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
TESTS = ROOT / "tests" / "unit"
PREFIX = "ansible_collections.cloudpods.ha.plugins."


def on_hosts() -> list[Path]:
    """The files that hosts run. The modules of the action group `cluster` run on the controller."""
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    todo = [path for path in (PLUGINS / "modules").glob("*.py") if path.stem not in groups["cluster"]]
    found: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imported(path)
    return sorted(found)


def tests_of(files: list[Path]) -> list[Path]:
    """The unit tests whose paths mirror these files."""
    # Modules are called through Ansible, by ansible-test and by the playbook tests.
    mirrored = [TESTS / "plugins" / path.relative_to(PLUGINS) for path in files if path.parent.name != "modules"]
    found = [path.with_name("test_" + path.name) for path in mirrored]
    return [path for path in found if path.exists()]


def _imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
            base = PLUGINS.joinpath(*str(node.module)[len(PREFIX) :].split("."))
            for file in (base.with_suffix(".py"), *(base / (alias.name + ".py") for alias in node.names)):
                if file.exists():
                    yield file


if __name__ == "__main__":
    host_files = on_hosts()
    for file in tests_of(host_files) if "--tests" in sys.argv[1:] else host_files:
        sys.stdout.write("{0}\n".format(file.relative_to(ROOT)))
