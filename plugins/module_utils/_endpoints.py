"""Where this host's own API server and etcd member listen, and their node's name, as their configuration says. Reads files, and asks no program."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress
import re
import socket
import typing as t
import urllib.parse

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import API_PORT, Provider, host_port
from ansible_collections.cloudpods.ha.plugins.module_utils._format import address as bare

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  what the configuration says, nothing is bound
_LOOPBACKS = ("127.0.0.1", "::1")


def text_of(path: str) -> str:
    """The text of a file; empty without one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def argument(text: str, name: str) -> str:
    """The value of an argument in a static pod's manifest, or of the line `NAME: VALUE` in etcd's configuration; empty without one.

    An argument is `--NAME=VALUE`, `--NAME VALUE` or two items. Keys of etcd's configuration are not indented; those of a manifest, such as the pod's own
    name, are.
    """
    flag = r"^[ \t]*-[ \t]+[\"']?--{0}(?:[= ]|[\"']?[ \t]*\n[ \t]*-[ \t]+(?!-|[\"']-))[\"']?([^\s\"']+)"
    for form in (flag, r"^{0}:[ \t]*[\"']?([^\s\"']+)"):
        match = re.search(form.format(re.escape(name)), text, re.MULTILINE)
        if match:
            return match.group(1)
    return ""


def advertised(provider: Provider) -> t.List[str]:
    """The addresses that this host's API server, or with K3s its etcd member, tells the others, in their shortest form."""
    if provider.etcd_in_pod:
        return [bare(argument(text_of(provider.manifests + "/kube-apiserver.yaml"), "advertise-address"))]
    return [bare(_split(url)[0]) for url in argument(text_of(provider.etcd_mark), "advertise-client-urls").split(",")]


def api_address(provider: Provider, *, default_port: int = API_PORT) -> t.Tuple[str, int]:
    """The address to which the API server is bound, empty for all of them, and its port."""
    if provider.etcd_in_pod:
        text = text_of(provider.manifests + "/kube-apiserver.yaml")
        address, port = bare(argument(text, "bind-address")), argument(text, "secure-port")
    else:
        # K3s writes its own kubeconfig with the address on which it listens. An administrator may have written the VIP or a load balancer there instead.
        match = re.search(r"^\s*server:\s*[\"']?(\S+?)[\"']?\s*$", text_of(provider.admin_kubeconfig), re.MULTILINE)
        address, port = _split(match.group(1) if match else "")
        if address in (*_LOOPBACKS, *_EVERYWHERE, "localhost"):
            address = ""
        elif not is_carried(address):
            address, port = "", ""
    number = int(port) if port.isdigit() and 0 < int(port) < 65536 else default_port
    return ("" if address in _EVERYWHERE else address), number


def api_port(provider: Provider) -> int:
    """The port of this host's API server."""
    return api_address(provider)[1]


def api_urls(provider: Provider, *, default_port: int = API_PORT, ipv6: bool = False) -> t.List[str]:
    """The URLs at which this host reaches its own API server, in the order of preference."""
    address, port = api_address(provider, default_port=default_port)
    # After an address of its own too: what is written may be old.
    hosts = [*([address] if address else []), _LOOPBACKS[0], *([_LOOPBACKS[1]] if ipv6 else [])]
    return ["https://{0}".format(host_port(item, port)) for item in dict.fromkeys(hosts)]


def is_carried(address: str) -> bool:
    """Whether this host carries an IP address: the kernel then takes it as the source as well. A name is none. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((str(ipaddress.ip_address(address)), 9))
            return bare(probe.getsockname()[0]) == bare(address)
    except (OSError, ValueError):
        return False


def etcd_urls(provider: Provider, name: str, default: str, *, ipv6: bool = False) -> t.List[str]:
    """The URLs of this host's member for `listen-metrics-urls` or `listen-client-urls`, loopback first. `default` is one with 127.0.0.1."""
    found = []
    for url in argument(text_of(provider.etcd_mark), name).split(","):
        address, port = _split(url)
        scheme = url.partition("://")[0]
        if not port:
            continue
        hosts = [address] if address not in _EVERYWHERE else ["::1" if address == "::" else "127.0.0.1"]
        found += ["{0}://{1}".format(scheme, host_port(host, int(port))) for host in hosts]
    found.sort(key=lambda url: _split(url)[0] not in _LOOPBACKS)
    if found:
        return found
    return [default, *([default.replace("127.0.0.1", "[::1]")] if ipv6 else [])]


def node_name(provider: Provider) -> str:
    """The name of this host's Node: its member has it. Empty if this host has no member."""
    return provider.node_of_member(argument(text_of(provider.etcd_mark), "name")).lower()


def foreign_etcd(provider: Provider) -> str:
    """The etcd of this host's API server where it is not a static pod of kubeadm on this host; empty if it is, or without an API server."""
    if not provider.etcd_in_pod or text_of(provider.etcd_mark):
        return ""
    return argument(text_of(provider.manifests + "/kube-apiserver.yaml"), "etcd-servers")


def _split(url: str) -> t.Tuple[str, str]:
    """The host and the port of a URL; empty where there is none."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.hostname or "", str(parts.port or "")
    except ValueError:
        return "", ""
