# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._host.retirement import (
    Retirement,
    decide,
    left,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.kubernetes import Node
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Residue, Unit

VIP = "192.0.2.10"
RUNNING = Unit(name="kubelet", active=True, enabled=True, masked=False)
MASKED = Unit(name="kubelet", active=False, enabled=False, masked=True)

# A master that was replaced and is powered on again.
RETURNED = Residue(
    hostname="master-1",
    addresses=("192.0.2.11", VIP, "10.40.11.1"),
    control_plane=True,
    ca_digest="ca",
    manifests=("/m/etcd.yaml", "/m/keepalived.yaml"),
    kubelet_config="/k/kubelet.conf",
    etcd_data="/var/lib/etcd",
    units=(RUNNING,),
)
HARMLESS = Residue(
    hostname="master-1",
    addresses=("192.0.2.11",),
    control_plane=False,
    ca_digest="ca",
    units=(MASKED,),
    retired=("/b/retired-1",),
)


def node(name: str, ip: str, *, control_plane: bool = True, ready: bool = True) -> Node:
    return Node(name=name, uid="uid-" + name, ready=ready, control_plane=control_plane, addresses=(ip,))


def member(name: str, ip: str) -> Member:
    return Member(id="a1", name=name, peer_urls=("https://{0}:2380".format(ip),), client_urls=())


SURVIVORS = [node("master-2", "192.0.2.12"), node("master-4", "192.0.2.14")]
ETCD = Etcd(members=(member("master-2", "192.0.2.12"), member("master-4", "192.0.2.14")))
REGISTERED = node("master-1", "192.0.2.11", control_plane=False)


def decided(residue: Residue, nodes: list[Node], etcd: Etcd = ETCD) -> Retirement:
    return decide(residue, nodes=nodes, etcd=etcd, vip=VIP, ca_digest="ca")


@pytest.mark.parametrize(
    ("residue", "nodes", "expected"),
    [
        (RETURNED, [*SURVIVORS, REGISTERED], Retirement("master-1", "uid-master-1", needed=True)),
        # kubelet did not get to register.
        (RETURNED, SURVIVORS, Retirement("", "", needed=True)),
        # The Node of the lost master was never deleted, but its member was.
        (RETURNED, [*SURVIVORS, node("master-1", "192.0.2.11")], Retirement("master-1", "uid-master-1", needed=True)),
        # Registered under another name: found by its address.
        (RETURNED, [*SURVIVORS, node("old", "192.0.2.11")], Retirement("old", "uid-old", needed=True)),
        # An earlier run was cut short before it deleted the Node.
        (HARMLESS, [*SURVIVORS, REGISTERED], Retirement("master-1", "uid-master-1", needed=True)),
        (HARMLESS, SURVIVORS, Retirement("", "", needed=False)),
    ],
)
def test_what_is_to_be_done(residue: Residue, nodes: list[Node], expected: Retirement) -> None:
    assert decided(residue, nodes) == expected


@pytest.mark.parametrize(
    "other",
    [
        member("master-1", "192.0.2.99"),
        member("", "192.0.2.11"),  # added, never started
        member("replacement", "10.40.11.1"),
        Member(id="a1", name="x", peer_urls=(), client_urls=("https://192.0.2.11:2379",)),
    ],
)
def test_a_member_is_never_retired(other: Member) -> None:
    etcd = Etcd(members=(*ETCD.members, other))
    for residue in (RETURNED, HARMLESS):
        if other.name == "replacement" and residue is HARMLESS:
            continue
        with pytest.raises(Unsafe) as caught:
            decided(residue, SURVIVORS, etcd)
        assert caught.value.code == "CURRENT_MEMBER"


def test_the_vip_does_not_make_it_a_member_or_a_node() -> None:
    etcd = Etcd(members=(*ETCD.members, member("master-3", VIP)))
    assert decided(RETURNED, [*SURVIVORS, node("master-3", VIP)], etcd) == Retirement("", "", needed=True)


WORKER = RETURNED._replace(control_plane=False, manifests=(), etcd_data="")


@pytest.mark.parametrize(
    ("residue", "nodes", "etcd", "code"),
    [
        (RETURNED, SURVIVORS, Etcd(error="nobody answers"), "ETCD_UNKNOWN"),
        (RETURNED, SURVIVORS, Etcd(), "ETCD_UNKNOWN"),
        (RETURNED, SURVIVORS, Etcd(members=(member("etcd-1", "192.0.2.50"),)), "ETCD_ELSEWHERE"),
        (RETURNED, [REGISTERED], ETCD, "ETCD_ELSEWHERE"),
        (RETURNED, [node("master-2", "192.0.2.12", ready=False), REGISTERED], ETCD, "ETCD_ELSEWHERE"),
        (RETURNED, [*SURVIVORS, REGISTERED, node("other", "192.0.2.11")], ETCD, "AMBIGUOUS_NODE"),
        (WORKER, [*SURVIVORS, REGISTERED], ETCD, "NOT_A_MASTER"),
        # It was retired once and serves as a worker now.
        (HARMLESS._replace(units=(RUNNING,)), [*SURVIVORS, REGISTERED], ETCD, "NOT_A_MASTER"),
        # A worker whose kubelet happens to be stopped.
        (WORKER._replace(units=(MASKED,)), [*SURVIVORS, REGISTERED], ETCD, "NOT_A_MASTER"),
        (RETURNED._replace(ca_digest="other"), SURVIVORS, ETCD, "OTHER_CLUSTER"),
        (RETURNED._replace(ca_digest=""), SURVIVORS, ETCD, "OTHER_CLUSTER"),
        (WORKER._replace(ca_digest="other"), SURVIVORS, ETCD, "OTHER_CLUSTER"),
    ],
)
def test_machines_that_may_be_in_use_are_refused(residue: Residue, nodes: list[Node], etcd: Etcd, code: str) -> None:
    with pytest.raises(Unsafe) as caught:
        decided(residue, nodes, etcd)
    assert caught.value.code == code


def test_without_a_survivor_to_compare_with_nothing_is_retired() -> None:
    with pytest.raises(Unsafe) as caught:
        decide(RETURNED._replace(ca_digest=""), nodes=SURVIVORS, etcd=ETCD, vip=VIP, ca_digest="")
    assert caught.value.code == "OTHER_CLUSTER"


@pytest.mark.parametrize(
    ("residue", "words"),
    [
        (HARMLESS._replace(manifests=("/m/a.yaml", "/m/b.yaml")), "static pods /m/a.yaml, /m/b.yaml"),
        (HARMLESS._replace(kubelet_config="/k"), "kubelet's kubeconfig /k"),
        (HARMLESS._replace(etcd_data="/e"), "etcd data /e"),
        (HARMLESS._replace(listening=(2379, 6443)), "listening ports 2379, 6443"),
        (HARMLESS._replace(pods=("1 etcd",)), "pod processes 1 etcd"),
        (HARMLESS._replace(vip=VIP + "/32"), "the VIP 192.0.2.10/32"),
        (HARMLESS._replace(units=(MASKED._replace(active=True),)), "running units kubelet"),
        (
            HARMLESS._replace(units=(MASKED._replace(enabled=True),)),
            "enabled units kubelet",
        ),
    ],
)
def test_each_remainder_is_work_and_named(residue: Residue, words: str) -> None:
    assert left(residue, nodes=SURVIVORS, vip=VIP) == [words]
    assert decided(residue, SURVIVORS).needed
    assert left(HARMLESS, nodes=SURVIVORS, vip=VIP) == []


def test_a_node_that_came_back_under_any_of_its_names_is_left() -> None:
    assert left(HARMLESS, nodes=[*SURVIVORS, REGISTERED], vip=VIP) == ["the Node object master-1"]
    elsewhere = node("old", "192.0.2.99")
    assert left(HARMLESS, nodes=[*SURVIVORS, elsewhere], vip=VIP, node_name="old") == ["the Node object old"]
    assert left(HARMLESS, nodes=[*SURVIVORS, elsewhere], vip=VIP) == []
    with_vip = HARMLESS._replace(addresses=(VIP,))
    assert left(with_vip, nodes=[*SURVIVORS, node("master-3", VIP)], vip=VIP) == []
