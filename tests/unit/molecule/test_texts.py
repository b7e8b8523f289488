# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios look for in the output of runs: a text that nothing prints would fail them minutes later, and without a word about it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
MOLECULE = ROOT / "molecule"
TEXTS = yaml.safe_load((MOLECULE / "shared" / "vars" / "texts.yml").read_text(encoding="utf-8"))["texts"]


def files() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(MOLECULE.rglob("*.yml"))}


def test_a_run_is_killed_at_tasks_that_roles_have() -> None:
    names = [
        name
        for path in (ROOT / "roles").rglob("tasks/**/*.yml")
        for name in re.findall(r'^\s*- name: "?(.*?)"?$', path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    wanted = [text for key, text in TEXTS.items() if key.startswith("task_")]
    assert wanted
    for text in wanted:
        # Ansible prints TASK [role : name] ****.
        assert any(text in f"{name}]" for name in names), text


def test_what_is_looked_for_besides_is_said_somewhere() -> None:
    said = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("plugins", "roles", "playbooks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yml")
    )
    for key, text in TEXTS.items():
        # Between names, numbers and codes, which the code fills in.
        parts = [part.strip() for part in re.split(r"\S*(?:\d|_|/|admin)\S*", text)]
        for part in [] if key.startswith("task_") else parts:
            assert part in said, (key, part)


def test_every_text_is_used_and_every_one_used_is_there() -> None:
    assert {name for text in files().values() for name in re.findall(r"\btexts\.(?!yml)(\w+)", text)} == set(TEXTS)


def test_every_playbook_that_uses_a_text_loads_them() -> None:
    using = [path for path, text in files().items() if "texts." in text or "refused.yml" in text]
    playbooks = [path for path in using if path.parent.parent == MOLECULE and path.name != "molecule.yml"]
    assert playbooks
    for path in playbooks:
        plays = yaml.safe_load(files()[path])
        imported = [
            play["ansible.builtin.import_playbook"] for play in plays if "ansible.builtin.import_playbook" in play
        ]
        plays += [
            play
            for name in imported
            if name.startswith("../")
            for play in yaml.safe_load((path.parent / name).read_text())
        ]
        assert any("../shared/vars/texts.yml" in play.get("vars_files", []) for play in plays), path
