# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from bedlib.conf import BedError
from kindlib import daemon, node

WRAPPER = daemon.HERE / "runc-without-resource"


@pytest.mark.parametrize(("bounds", "lacks"), [("000001fffeffffff", True), ("000001ffffffffff", False), ("0", True)])
def test_the_runtime_that_takes_a_right_out_is_for_machines_that_lack_it(bounds: str, lacks: bool) -> None:
    status = f"Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t{bounds}\n"
    assert daemon.lacks_resource(status) is lacks
    assert ("--default-runtime" in daemon.arguments(status)) is lacks


@pytest.mark.parametrize(
    "names", [["CAP_SYS_RESOURCE"], ["CAP_CHOWN", "CAP_SYS_RESOURCE"], ["CAP_SYS_RESOURCE", "CAP_KILL"]]
)
@pytest.mark.parametrize("by", ["create", "exec"])
def test_the_right_is_taken_out_of_what_runc_is_told(tmp_path: Path, names: list[str], by: str) -> None:
    told = {"capabilities": {"bounding": names, "effective": [*names, "CAP_AUDIT_READ"]}}
    file = tmp_path / ("config.json" if by == "create" else "process.json")
    file.write_text(json.dumps(told, separators=(",", ":")), encoding="utf-8")
    runc = tmp_path / "bin" / "runc"
    runc.parent.mkdir()
    runc.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    runc.chmod(0o755)
    argv = {"create": ["create", "--bundle", str(tmp_path), "id"], "exec": ["exec", "--process", str(file), "id"]}[by]
    environment = {**os.environ, "PATH": f"{runc.parent}:{os.environ['PATH']}"}
    done = subprocess.run([WRAPPER, *argv], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == argv
    left = json.loads(file.read_text(encoding="utf-8"))["capabilities"]
    assert "CAP_SYS_RESOURCE" not in left["bounding"] + left["effective"]
    assert left["effective"][-1] == "CAP_AUDIT_READ"


def test_no_proxy_is_handed_on() -> None:
    given = {"HTTPS_PROXY": "x", "no_proxy": "y", "PATH": "/bin"}
    assert daemon.without_proxies(given) == {"PATH": "/bin"}


def test_stop_takes_away_what_a_killed_run_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "cloudpods-ha-unit-test"
    (state / "data").mkdir(parents=True)
    other = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(daemon, "STATE", state)
    monkeypatch.setattr(daemon, "HIDDEN", ())
    try:
        # Its number was given to another process since.
        (state / "pid").write_text(str(other.pid), encoding="utf-8")
        daemon.stop()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert not state.exists()
    daemon.stop()


def test_a_copy_takes_the_contents_of_a_folder(tmp_path: Path) -> None:
    base, root = tmp_path / "base", tmp_path / "root"
    (base / "files/etc/default").mkdir(parents=True)
    (base / "files/etc/crictl.yaml").write_text("a", encoding="utf-8")
    (base / "files/etc/default/kubelet").write_text("b", encoding="utf-8")
    node._copy(base, root, "--chmod=0644 files/etc/* /etc/")
    node._copy(base, root, "--chmod=0755 files/etc/ /kind/")
    found = {str(p.relative_to(root)): oct(p.stat().st_mode & 0o777) for p in root.rglob("*") if p.is_file()}
    # As Docker does it: the folder that a pattern names is not itself copied.
    assert found == {
        "etc/crictl.yaml": "0o644",
        "etc/kubelet": "0o644",
        "kind/crictl.yaml": "0o755",
        "kind/default/kubelet": "0o755",
    }
    with pytest.raises(BedError, match="not known here"):
        node._copy(base, root, "files/a files/b /etc/")


def test_the_images_are_known_by_the_names_they_are_asked_for() -> None:
    assert node.Named("etcd", "", known_as="registry.k8s.io/etcd:3.5.12-0").reference == "registry.k8s.io/etcd:3.5.12-0"
    assert node.MINIO.programs == ("minio",)
    assert node.MINIO.reference.startswith("registry.bed.example/minio:")
