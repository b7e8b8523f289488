"""The addresses this host carries, on any interface: the host service of Cloudpods moves them from eth0 to br0."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner, output_of

Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

# One line for each address. Not `-j`: the iproute of CentOS 7, which older clusters run on, has no JSON.
ARGV = ("ip", "-o", "address", "show")


def addresses(run: Runner) -> t.Dict[str, str]:
    """Return {address: interface} in the order of `ip`, without loopback and link-local ones. Raises CommandFailed."""
    return {str(interface.ip): name for interface, name in carried(run)}


def carried(run: Runner) -> t.List[t.Tuple[Interface, str]]:
    """Return the same as pairs of the address with its prefix length and the interface. Raises CommandFailed."""
    return parse(output_of(run, ARGV, program="ip"))


def parse(text: str) -> t.List[t.Tuple[Interface, str]]:
    """Read what `ip -o address show` prints. Raises CommandFailed for a line that is something else."""
    found: t.List[t.Tuple[Interface, str]] = []
    for line in filter(str.strip, text.splitlines()):
        # "2: eth0    inet 192.0.2.12/24 brd 192.0.2.255 scope global eth0\       valid_lft forever ..."
        words = line.split()
        if len(words) < 4:
            raise CommandFailed("ip", 0, "its answer is not a list of addresses: {0!r}".format(line[:120]))
        if words[2] not in ("inet", "inet6"):
            continue
        try:
            address = ipaddress.ip_interface(words[3])
        except ValueError:
            raise CommandFailed("ip", 0, "its answer is not a list of addresses: {0!r}".format(line[:120])) from None
        if not address.ip.is_loopback and not address.ip.is_link_local:
            found.append((address, words[1].split("@")[0].rstrip(":")))
    return found
