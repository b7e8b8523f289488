# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share: where the checkout is, and how hypothesis looks for counterexamples."""

from __future__ import annotations

import importlib.util
import os
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
