# SPDX-License-Identifier: GPL-3.0-or-later
"""Some processes share the tests: those that share a world stay together."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import kept


def pytest_configure(config: pytest.Config) -> None:
    # Once, before the processes begin: it empties the folder that they share when the code is another.
    if not hasattr(config, "workerinput"):
        kept()


# xdist reads the marks in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # `make cores` runs them in one process, without xdist.
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        provider = getattr(item, "callspec", None) and item.callspec.params.get("bench")  # type: ignore[attr-defined]
        item.add_marker(pytest.mark.xdist_group(provider or item.nodeid.partition("::")[0]))


def pytest_collection_finish(session: pytest.Session) -> None:
    # With a pytest that it does not know xdist groups nothing, and each process makes every world.
    if hasattr(session.config, "workerinput") and any("@" not in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist did not group the tests")
