# SPDX-License-Identifier: GPL-3.0-or-later
"""Another MinIO than the bed's own: a given binary, which each host gets and the pods run in place of their image's."""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path

from . import hosts
from .conf import STATE, BedError, Host, run, say

BINARY_VARIABLE = "CLOUDPODS_HA_BED_MINIO"
# The one of this bed; none if it has the image's own.
GIVEN = STATE / "minio"
# On the hosts, and in the pods.
_ON_HOST = "/usr/local/lib/bed-minio"
_IN_POD = "/usr/local/bin/minio"


def chosen(binary: Path | None) -> Path | None:
    """The binary to run: what the command line names, else what the environment names."""
    named = os.environ.get(BINARY_VARIABLE)
    return binary or (Path(named) if named else None)


def check(binary: Path) -> str:
    """The release of a given binary; refuses what is no MinIO."""
    if not binary.is_file():
        raise BedError(f"{binary} is not a file.")
    shown = (
        run([binary.resolve(), "--version"], check=False).stdout.splitlines()[:1] if os.access(binary, os.X_OK) else []
    )
    if not shown or not shown[0].startswith("minio version "):
        raise BedError(f"{binary} is not a MinIO binary: its --version is not MinIO's.")
    return shown[0]


def require(binary: Path | None, *, kept: bool) -> None:
    """Refuse a binary that is no MinIO, and for a bed that is `kept` another one than its own."""
    if binary:
        check(binary)
    if binary and kept and not (GIVEN.exists() and filecmp.cmp(binary, GIVEN, shallow=False)):
        raise BedError("The current bed runs another MinIO; `--fresh` makes one with the given binary.")


def take(binary: Path | None) -> None:
    """Keep the binary with this bed."""
    GIVEN.unlink(missing_ok=True)
    if binary:
        say(f"{check(binary)} from {binary}")
        shutil.copy(binary, GIVEN)


def furnish(host: Host) -> None:
    """Give a host the binary of this bed."""
    if GIVEN.exists():
        hosts.put_file(host, _ON_HOST, GIVEN, 0o755)


def settings() -> dict[str, str]:
    """What the manifest of a MinIO needs to run the given binary."""
    mounts, volumes = "{name: export, mountPath: /export}", ""
    # The drives may share the host's root disk, which MinIO refuses otherwise. With it a MinIO of 2021 does not believe that it runs on Kubernetes, and ends
    # when the name of a peer is unknown: two lost drives could not be replaced one after the other.
    variable = "MINIO_CI_CD"
    if GIVEN.exists():
        variable = "BED_GIVEN_MINIO"
        mounts += f", {{name: program, mountPath: {_IN_POD}, readOnly: true}}"
        volumes = f"{{name: program, hostPath: {{path: {_ON_HOST}, type: File}}}}"
    return {"MINIO_MOUNTS": f"[{mounts}]", "MINIO_VOLUMES": f"[{volumes}]", "MINIO_CI": variable}
