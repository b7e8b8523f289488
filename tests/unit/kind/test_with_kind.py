# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Docker and which images are taken, on a machine whose Docker answers: stand-ins for docker and kind write down how they are called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from kindlib import daemon, node

DOCKER = """#!/bin/sh
echo "docker $*" >>"$CALLS"
[ "$1" != pull ] || exit $PULL
"""
SHOW = ["sh", "-c", 'echo "image=$CLOUDPODS_HA_KIND_IMAGE host=$DOCKER_HOST kind=$(command -v kind)"; exit $CODE']


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the stand-ins, a cache in which the images are made already, and the calls."""
    for name, text in (("docker", DOCKER), ("kind", f"#!/bin/sh\necho kind {node.KIND} go1.24 linux/amd64\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(node, "CACHE", tmp_path / "cache")
    node.folder().mkdir(parents=True)
    for name, value in {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "PULL": "0",
        "CODE": "0",
        "CLOUDPODS_HA_BED_CACHE": str(tmp_path / "cache"),
        "CLOUDPODS_HA_KIND_STATE": str(tmp_path / "cloudpods-ha-unit-state"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("CLOUDPODS_HA_KIND_IMAGE", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*argv: str) -> tuple[int, str]:
    done = subprocess.run([daemon.HERE / "with-kind", *argv], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def calls(machine: Path) -> str:
    return (machine / "calls").read_text(encoding="utf-8")


def test_where_images_can_be_pulled_kindest_node_is_taken(machine: Path) -> None:
    code, said = run(*SHOW)
    assert code == 0
    assert "Docker: of this machine; node image: kindest/node, pulled" in said
    assert f"image= host= kind={machine}/kind" in said
    assert "docker pull --quiet kindest/node:v1.30.4@sha256:" in calls(machine)
    assert "docker load" not in calls(machine)


def test_where_none_can_be_pulled_those_made_here_are_loaded(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULL", "1")
    code, said = run(*SHOW)
    assert code == 0
    assert "Docker: of this machine; node image: made here" in said
    assert f"image={node.NODE} " in said
    assert calls(machine).count("docker load --quiet --input=") == 2


def test_a_given_image_is_neither_pulled_nor_made(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDPODS_HA_KIND_IMAGE", "example.org/node:1")
    code, said = run(*SHOW)
    assert code == 0
    assert "node image: given" in said
    assert "docker pull" not in calls(machine)
    assert "docker load" not in calls(machine)


@pytest.mark.usefixtures("machine")
def test_a_command_that_fails_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "3")
    assert run(*SHOW)[0] == 3
    assert run("--down", *SHOW)[0] == 3


def test_down_takes_away_our_own_docker_before_it_asks_the_machine_s(machine: Path) -> None:
    (machine / "cloudpods-ha-unit-state").mkdir()
    assert run("--down", *SHOW) == (0, "")
    assert not (machine / "cloudpods-ha-unit-state").exists()
    assert not (machine / "calls").exists()
