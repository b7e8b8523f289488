# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes share the tests: those that share a world stay together."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import kept


def pytest_configure(config: pytest.Config) -> None:
    # Once, before the processes begin: it empties the folder that they share when the code is another.
    if not hasattr(config, "workerinput"):
        kept()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # `make cores` runs them in one process, without xdist.
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        provider = getattr(item, "callspec", None) and item.callspec.params.get("bench")  # type: ignore[attr-defined]
        item.add_marker(pytest.mark.xdist_group(provider or item.nodeid.partition("::")[0]))
