# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives of MinIO as folders, made from what was recorded of real ones; a stand-in for exec runs the real script on them in a local shell."""

from __future__ import annotations

import base64
import json
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import Drive
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.look import Survivors

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "minio"
RELEASES = ("2021-06", "2026-02")


def recorded(release: str) -> dict[str, dict[str, dict]]:
    """Drive -> path -> {size, content of metadata}."""
    return dict(json.loads((FIXTURES / f"drives-{release}.json").read_text(encoding="utf-8"))["drives"])


def drives(folder: Path, release: str) -> Path:
    """Make the four drives d0 to d3 in a folder."""
    for name, files in recorded(release).items():
        (folder / name / ".minio.sys").mkdir(parents=True)
        (folder / name / ".minio.sys/format.json").write_text("{}")
        for path, file in files.items():
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content = base64.b64decode(file.get("content", ""))
            target.write_bytes(content + b"\0" * (file["size"] - len(content)))
    return folder


def survivors(folder: Path, *, lost: t.Sequence[int] = (), refused: t.Sequence[int] = (), **more: t.Any) -> Survivors:
    """The drives that are not lost; exec is refused in the pods of `refused`."""

    def execute(pod: str, command: t.Sequence[str], _deadline: float) -> Iterator[str]:
        if int(pod[-1]) in refused:
            raise ApiRefused("exec", pod, 403, "Forbidden")
        done = subprocess.run(list(command), stdout=subprocess.PIPE, check=False)
        yield from done.stdout.decode().splitlines()

    found = [Drive(f"http://minio-{n}.minio-svc:9000{folder}/d{n}", "ok") for n in range(4)]
    given = {"progress": lambda _what, _files: None, "deadline": 1e12, "max_objects": 1000, **more}
    pods = [f"minio-{n}" for n in range(4)]
    return Survivors(found, pods=pods, lost=[f"minio-{n}" for n in lost], execute=execute, **given)
