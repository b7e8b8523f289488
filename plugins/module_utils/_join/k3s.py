"""Composes the setup of a new K3s server from the setup of a running one. Pure.

K3s takes its options from files, from its command line and from its environment. They are merged into one file, with the names of the command
line, so that the new server gets the survivor's options (hazard K7) except those of that host alone. Sources: the K3s documentation,
"Configuration Options", and k3s, pkg/configfilearg/parser.go and pkg/cli/cmds/server.go.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S_DATA, K3S_PROGRAM
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import address
from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s_options import (
    EXEC_START,
    command_line,
    listed,
    long_name,
    merged,
    options,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

# Options of one host, and options that start a new cluster (hazard K8).
NODE_OPTIONS = frozenset(
    (
        "node-ip",
        "node-external-ip",
        "node-internal-dns",
        "node-external-dns",
        "node-name",
        "advertise-address",
        "bind-address",
        "cluster-init",
        "cluster-reset",
        "cluster-reset-restore-path",
        "server",
        "token",
        "token-file",
    )
)
_NODE_ENVIRONMENT = frozenset(
    (
        "K3S_NODE_NAME",
        "K3S_URL",
        "K3S_TOKEN",
        "K3S_TOKEN_FILE",
        "K3S_CLUSTER_INIT",
        "K3S_CLUSTER_RESET",
        "K3S_DATA_DIR",
    )
)
# Options that choose the cluster of the new server. No override can change them.
_NO_OVERRIDE = NODE_OPTIONS - frozenset(
    (
        "node-external-ip",
        "node-internal-dns",
        "node-external-dns",
        "node-name",
        "advertise-address",
        "bind-address",
    )
)
# With one of these, unless it is a switch that is off, the server has no embedded etcd, or its Node gets an unpredictable name.
_UNSUPPORTED = (
    "with-node-id",
    "datastore-endpoint",
    "disable-etcd",
    "disable-apiserver",
    "disable-controller-manager",
    "disable-agent",
    # Options in a file that was not read.
    "config",
)
# How a switch is turned off, as Go reads it.
_OFF = ("false", "f", "0", "")
_TEXTS = ("datastore-endpoint", "config")
# Environment variables with the same effect: configuration or data are elsewhere.
_UNSUPPORTED_ENVIRONMENT = frozenset(("K3S_CONFIG_FILE", "K3S_DATASTORE_ENDPOINT"))
# May contain the survivor's own address: the certificate then has an additional name.
_OWN_ADDRESS_IS_HARMLESS = frozenset(("tls-san",))
_ENVIRONMENT = re.compile(r"^[ \t]*Environment[ \t]*=(.*)$", re.MULTILINE)
_STARTS = re.compile(r"^[ \t]*ExecStart[ \t]*=", re.MULTILINE)
# After an address: the prefix length of a network.
_NETWORK = r"(?!/(?!(?:32|128)\b)\d)"
_IPV6 = r"(?<![\w.:])[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?![\w.:])"
_PATH = re.compile(r"(?:^|=)(/[^\s,=:]+)$")


@dataclasses.dataclass(frozen=True)
class JoinFiles:
    """The files and settings of the joining host.

    `config` holds the token. `environments` are files {path, content}. `referenced` are files that the options name, which must exist too.
    """

    config: Json
    unit: str
    environments: t.Tuple[t.Mapping[str, str], ...] = ()
    referenced: t.Tuple[str, ...] = ()


def full_token(token: str, ca: str) -> str:
    """The token with the SHA-256 of the cluster's CA (a PEM text) as prefix, by which a joining server verifies the cluster."""
    if token.startswith("K10"):
        return token
    return "K10{0}::server:{1}".format(hashlib.sha256(ca.encode()).hexdigest(), token)


def join_files(
    *,
    server: Json,
    files: t.Sequence[t.Any],
    own_ip: str,
    own_names: t.Sequence[str],
    endpoint: str,
    ip: str,
    addresses: t.Sequence[str] = (),
    overrides: t.Optional[Json] = None,
) -> JoinFiles:
    """The setup of a host with the address `ip` that joins through `endpoint` (https://SURVIVOR:6443) as a server like the survivor.

    `server` is the result of module k3s_server_info, `files` the parsed contents of its configuration files. The new address replaces the survivor's.
    `addresses` are those of the new Node, one of each family, where it has more than `ip`.
    An override that is None removes an option; none can change the cluster of the new server. Raises HaError when an option names the survivor in another
    way: an override must then give the new host's value.
    """
    _check_environment(server)
    found = merged(files, options(command_line(server["unit"])))
    wanted = {long_name(key): value for key, value in (overrides or {}).items()}
    node_ip = _node_ip(found, addresses or (ip,))
    own = _values(found, "node-ip")
    moves = {address(old): new for old in own for new in node_ip.split(",") if _family(old) == _family(new)}
    moves[address(own_ip)] = ip
    names = [name for name in map(address, own_names) if name and name not in moves]
    config = {
        key: _moved(key, value, moves=moves, own_names=names)
        for key, value in found.items()
        if key not in NODE_OPTIONS and key not in wanted
    }
    config.update(
        {key: value for key, value in wanted.items() if value is not None and key.rstrip("+") not in _NO_OVERRIDE}
    )
    for item in (found, config):
        if str(item.get("data-dir", K3S_DATA)).rstrip("/") != K3S_DATA:
            raise HaError("the survivor's data-dir is {0}; only {1} is supported".format(item["data-dir"], K3S_DATA))
    strange = [key for key in _UNSUPPORTED if _is_set(key, config.get(key))]
    if strange:
        raise HaError("the setup of a server with the option {0} can't be copied".format(" and ".join(strange)))
    config.update({"server": endpoint, "token": full_token(server["token"], server["ca"]), "node-ip": node_ip})
    return JoinFiles(
        config=config,
        unit=EXEC_START.sub(lambda _match: "ExecStart={0} server".format(K3S_PROGRAM), server["unit"], count=1),
        environments=tuple({**item, "content": _environment(item["content"])} for item in server["environments"]),
        referenced=tuple(_paths(config)),
    )


def _is_set(key: str, value: t.Any) -> bool:
    if key in _TEXTS or not value:
        return bool(value)
    return any(str(item).lower() not in _OFF for item in listed(value))


def _values(config: Json, *names: str) -> t.List[str]:
    """The addresses and networks in these options, which may be lists or hold commas."""
    words = [word.strip() for name in names for value in listed(config.get(name, "")) for word in str(value).split(",")]
    return [word for word in words if _family(word)]


def _family(text: str) -> int:
    """4 or 6 for an address or a network; 0 for any other text."""
    try:
        return ipaddress.ip_interface(text).version
    except ValueError:
        return 0


def _node_ip(survivor: Json, addresses: t.Sequence[str]) -> str:
    """The option node-ip of the new host: one address of each family that the survivor's networks have, in the survivor's order.

    Raises HaError where an address is missing: K3s would refuse to start.
    """
    order = [_family(item) for item in _values(survivor, "node-ip", "cluster-cidr", "service-cidr")]
    by_family = {_family(item): item for item in reversed(addresses)}
    order = list(dict.fromkeys(order)) or [_family(addresses[0])]
    missing = ["IPv{0}".format(family) for family in order if family not in by_family]
    if missing:
        raise HaError(
            "the survivor's networks need an address of {0} too, which the new host does not have (it has {1})".format(
                " and ".join(missing), ", ".join(addresses)
            )
        )
    return ",".join(by_family[family] for family in order)


def foreign_settings(found: t.Iterable[str], more: Json, own: t.Collection[str]) -> t.List[str]:
    """The files among `found` that K3s would read in addition to its new ones (`own`).

    `more` are the folders and files that K3s reads, as module k3s_server_info returns them.
    """
    return sorted(
        path
        for path in set(found) - set(own)
        if path in more["files"] or path.rpartition("/")[0] in [folder.rstrip("/") for folder in more["folders"]]
    )


def secrets(token: str) -> t.List[str]:
    """The secret parts of a token: the token itself, and its password with and without the user prefix."""
    login = token.partition("::")[2]
    return [word for word in (token, login, login.partition(":")[2]) if word]


def _check_environment(server: Json) -> None:
    """Refuse settings outside the configuration, which could take precedence over it."""
    for item in server.get("unit_drop_ins") or ():
        if _STARTS.search(item["content"]):
            raise HaError("{0} overrides the start command of the K3s unit, which can't be copied".format(item["path"]))
    for item in ({"path": "the unit of K3s", "content": server["unit"]}, *(server.get("unit_drop_ins") or ())):
        text = "\n".join(_ENVIRONMENT.findall(item["content"]))
        _refuse_variables(item["path"], text, _UNSUPPORTED_ENVIRONMENT | _NODE_ENVIRONMENT)
    for item in server["environments"]:
        lines = [line for line in item["content"].splitlines() if not line.lstrip().startswith(("#", ";"))]
        _refuse_variables(item["path"], "\n".join(lines), _UNSUPPORTED_ENVIRONMENT)


def _refuse_variables(path: str, text: str, names: t.Iterable[str]) -> None:
    found = [name for name in sorted(names) if re.search(r"(?<!\w){0}\s*=".format(name), text)]
    if found:
        raise HaError("{0} sets {1}, which can't be copied".format(path, " and ".join(found)))


def _moved(key: str, value: t.Any, *, moves: t.Mapping[str, str], own_names: t.Sequence[str]) -> t.Any:
    """A value with the new host's addresses in place of the survivor's (`moves`). Both are known in any spelling."""
    if key in _OWN_ADDRESS_IS_HARMLESS:
        return value
    if isinstance(value, (list, tuple)):
        return [_moved(key, item, moves=moves, own_names=own_names) for item in value]
    text = str(value)
    for old, new in moves.items():
        for match in reversed(list(_found(old, text))):
            text = text[: match.start()] + new + text[match.end() :]
    bound = next((name for name in own_names if list(_found(name, text, after=_NETWORK))), None)
    if bound is not None:
        raise HaError(
            "the survivor's option {0} names that host itself ({1}); set the new host's value in replace_master_k3s_config".format(
                key, bound
            )
        )
    return value if text == str(value) else text


def _found(name: str, text: str, *, after: str = "") -> t.Iterator[re.Match[str]]:
    """Where a text has an address or a host name that is not part of a longer one. A port may follow, and a domain after a name.

    An IPv6 address may be spelt in many ways, and a name in any case.
    """
    if ":" in name:
        words = re.finditer(_IPV6 + after, text)
        yield from (match for match in words if address(match.group()) == name)
        return
    before, behind = (r"\w.", r"\w.") if re.fullmatch(r"[\d.]+", name) else (r"\w.-", r"\w-")
    pattern = r"(?<![{0}]){1}(?![{2}])".format(before, re.escape(name), behind)
    yield from re.finditer(pattern + after, text, re.IGNORECASE)


def _environment(text: str) -> str:
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in _NODE_ENVIRONMENT]
    return "".join(line + "\n" for line in kept)


def _paths(config: Json) -> t.Iterator[str]:
    """Files outside K3s's own folder that an option names, alone or as NAME=PATH."""
    for key, value in sorted(config.items()):
        for item in listed(value):
            match = _PATH.search(str(item))
            if match and key not in ("data-dir", "default-local-storage-path", "write-kubeconfig"):
                yield match.group(1)
