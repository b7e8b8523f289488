# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module that probes ports takes and gives."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.modules import port_probe


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        port_probe.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_it_tells_what_is_open_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = run(capsys, addresses=["127.0.0.1"], ports=[port])
    assert (found["open"], found["closed"], found["changed"]) == (["127.0.0.1:{0}".format(port)], [], False)


@pytest.mark.parametrize("wrong", [{"ports": [0, 65536]}, {"timeout": 0}])
def test_what_can_not_be_tried_is_refused(wrong: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, **{"addresses": ["127.0.0.1"], "ports": [22], **wrong})
    assert found["failed"]
    assert "port" in found["msg"] or "timeout" in found["msg"]
