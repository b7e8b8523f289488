# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the controller has what the collection needs, asked of the one that runs the tests."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.action import controller


def run() -> dict[str, Any]:
    task = types.SimpleNamespace(args={}, check_mode=False, async_val=0, action="x", diff=False)
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
    done: dict[str, Any] = controller.ActionModule(task, connection, types.SimpleNamespace(), None, None, None).run(
        task_vars={}
    )
    return done


def test_the_environment_of_the_tests_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "installed_collection", lambda _name: "6.0.0")
    assert run() == {"changed": False, "missing": []}


def test_what_lacks_is_told_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "installed_collection", lambda _name: None)
    monkeypatch.setattr(controller, "installed_package", lambda name: None if name == "minio" else "99")
    monkeypatch.setattr(controller, "ansible_version", "2.15.13")
    done = run()
    assert done["failed"]
    assert len(done["missing"]) == 3
    for words in ("ansible-core in 2.16.0 or later, not 2.15.13", "package minio (7.2.0", "collection kubernetes.core"):
        assert words in done["msg"]


def test_an_installed_package_has_its_version_and_another_none() -> None:
    assert controller.installed_package("minio")
    assert controller.installed_package("no-such-package") is None


def test_a_collection_is_found_by_its_manifest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_loader("x", None, is_package=True)
    assert spec is not None
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(controller.importlib.util, "find_spec", lambda _name: spec)
    assert controller.installed_collection("kubernetes.core") == ""
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "6.2.0"}}', encoding="utf-8")
    assert controller.installed_collection("kubernetes.core") == "6.2.0"
    monkeypatch.setattr(controller.importlib.util, "find_spec", lambda _name: None)
    assert controller.installed_collection("kubernetes.core") is None
