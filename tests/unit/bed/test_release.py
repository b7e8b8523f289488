# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import yaml
from bedlib import binaries, cluster, conf, images, release, verbs
from bedlib.conf import BedError


@pytest.fixture(autouse=True)
def of_bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(release, "_OF_BED", tmp_path / "kubernetes")
    monkeypatch.setattr(release._Chosen, "release", None)
    monkeypatch.delenv(release.VARIABLE, raising=False)
    return tmp_path / "kubernetes"


@pytest.mark.parametrize(
    ("version", "etcd", "api"),
    [
        ("v1.15.12", "v3.4.", "v1beta2"),
        ("1.21.14", "v3.4.", "v1beta2"),
        ("v1.22.0", "v3.5.", "v1beta3"),
        ("v1.28.15", "v3.5.", "v1beta3"),
        ("v1.30.4", "v3.5.", "v1beta3"),
        ("v1.31.0", "v3.5.", "v1beta4"),
        ("1.34.1", "v3.6.", "v1beta4"),
        ("v1.36.0", "v3.6.", "v1beta4"),
    ],
)
def test_a_release_has_its_etcd_and_its_kubeadm_configuration(version: str, etcd: str, api: str) -> None:
    found = release.of(version)
    assert (found.kubernetes, found.kubeadm_api) == (f"v{version.lstrip('v')}", api)
    assert found.etcd.startswith(etcd)


@pytest.mark.parametrize("version", ["1.30", "v1.14.3", "latest", "v2.0.0", "v1.30.4+k3s1", "v1.31.0-rc.1"])
def test_what_the_bed_can_not_run_is_refused(version: str) -> None:
    with pytest.raises(BedError, match=version.replace("+", r"\+")):
        release.of(version)


def test_the_command_line_precedes_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert release.asked("") == ""
    monkeypatch.setenv(release.VARIABLE, "1.21.14")
    assert release.asked("") == "v1.21.14"
    assert release.asked("v1.34.1") == "v1.34.1"


def test_every_command_works_with_the_release_of_the_bed(of_bed: Path) -> None:
    assert release.current().kubernetes == release.DEFAULT
    release.use("v1.34.1")
    release.keep()
    release._Chosen.release = None
    assert release.current().kubernetes == "v1.34.1"
    assert binaries.binary("kubectl").parent.name.startswith("kubernetes-v1.34.1-")
    of_bed.unlink()
    assert binaries.binary("kubectl").parent.name.startswith(f"kubernetes-{release.DEFAULT}-")


def test_a_bed_keeps_its_release(of_bed: Path) -> None:
    of_bed.write_text("v1.34.1\n")
    verbs._refuse_another(conf.flavour(), "", "")
    verbs._refuse_another(conf.flavour(), "", "v1.34.1")
    with pytest.raises(BedError, match=r"runs Kubernetes v1\.34\.1; `--fresh`"):
        verbs._refuse_another(conf.flavour(), "", "v1.30.4")


def test_releases_have_caches_of_their_own() -> None:
    folders, stores = set(), set()
    for version in ("v1.21.14", "v1.30.4", "v1.34.1"):
        release.use(version)
        folders.add(binaries.binary("kubelet").parent)
        stores.add(images.store())
    assert len(folders) == len(stores) == 3


@pytest.mark.parametrize(
    ("version", "programs"), [("v1.21.14", {"etcd", "etcdctl"}), ("v1.34.1", {"etcd", "etcdctl", "etcdutl"})]
)
def test_the_image_of_etcd_has_the_programs_of_its_release(version: str, programs: set[str]) -> None:
    release.use(version)
    (etcd,) = [image for image in images.every() if image.name == "etcd"]
    assert set(etcd.programs) == programs
    assert {binaries.binary(name).name for name in programs} == programs


def test_arguments_are_a_list_since_v1beta4(kubeadm_node: dict[str, str]) -> None:
    shapes = {}
    for version in ("v1.21.14", "v1.30.4", "v1.34.1"):
        release.use(version)
        _init, configuration, *_rest = yaml.safe_load_all(cluster.manifest("kubeadm.yaml", **kubeadm_node))
        shapes[configuration["apiVersion"]] = configuration["controllerManager"]["extraArgs"]
    assert shapes["kubeadm.k8s.io/v1beta2"] == shapes["kubeadm.k8s.io/v1beta3"] == cluster.CONTROLLER_ARGUMENTS
    listed = {item["name"]: item["value"] for item in shapes["kubeadm.k8s.io/v1beta4"]}
    assert listed == cluster.CONTROLLER_ARGUMENTS


def test_v1beta2_knows_no_pull_policy(kubeadm_node: dict[str, str]) -> None:
    for version, known in (("v1.21.14", False), ("v1.30.4", True)):
        release.use(version)
        join = yaml.safe_load(cluster.manifest("join.yaml", **kubeadm_node))
        assert ("imagePullPolicy" in join["nodeRegistration"]) is known


@pytest.mark.parametrize(("version", "crd"), [("v1.15.12", "v1beta1"), ("v1.16.0", "v1"), ("v1.34.1", "v1")])
def test_the_definition_of_the_onecloudcluster_is_of_an_api_that_the_release_has(version: str, crd: str) -> None:
    release.use(version)
    *_namespaces, definition = yaml.safe_load_all(cluster.manifest("onecloud-crd.yaml"))
    assert definition["apiVersion"] == f"apiextensions.k8s.io/{crd}"
    # Two equal ones are refused by v1beta1, none by v1.
    assert ("schema" in definition["spec"]["versions"][0]) is (crd == "v1")


def test_local_folders_of_a_module_become_versions() -> None:
    mod = {
        "Require": [
            {"Path": "k8s.io/api", "Version": "v0.0.0"},
            {"Path": "vbom.ml/util", "Version": "v0.0.0-20160121211510-db5cfe13f5cc"},
            {"Path": "github.com/modern-go/reflect2", "Version": "v1.0.1"},
        ],
        "Replace": [
            {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
            {"Old": {"Path": "k8s.io/node-api"}, "New": {"Path": "./staging/src/k8s.io/node-api"}},
            {"Old": {"Path": "a.example/b"}, "New": {"Path": "a.example/b", "Version": "v1.0.0"}},
        ],
    }
    edits = binaries.replacements(mod, "v0.15.12")
    assert "-replace=k8s.io/api=k8s.io/api@v0.15.12" in edits
    # Nothing requires it, and some of these are not to be had in every version.
    assert "-dropreplace=k8s.io/node-api" in edits
    assert not any("a.example" in edit for edit in edits)
    assert sum(edit.startswith("-replace=vbom.ml/util=") for edit in edits) == 1
    assert "-replace=github.com/modern-go/reflect2=github.com/modern-go/reflect2@v1.0.2" in edits
    assert binaries.replacements(mod, None)[0] == "-dropreplace=k8s.io/api"


def test_a_substitute_is_for_the_version_that_needs_it() -> None:
    newer = {"Require": [{"Path": "github.com/modern-go/reflect2", "Version": "v1.0.2"}]}
    assert binaries.replacements(newer, None) == []


def test_only_kubeadm_has_a_choice(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tool.parser().parse_args(["up", "--kubernetes", "1.34.1"])
    assert tool.kubernetes(chosen, conf.KUBEADM) == "v1.34.1"
    with pytest.raises(BedError, match="--flavour kubeadm"):
        tool.kubernetes(chosen, conf.STANDIN)
    monkeypatch.setenv(release.VARIABLE, "1.34.1")
    assert tool.kubernetes(tool.parser().parse_args(["up"]), conf.STANDIN) == ""
    assert tool.kubernetes(tool.parser().parse_args(["build"]), conf.KUBEADM) == "v1.34.1"


@pytest.mark.parametrize(
    ("there", "fresh", "wanted", "used"),
    [
        ("", False, "", release.DEFAULT),
        ("", False, "v1.34.1", "v1.34.1"),
        ("v1.21.14", False, "", "v1.21.14"),
        ("v1.21.14", True, "", release.DEFAULT),
        ("v1.21.14", True, "v1.34.1", "v1.34.1"),
    ],
)
def test_up_builds_the_release_of_the_bed_to_be(
    tmp_path: Path, of_bed: Path, monkeypatch: pytest.MonkeyPatch, there: str, fresh: bool, wanted: str, used: str
) -> None:
    monkeypatch.setattr(verbs, "WHOLE", tmp_path / "cluster.json")
    if there:
        of_bed.write_text(there)
        (tmp_path / "cluster.json").touch()
    built: list[str] = []

    def build(_mode: str, _flavour: str) -> None:
        built.append(release.current().kubernetes)
        raise BedError("far enough")

    monkeypatch.setattr(verbs, "build", build)
    with pytest.raises(BedError, match="far enough"):
        verbs.up(
            workloads=True, workers=0, binaries_mode="auto", fresh=fresh, flavour=conf.flavour(), kubernetes=wanted
        )
    assert built == [used]


def test_the_kubelet_of_an_old_release_is_built_with_a_c_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own packages exclude all their files without one. It is static, since the hosts may have another C library."""
    source = tmp_path / "source"
    source.mkdir()
    go = tmp_path / "go"
    go.write_text(
        f"""#!/bin/sh
case "$1 $2" in
"mod download") echo '{{"Dir": "{source}"}}' ;;
"mod edit") echo '{{}}' ;;
build*) echo "CGO_ENABLED=$CGO_ENABLED $*" ;;
esac
"""
    )
    go.chmod(0o755)
    monkeypatch.setattr(binaries, "CACHE", tmp_path)
    for version, cgo in (("v1.21.14", "1"), ("v1.30.4", "0")):
        release.use(version)
        (kubernetes,) = [one for one in binaries.programs() if one.name == "kubernetes"]
        binaries.build(kubernetes, str(go))
        log = (tmp_path / "log/kubernetes.log").read_text()
        (tmp_path / "log/kubernetes.log").unlink()
        built = {line.split()[-1]: line for line in log.splitlines() if line.startswith("CGO_ENABLED")}
        assert built["./cmd/kubelet"].startswith(f"CGO_ENABLED={cgo} ")
        assert ("-static" in built["./cmd/kubelet"]) is (cgo == "1")
        assert built["./cmd/kubeadm"].startswith("CGO_ENABLED=0 ")
