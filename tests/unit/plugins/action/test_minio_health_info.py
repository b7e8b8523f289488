# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that shows how far the looks at the drives have come; the module is a stand-in that writes into the file."""

from __future__ import annotations

import threading
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.action import minio_health_info

ONE = {"namespace": "ns", "name": "minio"}
BOTH = [{**ONE, "prove_readable": True}, {**ONE, "name": "monitor-minio", "prove_readable": "yes"}]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[list[str], dict]]:
    """The lines that were shown, and what the module was given; each of `texts` is in the file until it was seen."""

    def call(args: dict, *texts: str, transport: str = "local") -> tuple[list[str], dict]:
        lines: list[str] = []
        handed: dict = {}
        monkeypatch.setattr(minio_health_info, "_INTERVAL", 0.02)
        monkeypatch.setattr(minio_health_info, "Display", lambda: types.SimpleNamespace(display=lines.append))
        task = types.SimpleNamespace(args=args, check_mode=False, async_val=0, action="minio_health_info", diff=False)
        connection = types.SimpleNamespace(transport=transport, _shell=types.SimpleNamespace(tmpdir="/nowhere"))
        plugin = minio_health_info.ActionModule(task, connection, types.SimpleNamespace(), None, None, None)

        def module(*, module_name: str, module_args: dict, task_vars: object) -> dict:
            assert (module_name, task_vars) == ("cloudpods.ha.minio_health_info", {})
            handed.update(module_args)
            for text in texts:
                Path(module_args["progress_file"]).write_text(text, encoding="utf-8")
                threading.Event().wait(0.2)
            return {"deployments": []}

        monkeypatch.setattr(plugin, "_execute_module", module)
        assert plugin.run(task_vars={}) == {"deployments": []}
        return lines, handed

    return call


def test_each_minio_has_its_lines_and_a_line_is_shown_once(ask: t.Callable[..., t.Any]) -> None:
    lines, handed = ask(
        {"deployments": BOTH},
        "ns/minio: 1 files on a\n",
        "ns/minio: 1 files on a\nns/monitor-minio: 2 files on b\n",
        "",
    )
    assert lines == [
        "ns/minio: looking at the objects: 1 files on a",
        "ns/monitor-minio: looking at the objects: 2 files on b",
    ]
    assert not Path(handed["progress_file"]).parent.exists()


@pytest.mark.parametrize(
    "args",
    [
        {"deployments": []},
        {"deployments": [ONE, {**ONE, "prove_readable": False}]},
        {"deployments": "wrong"},
        {"deployments": ["wrong"]},
        {},
        {"deployments": BOTH, "progress_file": "/own"},
    ],
)
def test_where_nothing_is_proven_or_a_file_is_given_nothing_is_shown(ask: t.Callable[..., t.Any], args: dict) -> None:
    assert ask(args) == ([], args)


def test_the_file_of_another_host_is_not_read(ask: t.Callable[..., t.Any]) -> None:
    assert ask({"deployments": BOTH}, transport="ssh") == ([], {"deployments": BOTH})
