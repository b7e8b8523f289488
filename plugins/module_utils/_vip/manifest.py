"""Reads and edits the text of the keepalived static pod that ocboot and ocadm write. Pure.

The text is edited in place, not parsed and rewritten: comments, order and quoting stay as they are,
and a target host need not have PyYAML. Only block style is supported: a line `- name: X` and a line `value: Y`.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import ast
import hashlib
import ipaddress
import json
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Keepalived

PRIORITY = "KEEPALIVED_PRIORITY"
VIRTUAL_IPS = "KEEPALIVED_VIRTUAL_IPS"
STATE = "KEEPALIVED_STATE"
PASSWORD = "KEEPALIVED_PASSWORD"  # noqa: S105  the name of a variable
ROUTER_ID = "KEEPALIVED_ROUTER_ID"
NODE_IP = "KEEPALIVED_NODE_IP"
INTERFACE = "KEEPALIVED_INTERFACE"
UNICAST = "KEEPALIVED_UNICAST_PEERS"
CHECK = "CHECK_KUBE_CMD"

BACKUP_PRIORITY = 90
# 255 is for a router that owns the address (RFC 5798).
HIGHEST_PRIORITY = 254

_LIST_PREFIX = "#PYTHON2BASH:"
_PLAIN = r"[^\s\"'#&*!|>%@`{}\[\],?:-](?:(?!\s\#|:\s).)*?"
_KEY = re.compile(
    r"""(?P<indent>\ *)(?P<dash>-\ +)?(?P<key>name|value)\ *:\ +
        (?P<scalar>'(?:[^']|'')*' | "(?:[^"\\]|\\.)*" | """
    + _PLAIN
    + r""")(?:\s+\#.*|\s*)""",
    re.VERBOSE,
)
_DASH = re.compile(r"(?P<indent> *)(?P<dash>- +)\S")
_COMMENT = re.compile(r"""((?<!\w)(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"))|(?:(?<=\s)|^)\#[^\n]*""", re.MULTILINE)
# A name in any style: a mapping in braces, quoted keys, a tag or an anchor, the value on the next line.
_NAMED = re.compile(
    r"""(?<![\w"'])["']?name["']?\s*:\s*(?:(?:[!&]\S*|[|>][-+0-9]*)\s+)*["']?((?:KEEPALIVED|CHECK)_[A-Z_]+)(?![\w])"""
)
_ESCAPES = {"\\": "\\", '"': '"', "/": "/", "t": "\t", " ": " ", "0": "\0", "n": "\n"}
# Plain words that YAML 1.1 (which kubelet reads) does not read as strings.
_NOT_STRINGS = frozenset(("y", "yes", "n", "no", "true", "false", "on", "off", "null"))
_SAFE_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_SAFE_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")


class _Scalar(t.NamedTuple):
    """A one-line value: the position of its text in the file (including quotes) and the string it means."""

    start: int
    end: int
    source: str
    value: str


def read(text: str) -> Keepalived:
    """Parse a manifest. Raises HaError if it is not a keepalived manifest; no error quotes a value."""
    entries = _entries(text)
    values = {name: _one(entries, name).value for name in (PRIORITY, STATE, ROUTER_ID, INTERFACE, NODE_IP, PASSWORD)}
    if not re.fullmatch(r"[0-9]{1,3}", values[PRIORITY]) or not 1 <= int(values[PRIORITY]) <= 255:
        raise HaError("{0} in the keepalived manifest is not a number from 1 to 255".format(PRIORITY))
    if values[STATE] not in ("MASTER", "BACKUP"):
        raise HaError("{0} in the keepalived manifest is neither MASTER nor BACKUP".format(STATE))
    if not re.fullmatch(r"[0-9]{1,3}", values[ROUTER_ID]) or int(values[ROUTER_ID]) > 255:
        raise HaError("{0} in the keepalived manifest is not a number from 0 to 255".format(ROUTER_ID))
    for name in (INTERFACE, NODE_IP):
        if not values[name]:
            raise HaError("{0} in the keepalived manifest is empty".format(name))
    vips = _vips(_one(entries, VIRTUAL_IPS).value)
    secret = json.dumps([sorted(vips), int(values[ROUTER_ID]), values[PASSWORD]])
    return Keepalived(
        priority=int(values[PRIORITY]),
        state=values[STATE],
        router_id=values[ROUTER_ID],
        interface=values[INTERFACE],
        node_ip=values[NODE_IP],
        vips=vips,
        identity=hashlib.sha256(secret.encode("utf-8")).hexdigest(),
        copy_error=_copy_error(text, values[NODE_IP]),
    )


def _copy_error(text: str, node_ip: str) -> str:
    """Why the manifest of a new host can't be made from this one; empty if it can. Found out by making one."""
    # Addresses for documentation; the survivor's own one is another.
    others = ("2001:db8::1", "2001:db8::2") if ":" in node_ip else ("192.0.2.1", "192.0.2.2")
    try:
        _moved(text, node_ip, next(item for item in others if item != node_ip), "eth0")
    except HaError as exc:
        return str(exc)
    return ""


def with_values(text: str, values: t.Mapping[str, str]) -> str:
    """Return the text with the values of these env entries replaced and every other byte unchanged.

    Raises HaError when an entry is missing, occurs twice or has a value that is not a string on one line.
    """
    entries = _entries(text)
    edits = [(_one(entries, name), value) for name, value in values.items()]
    for scalar, value in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        if scalar.value != value or not (scalar.source[0] in "'\"" or _plain_string(value)):
            text = text[: scalar.start] + _written(value, style=scalar.source[0]) + text[scalar.end :]
    return text


def take_over(text: str, priority: int) -> str:
    """Return the manifest of the host that takes the VIP over, with this VRRP priority.

    Raises HaError for a text that is not a keepalived manifest, or an invalid priority.
    """
    read(text)
    if not 1 <= priority <= HIGHEST_PRIORITY:
        raise HaError("{0} is not a priority from 1 to {1}".format(priority, HIGHEST_PRIORITY))
    return with_values(text, {PRIORITY: str(priority), STATE: "MASTER"})


def for_new_host(text: str, node_ip: str, interface: str) -> str:
    """Return the manifest of a host that joins as BACKUP, made from a survivor's, with the same VIP, router ID and password.

    Raises HaError for a text that is not a keepalived manifest, when an argument is not an address or an interface name, or when
    the survivor's own address remains in the result.
    """
    return _moved(text, read(text).node_ip, node_ip, interface)


def _moved(text: str, old_ip: str, node_ip: str, interface: str) -> str:
    try:
        ipaddress.ip_address(node_ip)
    except ValueError:
        raise HaError("{0!r} is not an IP address".format(node_ip)) from None
    if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,15}", interface):
        raise HaError("{0!r} is not the name of a network interface".format(interface))
    values = {PRIORITY: str(BACKUP_PRIORITY), STATE: "BACKUP", NODE_IP: node_ip, INTERFACE: interface}
    entries = _entries(text)
    if UNICAST in entries:
        raise HaError(
            "the keepalived manifest lists its peers in {0}; write the new host's manifest by hand".format(UNICAST)
        )
    if CHECK in entries:
        command = _one(entries, CHECK).value
        values.update(
            {CHECK: _address(old_ip).sub(lambda _match: node_ip, command)} if _address(old_ip).search(command) else {}
        )
    result = with_values(text, values)
    if node_ip != old_ip and _address(old_ip).search(result):
        raise HaError(
            "the keepalived manifest names {0} outside of {1} and {2}; write the new host's manifest by hand".format(
                old_ip, NODE_IP, CHECK
            )
        )
    return result


def _vips(value: str) -> t.Tuple[str, ...]:
    unreadable = HaError(
        "{0} in the keepalived manifest is not a list like {1}['ADDRESS']".format(VIRTUAL_IPS, _LIST_PREFIX)
    )
    if not value.startswith(_LIST_PREFIX):
        raise unreadable
    try:
        items = ast.literal_eval(value[len(_LIST_PREFIX) :].strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise unreadable from None
    if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
        raise unreadable
    try:
        return tuple(str(ipaddress.ip_interface(item).ip) for item in items)
    except ValueError:
        raise unreadable from None


def _address(ip: str) -> t.Pattern[str]:
    """Match an address that is not part of a longer one."""
    if ":" in ip:
        return re.compile(r"(?<![0-9A-Fa-f:])" + re.escape(ip) + r"(?![0-9A-Fa-f:])", re.IGNORECASE)
    return re.compile(r"(?<![0-9])(?<![0-9]\.)" + re.escape(ip) + r"(?!\.?[0-9])")


def _one(entries: t.Mapping[str, t.Sequence[t.Optional[_Scalar]]], name: str) -> _Scalar:
    found = entries.get(name, ())
    if not found:
        raise HaError("the keepalived manifest has no env entry {0}".format(name))
    if len(found) > 1:
        raise HaError("the keepalived manifest has the env entry {0} {1} times".format(name, len(found)))
    if found[0] is None:
        raise HaError(
            "the env entry {0} of the keepalived manifest has no value that is a string on one line".format(name)
        )
    return found[0]


def _entries(text: str) -> t.Dict[str, t.List[t.Optional[_Scalar]]]:
    """Find list items with a name; None is a value that is missing or in an unsupported form, such as a whole item in another style."""
    found: t.Dict[str, t.List[t.Optional[_Scalar]]] = {}
    lines: t.List[t.Tuple[int, str]] = []
    offset = 0
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            lines.append((offset, line))
        offset += len(line) + 1
    for index, (_offset, line) in enumerate(lines):
        match = _DASH.match(line)
        if match:
            keys = _item(lines[index:], column=match.end("dash"))
            if keys.get("name"):
                found.setdefault(t.cast(_Scalar, keys["name"]).value, []).append(keys.get("value"))
    named = _NAMED.findall(_COMMENT.sub(lambda match: match.group(1) or "", text))
    for name in sorted(set(named)):
        missed = named.count(name) - len(found.get(name, ()))
        if missed > 0:
            found.setdefault(name, []).extend([None] * missed)
    return found


def _item(lines: t.Sequence[t.Tuple[int, str]], *, column: int) -> t.Dict[str, t.Optional[_Scalar]]:
    """Read name and value of one list item, whose keys are in this column, in either order."""
    keys: t.Dict[str, t.Optional[_Scalar]] = {}
    latest = ""
    for number, (offset, line) in enumerate(lines):
        indent = len(line) - len(line.lstrip(" "))
        if number and indent < column:
            break
        if number and (indent > column or line[column] == "-"):
            if latest:
                keys[latest] = None  # the value continues here
            continue
        match = _KEY.fullmatch(line)
        latest = match.group("key") if match else ""
        if match:
            # A duplicate key is ambiguous.
            keys[latest] = None if latest in keys else _scalar(match, offset)
    return keys


def _scalar(match: t.Match[str], offset: int) -> t.Optional[_Scalar]:
    source = match.group("scalar")
    value: t.Optional[str] = source
    if source.startswith("'"):
        value = source[1:-1].replace("''", "'")
    elif source.startswith('"'):
        escapes = re.findall(r"\\(.)", source[1:-1])
        value = None
        if all(char in _ESCAPES for char in escapes):
            value = re.sub(r"\\(.)", lambda found: _ESCAPES[found.group(1)], source[1:-1])
    return (
        None if value is None else _Scalar(offset + match.start("scalar"), offset + match.end("scalar"), source, value)
    )


def _plain_string(value: str) -> bool:
    """Whether YAML reads these characters as a string without quotes; False when in doubt."""
    return bool(_SAFE_IPV4.fullmatch(value) or (_SAFE_WORD.fullmatch(value) and value.lower() not in _NOT_STRINGS))


def _written(value: str, *, style: str) -> str:
    """Write a value in the quotes of its predecessor; a plain one gets quotes unless YAML reads it as a string."""
    if not re.fullmatch(r"[ -~]*", value):
        raise HaError("a value for the keepalived manifest may only hold printable ASCII characters")
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and _plain_string(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
