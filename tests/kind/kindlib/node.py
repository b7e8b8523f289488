# SPDX-License-Identifier: GPL-3.0-or-later
"""kind's node and load balancer, made here without an image registry.

The node is what the Dockerfile of kind's base image says, on a Debian root, with Debian's containerd and the bed's own builds of
Kubernetes. Nothing of kind is kept in this repository: its files come out of its Go module.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from bedlib import binaries, conf, images, release, rootfs
from bedlib.conf import CACHE, BedError, run, say

from . import source

KIND = "v0.24.0"
# Whatever a bed on this machine runs: the release of the image that this kind names.
release.use(release.DEFAULT)
# In place of what kind builds of sources that can't be had; Python is for the modules of the collection, HAProxy and busybox for images.
PACKAGES = "containerd runc containernetworking-plugins python3 haproxy busybox-static".split()
HERE = Path(__file__).resolve().parent.parent
LOG = CACHE / "log/kind.log"
ENV = {"DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True)
class Named(images.Image):
    """An image of the bed's parts, under the name by which somebody else asks for it."""

    known_as: str = ""

    @property
    def reference(self) -> str:
        return self.known_as or super().reference


MINIO = next(Named(i.name, i.tag, i.entrypoint, i.programs, shell=True) for i in images.every() if i.name == "minio")
# A stand-in for kindnetd, which is not to be had as a Go module.
CNI = Named("cni-standin", "1", ("/bin/sh",), ("kubectl",), shell=True)
PROGRAMS = {
    "kube-apiserver": Named("kube-apiserver", "", ("kube-apiserver",), ("kube-apiserver",)),
    "kube-controller-manager": Named("kube-controller-manager", "", ("kube-controller-manager",), ("kube-controller-manager",)),
    "kube-scheduler": Named("kube-scheduler", "", ("kube-scheduler",), ("kube-scheduler",)),
    "kube-proxy": Named("kube-proxy", "", (), ("kube-proxy",), ("iptables",), shell=True),
    "coredns": Named("coredns", "", ("coredns",), ("coredns",)),
    "etcd": Named("etcd", "", (), ("etcd", "etcdctl"), shell=True),
    "pause": Named("pause", "", ("/bin/sh", "-c", "trap exit TERM INT; while :; do sleep 3600 & wait; done"), shell=True),
    "local-path-provisioner": Named("local-path-provisioner", "", (), ("local-path-provisioner",)),
    "local-path-helper": Named("local-path-helper", "", ("/bin/sh",), shell=True),
}  # fmt: skip


def module() -> Path:
    """kind's source, from its Go module."""
    asked = [binaries.go(), "mod", "download", "-json", f"sigs.k8s.io/kind@{KIND}"]
    return Path(json.loads(run(asked, cwd=Path("/"), env={"GOWORK": "off"}).stdout)["Dir"])


def program() -> Path:
    """kind itself, built of its Go module."""
    target = CACHE / "bin" / f"kind-{KIND}-{conf.goarch()}"
    if not target.is_dir():
        say(f"building kind {KIND} (log: {LOG})")
        with conf.finished(target) as scratch:
            env = {"GOBIN": str(scratch), "GOWORK": "off", "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
            run(
                ["nice", binaries.go(), "install", "-trimpath", f"sigs.k8s.io/kind@{KIND}"],
                env=env,
                cwd=Path("/"),
                log=LOG,
            )
    return target / "kind"


def folder() -> Path:
    """The cache's folder of the images, named after all that goes into them."""
    digest = hashlib.sha256(" ".join((KIND, conf.DEBIAN, conf.goarch(), *PACKAGES)).encode())
    for one in binaries.programs():
        digest.update(f"{one.name} {one.version}\n".encode())
    for path in (*sorted(HERE.glob("kindlib/*.py")), HERE / "cni.yaml", HERE / "haproxy.cfg", Path(images.__file__)):
        digest.update(path.read_bytes())
    return CACHE / f"kind-{digest.hexdigest()[:12]}"


def archives() -> list[Path]:
    """The images as archives for `docker load`: the node's (NODE) and the load balancer's."""
    target = folder()
    if not target.is_dir():
        binaries.fill()
        kind = module()
        with conf.finished(target) as scratch:
            root = scratch / "root"
            say(f"making kind's node (log: {LOG})")
            _base(kind, root)
            balancer = _balancer(kind, root)
            _kubernetes(kind, root)
            _import_images(kind, root)
            say("packing kind's node")
            _pack(root, scratch / "node.tar", NODE)
            (scratch / "balancer.tar").write_bytes(balancer)
            shutil.rmtree(root)
        for old in set(CACHE.glob("kind-*")) - {target}:
            shutil.rmtree(old)
    return [target / "node.tar", target / "balancer.tar"]


NODE = "cloudpods-ha-kind:made-here"


def _inside(root: Path, script: str) -> None:
    """Run a shell script in the root, in process and mount namespaces of its own: whatever it leaves running ends with it."""
    shell = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        f"--root={root}",
        "--mount-proc",
        "/bin/bash",
        "-ec",
        script,
    ]
    run(["nice", *shell], log=LOG, env={**ENV, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})


def _base(kind: Path, root: Path) -> None:
    """kind's base image: the steps of its Dockerfile, on Debian's smallest root."""
    site, base = rootfs.mirror(), kind / "images/base"
    run(["nice", "debootstrap", "--variant=minbase", conf.DEBIAN, root, *([site] if site else [])], log=LOG)
    apt = root / "etc/apt"
    if site:
        (apt / "sources.list").write_text(f"deb {site} {conf.DEBIAN} main\n")
    settings = [Path(shutil.copy(p, apt / "apt.conf.d")) for p in Path("/etc/apt/apt.conf.d").glob("*proxy*")]
    settings.append(apt / "apt.conf.d/cloudpods-ha")
    # kind lays its containerd.service and config.toml before the package brings its own.
    settings[-1].write_text('Dpkg::Options {"--force-confold";};\n')
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    dockerfile = (base / "Dockerfile").read_text()
    todo = source.steps(dockerfile, "base")
    first = next(n for n, (word, _) in enumerate(todo) if word == "RUN")
    for number, (word, rest) in enumerate(todo):
        if number == first:
            _inside(root, "clean-install " + " ".join(PACKAGES))
        if word == "COPY":
            _copy(base, root, rest)
        elif word == "RUN":
            _inside(root, rest)
    _inside(
        root,
        "ln -s /usr/bin/containerd /usr/local/bin/containerd; mkdir -p /opt/cni; ln -s /usr/lib/cni /opt/cni/bin;"
        # Without the right to raise a limit, nobody may lower a score.
        " sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml;"
        + next(rest for word, rest in source.steps(dockerfile, "build") if word == "RUN" and "cri-base.json" in rest),
    )
    for path in (*settings, root / "etc/resolv.conf"):
        path.unlink(missing_ok=True)


def _copy(base: Path, root: Path, arguments: str) -> None:
    """COPY --chmod=MODE FROM TO. As Docker does it, of a folder its contents are copied."""
    matched = re.fullmatch(r"--chmod=(\d+) (\S+) (\S+)", arguments)
    if not matched:
        raise BedError(f"COPY {arguments}: kind's Dockerfile has a form that is not known here.")
    mode, target = int(matched[1], 8), root / matched[3].lstrip("/").rstrip("*")
    for found in base.glob(matched[2].rstrip("/")):
        inside = sorted(p for p in found.rglob("*") if p.is_file()) if found.is_dir() else [found]
        for path in inside:
            new = target / (path.relative_to(found) if found.is_dir() else path.name)
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, new)
            new.chmod(mode)


def _balancer(kind: Path, root: Path) -> bytes:
    """HAProxy with kind's first configuration, and before it one with a limit that needs no right to raise limits."""
    first, own = "/etc/haproxy-limit.cfg", "/usr/local/etc/haproxy/haproxy.cfg"
    name = source.constants((kind / "pkg/cluster/internal/loadbalancer/const.go").read_text())["Image"]
    files = {first[1:]: str(HERE / "haproxy.cfg"), own[1:]: str(kind / "images/haproxy/haproxy.cfg")}
    command = ("haproxy", "-W", "-db", "-f", first, "-f", own)
    return images.make(Named("haproxy", "", command, (), ("haproxy",), files, shell=True, known_as=name), root)


def _kubernetes(kind: Path, root: Path) -> None:
    """What `kind build node-image` adds: programs, version, manifests."""
    for name in ("kubeadm", "kubelet", "kubectl"):
        shutil.copy(binaries.binary(name), root / "usr/bin" / name)
        (root / "usr/bin" / name).chmod(0o755)
    (root / "kind/version").write_text(release.DEFAULT)
    (root / "kind/manifests").mkdir(parents=True)
    storage = source.constants((kind / "pkg/build/nodeimage/const_storage.go").read_text())
    (root / "kind/manifests/default-storage.yaml").write_text(storage["defaultStorageManifest"])
    (root / "kind/manifests/default-cni.yaml").write_text(
        (HERE / "cni.yaml").read_text().replace("$IMAGE", CNI.reference)
    )


def _wanted(kind: Path, root: Path) -> list[Named]:
    """The images by the names that kubeadm, containerd's configuration and kind's manifests have for them."""
    asked = run(
        ["chroot", root, "kubeadm", "config", "images", "list", f"--kubernetes-version={release.DEFAULT}"]
    ).stdout.split()
    asked += re.findall(r'sandbox_image = "(\S+)"', (root / "etc/containerd/config.toml").read_text())
    storage = source.constants((kind / "pkg/build/nodeimage/const_storage.go").read_text())
    asked += [storage["storageProvisionerImage"], storage["storageHelperImage"]]
    found = [(PROGRAMS.get(name.rsplit("/", 1)[-1].partition(":")[0]), name) for name in asked]
    missing = [name for image, name in found if image is None]
    if missing:
        raise BedError(f"kind wants images that are not made here: {', '.join(missing)}.")
    return [Named(**{**image.__dict__, "known_as": name}) for image, name in found if image] + [CNI, MINIO]


def _import_images(kind: Path, root: Path) -> None:
    """As kind does it: the images lie packed in containerd's store and are unpacked when first used."""
    inbox = root / "images"
    inbox.mkdir()
    for number, image in enumerate(_wanted(kind, root)):
        say(f"image {image.reference}")
        (inbox / f"{number}.tar").write_bytes(images.make(image, root))
    (inbox / "containerd.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    _inside(
        root,
        "containerd --config /images/containerd.toml & "
        "for try in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.2; done; "
        "for file in /images/*.tar; do ctr --namespace=k8s.io images import --no-unpack $file; done; kill %1; wait",
    )
    shutil.rmtree(inbox)
    run(["find", root / "run", "-mindepth", "1", "-delete"])


def _pack(root: Path, target: Path, name: str) -> None:
    """A docker-archive of one layer, as `images.archive` makes it, but too large for memory."""
    layer = target.with_name("layer.tar")
    run(["tar", "--create", "--numeric-owner", "--sort=name", f"--directory={root}", f"--file={layer}", "."], log=LOG)
    with layer.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    config = {
        "architecture": conf.goarch(),
        "os": "linux",
        "config": {
            "Env": ["container=docker", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
            "StopSignal": "SIGRTMIN+3",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    layer.with_name("config.json").write_text(json.dumps(config))
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    layer.with_name("manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(target, "w") as tar:
        for part in ("manifest.json", "config.json", "layer.tar"):
            tar.add(layer.with_name(part), part)
            layer.with_name(part).unlink()
