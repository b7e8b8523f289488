# SPDX-License-Identifier: GPL-3.0-or-later
"""The bed's parts are imported from beside its tool."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

BED = Path(__file__).resolve().parents[3] / "tests" / "bed"
sys.path[:0] = [str(BED), str(BED / "standin")]


@pytest.fixture
def tool() -> ModuleType:
    """The program `bed` as a module."""
    loader = SourceFileLoader("bed_tool", str(BED / "bed"))
    module = module_from_spec(spec_from_loader(loader.name, loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    return module


@pytest.fixture
def kubeadm_node() -> dict[str, str]:
    """The variables of manifests/kubeadm.yaml and join.yaml that differ from host to host."""
    return {"CERTIFICATE_KEY": "k", "TOKEN": "t", "NODE_IP": "192.0.2.11", "NODE": "master-1"}
