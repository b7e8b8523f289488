"""Masking of secrets in ocboot's output and in the files it writes, and the comparison of such files. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import ast
import difflib
import json
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

# The line of success. A run that did nothing also ends with exit code 0, but without it.
SUCCESS = "Initialized successfully!"
# Plain text in YAML, so that a masked file can still be parsed.
MASK = "(hidden)"

_SECRET_WORD = r"[\w.-]{0,60}(?:passw(?:or)?d|token|secret|certificate[_-]key|private[_-]key)[\w.-]{0,60}"  # noqa: S105
_QUOTED = r"u?'(?:[^'\\\n]|\\.)*'|u?\"(?:[^\"\\\n]|\\.)*\""
_QUOTED_TWICE = r"\\{1,16}[\"'](?:(?!\\{1,16}[\"'])[^\n])*\\{1,16}[\"']"
_VALUE = r"(?P<value>" + _QUOTED_TWICE + "|" + _QUOTED + r"|[^\s,}\"'\\][^\s\"']*)"
# A line of YAML, or of text for a person: everything after the colon.
_LINE = re.compile(r"(?im)^(?P<key>[ \t]*(?:-[ \t]+)?[\"']?" + _SECRET_WORD + r"[\"']?:[ \t]+)(?P<value>\S.*)$")
_ASSIGNED = re.compile(r"(?i)(?P<key>\b" + _SECRET_WORD + r"\\{0,16}[\"']?[ \t]{0,80}[:=][ \t]{0,80})" + _VALUE)
# A unit file may break its command line after each word.
_OPTION = re.compile(r"(?i)(?P<key>--" + _SECRET_WORD + r"[\s\\]+)" + _VALUE)
# The variable of a static pod: name and value are on two lines.
_VARIABLE = re.compile(r"(?i)(?P<key>name:\s*[\"']?" + _SECRET_WORD + r"[\"']?\s*\n\s*value:[ \t]*)(?P<value>[^\n]+)")
_PRINTED = re.compile(r"(?m)^\s*\"?(?P<key>[\w-]*password[\w-]*)\"?:\s*(?P<value>\"(?:[^\"\\]|\\.)*\")\s*$")
# YAML's escapes of some invisible characters.
_SHORT = {"\0": "0", "\a": "a", "\b": "b", "\x1b": "e", "\xa0": "_", "\ufeff": "ufeff"}
_SLASHES = r"\\{1,16}"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def yaml_value(value: t.Any) -> str:
    """A value as YAML on one line, in ASCII only, since the default encoding of ocboot's Python is unknown.

    Strings are always quoted, so none is read as a number, a boolean or a tag.
    """
    if isinstance(value, str):
        return '"' + "".join(map(_character, value)) + '"'
    if isinstance(value, t.Mapping):
        return "{" + ", ".join(yaml_value(str(key)) + ": " + yaml_value(item) for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    return json.dumps(value)


def _character(char: str) -> str:
    number = ord(char)
    if char in '"\\':
        return "\\" + char
    if 0x20 <= number < 0x7F:
        return char
    return "\\u{0:04x}".format(number) if number <= 0xFFFF else "\\U{0:08x}".format(number)


def secrets_in(rendered: str) -> t.Tuple[str, ...]:
    """The passwords in a file that yaml_value() wrote."""
    # The quoting of yaml_value() is also Python's.
    return tuple(str(ast.literal_eval(match.group("value"))) for match in _PRINTED.finditer(rendered))


def masked(text: str, secrets: t.Iterable[str] = ()) -> str:
    """The text with MASK instead of these secrets, in any spelling of YAML, JSON, Python, a shell or a URL, and of what follows a word like password."""
    text = _COLOURS.sub("", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret.strip():
            text = re.sub(_any_spelling(secret), MASK, text)
    for pattern in (_VARIABLE, _LINE, _OPTION, _ASSIGNED):
        text = pattern.sub(lambda match: match.group("key") + MASK, text)
    return text


def _any_spelling(secret: str) -> str:
    """A regular expression for a secret whose characters may each be quoted several times, and whose line may be broken.

    All repetitions are bounded, so that no output makes the search take hours.
    """
    parts = re.findall(r"[\\'\"]+|\s+|[^\\'\"\s]", secret.strip())
    broken = "(?:" + _SLASHES + r"\n[ \t]{0,80}\\?)?"
    return broken.join(map(_any_part, parts))


def _any_part(part: str) -> str:
    if part.isspace():
        return r"(?:\s|\\|(?<=\\)(?:[ntrNLP_]|(?i:x[0-9a-f]{2}|u[0-9a-f]{4}))|\+|(?i:%[0-9a-f]{2})){1,80}"
    if part[0] in "\\'\"":
        # The number varies: quoting twice doubles backslashes twice, and a shell's quotes are closed and opened again.
        # A long line may be broken between two of them.
        return r"(?:[\\'\"]|(?i:%5c|%27|%22)|(?<=\\)(?i:u00|x)(?i:5c|27|22)|(?<=\\)\n[ \t]{0,80}){1,80}"
    number = ord(part)
    units = part.encode("utf-16-be", "surrogatepass")
    numbers = ["u{0:04x}".format(int.from_bytes(units[i : i + 2], "big")) for i in range(0, len(units), 2)]
    found = [r"\\{0,16}" + re.escape(part)]
    found.append(_SLASHES + _SLASHES.join("(?i:" + item + ")" for item in numbers))
    found.append(_SLASHES + "(?i:" + ("U{0:08x}" if number > 0xFF else "x{0:02x}").format(number) + ")")
    if part in _SHORT:
        found.append(_SLASHES + _SHORT[part])
    found.append("(?i:" + "".join("%{0:02x}".format(byte) for byte in part.encode("utf-8", "surrogatepass")) + ")")
    return "(?:" + "|".join(found) + ")"


def verdict(rc: int, output: str) -> str:
    """Why a run failed, "" when ocboot reports success, which does not mean that the Node is Ready."""
    if rc != 0:
        return "ocboot ended with exit code {0}".format(rc)
    if SUCCESS not in _COLOURS.sub("", output):
        return "ocboot ended with exit code 0 but did not print {0!r}, so the run is incomplete".format(SUCCESS)
    return ""


def differences(before: t.Mapping[str, Json], after: t.Mapping[str, Json]) -> t.List[Json]:
    """{path, change, lines} for each file that differs; `change` is changed, removed or new. Both sides are {PATH: {sha256, text}}, the text masked."""
    found = []
    for path in sorted({*before, *after}):
        old, new = before.get(path) or {}, after.get(path) or {}
        if old.get("sha256", "") == new.get("sha256", ""):
            continue
        change = "changed" if old.get("sha256") and new.get("sha256") else "removed" if old.get("sha256") else "new"
        texts = [str(side.get("text") or "").splitlines() for side in (old, new)]
        # The first two lines of the format would name the files.
        lines = list(difflib.unified_diff(texts[0], texts[1], n=0, lineterm=""))[2:]
        found.append({"path": path, "change": change, "lines": lines or ["only secrets differ; they are not shown"]})
    return found
