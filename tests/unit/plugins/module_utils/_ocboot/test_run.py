# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ocboot, with the fake that records how it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import output
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.run import Ran, run, secrets_given

ROOT = Path(__file__).resolve().parents[5]
STAND_IN = ROOT / "tests" / "bed" / "ocboot-recording-standin"
DATABASE, WEB = "0neC1oudDB#'\"\\ü", "yes{{ x }}"
CONFIG = "primary_master_node:\n  db_password: {0}\n  onecloud_user_password: {1}\nmaster_nodes:\n".format(
    output.yaml_value(DATABASE), output.yaml_value(WEB)
)


def lay(folder: Path, *words: str) -> Path:
    subprocess.run([sys.executable, str(STAND_IN), "lay", str(folder), *words], check=True)
    return folder


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    return lay(tmp_path / "ocboot")


def ran(checkout: Path, mode: str = "success", **arguments: Any) -> Ran:
    config = checkout.parent / "config.yml"
    config.write_text(CONFIG, encoding="utf-8")
    config.chmod(0o600)
    # The value is masked in the output, so the mode that is the default is not given.
    environment = {**({} if mode == "success" else {"STANDIN_MODE": mode}), **arguments.pop("environment", {})}
    return run(str(checkout), str(config), python=sys.executable, environment=environment, **arguments)


def recorded(checkout: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (checkout / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_is_called_as_ocboot_wants_it_and_leaves_no_password(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", "/of/the/caller")
    (checkout / "oc_vars.yml").write_text("of a run before", encoding="utf-8")
    (checkout / "oc_vars.yml").chmod(0o644)
    found = ran(checkout, environment={"SKIP_TAGS": "cloud", "K8S_V115": "TRUE"})
    assert (found.rc, found.problem) == (0, "")
    (record,) = recorded(checkout)
    assert record["argv"] == ["install", str(checkout.parent / "config.yml")]
    assert record["cwd"] == str(checkout)
    assert (record["skip_tags"], record["k8s_v115"], record["ansible_variables"]) == ("cloud", "TRUE", [])
    assert record["groups"] == ["primary_master_node", "master_nodes"]
    assert set(record["modes"].values()) == {"0o600"}
    left = {path.name for path in [*checkout.iterdir(), *checkout.parent.iterdir()]}
    assert not left & {"host_inventory.yml", "oc_vars.yml", "config.yml"}
    assert "Initialized successfully!" in found.lines


def test_what_is_to_be_kept_is_kept_for_its_owner_alone(checkout: Path) -> None:
    ran(checkout, keep=True)
    for path in (checkout / "host_inventory.yml", checkout / "oc_vars.yml", checkout.parent / "config.yml"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("mode", "rc", "problem"),
    [
        ("silent", 0, "did not print"),
        ("missing_key", 0, "did not print"),
        ("traceback", 1, "exit code 1"),
        ("failed", 2, "exit code 2"),
    ],
)
def test_a_failure_is_told_also_when_ocboot_ends_with_0_and_tells_no_password(
    checkout: Path, mode: str, rc: int, problem: str
) -> None:
    found = ran(checkout, mode)
    assert found.rc == rc
    assert problem in found.problem
    told = "\n".join(found.lines)
    assert "stand-in" in told
    for part in ("0neC1oudDB", "yes{{"):
        assert part not in told
    assert not (checkout / "oc_vars.yml").exists()


def test_a_run_that_takes_too_long_is_ended_with_its_children(checkout: Path) -> None:
    started = time.monotonic()
    found = ran(checkout, "hang", timeout=1)
    assert (found.rc, time.monotonic() - started < 30) == (-1, True)
    assert "1 s" in found.problem
    assert any("stand-in" in line for line in found.lines)
    children = [
        pid
        for pid in filter(str.isdigit, os.listdir("/proc"))
        if b"sleep\x00600" in (_bytes(Path("/proc") / pid / "cmdline"))
        and str(checkout).encode() in os.fsencode(_link(Path("/proc") / pid / "cwd"))
    ]
    assert children == []
    assert not (checkout / "oc_vars.yml").exists()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def test_what_can_not_be_masked_is_not_run(checkout: Path) -> None:
    config = checkout.parent / "other.yml"
    config.write_text("primary_master_node: {db_password: x}\n", encoding="utf-8")
    with pytest.raises(HaError, match="was not rendered by this collection"):
        run(str(checkout), str(config))
    with pytest.raises(HaError, match="can't be read"):
        run(str(checkout), str(config) + "x")
    assert not (checkout / "recorded.jsonl").exists()


def test_a_command_that_is_not_there_is_told_and_the_file_is_removed(checkout: Path) -> None:
    with pytest.raises(HaError, match="can't be started"):
        ran(checkout, command=["/no/such/program"])
    assert not (checkout.parent / "config.yml").exists()


def test_program_options_and_plain_words_are_no_secrets() -> None:
    command = ["/opt/run", "ocboot.py", "install", "--verbose", "--key=abcd", "A=efgh", "ijkl", "xyz"]
    environment = {
        "K8S_V115": "TRUE",
        "SKIP_TAGS": "cloud",
        "NO_REBOOT": "1",
        "FLAG": True,
        "NUMBER": 12345,
        "URL": "http://p",
    }
    assert set(secrets_given(command, environment)) == {"abcd", "A=efgh", "efgh", "ijkl", "12345", "http://p"}
    assert secrets_given([], {}) == ()
