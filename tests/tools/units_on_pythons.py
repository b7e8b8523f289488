#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the unit tests of the code that runs on hosts, on each Python there that a host may have: units_on_pythons.py WORK-FOLDER CACHE-FOLDER.

Tests are written for the newest Python; the copies that run on the old ones have no annotations, which those can't evaluate.
A Python that this machine does not have is named as not run. CLOUDPODS_HA_PYTHONS="3.6 3.12" names those that must be there.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import host_code

PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
PACKAGES = ("pytest", "hypothesis", "PyYAML", "cryptography")


class WithoutAnnotations(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        given = node.args
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
            if argument is not None:
                argument.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        # In a class body it is a field.
        if isinstance(node.target, ast.Name) and node.value is None:
            return node
        return ast.Assign([node.target], node.value) if node.value is not None else ast.Pass()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node


def without_annotations(text: str) -> str:
    return ast.unparse(ast.fix_missing_locations(WithoutAnnotations().visit(ast.parse(text)))) + "\n"


def interpreter(version: str) -> str:
    """pyenv's Python of this version, else the one on the path; empty without one."""
    folder = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    own = sorted(folder.glob(version + ".*/bin/python"))
    return str(own[-1]) if own else shutil.which("python" + version) or ""


def lay_out(work: Path, tests: list[Path]) -> Path:
    """A collection of plugins and these tests under `work`."""
    shutil.rmtree(work, ignore_errors=True)
    collection = work / "ansible_collections" / "cloudpods" / "ha"
    collection.mkdir(parents=True)
    (collection / "plugins").symlink_to(host_code.PLUGINS)
    helpers = [path for path in host_code.TESTS.glob("plugins/*.py") if path.name == "manifests.py"]
    conftests = [
        path for path in host_code.TESTS.rglob("conftest.py") if path.parent in {p for t in tests for p in t.parents}
    ]
    stand_ins = list((host_code.TESTS / "plugins" / "module_utils").glob("stand_in_*.py"))
    programs = [host_code.ROOT / "tests" / "bed" / "ocboot-recording-standin"]
    for path in (*tests, *helpers, *conftests, *stand_ins, *programs):
        copy = collection / path.relative_to(host_code.ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(without_annotations(path.read_text(encoding="utf-8")), encoding="utf-8")
    (collection / "tests" / "unit" / "fixtures").symlink_to(host_code.TESTS / "fixtures")
    return collection


def environment(python: str, cache: Path) -> str:
    """A Python environment with what the tests need; made once."""
    name = subprocess.run([python, "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[1]
    folder = cache / ("units-" + name)
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The pip of an old Python knows no wheels of today, and would compile for a quarter of an hour.
        for wanted in (["--upgrade", "pip"], [*PACKAGES]):
            subprocess.run([*pip, *wanted], check=True)
        (folder / ".ready").touch()
    return str(folder / "bin" / "python")


def main() -> int:
    work, cache = Path(sys.argv[1]), Path(sys.argv[2])
    collection = lay_out(work, host_code.tests_of(host_code.on_hosts()))
    needed = os.environ.get("CLOUDPODS_HA_PYTHONS", "").split()
    lines, failed = [], False
    for version in PYTHONS:
        python = interpreter(version)
        if not python:
            lines.append("Python {0}: NOT RUN, this machine does not have it".format(version))
            failed |= version in needed
            continue
        argv = [
            environment(python, cache),
            "-B",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
        ]
        done = subprocess.run(
            [*argv, "--rootdir", str(collection), str(collection / "tests")],
            # The same examples on each Python, and none that fails for a slow machine.
            env={**os.environ, "PYTHONPATH": str(work), "CI": "1"},
            cwd=collection,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        failed |= done.returncode != 0
        if done.returncode != 0:
            sys.stdout.write(done.stdout)
        last = done.stdout.strip().rpartition("\n")[2]
        lines.append("Python {0} ({1}): {2}{3}".format(version, python, "FAILED, " if done.returncode else "", last))
    sys.stdout.write("\n".join(lines) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
