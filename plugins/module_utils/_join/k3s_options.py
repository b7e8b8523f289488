"""Reads the options of K3s from its unit and its configuration files. Pure.

Sources: the K3s documentation, "Configuration Options", and k3s, pkg/configfilearg/parser.go and pkg/cli/cmds.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

EXEC_START = re.compile(r"^ExecStart=(?:[^\n]*\\\n)*[^\n]*$", re.MULTILINE)
_SHORT = {
    "c": "config",
    "d": "data-dir",
    "i": "node-ip",
    "l": "log",
    "o": "write-kubeconfig",
    "s": "server",
    "t": "token",
}
# Options without a value, of K3s 1.28 to 1.33 (source: k3s, pkg/cli/cmds). Any other one takes the next word.
_SWITCHES = frozenset(
    (
        "alsologtostderr",
        "cluster-init",
        "cluster-reset",
        "debug",
        "disable-agent",
        "disable-apiserver",
        "disable-cloud-controller",
        "disable-controller-manager",
        "disable-default-registry-endpoint",
        "disable-etcd",
        "disable-helm-controller",
        "disable-kube-proxy",
        "disable-network-policy",
        "disable-scheduler",
        "docker",
        "embedded-registry",
        "enable-pprof",
        "etcd-disable-snapshots",
        "etcd-expose-metrics",
        "etcd-s3",
        "etcd-s3-insecure",
        "etcd-s3-skip-ssl-verify",
        "etcd-snapshot-compress",
        "flannel-external-ip",
        "flannel-ipv6-masq",
        "h",
        "help",
        "kine-tls",
        "multi-cluster-cidr",
        "nonroot-devices",
        "prefer-bundled-bin",
        "protect-kernel-defaults",
        "rootless",
        "secrets-encryption",
        "selinux",
        "supervisor-metrics",
        "tls-san-security",
        "version",
        "with-node-id",
    )
)


def command_line(unit: str) -> t.List[str]:
    """The arguments of `k3s server` in a unit file, those before `server` too. Raises HaError when the unit starts something else."""
    match = EXEC_START.search(unit)
    text = match.group(0).partition("=")[2].replace("\\\n", " ") if match else ""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    program = words[0].lstrip("@-:+!").rpartition("/")[2] if words else ""
    if program.endswith("k3s-server"):
        return words[1:]
    at = _subcommand(words[1:]) if program.endswith("k3s") else None
    if at is None or words[1 + at] != "server":
        raise HaError("the unit of K3s does not start 'k3s server'")
    return [*words[1 : 1 + at], *words[2 + at :]]


def _subcommand(words: t.Sequence[str]) -> t.Optional[int]:
    """The index of the first word that is neither an option nor the value of one; None without one."""
    index = 0
    while index < len(words):
        if not words[index].startswith("-"):
            return index
        index += 2 if _takes_next(words[index], words[index + 1 : index + 2]) else 1
    return None


def options(words: t.Sequence[str]) -> Json:
    """Arguments in the form of a configuration file: a repeated option is a list, an option without a value is true."""
    found: Json = {}
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if not word.startswith("-"):
            raise HaError("the argument {0!r} of k3s is not supported".format(word))
        name, equals, value = word.lstrip("-").partition("=")
        name = _SHORT.get(name, name)
        read: t.Any = value
        if not equals:
            follows = _takes_next(word, words[index : index + 1])
            read = words[index] if follows else True
            index += follows
        found[name] = [*listed(found[name]), read] if name in found else read
    return found


def _takes_next(word: str, after: t.Sequence[str]) -> bool:
    """Whether the next word is this option's value. K3s takes any word for it, one with a dash too, unless the option is a switch."""
    name, equals, _value = word.lstrip("-").partition("=")
    return bool(after) and not equals and _SHORT.get(name, name) not in _SWITCHES


def merged(files: t.Sequence[t.Any], arguments: Json) -> Json:
    """Configuration files in the order K3s reads them, then the command line.

    A later file replaces an earlier value, or adds to it if the key ends in +. Values of the command line are added: K3s reads such an option twice,
    which adds to a list; for a single value, the last one wins. Raises HaError for a file that is not a mapping.
    """
    result: Json = {}
    for content in files:
        if content is None:
            continue
        if not isinstance(content, t.Mapping):
            raise HaError("a configuration file of K3s is not a mapping")
        for key, value in content.items():
            name = long_name(str(key)).rstrip("+")
            result[name] = _added(result, name, value) if str(key).endswith("+") else value
    for name, value in arguments.items():
        result[name] = _added(result, name, value)
    return result


def long_name(key: str) -> str:
    """The long name of an option, with its optional trailing +."""
    name = key.rstrip("+")
    return _SHORT.get(name, name) + key[len(name) :]


def _added(former: Json, name: str, value: t.Any) -> t.Any:
    if name not in former or former[name] == value:
        return value
    return [*listed(former[name]), *listed(value)]


def listed(value: t.Any) -> t.List[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
