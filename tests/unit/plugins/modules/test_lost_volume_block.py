# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.modules import lost_volume_block

CLAIM = "onecloud/default-data"


def volume(path: Path | str, claim: str = CLAIM) -> dict[str, str]:
    return {"path": str(path), "claim": claim}


def run(capsys: pytest.CaptureFixture[str], *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    with patch_module_args({**arguments, "_ansible_check_mode": check}), pytest.raises(SystemExit):
        lost_volume_block.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(found) - {"changed", "failed", "msg", "invocation"} <= set(yaml.safe_load(lost_volume_block.RETURN))
    return found


def test_the_module_looks_in_check_mode_and_refuses_with_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data"
    assert run(capsys, check=True, volumes=[volume(path)])["changed"] is True
    assert not path.exists()
    assert run(capsys, volumes=[volume(path)])["blocked"] == [str(path)]
    assert run(capsys, volumes=[volume(path)])["changed"] is False
    assert run(capsys, volumes=[])["changed"] is False
    path.unlink()
    path.mkdir()
    assert run(capsys, check=True, volumes=[volume(path)])["msg"].startswith("REPLACEMENT_HAS_DATA: ")
