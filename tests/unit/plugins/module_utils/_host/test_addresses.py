# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed
from ansible_collections.cloudpods.ha.plugins.module_utils._host import addresses

# iproute2 6.1 (Debian 12), with a VIP on a bridge as keepalived puts it.
DEBIAN = (
    "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"
    "1: lo    inet6 ::1/128 scope host noprefixroute \\       valid_lft forever preferred_lft forever\n"
    "7: br0    inet 192.0.2.12/24 brd 192.0.2.255 scope global br0\\       valid_lft forever preferred_lft forever\n"
    "7: br0    inet 192.0.2.10/32 scope global br0\\       valid_lft forever preferred_lft forever\n"
    "7: br0    inet6 fe80::fc:ff:fe00:1/64 scope link \\       valid_lft forever preferred_lft forever\n"
    "7: br0    inet6 2001:db8::2/64 scope global \\       valid_lft forever preferred_lft forever\n"
    "8: tun0    inet 10.9.0.2 peer 10.9.0.1/32 scope global tun0\\       valid_lft forever preferred_lft forever\n"
)


def saying(out: str, rc: int = 0, err: str = "") -> t.Callable[[t.Sequence[str]], tuple[int, str, str]]:
    return lambda argv: (rc, out, err) if argv[0] == "ip" else (127, "", "")


def test_every_address_with_its_interface() -> None:
    assert addresses.addresses(saying(DEBIAN)) == {
        "192.0.2.12": "br0",
        "192.0.2.10": "br0",
        "2001:db8::2": "br0",
        "10.9.0.2": "tun0",
    }


def test_no_address_at_all() -> None:
    assert addresses.addresses(saying("\n")) == {}


@pytest.mark.parametrize("text", ["Usage: ip", "2: eth0    inet nonsense scope global eth0"])
def test_other_answers_are_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="not a list of addresses"):
        addresses.addresses(saying(text))


def test_a_failure_is_told() -> None:
    with pytest.raises(CommandFailed, match="no such file"):
        addresses.addresses(saying("", rc=127, err="no such file"))


# What flannel, kube-proxy with IPVS, node-local DNS, Docker and libvirt add to a host whose own interface comes last.
CLUSTERED = (
    "3: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\\ \n"
    "4: nodelocaldns    inet 192.0.2.200/32 scope global nodelocaldns\\ \n"
    "5: kube-dummy-if    inet 192.0.2.202/32 scope link kube-dummy-if\\ \n"
    "5: antrea-egress0    inet 192.0.2.203/32 scope global antrea-egress0\\ \n"
    "5: kube-ipvs0    inet6 2001:db8::100/128 scope global \\ \n"
    "5: dummy0    inet 192.0.2.201/32 scope global dummy0\\ \n"
    "6: virbr0    inet 192.168.122.1/24 scope global virbr0\\ \n"
    "7: docker0    inet 172.17.0.1/16 scope global docker0\\ \n"
    "8: br-0123456789ab    inet 172.18.0.1/16 scope global br-0123456789ab\\ \n"
    "9: cni0    inet 10.42.0.1/24 scope global cni0\\ \n"
    "10: flannel.1    inet 10.42.0.0/32 scope global flannel.1\\ \n"
    "11: veth0@if2    inet 10.42.9.9/32 scope global veth0\\ \n"
    "12: cali123    inet 10.42.9.8/32 scope global cali123\\ \n"
    "13: tunl0    inet 10.42.9.7/32 scope global tunl0\\ \n"
    "20: br0    inet 192.0.2.12/24 scope global br0\\ \n"
    "21: br-mgmt    inet 192.0.2.13/24 scope global br-mgmt\\ \n"
)


def test_networks_of_pods_and_virtual_machines_come_last_and_services_not_at_all() -> None:
    found = addresses.addresses(saying(CLUSTERED))
    assert list(found.values()) == [
        *("br0", "br-mgmt"),
        *("virbr0", "docker0", "br-0123456789ab", "cni0", "flannel.1", "veth0", "cali123", "tunl0"),
    ]


OWN = {
    "192.0.2.11": "eth0",
    "192.0.2.12": "br0",
    "192.0.2.13": "br0",
    "2001:db8::12": "br0",
    "10.244.0.1": "cni0",
    "172.17.0.1": "docker0",
}


@pytest.mark.parametrize(
    "name",
    [
        *("vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali", "egress.calico"),
        *("vmnet1", "vboxnet0", "mpqemubr0", "cni0", "br-0123456789ab"),
    ],
)
def test_an_address_of_a_network_inside_the_host_comes_last(name: str) -> None:
    text = "2: {0}    inet 10.9.0.1/24 scope global {0}\\ \n3: eth0    inet 192.0.2.12/24 scope global eth0\\ \n"
    assert list(addresses.addresses(saying(text.format(name)))) == ["192.0.2.12", "10.9.0.1"]


@pytest.mark.parametrize("name", ["br0", "br-mgmt", "bond0", "ens3", "wg0", "eth0.100", "vxlan7"])
def test_an_interface_of_the_host_s_own_comes_first(name: str) -> None:
    text = "2: {0}    inet 192.0.2.12/24 scope global {0}\\ \n3: eth9    inet 192.0.2.13/24 scope global eth9\\ \n"
    assert list(addresses.addresses(saying(text.format(name)))) == ["192.0.2.12", "192.0.2.13"]


def test_routes_are_read_without_those_of_pods_and_of_no_network() -> None:
    ipv4 = (
        "default via 192.0.2.1 dev br0 proto dhcp src 192.0.2.13 metric 100 \n"
        "192.168.122.0/24 dev virbr0 proto kernel scope link src 192.168.122.1 linkdown \n"
        "198.51.100.7 dev eth0 scope link \n"
        "blackhole 10.244.0.0/26 proto bird \n"
        "10.0.0.0/8 proto static \\\tnexthop via 192.0.2.2 dev br0 weight 1 \\\tnexthop via 192.0.2.3 dev br0 \n"
    )
    ipv6 = "2001:db8::/64 dev br0 proto ra metric 9\nunreachable default dev lo metric 4294967295 error -101\n"

    def run(argv: t.Sequence[str]) -> tuple[int, str, str]:
        return 0, ipv4 if argv[1] == "-4" else ipv6, ""

    assert [(item["to"], item["dev"], item["via"], item["src"], item["metric"]) for item in addresses.routes(run)] == [
        ("0.0.0.0/0", "br0", "192.0.2.1", "192.0.2.13", "100"),
        ("198.51.100.7", "eth0", "", "", "0"),
        ("10.0.0.0/8", "br0", "192.0.2.3", "", "0"),
        ("2001:db8::/64", "br0", "", "", "9"),
    ]
    assert addresses.routes(saying("", rc=1)) == []


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "expected"),
    [
        ("default via 192.0.2.1 dev br0 proto dhcp src 192.0.2.13 metric 100 \n", "", "192.0.2.13"),
        ("default via 192.0.2.1 dev br0 onlink \n", "", "192.0.2.12"),
        ("default via 192.0.2.1 dev br0 src 198.51.100.1 \n", "", "192.0.2.12"),
        ("", "default via fe80::1 dev br0 proto ra \n", "2001:db8::12"),
        ("default via 192.0.2.1 dev ppp0 \n", "", ""),
        (
            "default dev docker0 metric 50 \ndefault dev cni0 linkdown \ndefault via 192.0.2.1 dev br0 \n",
            "",
            "192.0.2.12",
        ),
        ("default via 192.0.2.1 dev ppp0 \ndefault via 192.0.2.1 dev br0 \n", "", "192.0.2.12"),
        ("default dev cni0 src 10.244.0.1 \n", "default via fe80::1 dev br0 \n", "2001:db8::12"),
        ("default \\\tnexthop via 192.0.2.1 dev br0 weight 1 \n", "", "192.0.2.12"),
        ("", "", ""),
    ],
)
def test_the_address_of_the_default_route(ipv4: str, ipv6: str, expected: str) -> None:
    def run(argv: t.Sequence[str]) -> tuple[int, str, str]:
        assert list(argv[2:]) == ["-o", "route", "show", "default"]
        return 0, ipv4 if argv[1] == "-4" else ipv6, ""

    assert addresses.default_route(run, OWN) == expected
    assert addresses.default_route(saying("", rc=1), OWN) == ""
