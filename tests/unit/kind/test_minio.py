# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader

import yaml
from kindlib import daemon


def test_the_bed_s_manifest_is_filled_for_kind() -> None:
    loader = SourceFileLoader("kind_minio", str(daemon.HERE / "minio"))
    spec = importlib.util.spec_from_loader("kind_minio", loader)
    assert spec is not None
    program = importlib.util.module_from_spec(spec)
    loader.exec_module(program)
    objects = list(yaml.safe_load_all(program.manifest("example.org/minio:1")))
    (stateful,) = (item for item in objects if item["kind"] == "StatefulSet")
    assert stateful["spec"]["replicas"] == program.REPLICAS
    (claim,) = stateful["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == program.STORAGE_CLASS
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "example.org/minio:1"
    assert {"name": "MINIO_CI_CD", "value": "1"} in container["env"]
    assert {item["kind"] for item in objects} == {"Secret", "Service", "StatefulSet", "PodDisruptionBudget"}
