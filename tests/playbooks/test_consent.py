# SPDX-License-Identifier: GPL-3.0-or-later
"""Consent in the real playbook, by the real ansible-playbook, with and without a terminal.

The plan is that of the stand-in for a cluster, handed over as facts, since no cluster can be reached: the playbook begins with its play that acts.
Where consent is given, the run goes on to the ports of hosts that are not there, and stops at them.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.filter.replacement_plan import replacement_plan
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster

QUESTION = "Type yes to go on"
BEGUN = "Carry out prepare"


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    cluster = StandInCluster()
    settings = cluster.settings()
    found = replacement_plan(cluster.api_json(), cluster.reports(), settings, [], cluster.minio())
    assert found["plan"]["state"] == "needed"
    facts = {
        "discovery_plan": found["plan"],
        "discovery_cluster": found["cluster"],
        "discovery_connection": {**found["connection"], "directory": str(tmp_path / "reports"), "kubeconfig": "/none"},
        "discovery_times": {},
        "replace_master_settings": {**settings, "plan": "", "confirm": True},
    }
    (tmp_path / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": local}}}), encoding="utf-8")
    start = ["-i", str(inventory), "--start-at-task", "Carry out the plan"]
    return ["ansible-playbook", "cloudpods.ha.replace_master", *start, "-e", "@" + str(tmp_path / "facts.json")]


def settings(line: list[str], **changes: object) -> list[str]:
    facts = json.loads(Path(line[-1][1:]).read_text(encoding="utf-8"))
    facts["replace_master_settings"].update(changes)
    path = Path(line[-1][1:]).with_name("changed.json")
    path.write_text(json.dumps(facts), encoding="utf-8")
    return [*line[:-1], "@" + str(path)]


def plan_id(line: list[str]) -> str:
    return str(json.loads(Path(line[-1][1:]).read_text(encoding="utf-8"))["discovery_plan"]["id"])


def run(line: list[str]) -> str:
    """Without a terminal."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        line, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def at_terminal(line: list[str], answer: str) -> str:
    """At a terminal, where `answer` is typed when the question is there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        line,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(follower)
    told, typed, end = "", False, time.monotonic() + 120
    while time.monotonic() < end:
        ready, _w, _x = select.select([leader], [], [], 1)
        try:
            data = os.read(leader, 65536) if ready else b""
        except OSError:
            break
        told += data.decode("utf-8", "replace")
        if QUESTION in told and not typed:
            time.sleep(1)
            os.write(leader, answer.encode() + b"\r")
            typed = True
        if not data and process.poll() is not None:
            break
    os.close(leader)
    assert process.wait(timeout=120) != 0
    return told


def test_without_a_terminal_and_without_consent_nothing_is_begun(line: list[str]) -> None:
    told = run(line)
    assert "CONSENT_MISSING" in told
    assert "no terminal to ask at" in " ".join(told.split())
    assert BEGUN not in told
    assert "changed=0" in told


def test_another_plan_is_refused_with_its_difference(line: list[str], tmp_path: Path) -> None:
    told = run(settings(line, plan="0123456789ab", confirm=False))
    assert "PLAN_CHANGED" in told
    assert BEGUN not in told
    assert (tmp_path / "reports" / "plans" / (plan_id(line) + ".txt")).exists()


@pytest.mark.parametrize("how", ["id", "unattended"])
def test_with_consent_the_run_goes_on(line: list[str], how: str) -> None:
    told = run(settings(line, **({"plan": plan_id(line)} if how == "id" else {"confirm": False})))
    assert BEGUN in told
    assert QUESTION not in told


@pytest.mark.parametrize(("answer", "goes_on"), [("yes", True), ("no", False)])
def test_at_a_terminal_the_run_asks_once(line: list[str], answer: str, goes_on: bool) -> None:
    told = at_terminal(line, answer)
    assert told.count(QUESTION) == 1
    assert (BEGUN in told) == goes_on
    assert ("was not agreed to" in " ".join(told.split())) != goes_on


def test_a_phase_that_does_not_act_needs_no_consent(line: list[str]) -> None:
    told = run([*line, "--tags", "prepare"])
    assert BEGUN in told
    assert QUESTION not in told
