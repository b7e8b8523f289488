"""The addresses of this host, on any interface: the host service of Cloudpods moves them from eth0 to br0."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import INSIDE_INTERFACE
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner, output_of

Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

# One line for each address. Not `-j`: the iproute of CentOS 7, which older clusters run on, has no JSON.
ARGV = ("ip", "-o", "address", "show")

# Interfaces with addresses of Services, not of the host: those of kube-proxy, kube-router, Antrea and the DNS cache.
_NOT_OURS = re.compile(r"kube-ipvs|kube-dummy|antrea-egress|dummy|nodelocaldns")


def addresses(run: Runner) -> t.Dict[str, str]:
    """Return {address: interface} in the order of `ip`, networks of pods and virtual machines last.

    Loopback, link-local and Service addresses are left out. Raises CommandFailed.
    """
    return {str(interface.ip): name for interface, name in carried(run)}


def carried(run: Runner) -> t.List[t.Tuple[Interface, str]]:
    """Return pairs of an address with its prefix length and its interface, in the same order. Raises CommandFailed."""
    return parse(output_of(run, ARGV, program="ip"))


def parse(text: str) -> t.List[t.Tuple[Interface, str]]:
    """Parse the output of `ip -o address show`. Raises CommandFailed for any other line."""
    found: t.List[t.Tuple[Interface, str]] = []
    for line in filter(str.strip, text.splitlines()):
        # "2: eth0    inet 192.0.2.12/24 brd 192.0.2.255 scope global eth0\       valid_lft forever ..."
        words = line.split()
        if len(words) < 4:
            raise CommandFailed("ip", 0, "its output is not a list of addresses: {0!r}".format(line[:120]))
        if words[2] not in ("inet", "inet6"):
            continue
        try:
            address = ipaddress.ip_interface(words[3])
        except ValueError:
            raise CommandFailed("ip", 0, "its output is not a list of addresses: {0!r}".format(line[:120])) from None
        name = words[1].split("@")[0].rstrip(":")
        if not address.ip.is_loopback and not address.ip.is_link_local and not _NOT_OURS.match(name):
            found.append((address, name))
    return sorted(found, key=lambda pair: bool(INSIDE_INTERFACE.match(pair[1])))


def routes(run: Runner) -> t.List[t.Dict[str, str]]:
    """The host's routes as {to, dev, via, src, metric}, without those into networks of pods and virtual machines; none where `ip` fails."""
    found: t.List[t.Dict[str, str]] = []
    for family, everything in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        rc, out, _err = run(("ip", family, "-o", "route", "show"))
        for line in out.splitlines() if rc == 0 else ():
            # "192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.14 metric 100"; other kinds of routes begin with a word.
            words = line.replace("\\", " ").split()
            after = dict(zip(words, words[1:]))
            to = everything if words[:1] == ["default"] else words[0] if words else ""
            if after.get("dev") and _is_network(to) and not INSIDE_INTERFACE.match(after["dev"]):
                named = {key: after.get(key, "") for key in ("dev", "via", "src")}
                found.append({"to": to, **named, "metric": after.get("metric", "0")})
    return found


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def default_route(run: Runner, found: t.Mapping[str, str]) -> str:
    """The host's address of the default route, from {address: interface}; empty without one."""
    for version in (4, 6):
        rc, out, _err = run(("ip", "-{0}".format(version), "-o", "route", "show", "default"))
        for line in out.splitlines() if rc == 0 else ():
            words = line.replace("\\", " ").split()
            after = dict(zip(words, words[1:]))
            name = after.get("dev", "")
            # One may lead into a network of pods or virtual machines, whatever its metric.
            if not name or INSIDE_INTERFACE.match(name):
                continue
            if after.get("src") in found:
                return after["src"]
            own = [item for item in found if found[item] == name and ipaddress.ip_address(item).version == version]
            if own:
                return own[0]
    return ""
