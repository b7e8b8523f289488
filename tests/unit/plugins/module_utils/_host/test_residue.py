# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import pathlib
import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import KUBEADM, Provider
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed
from ansible_collections.cloudpods.ha.plugins.module_utils._host import residue
from ansible_collections.cloudpods.ha.plugins.module_utils._host.processes import Process
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Unit

IP = "2: eth0    inet 192.0.2.11/24 scope global eth0\n2: eth0    inet 192.0.2.10/32 scope global eth0\n"
SHOW = """\
LoadState=loaded
ActiveState=active
FragmentPath=/etc/systemd/system/kubelet.service
UnitFileState=enabled
"""
# Ports 6443 and 2379 listen, 2380 is the far end of a connection that stands.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000 100 0 0 10 0
   1: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0000 100 0 0 10 0
   2: 0B026433:094C 0C026433:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0000 100 0 0 10 0
"""


def says(argv: t.Sequence[str]) -> tuple[int, str, str]:
    return 0, IP if argv[0] == "ip" else SHOW, ""


@pytest.fixture
def provider(tmp_path: pathlib.Path) -> Provider:
    return KUBEADM._replace(
        manifests=str(tmp_path / "manifests"),
        etcd_mark=str(tmp_path / "manifests" / "etcd.yaml"),
        kubelet_config=str(tmp_path / "kubelet.conf"),
        ca_certificate=str(tmp_path / "ca.crt"),
        etcd_data=str(tmp_path / "etcd"),
    )


@pytest.fixture(autouse=True)
def no_real_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residue, "pod_processes", lambda: [Process(9, "etcd")])
    monkeypatch.setattr(residue, "_listening", lambda: {22, 2379, 6443})


def test_a_master(provider: Provider, tmp_path: pathlib.Path) -> None:
    for path in (
        tmp_path / "manifests",
        tmp_path / "etcd" / "member",
        tmp_path / "b" / "retired-1",
        tmp_path / "b" / "x",
    ):
        path.mkdir(parents=True)
    for name in ("etcd.yaml", ".hidden.yaml"):
        (tmp_path / "manifests" / name).write_text("")
    (tmp_path / "kubelet.conf").write_text("")
    (tmp_path / "ca.crt").write_text("certificate")
    found = residue.gather(says, provider, vip="192.0.2.10", backups=str(tmp_path / "b"))
    assert found._replace(hostname="") == residue.Residue(
        hostname="",
        addresses=("192.0.2.11", "192.0.2.10"),
        control_plane=True,
        ca_digest=hashlib.sha256(b"certificate").hexdigest(),
        manifests=(str(tmp_path / "manifests" / "etcd.yaml"),),
        kubelet_config=str(tmp_path / "kubelet.conf"),
        etcd_data=str(tmp_path / "etcd"),
        units=(
            Unit("kubelet", active=True, enabled=True, masked=False, fragment="/etc/systemd/system/kubelet.service"),
        ),
        listening=(2379, 6443),
        pods=("9 etcd",),
        retired=(str(tmp_path / "b" / "retired-1"),),
        vip="192.0.2.10/32",
        vip_interface="eth0",
        backups=str(tmp_path / "b"),
    )


def test_a_bare_machine(provider: Provider, tmp_path: pathlib.Path) -> None:
    found = residue.gather(says, provider, vip="192.0.2.99", backups=str(tmp_path / "b"))
    assert not found.control_plane
    assert (found.manifests, found.kubelet_config, found.etcd_data, found.retired) == ((), "", "", ())
    assert (found.ca_digest, found.vip) == ("", "")


@pytest.mark.parametrize("left", ["manifest", "data"])
def test_either_remainder_tells_of_a_control_plane(provider: Provider, tmp_path: pathlib.Path, left: str) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "etcd").mkdir()
    if left == "manifest":
        (tmp_path / "manifests" / "etcd.yaml").write_text("")
    else:
        (tmp_path / "etcd" / "member").mkdir()
    assert residue.gather(says, provider, backups=str(tmp_path)).control_plane


def test_what_can_not_be_asked_is_not_called_gone(provider: Provider) -> None:
    with pytest.raises(CommandFailed):
        residue.gather(lambda argv: (1, "", "broken") if argv[0] == "systemctl" else says(argv), provider)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n", Unit("u", False, False, True)),
        ("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n", Unit("u", False, False, False)),
        ("LoadState=loaded\nActiveState=activating\nUnitFileState=disabled\n", Unit("u", True, False, False)),
        ("LoadState=loaded\nActiveState=failed\nUnitFileState=enabled-runtime\n", Unit("u", False, True, False)),
    ],
)
def test_units(text: str, expected: Unit) -> None:
    assert residue.unit("u", text) == expected


def test_ports_that_listen() -> None:
    assert residue.listening(TCP) == {6443, 2379}
    assert residue.listening("header\n   0: " + "0" * 32 + ":094C " + "0" * 32 + ":0000 0A x\n") == {2380}
    assert residue.listening("header\n") == set()
