# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout of ocboot is described from its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checkout import branch_of, look

ROOT = Path(__file__).resolve().parents[5]
STAND_IN = ROOT / "tests" / "bed" / "ocboot-recording-standin"


def lay(folder: Path, *words: str) -> Path:
    subprocess.run([sys.executable, str(STAND_IN), "lay", str(folder), *words], check=True)
    return folder


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["kubeadm"], (False, False, False)), (["k3s"], (True, True, False)), (["k3s", "regression"], (True, True, True))],
)
def test_a_checkout_is_known_by_its_files(tmp_path: Path, words: list[str], wanted: tuple[bool, ...]) -> None:
    found = look(str(lay(tmp_path / "x", *words)))
    assert (found.k3s_role, found.k8s_v115, found.host_networks_regression) == wanted
    assert (found.version, found.branch) == ("v0.0.0-standin", "")


def test_a_release_that_looks_for_the_address_and_goes_on_without_is_no_regression(tmp_path: Path) -> None:
    checkout = lay(tmp_path / "x", "k3s", "regression")
    (tasks,) = checkout.rglob("set-hostnetworks/tasks/main.yml")
    lines = tasks.read_text(encoding="utf-8").splitlines()
    tasks.write_text("\n".join(line for line in lines if "failed_when" not in line), encoding="utf-8")
    assert look(str(checkout)).host_networks_regression is False


def test_what_is_no_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(HaError, match="not a checkout of ocboot"):
        look(str(tmp_path))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("annotated", [False, True])
def test_branch_and_tag_are_read_without_git(tmp_path: Path, packed: bool, annotated: bool) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    git("init", "-b", "release/3.11")
    git("commit", "--allow-empty", "-m", "x")
    assert branch_of(str(tmp_path)) == "release/3.11"
    git("checkout", "--detach")
    assert branch_of(str(tmp_path)) == ""
    git("tag", *(["-a", "-m", "x"] if annotated else []), "master-v4.0.3-6")
    if packed:
        git("pack-refs", "--all")
    # A tag with a message that is not packed names an object, which is not read.
    assert branch_of(str(tmp_path)) == ("" if annotated and not packed else "master-v4.0.3-6")
