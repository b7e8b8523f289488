"""What the console shows of a run: events in, lines out. Pure; the callback `progress` prints them.

A line that is `live` replaces the one before it on a terminal; elsewhere it is printed at intervals.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import textwrap
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._console import waits
from ansible_collections.cloudpods.ha.plugins.module_utils._format import duration, printable
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

WIDTH = 100
# Seconds without news after which a wait says again how it stands, where lines can't be renewed in place.
INTERVAL = 30
FIRST = 5
_HIDDEN_ROLES = ("journal", "report")
_HEADINGS = {"discovery": "discovery"}
# The first task of each phase.
_BEGINS = "phase | Record the start time of "


@dataclasses.dataclass(frozen=True)
class Line:
    """`kind` is heading, done, note, wait, refusal, warning or end; it decides the colour."""

    kind: str
    text: str
    live: bool = False


@dataclasses.dataclass
class _Now:
    """The task that runs now: its bare name, since when, its wait, the last thing it said, and when a wait was shown last."""

    name: str = ""
    role: str = ""
    since: float = 0.0
    wait: t.Optional[waits.Wait] = None
    item: str = ""
    said: str = ""
    shown: t.Optional[float] = None


class View:
    """Follows one run. Every method returns the lines that are new; `at` is a monotonic clock in seconds."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._start = 0.0
        self._phase = ""
        self._now = _Now()
        self._warnings: t.List[str] = []
        self._failure: t.Optional[t.Tuple[str, str]] = None
        self._refusals: t.List[Json] = []
        self._changed = 0

    def begin(self, playbook: str, at: float) -> t.List[Line]:
        self._start = at
        return [Line("heading", playbook)]

    def task(self, name: str, at: float) -> t.List[Line]:
        """A task starts. `name` is its full name, with its role."""
        role, _colon, bare = name.rpartition(" : ")
        role = role.rpartition(".")[2]
        self._now = _Now(bare or name, role, at, waits.of(name))
        phase = _HEADINGS.get(role, "")
        if self._now.name.startswith(_BEGINS):
            phase = self._now.name[len(_BEGINS) :]
        lines = []
        if phase and phase != self._phase:
            self._phase = phase
            lines.append(Line("heading", "{0:>7}  {1}".format(_clock(at - self._start), phase)))
        if self._terminal and role not in _HIDDEN_ROLES and not self._now.name.startswith("Validating arguments"):
            lines.append(Line("wait", "         .. {0}".format(_clean(self._now.name)), live=True))
        return lines

    def result(self, result: Json, at: float, *, item: str = "") -> t.List[Line]:
        """A task, or an item of its loop, is done."""
        now = self._now
        self._remember(result)
        lines = []
        if now.wait is not None and now.shown is not None:
            waited = at - now.since
            text = "waited {0} for {1}{2}".format(duration(waited), now.wait.what, _of(item))
            lines.append(Line("done", "         ok {0}".format(text)))
            now.shown, now.since = None, at
        if result.get("changed"):
            self._changed += 1
            if now.role not in _HIDDEN_ROLES:
                lines += _wrapped("done", "         ok ", _clean(now.name) + _of(item))
        return lines

    def note(self, text: t.Any) -> t.List[Line]:
        """What a task of debug says."""
        parts = text if isinstance(text, (list, tuple)) else [text]
        return [line for part in parts if part for line in _wrapped("note", "            ", str(part))]

    def retry(self, result: Json, at: float, *, item: str = "") -> t.List[Line]:
        """An attempt of a task that waits has not succeeded yet."""
        self._now.item = item
        wait = self._now.wait or waits.Wait(_clean(self._now.name))
        self._now.wait = wait
        return self._waiting(waits.left(wait, result), at, news=False)

    def said(self, text: str, at: float) -> t.Optional[t.List[Line]]:
        """A message that an action prints while it runs. None: it is none of a wait, and is shown as it is."""
        if self._now.wait is None:
            return None
        return self._waiting(text.strip(), at, news=True) if text.strip() else []

    def _waiting(self, said: str, at: float, *, news: bool) -> t.List[Line]:
        now = self._now
        wait = now.wait or waits.Wait(now.name)
        changed = said != now.said
        now.said = said or now.said
        elapsed = at - now.since
        due = (now.shown is None and elapsed >= FIRST) or (now.shown is not None and at - now.shown >= INTERVAL)
        if not self._terminal and not due and not (news and changed):
            return []
        now.shown = at
        usual = ", usually {0}".format(wait.usual) if wait.usual else ""
        text = "waiting for {0}{1}: {2}{3}".format(wait.what, _of(now.item), duration(elapsed), usual)
        text = text + "; " + now.said if now.said else text
        return [Line("wait", "         .. " + text, live=True)]

    def failed(self, reason: str) -> t.List[Line]:
        """A task failed. It is shown at the end, if nothing mended it."""
        self._failure = (_clean(self._now.name), reason)
        return []

    def warned(self, text: str) -> t.List[Line]:
        """A warning is kept for the end, once."""
        bare = " ".join(text.split())
        for prefix in ("[WARNING]: ", "[DEPRECATION WARNING]: "):
            bare = bare[len(prefix) :] if bare.startswith(prefix) else bare
        if bare and bare not in self._warnings:
            self._warnings.append(bare)
        return []

    def end(self, at: float, *, failed: bool) -> t.List[Line]:
        """The run is over: warnings, then why it stopped, then how long it took."""
        lines = [line for text in self._warnings for line in _wrapped("warning", "  warning: ", text)]
        if failed:
            lines += self._block()
        word = "stopped" if failed else "finished"
        lines.append(
            Line(
                "failed" if failed else "end",
                "{0:>7}  {1}, {2} changes".format(_clock(at - self._start), word, self._changed),
            )
        )
        return lines

    def _block(self) -> t.Iterator[Line]:
        task, reason = self._failure or ("", "no reason was given")
        refused = [item for item in self._refusals if "[{0}]".format(item["code"]) in reason]
        if refused:
            for item in refused:
                yield Line("refusal", "  REFUSED [{0}]".format(item["code"]))
                yield from _wrapped("refusal", "    seen:  ", str(item["observed"]))
                yield from _wrapped("refusal", "    to do: ", str(item["remedy"]))
            return
        code, _bracket, rest = reason.partition("] ")
        if reason.startswith("[") and rest and code[1:].replace("_", "").isalnum() and code[1:].isupper():
            yield Line("refusal", "  REFUSED {0}]".format(code))
            yield from _wrapped("refusal", "    ", rest)
            return
        yield Line("refusal", "  STOPPED at: {0}".format(task))
        yield from _wrapped("refusal", "    ", reason)

    def _remember(self, result: Json) -> None:
        facts = result.get("ansible_facts")
        plan = facts.get("discovery_plan") if isinstance(facts, t.Mapping) else None
        if isinstance(plan, t.Mapping):
            self._refusals = [dict(item) for item in plan.get("refusals") or []]


def _clean(name: str) -> str:
    """A task's name without the file it is in: 'delete | Delete the Node master-1' -> 'Delete the Node master-1'."""
    return name.rpartition(" | ")[2] or name


def _of(item: str) -> str:
    return " ({0})".format(item) if item else ""


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    if whole < 3600:
        return "{0}:{1:02d}".format(whole // 60, whole % 60)
    return "{0}:{1:02d}:{2:02d}".format(whole // 3600, whole % 3600 // 60, whole % 60)


def _wrapped(kind: str, lead: str, text: str) -> t.List[Line]:
    """The text at the width of the console, after `lead`, with what would control a terminal taken out."""
    plain = printable(" ".join(text.split()))
    parts = textwrap.wrap(plain, WIDTH - len(lead), break_long_words=False, break_on_hyphens=False) or [""]
    return [Line(kind, (lead if number == 0 else " " * len(lead)) + part) for number, part in enumerate(parts)]
