# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make e2e` does before a scenario, by make's own dry run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def commands(target: str, scenario: str) -> str:
    # Settings of a make that runs these tests would be taken over.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    argv = ["make", "--dry-run", "--no-print-directory", target, f"SCENARIOS={scenario}"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("scenario", ["kubeadm", "k3s", "ocboot"])
def test_a_scenario_on_the_bed_gets_the_bed_s_packages_and_needs_no_docker(scenario: str) -> None:
    made = commands("e2e", scenario)
    assert "tests/tools/bed-packages" in made
    assert "docker" not in made
    assert f"--scenario-name {scenario} " in made


def test_k3d_gets_no_packages_of_the_bed_and_asks_for_its_programs() -> None:
    made = commands("e2e", "k3d")
    assert "bed-packages" not in made
    assert "for program in docker k3d;" in made
    assert "--scenario-name k3d " in made


def test_kind_gets_its_programs_by_what_runs_it() -> None:
    made = commands("e2e", "kind")
    assert "bed-packages" not in made
    assert "setpriv --pdeathsig TERM tests/kind/with-kind molecule test " in made
    assert "--scenario-name kind " in made


def test_what_a_run_kept_is_taken_down_by_its_scenario() -> None:
    made = commands("e2e-down", "kind k3d")
    assert (
        "setpriv --pdeathsig TERM tests/kind/with-kind --down molecule destroy --no-command-borders --scenario-name kind;"
        in made
    )
    assert "; molecule destroy --no-command-borders --scenario-name k3d;" in " ".join(made.split())
