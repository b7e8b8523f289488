# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules about ocboot take and give."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import host_files
from ansible_collections.cloudpods.ha.plugins.modules import ocboot_checkout_info, ocboot_host_files, ocboot_run

Json = dict[str, Any]
STAND_IN = Path(__file__).resolve().parents[4] / "tests" / "bed" / "ocboot-recording-standin"


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    subprocess.run([sys.executable, str(STAND_IN), "lay", str(tmp_path / "ocboot"), "k3s"], check=True)
    (tmp_path / "config.yml").write_text('a:\n  db_password: "zq7x"\n', encoding="utf-8")
    return tmp_path / "ocboot"


def run(module: ModuleType, capsys: pytest.CaptureFixture[str], **arguments: Any) -> Json:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    found: Json = json.loads(capsys.readouterr().out)
    assert set(found) - {"changed", "failed", "msg", "invocation"} <= set(yaml.safe_load(module.RETURN))
    return found


def test_a_checkout_is_told(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(ocboot_checkout_info, capsys, path=str(checkout))
    assert found["checkout"]["k3s_role"] is True
    assert set(found["checkout"]) == set(yaml.safe_load(ocboot_checkout_info.RETURN)["checkout"]["contains"])
    assert "not a checkout" in run(ocboot_checkout_info, capsys, path=str(checkout.parent))["msg"]


@pytest.mark.parametrize(("mode", "failed"), [("success", False), ("silent", True), ("traceback", True)])
def test_a_run_tells_its_last_lines_and_no_password(
    checkout: Path, capsys: pytest.CaptureFixture[str], mode: str, failed: bool
) -> None:
    found = run(
        ocboot_run,
        capsys,
        path=str(checkout),
        config=str(checkout.parent / "config.yml"),
        python=sys.executable,
        environment={"STANDIN_MODE": mode},
    )
    assert bool(found.get("failed")) is failed
    assert found["changed"] is True
    assert any("stand-in" in line for line in found["lines"])
    assert "zq7x" not in json.dumps(found)
    assert "Its last lines" in found["msg"] if failed else "msg" not in found


@pytest.mark.parametrize("failed", [False, True])
def test_command_and_environment_are_hidden_and_the_reason_is_readable(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, failed: bool
) -> None:
    # What goes to the host's own log.
    logged: list[str] = []
    monkeypatch.setattr(
        ocboot_run.AnsibleModule, "log", lambda _module, *given, **more: logged.append(str((given, more)))
    )
    words = {"own": "tok-marked-1", "option": "tok-marked-2", "variable": "tok-marked-3", "short": "qx9"}
    script = "import os, sys; print(sys.argv, os.environ['GIVEN'], 'install 1 cloud'); sys.exit({0})".format(
        int(failed)
    )
    found = run(
        ocboot_run,
        capsys,
        path=str(checkout),
        config=str(checkout.parent / "config.yml"),
        command=[sys.executable, "-c", script, words["own"], "--key=" + words["option"], words["short"]],
        environment={"GIVEN": words["variable"], "SHORT": words["short"], "NO_REBOOT": "1", "SKIP_TAGS": "cloud"},
    )
    text = json.dumps(found)
    assert [word for word in words.values() if word in text and word != words["short"]] == []
    assert "Invoked with" in logged[0]
    assert [word for word in words.values() if word in str(logged)] == []
    assert found["invocation"]["module_args"]["environment"] == dict.fromkeys(
        ["GIVEN", "SHORT", "NO_REBOOT", "SKIP_TAGS"], "(hidden)"
    )
    assert set(found["invocation"]["module_args"]["command"]) == {"(hidden)"}
    assert "install 1 cloud" in found["lines"][-1]
    assert found["msg"].startswith("ocboot ended with exit code {0}".format(int(failed)))


def test_a_program_that_is_not_there_is_named_and_its_arguments_are_not(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = checkout.parent / "config.yml"
    found = run(ocboot_run, capsys, path=str(checkout), config=str(config), command=["/no/such", "tok-marked"])
    assert found["msg"] == "/no/such can't be started: No such file or directory"
    assert "tok-marked" not in json.dumps(found)


def test_a_check_runs_nothing(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = checkout.parent / "config.yml"
    found = run(ocboot_run, capsys, path=str(checkout), config=str(config), _ansible_check_mode=True)
    assert found["changed"] is True
    assert config.exists()
    assert not (checkout / "recorded.jsonl").exists()


def test_the_files_of_a_host_are_told_and_kept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(host_files, "_under", lambda _root, path: str(tmp_path / path.lstrip("/")))
    monkeypatch.setattr(ocboot_host_files, "addresses", lambda _run: {"192.0.2.12": "eth0"})
    conf = tmp_path / host_files.HOST_CONF.lstrip("/")
    conf.parent.mkdir(parents=True)
    conf.write_text("admin_password: zq7x\n", encoding="utf-8")
    read_only = run(ocboot_host_files, capsys, provider="k3s")
    assert (read_only["changed"], read_only["saved"], read_only["k3s_token_known"]) == (False, [], None)
    assert read_only["addresses"] == ["192.0.2.12"]
    assert "zq7x" not in json.dumps(read_only)
    for check, changed in ((True, True), (False, True), (False, False)):
        found = run(ocboot_host_files, capsys, provider="k3s", save_as="master-1", _ansible_check_mode=check)
        assert found["changed"] is changed
