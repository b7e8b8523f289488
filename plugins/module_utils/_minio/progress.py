"""Judges successive polls of a healing MinIO: the news of each, and whether waiting still makes sense.

A poll is what module minio_health_info says of one deployment. MinIO before 2023 drops a heal's numbers at its end, and later
releases restart an incomplete heal and drop those of the previous pass (hazard M3), so the numbers of each poll are kept here.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.cloudpods.ha.plugins.module_utils._format import human
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import host_of

Json = t.Dict[str, t.Any]

# Codes that do not change by waiting, and codes that count only after every poll of a period has shown them.
HOPELESS = ("heal_failed", "deployment_ids_differ", "other_deployment", "standalone")
# Seconds without progress that are told. MinIO updates its numbers once a minute.
_STILL = 60
WAIT, SETTLED, FAILED = "wait", "settled", "hopeless"


@dataclass(frozen=True)
class Limits:
    """Seconds: for a drive that its server refuses, for a stale peer, for a heal with failures that makes no
    progress (and for failing polls), and between two lines without news."""

    settle: int = 20
    stale_peer: int = 45
    heal_stall: int = 300
    quiet: int = 30


@dataclass(frozen=True)
class Heal:
    """The observations of one drive's heal: its last numbers, the furthest progress of any pass and its time, and the most that
    failed in a pass."""

    told: Json
    best: t.Tuple[int, int]
    moved: float
    failed: t.Tuple[int, int]

    @property
    def troubled(self) -> bool:
        """Whether something failed; a restarted pass had failures too, of an unknown number."""
        return any(self.failed) or bool(self.told["retries"])


@dataclass(frozen=True)
class Memory:
    """The state between polls; times are those given to look()."""

    heals: t.Mapping[str, Heal] = field(default_factory=dict)
    since: t.Mapping[t.Tuple[str, str], float] = field(default_factory=dict)
    blind_since: t.Optional[float] = None
    mark: t.Optional[t.Tuple[float, int]] = None
    rate: float = 0.0
    shown: t.Tuple[t.Any, ...] = ()
    shown_at: float = 0.0


@dataclass(frozen=True)
class Look:
    """The verdict on one poll: `state` is wait, settled or hopeless; `why` the sentences of a hopeless one; `line` is empty
    without news."""

    state: str
    line: str = ""
    why: t.Tuple[str, ...] = ()


def look(memory: Memory, result: Json, *, name: str, now: float, limits: Limits) -> t.Tuple[Memory, Look]:
    """Judge one poll by the previous ones. `name` is NAMESPACE/STATEFULSET, `now` any monotonic clock."""
    if result.get("error"):
        since = now if memory.blind_since is None else memory.blind_since
        sentence = str(result["error"])
        # An error that nobody foresaw is not repeated.
        given_up = "gate" not in result or "traceback" in result or now - since >= limits.heal_stall
        memory = replace(memory, blind_since=since)
        return _tell(
            memory,
            ("blind", sentence),
            name + ": could not be checked: " + sentence,
            now,
            limits,
            given_up,
            (sentence,),
        )
    findings = [(str(item["code"]), str(item["sentence"])) for item in result["findings"]]
    heals, ended = _heals(memory, result["drives"], now)
    # All three begin with their pod or drive.
    keys = {(code, sentence.split(" ", 1)[0]): sentence for code, sentence in findings}
    silent = [("silent", d["endpoint"]) for d in result["drives"] if d["healing"] and d["endpoint"] not in heals]
    since_when = {key: memory.since.get(key, now) for key in (*keys, *silent)}
    lasting = {
        "root_drive": limits.settle,
        "drive_refused": max(limits.settle, limits.stale_peer),
        "peer_stale": limits.stale_peer,
        "not_initialized": limits.stale_peer,
    }
    why = [sentence for code, sentence in findings if code in HOPELESS]
    why += [s for key, s in keys.items() if _lasts(key, since_when, lasting, now)]
    why += ended
    why += [
        _stalled(endpoint, heal, now)
        for endpoint, heal in heals.items()
        if heal.troubled and now - heal.moved >= limits.heal_stall
    ]
    memory = _rated(replace(memory, heals=heals, since=since_when, blind_since=None), now)
    if result["settled"] and not why:
        return memory, Look(SETTLED, str(result["msg"]))
    totals = _totals(memory)
    lasted = [sentence for key, sentence in keys.items() if _lasts(key, since_when, lasting, now)]
    findings = [(code, s if code not in lasting or s in lasted else observed(s)) for code, s in findings]
    percent = _percent(totals)
    come = totals["objects"] if percent is None else percent
    still = [_still(name, endpoint, heal, now) for endpoint, heal in heals.items() if now - heal.moved >= _STILL]
    still += [
        _without_numbers(name, key[1], now - since_when[key]) for key in silent if now - since_when[key] >= _STILL
    ]
    signature = (come, totals["failed"], totals["retries"], tuple(sorted(keys)), tuple(sorted(heals)), len(still))
    text = "; ".join(["{0}: {1}".format(name, _line(memory, totals, findings)), *still])
    return _tell(memory, signature, text, now, limits, bool(why), tuple(why))


def _lasts(
    key: t.Tuple[str, str], since: t.Mapping[t.Tuple[str, str], float], lasting: t.Mapping[str, int], now: float
) -> bool:
    return key[0] in lasting and now - since[key] >= lasting[key[0]]


def observed(sentence: str) -> str:
    """What was seen, without the advice: nothing is to be done about what has not lasted."""
    return re.split(r"\. (?=[A-Z])|: (?=MinIO does|mount )|; (?=restart)", sentence, maxsplit=1)[0]


def _tell(
    memory: Memory,
    signature: t.Tuple[t.Any, ...],
    text: str,
    now: float,
    limits: Limits,
    given_up: bool,
    why: t.Tuple[str, ...],
) -> t.Tuple[Memory, Look]:
    news = signature != memory.shown or now - memory.shown_at >= limits.quiet
    if news:
        memory = replace(memory, shown=signature, shown_at=now)
    return memory, Look(FAILED if given_up else WAIT, text if news else "", why if given_up else ())


def _heals(memory: Memory, drives: t.Sequence[Json], now: float) -> t.Tuple[t.Dict[str, Heal], t.List[str]]:
    """The running heals, and a sentence for each that ended with failures that MinIO no longer reports."""
    heals = dict(memory.heals)
    ended = []
    for drive in drives:
        endpoint, told = drive["endpoint"], drive["progress"]
        known = heals.get(endpoint)
        if drive["healing"]:
            if told:
                heals[endpoint] = _followed(known, told, now)
        elif drive["state"] == "ok" and known is not None:
            # Numbers that MinIO keeps after the end are final: the module has judged them.
            if not told and (known.told["objects_failed"] or known.told["bytes_failed"]):
                ended.append(_forgotten(endpoint, known))
            del heals[endpoint]
    return heals, ended


def _followed(known: t.Optional[Heal], told: Json, now: float) -> Heal:
    done = (told["objects_done"] + told["objects_skipped"], told["bytes_done"])
    failed = (told["objects_failed"], told["bytes_failed"])
    if known is None or (told["started"] != known.told["started"] and not known.troubled):
        # One that begins anew before anything was healed has not come further.
        still = known is not None and not any((*done, *known.best))
        return Heal(told, done, known.moved if known is not None and still else now, failed)
    best = (max(done[0], known.best[0]), max(done[1], known.best[1]))
    most = (max(failed[0], known.failed[0]), max(failed[1], known.failed[1]))
    return Heal(told, best, known.moved if best == known.best else now, most)


_DO = "The log of its pod names the objects. Repair or delete them, heal again with `mc admin heal -r ALIAS`, and run again"


def _forgotten(endpoint: str, heal: Heal) -> str:
    return "the heal of {0} ended incomplete: {1} objects ({2} bytes) failed, {3} were healed. {4}".format(
        endpoint, heal.told["objects_failed"], heal.told["bytes_failed"], heal.told["objects_done"], _DO
    )


def _still(name: str, endpoint: str, heal: Heal, now: float) -> str:
    """The sentence for a heal that has not moved for a while. It may go on: MinIO counts an object when it is done."""
    return "{0} has not moved for {1:.0f} s, at {2} objects and {3}. A large object counts only when it is done; {4}".format(
        endpoint, now - heal.moved, heal.best[0], human(heal.best[1]), _look_at(name, endpoint)
    )


def _without_numbers(name: str, endpoint: str, seconds: float) -> str:
    """The sentence for a heal of which MinIO says nothing but that it is under way."""
    return "{0} has been healing for {1:.0f} s, and MinIO does not say how far it is; {2}".format(
        endpoint, seconds, _look_at(name, endpoint)
    )


def _look_at(name: str, endpoint: str) -> str:
    return (
        "see kubectl -n {0} logs {1} for errors. If nothing moves for long, restart that pod alone, kubectl -n {0} delete pod {1}, and wait until it is Ready: "
        "the heal goes on".format(name.partition("/")[0], host_of(endpoint))
    )


def _stalled(endpoint: str, heal: Heal, now: float) -> str:
    failed = "{0} objects ({1} bytes) failed".format(*heal.failed) if any(heal.failed) else "objects failed"
    again = ", this is pass {0}".format(heal.told["retries"] + 1) if heal.told["retries"] else ""
    return (
        "the heal of {0} makes no progress: {1}{2}, and for {3:.0f} s it has been at {4} objects and {5}. {6}".format(
            endpoint, failed, again, now - heal.moved, heal.best[0], human(heal.best[1]), _DO
        )
    )


def _totals(memory: Memory) -> t.Dict[str, int]:
    told = [heal.told for heal in memory.heals.values()]
    names = {
        "objects": "objects_done",
        "objects_total": "objects_total",
        "bytes": "bytes_done",
        "bytes_total": "bytes_total",
        "failed": "objects_failed",
    }
    totals = {key: sum(item[name] for item in told) for key, name in names.items()}
    return {**totals, "retries": max((item["retries"] for item in told), default=0)}


def _rated(memory: Memory, now: float) -> Memory:
    """Bytes per second between the last two polls with different numbers: MinIO updates them only once a minute."""
    done = _totals(memory)["bytes"]
    if memory.mark is None or done < memory.mark[1] or not memory.heals:
        return replace(memory, mark=(now, done) if memory.heals else None, rate=0.0)
    if done == memory.mark[1] or now <= memory.mark[0]:
        return memory
    return replace(memory, mark=(now, done), rate=(done - memory.mark[1]) / (now - memory.mark[0]))


def _percent(totals: t.Mapping[str, int]) -> t.Optional[int]:
    # The total at the start can be less than the actual work.
    return min(99, totals["bytes"] * 100 // totals["bytes_total"]) if totals["bytes_total"] else None


def _line(memory: Memory, totals: t.Mapping[str, int], findings: t.Sequence[t.Tuple[str, str]]) -> str:
    others = "; ".join(sentence for code, sentence in findings if code not in ("healing", "maintenance"))
    if not memory.heals:
        return others or "; ".join(sentence for _code, sentence in findings) or "waiting"
    percent = _percent(totals)
    parts = [
        "healing {0}{1}".format(", ".join(sorted(memory.heals)), "" if percent is None else " {0} %".format(percent)),
        _of(totals, "objects", str) + " objects",
        _of(totals, "bytes", human),
    ]
    if memory.rate:
        parts.append(human(memory.rate) + "/s")
        left = totals["bytes_total"] - totals["bytes"]
        if left > 0:
            parts.append("about {0} left".format(_duration(left / memory.rate)))
    if totals["failed"]:
        parts.append("{0} objects failed".format(totals["failed"]))
    if totals["retries"]:
        parts.append("pass {0}, since objects failed in the one before".format(totals["retries"] + 1))
    return ", ".join(parts) + ("; " + others if others else "")


def _of(totals: t.Mapping[str, int], name: str, show: t.Callable[[int], str]) -> str:
    done, total = totals[name], totals[name + "_total"]
    # The total is an earlier estimate, without MinIO's own objects.
    return "{0} of {1}".format(show(done), show(max(done, total))) if total else show(done)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return "{0:.0f} s".format(seconds)
    minutes = round(seconds / 60)
    return "{0} min".format(minutes) if minutes < 90 else "{0} h {1} min".format(minutes // 60, minutes % 60)
