# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from bedlib import cluster, images, minio_program
from bedlib.conf import BedError

KEYS = {"NAME": "minio", "NAMESPACE": "ns", "ACCESS_KEY": "a", "SECRET_KEY": "b"}


@pytest.fixture(autouse=True)
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(minio_program, "GIVEN", tmp_path / "given")
    monkeypatch.delenv(minio_program.BINARY_VARIABLE, raising=False)
    return tmp_path / "given"


def program(folder: Path, says: str, name: str = "minio") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def pod_spec() -> dict:
    assert images.reference("minio")
    documents = yaml.safe_load_all(cluster.manifest("minio.yaml", **KEYS, **minio_program.settings()))
    (found,) = [item for item in documents if item["kind"] == "StatefulSet"]
    return dict(found["spec"]["template"]["spec"])


def variables() -> list[str]:
    return [item["name"] for item in pod_spec()["containers"][0]["env"]]


def test_without_a_binary_the_pods_run_that_of_their_image() -> None:
    assert pod_spec()["volumes"] == []
    assert [item["name"] for item in pod_spec()["containers"][0]["volumeMounts"]] == ["export"]


def test_a_given_binary_is_mounted_over_that_of_the_image(tmp_path: Path, given: Path) -> None:
    minio_program.take(program(tmp_path, "minio version RELEASE.2021-06-17T00-10-46Z"))
    assert given.exists()
    (volume,) = pod_spec()["volumes"]
    mount = pod_spec()["containers"][0]["volumeMounts"][1]
    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/usr/local/bin/minio")
    # With it a MinIO of 2021 takes a peer without a pod for an error in its arguments.
    assert "MINIO_CI_CD" not in variables()
    minio_program.take(None)
    assert pod_spec()["volumes"] == []
    assert "MINIO_CI_CD" in variables()


def test_what_is_no_minio_is_refused(tmp_path: Path) -> None:
    assert minio_program.check(program(tmp_path, "minio version X")) == "minio version X"
    with pytest.raises(BedError, match="not a MinIO binary"):
        minio_program.check(program(tmp_path, "mc version X", "mc"))
    with pytest.raises(BedError, match="not a file"):
        minio_program.check(tmp_path / "none")
    plain = tmp_path / "plain"
    plain.write_text("minio version X")
    with pytest.raises(BedError, match="not a MinIO binary"):
        minio_program.check(plain)


def test_a_bed_keeps_its_minio(tmp_path: Path) -> None:
    minio_program.require(None, kept=True)
    one, other = program(tmp_path, "minio version 1", "one"), program(tmp_path, "minio version 2", "other")
    with pytest.raises(BedError, match="--fresh"):
        minio_program.require(one, kept=True)
    minio_program.take(one)
    minio_program.require(one, kept=True)
    with pytest.raises(BedError, match="--fresh"):
        minio_program.require(other, kept=True)


def test_the_command_line_precedes_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert minio_program.chosen(None) is None
    monkeypatch.setenv(minio_program.BINARY_VARIABLE, str(tmp_path / "b"))
    assert minio_program.chosen(None) == tmp_path / "b"
    assert minio_program.chosen(tmp_path / "a") == tmp_path / "a"
