# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import KUBEADM, Provider
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host import vip
from ansible_collections.cloudpods.ha.tests.unit.plugins.manifests import KEEPALIVED as MANIFEST


def ip_says(argv: t.Sequence[str]) -> tuple[int, str, str]:
    assert argv[0] == "ip"
    return 0, "7: br0    inet 192.0.2.10/32 scope global br0\\ \n7: br0    inet6 2001:db8::10/64 scope global\n", ""


@pytest.fixture
def provider(tmp_path: pathlib.Path) -> Provider:
    return KUBEADM._replace(manifests=str(tmp_path))


def test_a_host_that_carries_the_vip(provider: Provider) -> None:
    path = pathlib.Path(provider.keepalived_manifest)
    path.write_text(MANIFEST, encoding="utf-8")
    path.chmod(0o640)
    found = vip.inspect(ip_says, provider, "192.0.2.10")
    assert (found["holds"], found["interface"], found["server"]) == (True, "br0", "https://192.0.2.10:6443")
    assert (found["manifest_mode"], found["keepalived"]["priority"], found["error"]) == ("0640", 90, "")
    assert "de17f785" not in str(found)


def test_a_host_that_does_not(provider: Provider) -> None:
    found = vip.inspect(ip_says, provider, "192.0.2.1")
    assert (found["holds"], found["interface"], found["keepalived"]) == (False, "", None)
    assert found["error"] == "there is no " + provider.keepalived_manifest


def test_an_address_of_the_other_family(provider: Provider) -> None:
    found = vip.inspect(ip_says, provider, "2001:DB8:0::10")
    assert (found["holds"], found["server"]) == (True, "https://[2001:db8::10]:6443")


@pytest.mark.parametrize("content", [b"kind: Pod\n", b"\xff\xfe"])
def test_a_manifest_of_no_use_is_told(provider: Provider, content: bytes) -> None:
    pathlib.Path(provider.keepalived_manifest).write_bytes(content)
    found = vip.inspect(ip_says, provider, "192.0.2.10")
    assert found["keepalived"] is None
    assert found["error"]


def test_an_address_that_is_none_is_refused(provider: Provider) -> None:
    with pytest.raises(HaError, match="not an IP address"):
        vip.inspect(ip_says, provider, "vip.example.com")
