# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases of ocboot and K3s are not used to join."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checks import release
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import K3S, changed, codes, facts, outcome

BREAKAGES = [
    (K3S, "checkout/k3s_role", False, "OCBOOT_CHECKOUT"),
    (K3S, "version", "v1.30.2+k3s1", "OCBOOT_K3S_VERSION"),
    (K3S, "token_known", False, "OCBOOT_K3S_TOKEN"),
    (K3S, "token_known", None, "OCBOOT_K3S_TOKEN"),
]


@pytest.mark.parametrize(("provider", "path", "value", "code"), BREAKAGES)
def test_each_rule_refuses(provider: str, path: str, value: Any, code: str) -> None:
    found = changed(provider, path, value)
    assert code in codes(found)
    assert outcome(found)["configuration"] == {}


def test_every_rule_is_tried() -> None:
    assert {*(code for *_facts, code in BREAKAGES), "OCBOOT_K3S_DATA_DIR"} == set(release.RULES)


def test_another_data_folder_is_refused() -> None:
    found = facts(K3S)
    found["config"] += "data-dir: /data/k3s\n"
    assert codes(found) == ["OCBOOT_K3S_DATA_DIR"]


def test_another_k3s_is_refused_before_the_join_and_the_native_join_is_named() -> None:
    found = {**changed(K3S, "version", "v1.30.4+k3s1"), "token_known": False}
    found["nodes"].append({"name": "lzx-ha-env", "ip": "192.168.0.254", "ready": False})
    found["options"]["only_look"] = True
    assert codes(found) == ["OCBOOT_K3S_TOKEN", "OCBOOT_K3S_VERSION"]
    told = outcome(found)["reason"]
    assert "The cluster runs v1.30.4+k3s1, ocboot installs v1.28.5+k3s1." in told
    assert told.count("Join natively instead") == 2
