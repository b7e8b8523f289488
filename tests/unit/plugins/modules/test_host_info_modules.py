# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules return that read the VIP and the residue of a control plane on a host."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Residue
from ansible_collections.cloudpods.ha.plugins.modules import control_plane_residue_info, vip_info


def run(module: ModuleType, capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("fields", "serving", "msg"),
    [
        ({}, False, "no residue of a control plane"),
        ({"etcd_data": "/e"}, False, "still present: etcd data /e"),
        ({"listening": (2379,)}, True, "still present: listening ports 2379"),
        ({"vip": "192.0.2.10/32"}, True, "still present: the VIP 192.0.2.10/32"),
    ],
)
def test_what_is_left_is_told_in_words_and_whether_it_serves(
    fields: dict[str, Any],
    *,
    serving: bool,
    msg: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    residue = Residue(hostname="m1", addresses=(), control_plane=False, **fields)
    monkeypatch.setattr(control_plane_residue_info, "gather", lambda *_given, **_more: residue)
    found = run(control_plane_residue_info, capsys)
    assert (found["serving"], found["msg"], bool(found["left"]), found["changed"]) == (
        serving,
        msg,
        bool(fields),
        False,
    )


@pytest.mark.parametrize(
    ("holds", "msg"),
    [(True, "the host carries the VIP 192.0.2.10 on br0"), (False, "the host does not carry the VIP 192.0.2.10")],
)
def test_whether_the_vip_is_carried_is_told_in_a_sentence(
    *, holds: bool, msg: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vip_info, "inspect", lambda *_given: {"holds": holds, "interface": "br0" if holds else ""})
    assert run(vip_info, capsys, address="192.0.2.10")["msg"] == msg
