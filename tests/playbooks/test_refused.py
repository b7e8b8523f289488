# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbook, by the real ansible-playbook, with a plan that is refused: whatever the command line, nothing is written.

The API is a served stand-in. The hosts are this machine, on which no control plane runs, so the plan is refused.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.cloudpods.ha.tests.playbooks.served_cluster import ServedCluster, serve
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import CLAIMS, StandInCluster

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "report.schema.json"
ACTING = ["etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery"]
REFUSED = [
    [],
    ["--tags", "backup"],
    *(["--tags", tag] for tag in ACTING),
    *(["--skip-tags", tag] for tag in ("backup", "prepare", *ACTING)),
    ["--skip-tags", "backup,etcd_cleanup,vip,join,stateful_recovery"],
    ["--tags", "node_removal", "--skip-tags", "backup,prepare"],
    ["--check"],
    ["--diff", "--tags", "etcd_cleanup,node_removal"],
    ["-e", "replace_master_fenced=true", "--skip-tags", "etcd_cleanup"],
]
# `make check` has more of them on the stand-in world (test_torture_sample.py).
SAMPLE = [["--tags", "node_removal", "--skip-tags", "backup,prepare"]]
LINES = REFUSED if os.environ.get("CLOUDPODS_HA_EVERY_COMMAND_LINE") else SAMPLE


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedCluster, list[str]]]:
    folder = tmp_path_factory.mktemp("refused")
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": os.environ.get("CLOUDPODS_HA_HOST_PYTHON") or sys.executable,
    }
    inventory = folder / "inventory.json"
    groups = {"survivors": ["master-2", "master-3"], "replacement": ["master-4"]}
    inventory.write_text(
        json.dumps({group: {"hosts": dict.fromkeys(names, host)} for group, names in groups.items()}), encoding="utf-8"
    )
    cluster = StandInCluster()
    # A MinIO would be waited for.
    cluster.lists[CLAIMS] = [
        item for item in cluster.lists[CLAIMS] if item["metadata"]["namespace"] != "onecloud-minio"
    ]
    with serve(cluster, folder) as (served, kubeconfig):
        settings = {"lost": "master-1", "kubeconfig": str(kubeconfig), "directory": str(folder / "reports")}
        given = [
            part for key, value in settings.items() for part in ("-e", "replace_master_{0}={1}".format(key, value))
        ]
        yield served, ["-i", str(inventory), *given]


def play(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without it become would want a password where this is not run as root; the hosts are this machine anyway.
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_BECOME_ALLOW_SAME_USER": "false"}
    return subprocess.run(
        ["ansible-playbook", "cloudpods.ha." + name, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_looking_shows_the_refusals_and_changes_nothing(place: tuple[ServedCluster, list[str]]) -> None:
    served, given = place
    done = play("inspect_master", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REFUSED: master-1 is not replaced" in done.stdout
    assert served.reads
    assert served.writes == []


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_refused_plan_is_not_carried_out_whatever_the_command_line(
    place: tuple[ServedCluster, list[str]], line: list[str]
) -> None:
    served, given = place
    done = play("replace_master", *given, *line)
    assert done.returncode != 0
    assert "Nothing was changed." in done.stdout + done.stderr
    assert "changed=0" in done.stdout
    assert "Carry out each phase that the plan holds" not in done.stdout
    assert served.writes == []


def test_a_refusal_leaves_a_report_and_looking_leaves_none(place: tuple[ServedCluster, list[str]]) -> None:
    served, given = place
    folder = Path(next(part for part in given if "replace_master_directory=" in part).partition("=")[2]) / "master-1"
    shutil.rmtree(folder, ignore_errors=True)
    play("inspect_master", *given)
    play("replace_master", *given, "--check")
    assert not list(folder.rglob("report.*"))
    done = play("replace_master", *given)
    assert "changed=0" in done.stdout
    for kind in ("json", "txt", "html"):
        path = folder / ("report." + kind)
        assert path.stat().st_mode & 0o777 == 0o600
        assert [copy.read_text(encoding="utf-8") for copy in folder.glob("reports/*/report." + kind)] == [
            path.read_text(encoding="utf-8")
        ]
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.glob("reports/**/"))} == {0o700}
    written = (folder / "report.json").read_text(encoding="utf-8")
    data = json.loads(written)
    assert written == json.dumps(data, indent=4, sort_keys=True, ensure_ascii=False) + "\n"
    assert data["outcome"] == "refused"
    jsonschema.validate(data, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert data["refusals"][0]["code"] in (folder / "report.html").read_text(encoding="utf-8")
    assert served.writes == []


def test_the_callback_shows_a_refusal_as_a_block_and_with_v_what_the_default_one_shows(
    place: tuple[ServedCluster, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "cloudpods.ha.progress")
    done = play("replace_master", *place[1])
    assert done.returncode != 0
    told = done.stdout.splitlines()
    assert told[0] == "replace_master"
    assert "   0:00  discovery" in told
    at = next(number for number, line in enumerate(told) if line.startswith("  REFUSED ["))
    assert told[at + 1].startswith("    seen:  ")
    assert [line for line in told[at:] if line.startswith("    to do: ")]
    assert "stopped, " in told[-1]
    for words in ("TASK [", "PLAY", "skipping", "RETRYING", "fatal:", "ok: ["):
        assert words not in done.stdout
    loud = play("replace_master", *place[1], "-v")
    assert "TASK [" in loud.stdout
    assert "PLAY RECAP" in loud.stdout


def test_a_kubeconfig_that_is_not_there_is_a_refusal_of_the_plan(place: tuple[ServedCluster, list[str]]) -> None:
    done = play("inspect_master", *place[1], "-e", "replace_master_kubeconfig=/nonexistent")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[API_UNREACHABLE]" in done.stdout
    assert "there is no kubeconfig at /nonexistent" in " ".join(done.stdout.split())


def test_a_tag_that_names_nothing_is_refused(place: tuple[ServedCluster, list[str]]) -> None:
    done = play("replace_master", *place[1], "--tags", "etcd-cleanup")
    assert done.returncode != 0
    assert "The tag etcd-cleanup does not exist." in done.stdout + done.stderr


def test_settings_that_can_not_be_used_are_refused_at_once_before_anything_is_asked(
    place: tuple[ServedCluster, list[str]],
) -> None:
    wrong = {
        "replace_master_minimum_down=10m": "which is not a whole number",
        "replace_master_drives_at_once=x": "replace_master_drives_at_once",
        "replace_master_discards=a/b": "did you mean replace_master_discard?",
        "replace_master_claim_policies=[{": "neither YAML nor JSON",
        "replace_master_ocboot_environment=marked-secret": "replace_master_ocboot_environment is not a mapping",
    }
    served, given = place
    before = served.reads
    done = play("replace_master", *given, *(part for setting in wrong for part in ("-e", setting)), "-vvv")
    assert done.returncode != 0
    for words in wrong.values():
        assert words in done.stdout + done.stderr
    assert "marked-secret" not in done.stdout + done.stderr
    assert served.reads == before
