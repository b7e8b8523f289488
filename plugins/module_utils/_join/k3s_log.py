"""Explains why K3s did not join, from its log and the result of stopping it. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

# Where a line begins, also behind what `journalctl` puts in front of it.
_BEGIN = r"(?:^|\]: )"
# Lines with the reason of a stop: K3s's own word or that of its components, whose lines begin with F, a crash of Go, a program that systemd or the kernel
# did not let run; else the last error.
_REASONS = (
    re.compile(
        _BEGIN
        + r"(?:panic: |fatal error: |runtime: out of memory|unexpected (?:fault address|signal)|SIG[A-Z]+: |Incorrect Usage|F\d{4} \d\d:\d\d:\d\d)|level=fatal"
        r"|flag provided but not defined|Failed at step \w+ spawning|Failed to execute|Exec format error|killed by the OOM killer"
    ),
    re.compile(_BEGIN + r"E\d{4} \d\d:\d\d:\d\d|level=error"),
)
_OF_SYSTEMD = re.compile(
    _BEGIN
    + r"(?:Failed to start|Starting|Stopping|Stopped|Started) |Scheduled restart job|Main process exited|Control process exited"
    r"|Failed with result|Consumed .* CPU time|Start request repeated|Deactivated successfully|Unit process"
)
# The stack of a crash: goroutines, their calls, files with an offset, registers.
_OF_STACK = re.compile(
    _BEGIN
    + r"(?:goroutine \d+|created by |\[signal |[\w./*()\[\]%~,-]+\(.*\)$|[a-z][a-z0-9]+ +0x[0-9a-f]+$)|\+0x[0-9a-f]+$"
)


def failure(log: Json, stopped: Json, started: Json, secrets: t.Collection[str]) -> str:
    """Why K3s did not join, and whether it is stopped: sentences without secrets.

    `log` is the result of `journalctl -o json --all`, `stopped` that of the task that stopped the service, `started` the failure of its start.
    """
    reason = why(str(log.get("stdout") or ""), secrets)
    if not reason:
        said = hidden(str(started.get("msg") or "no reason given"), secrets)
        reason = "its log could not be read" if log.get("rc") != 0 else "it logged nothing"
        reason = "{0}; starting it failed: {1}".format(reason, said)
    # Only a successful module reports a state.
    if stopped.get("state") == "stopped" and not stopped.get("unreachable"):
        return "{0}. K3s is stopped.".format(reason.rstrip("."))
    end = hidden(str(stopped.get("msg") or "no reason given"), secrets)
    return "{0}. K3s COULD NOT BE STOPPED and may go on trying to join: {1}".format(reason.rstrip("."), end)


def why(log: str, secrets: t.Iterable[str]) -> str:
    """The line of K3s's log with the reason of its stop, without secrets: the last fatal one, else the last error, else the last line; empty without a line.

    `log` is what `journalctl -o json --all` printed. A line that is not JSON is used as it is.
    """
    lines = [line.strip() for entry in log.splitlines() for line in _message(entry).splitlines() if line.strip()]
    found = [next((line for line in reversed(lines) if pattern.search(line)), "") for pattern in _REASONS]
    # What systemd says of the service's end, and a stack, say nothing of its reason.
    said = [line for line in lines if not _OF_SYSTEMD.search(line) and not _OF_STACK.search(line)]
    found += [*said[-1:], *lines[-1:]]
    reason = next(filter(None, found), "")
    match = re.search(r'msg="((?:[^"\\]|\\.)*)"', reason)
    return hidden(match.group(1) if match else reason, secrets)


def hidden(text: str, secrets: t.Iterable[str]) -> str:
    """A text of at most 400 characters with three stars for every secret, and \\x.. for unprintable characters."""
    # In a quoted message quotes and backslashes are escaped.
    forms = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1]) if form}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return "".join(char if char.isprintable() else _escaped(char) for char in text)[:400]


def _message(entry: str) -> str:
    """The message of one journal entry. A message that is not UTF-8 is a list of bytes there, a repeated one a list of messages."""
    try:
        message = json.loads(entry)["MESSAGE"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return entry
    parts = message if isinstance(message, list) and not all(isinstance(item, int) for item in message) else [message]
    return "\n".join(_text(part) for part in parts)


def _text(part: t.Any) -> str:
    try:
        return bytes(part).decode("utf-8", "backslashreplace") if isinstance(part, list) else str(part or "")
    except (ValueError, TypeError):
        return str(part)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode()
