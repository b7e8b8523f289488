"""The operator's settings: conversion of text to values, and every reason why the values can't be used."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import difflib
import ipaddress
import json
import math
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import JOIN_PHASES
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import policy, unproven

# Bounds of numbers, lowest and highest. Types, allowed values and defaults are in the role replace_master.
BOUNDS: t.Mapping[str, t.Tuple[float, float]] = {
    "minimum_down": (1, 86400 * 365),
    "maximum_skew": (0.1, 3600),
    "drives_at_once": (1, 1000),
    "ocboot_timeout": (1, 86400 * 7),
    "manual_timeout": (1, 86400 * 7),
}
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PLAN_ID = re.compile(r"[0-9a-fA-F]{12}")
_SHA256 = re.compile(r"(sha256:)?[0-9a-fA-F]{64}")
# YAML's words for no value, which -e gives as text.
_NOTHING = ("null", "Null", "NULL", "~")
# Records, facts and results that a run makes, and hands from role to role.
MADE = frozenset(
    """
    ha_backup ha_connection ha_journal ha_plan ha_settings
    replace_master_consent replace_master_phase replace_master_settings
    discovery_api discovery_cluster discovery_connection discovery_keep_kubeconfig discovery_lost_addresses discovery_plan discovery_report discovery_times
    backup_result etcd_cleanup_result join_ocboot_result join_result journal_result node_removal_result ocboot_config_result report_result report_results
    stateful_recovery_result verify_result vip_result
    """.split()
)
_WORDS = {"list": "a list", "dict": "a mapping", "int": "a whole number", "float": "a number", "bool": "true or false"}


def misspelt(given: t.Iterable[str], known: t.Collection[str], *, prefix: str = "replace_master_") -> t.Iterator[str]:
    """Yield a sentence for each unknown variable, with the nearest known one."""
    for name in sorted(set(given) - set(known)):
        near = [
            prefix + word
            for word in difflib.get_close_matches(name[len(prefix) :], [word[len(prefix) :] for word in known], n=1)
        ]
        yield "The variable {0} does not exist{1}".format(name, "; did you mean {0}?".format(near[0]) if near else ".")


def from_text(name: str, option: Json, value: t.Any, *, parse: t.Callable[[str], t.Any]) -> t.Any:
    """Convert a value that came as text, as from the command line, to its option's type. Raises HaError with one sentence.

    A list may be one name, names with commas between them, or YAML or JSON in brackets; one of mappings may be a single mapping. A mapping is YAML or JSON,
    which `parse` reads: it raises ValueError for anything else.
    """
    kind = str(option.get("type", "str"))
    of_mappings = option.get("elements") == "dict"
    if value is None or (kind in ("list", "dict") and str(value).strip() in _NOTHING):
        raise HaError("{0} has no value. Set a value, or remove the variable.".format(name))
    if isinstance(value, str) and kind in ("list", "dict"):
        value = _from_yaml(name, kind, value, parse, of_mappings=of_mappings)
    if of_mappings and isinstance(value, t.Mapping):
        value = [value]
    wrong = {
        "list": not isinstance(value, (list, tuple)),
        "dict": not isinstance(value, t.Mapping),
        "int": isinstance(value, (bool, float)) or not re.fullmatch(r"[+-]?\d+", str(value).strip()),
        "float": isinstance(value, bool) or not _is_number(value),
        "bool": not isinstance(value, bool)
        and str(value).strip().lower() not in ("true", "false", "yes", "no", "on", "off", "1", "0"),
        "str": isinstance(value, (list, tuple, t.Mapping)),
        "path": isinstance(value, (list, tuple, t.Mapping)),
    }
    if wrong.get(kind):
        raise HaError("{0} is {1!r}, which is not {2}.".format(name, value, _WORDS.get(kind, "text")))
    if of_mappings:
        return [_mapping(name, item, parse) for item in value]
    for key in value if kind == "dict" else ():
        if not isinstance(key, str):
            raise HaError("{0} has the key {1}, which is not text.".format(name, _shown(key)))
    return value


def _mapping(name: str, item: t.Any, parse: t.Callable[[str], t.Any]) -> t.Any:
    """An item of a list of mappings, which may be text."""
    try:
        found = parse(item) if isinstance(item, str) else item
    except ValueError:
        found = None
    if not isinstance(found, t.Mapping):
        raise HaError("{0} has the item {1}, which is not a mapping.".format(name, _shown(item)))
    return found


def _shown(value: t.Any) -> str:
    """A value as YAML and JSON write it, not as Python does."""
    return json.dumps(value, default=str, ensure_ascii=False)[:120]


def _from_yaml(name: str, kind: str, text: str, parse: t.Callable[[str], t.Any], *, of_mappings: bool) -> t.Any:
    bare = text.strip()
    # A block of YAML has a dash and a blank in front of each item; a quoted name is YAML too. Mappings have no names.
    if kind == "list" and not (of_mappings and bare) and bare[:1] not in ("[", "{", "'", '"') and bare[:2] != "- ":
        return [part.strip() for part in bare.split(",") if part.strip()]
    try:
        value = parse(bare)
    except ValueError:
        raise HaError("{0} is neither YAML nor JSON: {1!r}.".format(name, bare[:120])) from None
    return [value] if kind == "list" and isinstance(value, (str, t.Mapping)) else value


def _is_number(value: t.Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def made_elsewhere(known: t.Collection[str], extra: t.Collection[str]) -> t.Iterator[str]:
    """Yield a sentence for what a run would take for its own: extra variables, and the results of a replacement before it, whose variables are `known`."""
    given = sorted(MADE.intersection(extra))
    for name in given:
        yield "{0} is made by the run itself: leave it out of the extra variables.".format(name)
    if not given and "replace_master_consent" in known:
        yield "This ansible-playbook has carried out a replacement already: run it once for each lost master."


def limited(pattern: str) -> t.Iterator[str]:
    """Yield a sentence if Ansible runs for a part of the inventory, given by the pattern of --limit."""
    if pattern:
        yield (
            "Run without --limit {0}: every survivor must be read, and the run adds a host of its own, on which it cleans up."
        ).format(pattern)


def problems(
    settings: Json, groups: t.Mapping[str, t.Sequence[str]], *, prefix: str = "replace_master_"
) -> t.Iterator[str]:
    """Yield a sentence for each reason why these settings (typed, keys without the prefix) can't be used with the groups of this inventory."""
    lost = settings["lost"]
    if not lost:
        yield "Name the lost node: -e {0}lost=NAME (the name or address of its Node).".format(prefix)
    elif not _is_address(lost) and not _NODE_NAME.fullmatch(lost):
        yield "{0}lost is {1!r}, which is neither a Node name (lower case letters, digits, '-' and '.') nor an address.".format(
            prefix, lost
        )
    for key in ("survivors", "replacement"):
        if settings[key] not in groups:
            yield "The inventory has no group '{0}' ({1}{2}); see inventories/ for an example.".format(
                settings[key], prefix, key
            )
    both = sorted(set(groups.get(settings["survivors"], ())) & set(groups.get(settings["replacement"], ())))
    if both:
        yield "The groups '{1}' and '{2}' both contain {0}.".format(
            ", ".join(both), settings["survivors"], settings["replacement"]
        )
    for key, (lowest, highest) in BOUNDS.items():
        if not lowest <= settings[key] <= highest:
            yield "{0}{1} is {2}; it must be from {3:g} to {4:g}.".format(prefix, key, settings[key], lowest, highest)
    yield from _values(settings, prefix)
    yield from _addresses(settings, groups, prefix)
    for check, values in (
        (policy.check, settings["claim_policies"]),
        (policy.check_names, settings["discard"]),
        (unproven.check_groups, settings["accept_unproven"]),
        (unproven.check_objects, settings["give_up_objects"]),
    ):
        try:
            check(values)
        except HaError as exc:
            text = str(exc)
            yield text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _values(settings: Json, prefix: str) -> t.Iterator[str]:
    for name in settings["join_skip_phases"]:
        # kubeadm would say so when the member and the Node are gone.
        if name not in JOIN_PHASES:
            yield "{0}join_skip_phases has {1!r}, which is no phase of kubeadm join. Its phases are {2}.".format(
                prefix, name, ", ".join(JOIN_PHASES)
            )
    if settings["etcdctl"] and not _SHA256.fullmatch(settings["etcdctl_checksum"]):
        yield "{0}etcdctl needs {0}etcdctl_checksum, its SHA-256 in 64 hexadecimal digits.".format(prefix)
    if settings["join_method"] == "ocboot" and not settings["ocboot_checkout"]:
        yield "{0}join_method is ocboot, so {0}ocboot_checkout must name ocboot's folder.".format(prefix)
    if settings["plan"] and not _PLAN_ID.fullmatch(settings["plan"]):
        yield "{0}plan is {1!r}; the ID of a plan has 12 hexadecimal digits, and inspect_master shows it.".format(
            prefix, settings["plan"]
        )


def _addresses(settings: Json, groups: t.Mapping[str, t.Sequence[str]], prefix: str) -> t.Iterator[str]:
    hosts = {host for key in ("survivors", "replacement") for host in groups.get(settings[key], ())}
    for host, address in settings["addresses"].items():
        if host not in hosts:
            yield "{0}addresses names {1}, which is neither a survivor nor a replacement of this inventory.".format(
                prefix, host
            )
        if not _is_address(str(address)):
            yield "{0}addresses gives {1} {2!r}, which is not an IP address.".format(prefix, host, address)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def request(settings: Json, table: t.Sequence[Json]) -> Request:
    """The operator's request, from checked settings.

    The operator's policies need no approval and come first. A loss by the collection's own table needs an approval by name, unless the table says that a name
    is not enough. Raises HaError when a policy can't be applied.
    """
    policies = (*settings["claim_policies"], *({"approval": True, **item} for item in table))
    policy.check(policies)
    policy.check_names(settings["discard"])
    return Request(
        lost=settings["lost"],
        fenced=settings["fenced"],
        provider=settings["provider"],
        minimum_down_seconds=settings["minimum_down"],
        maximum_skew_seconds=settings["maximum_skew"],
        storage_path=settings["storage_path"],
        join_method=settings.get("join_method", "native"),
        join_skip_phases=tuple(settings.get("join_skip_phases", ())),
        policies=policies,
        discard=tuple(settings["discard"]),
        give_up_objects=tuple(settings["give_up_objects"]),
        accept_unproven=tuple(settings["accept_unproven"]),
        drives_at_once=settings["drives_at_once"],
    )
