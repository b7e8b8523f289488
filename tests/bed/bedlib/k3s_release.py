# SPDX-License-Identifier: GPL-3.0-or-later
"""A real K3s for the bed: a given binary or a downloaded release, with its files on the hosts.

That is its images, since the hosts have no registry, and a configuration of its containerd, since they are containers.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import urllib.error
import urllib.parse
from pathlib import Path

from . import binaries, conf, images, rootfs
from .conf import CACHE, HERE, STATE, BedError, Host, run, say

RELEASES = "https://github.com/k3s-io/k3s/releases/download"
VERSION = re.compile(r"v\d+\.\d+\.\d+\+k3s\d+")
BINARY_VARIABLE = "CLOUDPODS_HA_BED_K3S"
RELEASE_VARIABLE = "CLOUDPODS_HA_BED_K3S_RELEASE"
CONTAINERD = HERE / "manifests" / "k3s-containerd.toml"
# The pause image among K3s's own, which CONTAINERD names, too.
PAUSE = "rancher/mirrored-pause:3.6"
# Components that K3s ships.
OWN = frozenset(
    "kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd coredns local-path-provisioner".split()
)


def chosen(binary: Path | None, release: str) -> tuple[Path | None, str]:
    """The binary or the release to run: what the command line names, else what the environment names, a binary first."""
    if binary or release:
        return binary, release
    named = os.environ.get(BINARY_VARIABLE)
    return (Path(named), "") if named else (None, os.environ.get(RELEASE_VARIABLE, ""))


def _beside(binary: Path) -> list[Path]:
    return sorted(binary.parent.glob(f"k3s-airgap-images-{conf.goarch()}.tar*"))


def check(binary: Path) -> str:
    """The version of a given binary; refuses what is no K3s, or a stand-in, or has no images beside it."""
    if not binary.is_file():
        raise BedError(f"{binary} is not a file.")
    shown = run([binary.resolve(), "--version"], check=False).stdout.splitlines()[:1]
    if not shown or not shown[0].startswith("k3s version v") or "standin" in shown[0]:
        raise BedError(f"{binary} is not a K3s binary: its --version is not K3s's.")
    if not _beside(binary):
        name = f"k3s-airgap-images-{conf.goarch()}.tar"
        raise BedError(f"The hosts have no registry: put {name} (or .gz, .zst) of the same release beside {binary}.")
    return shown[0]


def download(version: str) -> Path:
    """The binary of a named release in the cache, and its images beside it; each with the sha256 published for it."""
    if not VERSION.fullmatch(version):
        raise BedError(f"{version} is not a release of K3s; an example is v1.28.5+k3s1.")
    arch = conf.goarch()
    target = CACHE / "bin" / f"k3s-{version}-{arch}"
    if not target.is_dir():
        base = f"{RELEASES}/{urllib.parse.quote(version)}"
        with conf.finished(target) as scratch:
            for remote, local in (
                ("k3s" if arch == "amd64" else f"k3s-{arch}", "k3s"),
                (f"k3s-airgap-images-{arch}.tar.gz", f"k3s-airgap-images-{arch}.tar.gz"),
            ):
                say(f"downloading {remote} of K3s {version}")
                try:
                    data = binaries.verified(f"{base}/{remote}", f"{base}/sha256sum-{arch}.txt")
                except (urllib.error.URLError, OSError) as why:
                    raise BedError(f"K3s {version} could not be downloaded: {why}") from why
                (scratch / local).write_bytes(data)
            (scratch / "k3s").chmod(0o755)
    return target / "k3s"


def _workload_images() -> Path:
    """The workloads' images as archives, made once; K3s imports what lies in agent/images."""
    chosen = [image for image in images.every() if image.name not in OWN]
    digest = hashlib.sha256(f"{images.store().name} {[i.name for i in chosen]}".encode()).hexdigest()[:12]
    target = CACHE / f"k3s-images-{digest}"
    if not target.is_dir():
        with conf.finished(target) as scratch:
            for image in chosen:
                (scratch / f"{image.name}.tar").write_bytes(images.make(image, rootfs.image_tree()))
    return target


def take(binary: Path) -> None:
    """Keep the binary and its images with this bed."""
    say(f"{check(binary)} from {binary}")
    shutil.copy(binary, STATE / "k3s")
    (STATE / "k3s-images").mkdir(exist_ok=True)
    for archive in (*_beside(binary), *_workload_images().glob("*.tar")):
        shutil.copy(archive, STATE / "k3s-images")


def furnish(host: Host, *, spare: bool) -> None:
    """Give a host the images that its K3s would pull elsewhere, and, unless it is to join later, the configuration of its containerd.

    A machine that joins gets that configuration from a survivor: without it no pod starts there.
    """
    agent = STATE / "hosts" / host.name / "rancher/k3s/agent"
    if not spare:
        template = agent / "etc/containerd/config.toml.tmpl"
        template.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CONTAINERD, template)
    target = agent / "images"
    target.mkdir(parents=True, exist_ok=True)
    for archive in (STATE / "k3s-images").iterdir():
        (target / archive.name).unlink(missing_ok=True)
        (target / archive.name).hardlink_to(archive)
