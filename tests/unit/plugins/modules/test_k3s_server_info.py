# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.modules import k3s_server_info


def run(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    with patch_module_args({}), pytest.raises(SystemExit):
        k3s_server_info.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_module_returns_what_was_read_or_why_it_was_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(k3s_server_info, "read", lambda: {"service": "k3s"})
    found = run(capsys)
    assert (found["changed"], found["server"]) == (False, {"service": "k3s"})

    def refuse() -> None:
        raise HaError("there is no unit file of K3s")

    monkeypatch.setattr(k3s_server_info, "read", refuse)
    refused = run(capsys)
    assert refused["failed"]
    assert refused["msg"].startswith("there is no unit file of K3s")
