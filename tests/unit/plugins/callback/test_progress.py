# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback in a real run of ansible-playbook, where a task's process has a copy of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: "heal | Wait until all drives except the lost ones have healed"
      cloudpods.ha.show_text:
        lines: ["minio: healing 10 %"]
"""


def test_a_line_that_a_task_displays_while_it_waits_is_shown_once(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    told = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "cloudpods.ha.progress", "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    lines = [line.strip() for line in told.splitlines() if "healing" in line]
    assert len(lines) == 1, told
    assert lines[0].count("waiting for MinIO to heal") == 1
