# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module that queries an HTTPS server takes and gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._host.https import Answer
from ansible_collections.cloudpods.ha.plugins.modules import https_probe


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        https_probe.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(200, "ok", ""), "https://192.0.2.10/readyz answered with status 200"),
        (Answer(0, "", "ConnectionRefusedError: refused"), "https://192.0.2.10/readyz does not answer: ConnectionRefusedError: refused"),
    ],
)  # fmt: skip
def test_it_tells_the_answer_and_never_fails_for_it(
    answer: Answer, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(https_probe, "get", lambda *args, **more: asked.append((args, more)) or answer)
    given = {
        "url": "https://192.0.2.10/readyz",
        "ca_certificate": "/ca",
        "client_certificate": "/c",
        "client_key": "/k",
    }
    found = run(capsys, **given)
    assert (found["status"], found["body"], found["msg"], found["changed"]) == (answer.status, answer.body, told, False)
    assert asked == [(("https://192.0.2.10/readyz",), {"ca": "/ca", "certificate": ("/c", "/k"), "timeout": 5.0})]


@pytest.mark.parametrize(
    "wrong",
    [{"url": "http://127.0.0.1/"}, {"ca_certificate": ""}, {"timeout": 0}, {"client_certificate": "/c"}],
)
def test_nothing_is_asked_without_a_ca(
    wrong: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = run(capsys, **{"url": "https://127.0.0.1/", "ca_certificate": str(tmp_path / "ca"), **wrong})
    assert found["failed"]
