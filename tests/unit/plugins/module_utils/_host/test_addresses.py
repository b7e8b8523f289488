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
