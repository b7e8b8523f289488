# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of `k3s server`: command line, environment, config.yaml and config.yaml.d, merged in k3s's order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CONFIG = "/etc/rancher/k3s/config.yaml"

_TABLE = [
    line.split() for line in (Path(__file__).parent / "flags.txt").read_text().splitlines() if not line.startswith("#")
]
KINDS = {name: kind for name, kind, _short, _variable in _TABLE}
SHORT = {short: name for name, _kind, short, _variable in _TABLE if short != "-"}
ENVIRONMENT = {name: variable for name, _kind, _short, variable in _TABLE if variable != "-"}
# Lists whose values may stand in one word, with commas between.
SPLIT = frozenset("node-ip node-external-ip cluster-cidr service-cidr cluster-dns tls-san disable".split())
SECRET = ("token", "agent-token", "etcd-s3-access-key", "etcd-s3-secret-key", "datastore-endpoint", "vpn-auth")
# What unquoted words mean to K3s's YAML reader.
BOOLEANS = {**dict.fromkeys(("yes", "on", "Yes", "On"), "true"), **dict.fromkeys(("no", "off", "No", "Off"), "false")}
TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
DEFAULTS = {
    "data-dir": "/var/lib/rancher/k3s",
    "cluster-cidr": "10.42.0.0/16",
    "service-cidr": "10.43.0.0/16",
    "cluster-domain": "cluster.local",
    "flannel-backend": "vxlan",
    "egress-selector-mode": "agent",
    "write-kubeconfig": "/etc/rancher/k3s/k3s.yaml",
    "write-kubeconfig-mode": "600",
    "default-local-storage-path": "",
}


class Refused(Exception):
    """A reason for which `k3s` ends with level=fatal."""


def _scalar(text: str, where: str) -> str:
    text = text.strip()
    if text[:1] == '"':
        found = re.match(r'"(?:[^"\\]|\\.)*"', text)
        if not found or text[found.end() :].split("#")[0].strip():
            raise Refused(f"{where}: the stand-in does not understand this string")
        return str(json.loads(found[0]))
    if text[:1] == "'":
        found = re.match(r"'(?:[^']|'')*'", text)
        if not found or text[found.end() :].split("#")[0].strip():
            raise Refused(f"{where}: the stand-in does not understand this string")
        return found[0][1:-1].replace("''", "'")
    if text[:1] in ("{", "&", "*", "|", ">", "!", "[") and text not in ("[]", "{}"):
        raise Refused(f"{where}: the stand-in reads scalars and lists of scalars only")
    plain = re.split(r"\s#", text)[0].strip()
    if re.fullmatch(r"0[0-7]+", plain):
        return str(int(plain, 8))  # to K3s's YAML reader 0644 is 420
    return BOOLEANS.get(plain, plain)


def read_yaml(text: str, where: str = CONFIG) -> dict[str, str | list[str]]:
    """A mapping of scalars and lists of scalars; anything else is refused rather than misread."""
    if text.lstrip()[:1] == "{":
        return {k: [str(i) for i in v] if isinstance(v, list) else str(v) for k, v in json.loads(text).items()}
    found: dict[str, str | list[str]] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), 1):
        spot = f"{where}:{number}"
        bare = line.strip()
        if not bare or bare.startswith("#") or bare in ("---", "..."):
            continue
        if bare == "-" or bare.startswith("- "):
            items = found.get(key)
            if not key or (not isinstance(items, list) and items != ""):
                raise Refused(f"{spot}: a list item without its key")
            found[key] = [*(items or []), _scalar(bare[1:], spot)]
            continue
        match = re.match(r"""^(?:"([\w+-]+)"|'([\w+-]+)'|([\w+-]+)):(?:\s+(.*))?$""", line)
        if not match:
            raise Refused(f"{spot}: the stand-in reads scalars and lists of scalars only")
        key, rest = match[1] or match[2] or match[3], (match[4] or "").strip()
        if key in found:
            raise Refused(f"{spot}: the key {key} is there twice")
        if rest.startswith("[") and rest.split(" #")[0].rstrip().endswith("]"):
            inner = rest.split(" #")[0].strip()[1:-1]
            found[key] = [_scalar(item, spot) for item in inner.split(",") if item.strip()]
        else:
            found[key] = "" if rest.startswith("#") else _scalar(rest, spot)
    return found


def merge(files: Iterable[Mapping[str, str | list[str]]]) -> dict[str, str | list[str]]:
    """Later files replace a key; a key that ends in + is added to what is there."""
    whole: dict[str, str | list[str]] = {}
    for one in files:
        for key, value in one.items():
            if not key.endswith("+"):
                whole[key] = value
                continue
            there = whole.get(key[:-1], [])
            as_list = [there] if isinstance(there, str) else list(there)
            whole[key[:-1]] = as_list + ([value] if isinstance(value, str) else list(value))
    return whole


def as_arguments(values: Mapping[str, str | list[str]]) -> list[str]:
    made = []
    for key, value in values.items():
        dashes = "-" if len(key) == 1 else "--"
        made += [f"{dashes}{key}={item}" for item in ([value] if isinstance(value, str) else value)]
    return made


@dataclass(frozen=True)
class Settings:
    """The flags in force: name -> its values in order; ``arguments`` as they would stand on one command line."""

    values: Mapping[str, tuple[str, ...]]
    arguments: tuple[str, ...]

    def text(self, name: str) -> str:
        return self.values[name][-1] if self.values.get(name) else DEFAULTS.get(name, "")

    def texts(self, name: str) -> tuple[str, ...]:
        given = self.values.get(name) or ((DEFAULTS[name],) if DEFAULTS.get(name) else ())
        return tuple(part for value in given for part in (value.split(",") if name in SPLIT else [value]))

    def true(self, name: str) -> bool:
        return self.text(name) in TRUE


def parse(arguments: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Flag -> its values. Like K3s's parser it stops at the first word that is no flag, and passes over the rest."""
    found: dict[str, list[str]] = {}
    forms: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        given, equals, value = rest.pop(0).lstrip("-").partition("=")
        name = SHORT.get(given, given)
        if name not in KINDS:
            raise Refused(f"flag provided but not defined: -{given}")
        if forms.setdefault(name, given) != given:
            raise Refused(f"Cannot use two forms of the same flag: {given} {forms[name]}")
        if KINDS[name] == "bool":
            value = value if equals else "true"
            if value not in TRUE + FALSE:
                raise Refused(f'invalid boolean value "{value}" for -{given}: parse error')
        elif not equals:
            if not rest:
                raise Refused(f"flag needs an argument: -{given}")
            value = rest.pop(0)
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """What is in force: the environment, over it the configuration's files, over them the command line.

    Lists of the files and of the command line add up. A key of a file that is no flag is passed over.
    """
    own = parse(arguments)
    path = Path(environment.get("K3S_CONFIG_FILE") or own.get("config", (CONFIG,))[-1])
    parts = [path, *sorted(p for p in Path(f"{path}.d").glob("*") if p.suffix in (".yaml", ".yml"))]
    files = [read_yaml(p.read_text(), str(p)) for p in parts if p.exists()]
    known = {key: value for key, value in merge(files).items() if SHORT.get(key, key) in KINDS}
    whole = (*as_arguments(known), *arguments)
    values = parse(whole)
    for name, variable in ENVIRONMENT.items():
        if name not in values and environment.get(variable):
            values[name] = (environment[variable],)
    return Settings(values, whole)


def shown(arguments: Sequence[str]) -> list[str]:
    """Arguments as the annotation k3s.io/node-args shows them: one word each, secrets hidden."""
    words, hide = ["server"], False
    for word in arguments:
        name, equals, value = word.lstrip("-").partition("=")
        if hide:
            words, hide = [*words, "********"], False
        elif word.startswith("-") and SHORT.get(name, name) in SECRET:
            words, hide = [*words, word.partition("=")[0], *(["********"] if equals else [])], not equals
        else:
            words += [word.partition("=")[0], value] if equals and word.startswith("-") else [word]
    return words


def dns(settings: Settings) -> tuple[str, ...]:
    """The address of the cluster's DNS: as given, or the tenth of the services' range."""
    service = settings.texts("service-cidr")[0]
    return settings.texts("cluster-dns") or (service.split("/")[0].rsplit(".", 1)[0] + ".10",)


def critical(settings: Settings) -> dict[str, object]:
    """What all servers of a cluster must agree on (CriticalControlArgs of pkg/daemons/config/types.go)."""
    flags = "disable-cloud-controller disable-helm-controller disable-network-policy secrets-encryption"
    flags += " embedded-registry flannel-ipv6-masq flannel-external-ip"
    return {
        **{name: list(settings.texts(name)) for name in ("cluster-cidr", "service-cidr")},
        "cluster-dns": list(dns(settings)),
        **{name: settings.text(name) for name in ("cluster-domain", "flannel-backend", "egress-selector-mode")},
        **{name: settings.true(name) for name in flags.split()},
        "disable-service-lb": "servicelb" in settings.texts("disable"),
    }
