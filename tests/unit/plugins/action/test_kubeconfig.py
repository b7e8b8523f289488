# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig is on the controller for as long as its run lives: private, its own, and gone afterwards."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.action import kubeconfig
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._guard import identity

TEXT = yaml.safe_dump(
    {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://192.0.2.100:6443", "certificate-authority-data": "Q0E="}}
        ],
        "users": [{"name": "u", "user": {"client-key-data": "S0VZ"}}],
    }
)


@pytest.fixture
def run() -> Any:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def keep(folder: Path, run: Any, **more: Any) -> dict[str, Any]:
    given = {"directory": str(folder), "content": base64.b64encode(TEXT.encode()).decode(), "server": "", **more}
    return kubeconfig.keep(given, run=run.pid)


def test_it_is_private_and_gone_soon_after_its_run_was_killed(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeconfig, "_LINGER", 0)
    path = Path(keep(tmp_path / "home" / "master-1", run, server="https://192.0.2.12:6443")["path"])
    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"] == "https://192.0.2.12:6443"
    assert (path.parent / "client.key").read_bytes() == b"KEY"
    for item in (path.parent.parent.parent, path.parent.parent, path.parent, *path.parent.iterdir()):
        assert stat.S_IMODE(item.stat().st_mode) & 0o077 == 0, item
    run.kill()
    run.wait()
    for _time in range(300):
        if not path.parent.exists():
            break
        time.sleep(0.1)
    assert not path.parent.exists()
    assert path.parent.parent.is_dir()


def test_two_runs_have_two(tmp_path: Path, run: Any) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        first, second = Path(keep(tmp_path, run)["path"]), Path(keep(tmp_path, other)["path"])
        assert first != second
        assert first.exists()
        shutil.rmtree(kubeconfig.folder_of(tmp_path, other.pid))
        assert first.exists()
    finally:
        other.kill()
        other.wait()


def test_what_a_killed_run_left_is_removed_by_the_next_one_under_any_spelling_of_the_name(
    tmp_path: Path, run: Any
) -> None:
    boot, namespace, number, _start = identity(os.getpid()).split("/")
    left = tmp_path / "192.0.2.11" / ".run-1-1"
    left.mkdir(parents=True)
    (left / "owner").write_text("/".join((boot, namespace, number, "1")))
    elsewhere = tmp_path / "192.0.2.11" / ".run-2-2"
    elsewhere.mkdir()
    (elsewhere / "owner").write_text("another-boot/1/2/3")
    found = keep(tmp_path / "master-1", run)
    assert found["removed"] == [str(left)]
    assert not left.exists()
    assert elsewhere.exists()


def test_the_operator_s_own_file_is_copied_and_never_touched(tmp_path: Path, run: Any) -> None:
    own = tmp_path / "own"
    own.mkdir()
    file = own / "config"
    file.write_text(TEXT.replace("certificate-authority-data: Q0E=", "certificate-authority: ca.pem"))
    before = file.read_bytes()
    path = Path(keep(tmp_path / "master-1", run, content=None, src=str(file))["path"])
    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["certificate-authority"] == str(own / "ca.pem")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"content": base64.b64encode(b"{: secret").decode()}, "the kubeconfig of the survivor is no YAML"),
        ({"content": "not base64 secret!"}, "the kubeconfig of the survivor is no YAML"),
        ({"content": base64.b64encode(b"[secret]").decode()}, "no current context with a cluster and a user"),
        ({"content": None, "src": "/nowhere/config"}, "there is no kubeconfig at /nowhere/config"),
    ],
)
def test_one_that_can_not_be_used_is_told_without_quoting_it(
    tmp_path: Path, run: Any, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(HaError, match=words) as caught:
        keep(tmp_path, run, **more)
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.glob(".run-*/kubeconfig"))


def test_nothing_beside_this_run_s_own_folder_is_touched(tmp_path: Path, run: Any) -> None:
    home = tmp_path / "master-1"
    own = [home / "kubeconfig", home / "config", home / ".run", home / "run-1-1" / "kubeconfig"]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("the operator's", encoding="utf-8")
    made = Path(keep(home, run)["path"])
    shutil.rmtree(kubeconfig.folder_of(home, run.pid))
    assert not made.exists()
    assert [path.read_text(encoding="utf-8") for path in own] == ["the operator's"] * len(own)
