# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share: where the checkout is, and how hypothesis looks for counterexamples."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[2]

# Continuous integration takes the same examples each time, so that a failure can be repeated; by hand, new ones.
settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("hand", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "hand")


def pytest_sessionstart() -> None:
    """Stop with one sentence when the collection cannot be imported by its name, or is another checkout."""
    try:
        found = importlib.util.find_spec("ansible_collections.cloudpods.ha")
    except ModuleNotFoundError:
        found = None
    places = [Path(place).resolve() for place in (found.submodule_search_locations or ())] if found else []
    if places[:1] != [ROOT]:
        raise pytest.UsageError(
            "ansible_collections.cloudpods.ha is {0}, not this checkout; run the tests with: make unit".format(
                places[0] if places else "not on the path"
            )
        )


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's folder."""
    return ROOT


class Refusals:
    """Which test made which refusal, and whether each test that docs/refusals.md names did."""

    def __init__(self) -> None:
        self.test = ""
        self.made: set[tuple[str, str]] = set()
        self.ran: set[str] = set()
        self.broken = False

    def watch(self) -> None:
        """Note each code from now on, wherever a module that the tests imported took the function from."""
        from ansible_collections.cloudpods.ha.plugins.module_utils import _codes

        known = _codes.known

        def noted(code: str) -> str:
            self.made.add((code, self.test))
            return known(code)

        for module in list(sys.modules.values()):
            if getattr(module, "known", None) is known and module is not _codes:
                vars(module)["known"] = noted

    def missing(self) -> list[str]:
        """What the page says and no test did, among the tests that ran."""
        # The copies that run on other Pythons are without the page.
        if not (ROOT / "tests" / "refusals.py").exists():
            return []
        from ansible_collections.cloudpods.ha.tests import refusals

        listed = refusals.listed(refusals.PAGE.read_text(encoding="utf-8")) if refusals.PAGE.is_file() else {}
        return [
            "{0} does not make the refusal {1}".format(test, code)
            for code, tests in listed.items()
            for test in tests
            if test in self.ran and (code, test) not in self.made
        ]


REFUSALS = Refusals()


def pytest_collection_finish() -> None:
    REFUSALS.watch()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    name = "{0}::{1}".format(Path(item.path).relative_to(ROOT / "tests"), getattr(item, "originalname", item.name))
    # What hypothesis makes differs from run to run.
    by_chance = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    REFUSALS.test = "" if by_chance else name
    REFUSALS.ran.add(REFUSALS.test)
    yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """After a whole run: each test that the table of refusals names makes its refusal."""
    record = os.environ.get("CLOUDPODS_HA_REFUSALS")
    if record:
        lines = sorted(json.dumps(pair) + "\n" for pair in REFUSALS.made if pair[1])
        Path(record).write_text("".join(lines), encoding="utf-8")
        return
    asked = session.config.option
    if session.testsfailed or asked.keyword or asked.markexpr or any("::" in word for word in session.config.args):
        return
    missing = REFUSALS.missing()
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        for line in missing:
            if reporter is not None:
                reporter.write_line("docs/refusals.md: {0}; make refusals writes it anew".format(line), red=True)
