# SPDX-License-Identifier: GPL-3.0-or-later
"""Which product, database and passwords ocboot is not run with."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checks import product
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import (
    K3S,
    KUBEADM,
    changed,
    codes,
    facts,
    outcome,
)

BREAKAGES = [
    (K3S, "provider", "rke2", "OCBOOT_PROVIDER"),
    (K3S, "cluster/spec/region", ..., "OCBOOT_FIELD_MISSING"),
    (K3S, "cluster/spec/mysql/port", "x", "OCBOOT_FIELD_MISSING"),
    (KUBEADM, "cluster/spec/mysql", ..., "OCBOOT_FIELD_MISSING"),
    (K3S, "config", "node-ip: 192.168.0.244", "OCBOOT_FIELD_MISSING"),
    (KUBEADM, "config", "networking: {dnsDomain: cluster.local}", "OCBOOT_FIELD_MISSING"),
    (KUBEADM, "cluster/spec/version", "latest", "OCBOOT_VERSION"),
    (K3S, "cluster/spec/version", "v3.11", "OCBOOT_VERSION"),
    (K3S, "cluster/spec/productVersion", "virt", "OCBOOT_PRODUCT_VERSION"),
    (K3S, "cluster/spec/productVersion", ..., "OCBOOT_PRODUCT_VERSION"),
    (K3S, "cluster/spec/glance/switchToS3", False, "OCBOOT_MINIO"),
    (KUBEADM, "cluster/spec/imageRepository", "registry.example.com/mine", "OCBOOT_IMAGE_REPOSITORY"),
    (K3S, "options", {}, "OCBOOT_PASSWORD_MISSING"),
]


@pytest.mark.parametrize(("provider", "path", "value", "code"), BREAKAGES)
def test_each_rule_refuses(provider: str, path: str, value: Any, code: str) -> None:
    found = changed(provider, path, value)
    assert code in codes(found)
    assert outcome(found)["configuration"] == {}


def test_every_rule_is_tried() -> None:
    assert {*(code for *_facts, code in BREAKAGES), "OCBOOT_EDITION", "OCBOOT_PASSWORD_UNSAFE"} == {
        *product.PRECONDITIONS,
        *product.RULES,
    }


def test_what_the_cloud_part_would_damage_is_refused_only_when_it_runs() -> None:
    for value, code in (("ce/support", "OCBOOT_EDITION"), ("ee", "OCBOOT_EDITION")):
        found = facts(K3S)
        found["cluster"]["metadata"]["annotations"]["onecloud.yunion.io/edition"] = value
        assert codes(found) == []
        found["options"]["skip_cloud"] = False
        assert code in codes(found)
    for path, value, code in (
        ("cluster/spec/mysql/password", 'a"b', "OCBOOT_PASSWORD_UNSAFE"),
        ("cluster/spec/loadBalancerEndpoint", "192.168.0.77", "OCBOOT_VIP"),
    ):
        found = changed(K3S, path, value)
        assert codes(found) == []
        found["options"].update(skip_cloud=False, onecloud_user_password="plain")
        assert codes(found) == [code]
