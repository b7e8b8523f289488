# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images made without a registry.

They are docker-archives of one layer, imported once into a containerd store that all hosts link.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from . import binaries, conf, hosts, release, rootfs
from .conf import CACHE, HERE, run, say

REGISTRY = "registry.bed.example"
MERGED = {name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}
SKIPPED = re.compile(r"^/?usr/share/(doc|man|locale|info|lintian|bash-completion)/|^/?etc/init\.d/|^/?lib/systemd/")


@dataclass(frozen=True)
class Image:
    """One image: files of built programs, of Debian packages (with the libraries they need) and of this repository."""

    name: str
    tag: str
    entrypoint: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    shell: bool = False

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/{self.name}:{self.tag}"


def every() -> tuple[Image, ...]:
    """The images of the release in use."""
    now = release.current()
    etcd = [name for one in binaries.programs() for name in one.packages if name.startswith("etcd")]
    return (
        # A stand-in for the pause program: it waits until it is terminated.
        Image("pause", "3.9", ("/bin/sh", "-c", "trap exit TERM INT; while :; do sleep 3600 & wait; done"), shell=True),
        *(Image(n, now.kubernetes, (n,), (n,)) for n in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")),
        Image("kube-proxy", now.kubernetes, (), ("kube-proxy",), ("iptables",), shell=True),
        Image("etcd", now.etcd, ("etcd",), tuple(etcd), shell=True),
        Image("coredns", now.coredns, ("coredns",), ("coredns",)),
        Image("keepalived", "v2.0.25", (), (), ("keepalived",), {"container/tool/run": "keepalived-run"}, shell=True),
        Image("local-path-provisioner", conf.LOCAL_PATH, (), ("local-path-provisioner",)),
        Image("busybox", "1.35", ("/bin/sh",), shell=True),
        Image("minio", conf.MINIO.rsplit("-", 1)[1], ("minio",), ("minio",), shell=True),
        Image("victoria-metrics", "1.79", ("victoria-metrics",), (), ("victoria-metrics",)),
        Image("influxdb", "1.6.7", ("influxd",), (), ("influxdb",)),
        Image(
            "operator-standin",
            "1",
            ("/bin/sh", "/operator-standin"),
            ("kubectl",),
            files={"operator-standin": "operator-standin"},
            shell=True,
        ),
    )  # fmt: skip


def reference(name: str) -> str:
    return next(image.reference for image in every() if image.name == name)


class Layer:
    """The files of one layer, written as a reproducible tar."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
        for name in (*"tmp etc usr usr/local usr/local/bin proc sys dev run var".split(), *MERGED.values()):
            self.folder(name, 0o1777 if name == "tmp" else 0o755)
        for name, where in MERGED.items():
            self.link(name, where)
        self.link("var/run", "/run")

    def folder(self, name: str, mode: int = 0o755) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self.entries.setdefault(name, (entry, b""))

    def _parents(self, name: str) -> None:
        parts = name.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            self.folder("/".join(parts[:count]))

    def link(self, name: str, where: str) -> None:
        self._parents(name)
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, where, 0o777
        self.entries[name] = (entry, b"")

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        self._parents(name)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), mode
        self.entries[name] = (entry, data)

    def tar(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name in sorted(self.entries):
                entry, data = self.entries[name]
                tar.addfile(entry, io.BytesIO(data))
        return buffer.getvalue()


def archive(reference_: str, layer: bytes, *, entrypoint: tuple[str, ...] = (), arch: str = "amd64") -> bytes:
    """A docker-archive of one uncompressed layer, as `docker save` writes it and `ctr images import` reads it."""
    config = {
        "architecture": arch,
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": list(entrypoint) or None,
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created_by": "cloudpods-ha bed"}],
    }
    raw = json.dumps(config, sort_keys=True).encode()
    config_name = hashlib.sha256(raw).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [reference_], "Layers": ["layer.tar"]}]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in ((config_name, raw), ("layer.tar", layer), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def merged(path: str) -> str:
    """Where a path lies once /bin, /sbin and /lib are links into /usr; no leading slash."""
    first, _, rest = path.lstrip("/").partition("/")
    return f"{MERGED[first]}/{rest}" if first in MERGED and rest else path.lstrip("/")


def libraries(ldd: str) -> list[str]:
    """The absolute paths that `ldd` names."""
    return re.findall(r"(?:=>\s+|^\s+)(/\S+)\s+\(0x", ldd, re.MULTILINE)


def _add(layer: Layer, tree: Path, path: str, seen: set[str]) -> None:
    """One file of the tree, what its link leads to, and the libraries it is linked with."""
    name = merged(path)
    source = tree / name
    if name in seen or not os.path.lexists(source):
        return
    seen.add(name)
    info = source.lstat()
    if stat.S_ISLNK(info.st_mode):
        where = os.readlink(source)
        layer.link(name, where)
        _add(layer, tree, os.path.normpath(os.path.join(f"/{os.path.dirname(name)}", where)), seen)
    elif stat.S_ISREG(info.st_mode):
        data = source.read_bytes()
        layer.file(name, data, stat.S_IMODE(info.st_mode) & 0o755)
        if data.startswith(b"\x7fELF"):
            shown = subprocess.run(["chroot", tree, "ldd", f"/{name}"], capture_output=True, text=True, check=False)
            for needed in libraries(shown.stdout):
                _add(layer, tree, needed, seen)


def make(image: Image, tree: Path) -> bytes:
    layer, seen = Layer(), set[str]()
    for program in image.programs:
        layer.file(f"usr/local/bin/{program}", binaries.binary(program).read_bytes(), 0o755)
    for package in image.packages:
        for path in run(["chroot", tree, "dpkg", "-L", package]).stdout.split("\n"):
            if path and not SKIPPED.match(path):
                _add(layer, tree, path, seen)
    if image.name == "kube-proxy":
        # The names that update-alternatives makes, which no package lists.
        for found in (*tree.glob("usr/sbin/ip*tables*"), *tree.glob("etc/alternatives/ip*tables*")):
            _add(layer, tree, str(found.relative_to(tree)), seen)
    if image.shell:
        layer.file("usr/bin/busybox", (tree / "usr/bin/busybox").read_bytes(), 0o755)
        for applet in run(["chroot", tree, "/bin/busybox", "--list"]).stdout.split():
            if not {f"usr/bin/{applet}", f"usr/sbin/{applet}"} & set(layer.entries):
                layer.link(f"usr/bin/{applet}", "busybox")
    for where, name in image.files.items():
        layer.file(where, (HERE / "images" / name).read_bytes(), 0o755)
    users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
    layer.file("etc/passwd", users.encode())
    layer.file("etc/nsswitch.conf", b"hosts: files dns\n")
    return archive(image.reference, layer.tar(), entrypoint=image.entrypoint, arch=conf.goarch())


def store() -> Path:
    """The containerd store with all images unpacked, keyed by all that goes into it."""
    digest = hashlib.sha256(rootfs.image_tree().name.encode())
    for program in binaries.programs():
        digest.update(f"{program.name} {program.version}\n".encode())
    for image in every():
        digest.update(repr(image).encode())
        for name in image.files.values():
            digest.update((HERE / "images" / name).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return CACHE / f"images-{digest.hexdigest()[:12]}"


def fill() -> Path:
    """Import every image once, in a host of its own, and keep that host's containerd store."""
    target = store()
    if target.is_dir():
        return target
    maker, tree, log = conf.MAKER, rootfs.image_tree(), CACHE / "log/images.log"
    with conf.finished(target) as scratch:
        hosts.prepare()
        try:
            hosts.create(maker, rootfs.host_tree(), None)
            hosts.wait_ready(maker)
            for image in every():
                say(f"image {image.reference}")
                data = make(image, tree)
                hosts.execute(maker, "ctr", "-n", "k8s.io", "images", "import", "--no-unpack=false", "-", stdin=data)
            hosts.execute(maker, "systemctl", "stop", "kubelet", "containerd")
            run(["cp", "-a", f"{conf.STATE}/hosts/{maker.name}/containerd/.", scratch], log=log)
        finally:
            hosts.remove(maker)
    return target
