# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one case of the torture and judges it. A case is wrong when something unsafe was done, a secret was found, or the next run does not end well."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks import invariants
from ansible_collections.cloudpods.ha.tests.playbooks.cases import REFUSED, Case
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, Done, Replacing, begin
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.changes import ANSWERS_AGAIN, BY_SOMEBODY

Json = dict[str, Any]

# An end without a reason.
_UNSAID = re.compile(
    r"Unknown error|Traceback \(most recent|the output has been hidden due to the fact|its output is hidden"
)
_CENSORED = re.compile(r'=> \{"censored": .*')
# The claim of a StatefulSet that was scaled to nothing is recovered by nobody: it is refused until somebody scales it up again.
_SCALED_DOWN = "Scale it up again"
# Of a list of Nodes that was shown whole.
_DUMPED = '"nodeInfo"'
# Seconds that guards have after a run: that of the kubeconfig waits for that of the lock.
_GUARDS = 20
_GOOD: Json = {"refusals": [], "state": "needed", "id": "0123", "consent": "0123", "lost": {"name": LOST, "uid": "u"}}
_OTHERS = {"sha256": "0", "controller_path": "/other.db", "lost": {"name": "master-9", "uid": "v"}}
# With what a role is called by hand, and why it does nothing then.
_UNPERMITTED: list[tuple[Json, Json, str]] = [
    ({"refusals": [{"code": "NODE_READY"}], "state": "refused", "refused_text": "REFUSED: NODE_READY"}, {}, "REFUSED"),
    ({**_GOOD, "phases": []}, {}, "has no step in the phase"),
    ({**_GOOD, "consent": ""}, {}, "[CONSENT_MISSING]"),
    (_GOOD, {}, "There is no proven backup"),
    (_GOOD, _OTHERS, "was not made for"),
]


@dataclass
class Verdict:
    """What was found. All empty: the case passed."""

    unsafe: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.unsafe or self.secrets or self.wrong)


@dataclass
class Reference:
    """An undisturbed run: its end state, its results with a snapshot of the world after each, its connections and the requests that it made."""

    end: Json
    trace: Done
    connections: list[str]
    requests: int


class Bench:
    """The worlds for the cases of a provider: one goes back to a snapshot for each case; one has a refused plan, whatever the command line."""

    def __init__(self, provider: str, kept: Path, *, loud: bool = False, real: bool = False) -> None:
        """With `loud` the undisturbed run shows all it can, with `real` it is one of the program ansible-playbook."""
        self.provider, self.kept, self.loud, self.real = provider, kept, loud, real
        self._main: Replacing | None = None
        self._known: Reference | None = None
        self._allowed: set[str] = set()
        self._refused: tuple[str, Replacing, set[str]] | None = None

    def known(self) -> Reference:
        """The undisturbed run. Raises AssertionError when it is not safe or does not end well."""
        if self._known is None:
            made, _allowed = self.at("start")
            words = ["-vvv", "--diff"] if self.loud else []
            done = made.play("replace_master", *words, at="snapshots", real=self.real)
            assert done.code == 0, "{0}\n{1}".format(reason(done), done.output[-1500:])
            assert invariants.secrets_found(made, done.output) == []
            state = made.state()
            assert invariants.unsafe(state, self._allowed) == []
            made.ask("snapshot", name="end")
            self._known = Reference(invariants.end_state(made), done, made.connections(), state["requests"])
        return self._known

    def at(self, name: str) -> tuple[Replacing, set[str]]:
        """The world as it was at a snapshot, and the UIDs that a replacement may delete."""
        if name != "start":
            self.known()
        if self._main is None:
            self._main = begin({"provider": self.provider}, self.kept)
            self._main.ask("settle")
            self._main.ask("snapshot", name="start")
            self._allowed = invariants.lost_objects(self._main.state(), self._main)
        self._main.ask("restore", name=name)
        return self._main, self._allowed

    def world(self) -> Replacing:
        """The world as the last case left it."""
        assert self._main is not None
        return self._main

    def refused(self, kind: str) -> tuple[Replacing, set[str]]:
        """The world of a refused plan. It stays the same as long as nothing is written in it, which each case judges."""
        if self._refused is None or self._refused[0] != kind:
            self.drop_refused()
            made = begin({"provider": self.provider, **REFUSED[kind][0]}, self.kept)
            made.ask("settle")
            self._refused = kind, made, invariants.lost_objects(made.state(), made)
        return self._refused[1:]

    def drop_refused(self) -> None:
        if self._refused is not None:
            self._refused[1].end()
            self._refused = None

    def end(self) -> None:
        """End all worlds; the next case begins new ones."""
        self.drop_refused()
        if self._main is not None:
            self._main.end()
        self._main = self._known = None


def run(case: Case, bench: Bench) -> Verdict:
    """Run a case, from the snapshot that it names or from the start."""
    verdict = Verdict()
    kind = case.given.get("refused")
    if kind:
        made, allowed = bench.refused(kind)
        _refused(case, made, verdict)
    else:
        known = bench.known()
        made, allowed = bench.at(str(case.given.get("from", "start")))
        _KINDS[case.row](case, known, made, verdict)
    verdict.unsafe += invariants.unsafe(made.state(), allowed)
    if kind and not verdict.ok:
        bench.drop_refused()
    return verdict


def judge_reason(done: Done, verdict: Verdict) -> None:
    """A run that failed says why. Ansible hides a result that may hold a secret, with its reason; the report's first lines say it then."""
    told = _CENSORED.sub("", done.output) if "STOPPED: " in done.output else done.output
    found = _UNSAID.search(told) if done.code != 0 else None
    if found:
        verdict.wrong.append("the reason is '{0}'".format(found.group(0)))


def finish(made: Replacing, known: Reference, verdict: Verdict, *, compare: bool = True, refused: str = "") -> None:
    """Run again, undisturbed: it ends well, with the end state of a run that was never disturbed, or it is `refused` in these words."""
    done = made.play()
    if done.code != 0 and refused and refused in done.output:
        return
    if done.code != 0:
        verdict.wrong.append("the next run failed: " + reason(done))
        return
    if not compare:
        return
    end = invariants.end_state(made)
    for key, value in known.end.items():
        if end[key] != value:
            verdict.wrong.append("{0}: {1}, not {2}".format(key, json.dumps(end[key]), json.dumps(value)))


def reason(done: Done) -> str:
    """The last message of a failed run."""
    found = re.findall(r'"msg": "(.*?)"[,}]', done.output)
    return (found[-1] if found else done.output[-300:])[:400]


def _command_lines(case: Case, known: Reference, made: Replacing, verdict: Verdict) -> None:
    if "roles" in case.given:
        _roles_alone(case, made, verdict)
        return
    done = made.play("replace_master", *case.given["line"])
    judge_reason(done, verdict)
    if "--check" in case.given["line"]:
        _untouched(made, verdict)
    finish(made, known, verdict)


def _refused(case: Case, made: Replacing, verdict: Verdict) -> None:
    _shape, settings, code = REFUSED[case.given["refused"]]
    done = made.play("replace_master", *case.given["line"], settings=settings)
    judge_reason(done, verdict)
    _untouched(made, verdict)
    if "No matching task" in done.output:
        verdict.wrong.append("the command line starts at no task")
    if _DUMPED in done.output:
        verdict.wrong.append("all Nodes are shown whole")
    if not case.given["line"] and code not in done.output:
        verdict.wrong.append("the code {0} is not shown: {1}".format(code, reason(done)))


def _untouched(made: Replacing, verdict: Verdict) -> None:
    state = made.state()
    for item in invariants.writes(state):
        verdict.unsafe.append(
            "a refused or dry run wrote: {0} {1} {2}".format(item["verb"], item["kind"], item["name"])
        )
    verdict.unsafe += ["a refused or dry run did: {0}".format(item["act"]) for item in state["acts"]]


def _roles_alone(case: Case, made: Replacing, verdict: Verdict) -> None:
    """Roles that are called by hand: with a refused plan, without consent, without a backup and with that of another replacement."""
    tasks = [
        _refusing(role, {"phases": [{"name": role}], "promote": "master-2", **plan}, backup, words, case.provider)
        for role in case.given["roles"]
        for plan, backup, words in _UNPERMITTED
    ]
    path = made.folder / "controller" / "roles.yml"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    path.write_text(json.dumps([play]), encoding="utf-8")
    done = made.play(str(path))
    path.unlink()
    if done.code != 0:
        verdict.wrong.append(reason(done))
    _untouched(made, verdict)


def _refusing(role: str, plan: Json, backup: Json, words: str, provider: str) -> Json:
    """The task that calls a role, and fails unless the role refuses in these words."""
    connection = {"provider": provider, "kubeconfig": "/nonexistent", "survivors": ["master-2"], "vip": ""}
    records = {"ha_plan": plan, "ha_backup": backup, "ha_journal": {}, "ha_settings": {}, "ha_connection": connection}
    told = "ansible_failed_result.msg | default('')"
    return {
        "name": "The role {0} alone, which says: {1}".format(role, words),
        "block": [
            {"ansible.builtin.include_role": {"name": "cloudpods.ha." + role}, "vars": records},
            {"ansible.builtin.fail": {"msg": "it acted"}},
        ],
        "rescue": [
            {
                "ansible.builtin.assert": {
                    "that": "__words in " + told,
                    "fail_msg": "The role {0} does not say '{1}': {{{{ {2} }}}}".format(role, words, told),
                },
                "vars": {"__words": words},
            }
        ],
    }


def _kills(case: Case, known: Reference, made: Replacing, verdict: Verdict) -> None:
    """Killed where the snapshot is, guards included, and then after each given result, the controller alone."""
    for number in case.given.get("at", ()):
        made.play(at="{0}:kill".format(number))
    finish(made, known, verdict)


def _cuts(case: Case, known: Reference, made: Replacing, verdict: Verdict) -> None:
    if "cut" in case.given:
        done = made.play(cut=case.given["cut"])
    else:
        made.ask("fault", kind=case.given["fault"], first=case.given["first"], count=case.given.get("count", 1))
        done = made.play()
        made.ask("no fault")
    judge_reason(done, verdict)
    left_over(made, done, verdict, machine=known.connections[case.given["cut"] - 1] if "cut" in case.given else "")
    finish(made, known, verdict)


def left_over(made: Replacing, done: Done, verdict: Verdict, *, machine: str = "") -> None:
    """What a run that failed left, seen before the next one. `machine` is the one to which a connection was cut."""
    deadline = time.monotonic() + _GUARDS
    while _guarded(made) and time.monotonic() < deadline:
        time.sleep(0.5)
    verdict.wrong += ["{0} stayed for good".format(item) for item in _guarded(made)]
    objects = made.state()["objects"]
    secrets = [item["metadata"]["name"] for item in objects if item["kind"] == "Secret"]
    left = [name for name in secrets if name.startswith(("bootstrap-token-", "kubeadm-certs"))]
    # An API that fails at that moment can't be asked to revoke: then the run says so.
    if left and (machine or "evoke" not in reason(done)):
        verdict.secrets.append("not revoked: " + ", ".join(left))
    for path in (made.machine(SPARE) / "root").glob(".cloudpods-ha-*"):
        if "/root/{0} still exists".format(path.name) not in done.output:
            verdict.secrets.append("left on {0}, and not told: {1}".format(SPARE, path.name))
    if done.code != 0:
        verdict.wrong += _badly_reported(made, done, machine)


def _guarded(made: Replacing) -> list[str]:
    """What a guard removes at the latest: the lock, and this run's kubeconfig."""
    locks = [item for item in made.state()["objects"] if invariants.lock(_as_entry(item))]
    folders = (made.folder / "controller").rglob(".run-*")
    return [*("the lock " + item["metadata"]["name"] for item in locks), *(path.name for path in folders)]


def _badly_reported(made: Replacing, done: Done, machine: str) -> list[str]:
    """What the report of a failed run does not tell. A run that ended before its plan has none."""
    if not any(item.get("task", "").startswith("carry_out | ") for item in done.tasks):
        return []
    path = made.reports / LOST / "report.json"
    if not path.is_file():
        return ["there is no report"]
    report = json.loads(path.read_text(encoding="utf-8"))
    if report["outcome"] == "refused":
        return []
    # The machine answers again when the clean-up asks it.
    names = [machine, "a host could not be reached for a moment"]
    told = {
        "the outcome is " + report["outcome"]: report["outcome"] == "failed",
        # A phase that acts is in the journal from its start; of the others, only the proof ends without an unreachable host.
        "the report names no phase": not machine
        or report["failure"].startswith(("The phase ", "Assert that the replacement is proven"))
        or any(item["seconds"] is None for item in report["phases"]),
        "the report does not name {0}: {1}".format(machine, report["failure"]): any(
            name in report["failure"] for name in names
        ),
        "the output does not name " + machine: machine in done.output,
    }
    return [text for text, ok in told.items() if not ok]


def _changes(case: Case, known: Reference, made: Replacing, verdict: Verdict) -> None:
    done = made.play(at="{0}:change:{1}".format(case.given["task"].replace(":", "%"), case.given["change"]))
    judge_reason(done, verdict)
    nodes = [item for item in made.state()["objects"] if item["kind"] == "Node"]
    marked = [item for item in nodes if BY_SOMEBODY in item["metadata"].get("annotations", {})]
    if any(not item["spec"].get("unschedulable") for item in marked):
        verdict.unsafe.append("the cordon of somebody else was lifted")
    if case.given["change"] == "machine_answers":
        _kept(done, made.state(), verdict)
    if case.given["change"] not in ("scaled_down", "cordoned"):
        return
    finish(made, known, verdict, compare=False, refused=_SCALED_DOWN if case.given["change"] == "scaled_down" else "")


def _kept(done: Done, state: Json, verdict: Verdict) -> None:
    """The machine answered before the last look at it: the run is refused, and takes neither member nor Node from then on."""
    at = [number for number, item in enumerate(state["acts"]) if item["act"] == ANSWERS_AGAIN]
    if not at:
        verdict.wrong.append("the machine never answered")
        return
    later, written = state["acts"][at[0] + 1 :], state["log"][state["acts"][at[0]]["writes"] :]
    if any(item["act"] == "remove member" and item["by"] != "k3s" for item in later):
        verdict.unsafe.append("the member of a machine that answers was removed")
    if any(item["verb"] == "DELETE" and item["kind"] == "Node" and item["status"] < 400 for item in written):
        verdict.unsafe.append("the Node of a machine that answers was deleted")
    if done.code == 0 or "NODE_ANSWERS" not in reason(done):
        verdict.wrong.append("not refused: " + reason(done))
    for item in state["objects"]:
        if item["kind"] == "Node" and item["metadata"]["name"] == LOST and item["spec"].get("unschedulable"):
            verdict.wrong.append("the Node that is kept stays cordoned")


def _two_runs(case: Case, known: Reference, made: Replacing, verdict: Verdict) -> None:
    """The first run is held before a task until the second has ended."""
    gate = made.folder / "gate"
    for path in made.folder.glob("gate*"):
        path.unlink()
    at = "{0}:hold:{1}".format(case.given["task"].rpartition(" : ")[2].replace(":", "%"), gate)
    ended: list[Done] = []
    first = threading.Thread(target=lambda: ended.append(made.play(at=at)))
    first.start()
    deadline = time.monotonic() + 1800
    while not gate.with_name("gate.reached").exists() and first.is_alive() and time.monotonic() < deadline:
        time.sleep(0.2)
    # The guard of the first run renews its lock meanwhile.
    before = _held(made.state())
    second = made.play()
    if before[0] and (second.code == 0 or _held(made.state()) != before):
        verdict.unsafe.append("a second run wrote or took the lock while the first one had it")
    judge_reason(second, verdict)
    gate.write_text("on", encoding="utf-8")
    first.join(timeout=1800)
    if not ended:
        verdict.wrong.append("the first run did not end")
        return
    judge_reason(ended[0], verdict)
    finish(made, known, verdict)


def _held(state: Json) -> tuple[list[str], int]:
    """The holders of the locks, and how many other writes there were."""
    locks = [item for item in state["objects"] if invariants.lock(_as_entry(item))]
    others = [item for item in invariants.writes(state) if not invariants.lock(item)]
    return [item["spec"]["holderIdentity"] for item in locks], len(others)


def _as_entry(item: Json) -> Json:
    return {"kind": item["kind"], "namespace": item["metadata"].get("namespace", "")}


def _canaries(case: Case, _known: Reference, made: Replacing, verdict: Verdict) -> None:
    at = "{0}:kill".format(case.given["at"]) if "at" in case.given else ""
    done = made.play("replace_master", "-vvv", "--diff", at=at)
    output = done.output
    if at:
        output += made.play("replace_master", "-vvv", "--diff").output
    verdict.secrets += invariants.secrets_found(made, output)


_KINDS: dict[str, Callable[[Case, Reference, Replacing, Verdict], None]] = {
    "command lines": _command_lines,
    "kills": _kills,
    "cuts": _cuts,
    "changes": _changes,
    "two runs": _two_runs,
    "canaries": _canaries,
}
ROWS = tuple(_KINDS)


def attempt(case: Case, bench: Bench) -> Verdict:
    """Run a case; a case that breaks the stand-in, or never ends, is wrong too."""
    try:
        return run(case, bench)
    except (RuntimeError, OSError, AssertionError, subprocess.TimeoutExpired) as exc:
        bench.end()
        return Verdict(wrong=["the case broke: {0}".format(str(exc)[:400])])
