# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of the torture: each is a row, a name and what is done. All are listed before any is run; chance has a seed."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks.replacing import Done

Json = dict[str, Any]

PROVIDERS = ("kubeadm", "k3s")
TAGS = ["prepare", "backup", "etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery", "verify", "report"]
# Ansible's own.
SPECIAL_TAGS = ["all", "always", "never", "tagged", "untagged"]
ROLES = ["etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery"]
# Where a run can be told to start: a task that is included while it runs can't be, and every one that acts is.
START_AT = [
    "start | Record the start time",
    "Add survivors and replacement to fixed groups",
    "cluster | Read the cluster",
    "plan | Plan the replacement",
    "Carry out the plan",
]
# What is wrong with the cluster or the command, and the refusal that it is.
REFUSED: dict[str, tuple[Json, Json, str]] = {
    "the lost Node is Ready": ({"changes": ["node_ready"]}, {}, "NODE_READY"),
    "the lost machine answers": ({"lost_on": True}, {}, "NODE_ANSWERS"),
    "a second master is down": ({"down": ["master-3"]}, {}, "SURVIVOR_UNREACHABLE"),
    "the replacement has data": ({"dirty": True}, {}, "REPLACEMENT_NOT_CLEAN"),
    "etcd has an alarm": ({"alarm": True}, {}, "ETCD_ALARM"),
    "etcd has a learner": ({"learner": True}, {}, "MEMBER_LEARNER"),
    "a loss is not approved": ({}, {"replace_master_discard": []}, "DISCARD_UNAPPROVED"),
    "another Node is not Ready": ({"changes": ["another_unready"]}, {}, "MORE_THAN_ONE_LOST"),
    "the name is mistyped": ({}, {"replace_master_lost": "master-9"}, "NODE_UNKNOWN"),
    "a survivor is given as lost": ({}, {"replace_master_lost": "master-2"}, "LOST_IS_SURVIVOR"),
}
FAULTS = ["500", "503", "429", "410", "html", "empty", "cut", "deep", "list", "items", "bytes", "drop", "late"]
# Who looks once more whether the lost machine is silent, and the tasks before which it is not too late.
LOOKING = ("etcd_cleanup", "node_removal")
LOOKS = (
    "preflight | Assert that the plan and a proven backup permit",
    "act | Probe the ports",
    "check | Probe the ports",
    "act | Record that the Node is not deleted yet",
)
CHANGES = ["node_ready", "node_replaced", "claim_recreated", "scaled_down", "cordoned"]


@dataclass(frozen=True)
class Case:
    """One case. `given` is what its row needs; `name` is unique and says it all."""

    row: str
    provider: str
    name: str
    given: Json = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        return "{0} | {1} | {2}".format(self.row, self.provider, self.name)


def command_lines() -> list[list[str]]:
    """Command lines by kind."""
    found: list[list[str]] = [[], ["--check"], ["--diff"], ["--check", "--diff"]]
    found += [[option, tag] for option in ("--tags", "--skip-tags") for tag in (*TAGS, *SPECIAL_TAGS)]
    for one, two in itertools.combinations(TAGS, 2):
        found += [["--tags", one + "," + two], ["--skip-tags", one + "," + two]]
    found += [["--tags", one, "--skip-tags", two] for one, two in itertools.permutations(TAGS, 2)]
    found += [
        ["--limit", limit]
        for limit in (
            *("localhost", "survivors", "master-4", "localhost,master-2", "all:!master-3"),
            *("localhost,survivors,replacement", "all"),
        )
    ]
    found += [["--start-at-task", task] for task in START_AT]
    return found


def of_refusals(provider: str) -> Iterator[Case]:
    """Every command line against each kind of refused plan: nothing is written."""
    for kind in REFUSED:
        for line in command_lines():
            yield Case(
                "command lines",
                provider,
                "{0}: {1}".format(kind, " ".join(line) or "-"),
                {"refused": kind, "line": line},
            )


def of_good_plans(provider: str) -> Iterator[Case]:
    """Every command line with a plan that is good, and then the whole run; and each role alone."""
    for line in command_lines():
        yield Case("command lines", provider, "a good plan: {0}".format(" ".join(line) or "-"), {"line": line})
    for role in ROLES:
        yield Case("command lines", provider, "the role {0} alone".format(role), {"roles": [role]})


def states(trace: Done) -> list[tuple[int, int, str]]:
    """The states of the world between tasks: first and last result that leave it so, and the first one's task."""
    digests = [
        json.loads(item["answer"])["digest"] for item in trace.tasks if item.get("asked", {}).get("do") == "snapshot"
    ]
    results = [item for item in trace.tasks if "number" in item]
    found: list[tuple[int, int, str]] = []
    for number, (digest, item) in enumerate(zip(digests, results, strict=True), 1):
        if number > 1 and digest == digests[number - 2]:
            found[-1] = (found[-1][0], number, found[-1][2])
        else:
            found.append((number, number, item["task"]))
    return found


def of_kills(provider: str, trace: Done, seed: int) -> Iterator[Case]:
    """Killed together with its guards in every state of the world; without them, and twice, at sampled results."""
    between = states(trace)
    for first, last, task in between:
        name = "after results {0} to {1}, from {2}".format(first, last, task)
        yield Case("kills", provider, name, {"from": first})
    chance = random.Random(seed)
    count = between[-1][1]
    for number in sorted(chance.sample(range(1, count + 1), 40)):
        yield Case("kills", provider, "the controller alone, after result {0}".format(number), {"at": [number]})
    for _number in range(40):
        first, second = chance.choice(between)[0], chance.randint(1, count)
        yield Case(
            "kills",
            provider,
            "after {0}, and the next run after {1}".format(first, second),
            {"from": first, "at": [second]},
        )


def of_cuts(provider: str, connections: list[str], requests: int) -> Iterator[Case]:
    """Each connection cut once; each kind of wrong answer of the API, early, late and between."""
    for number, machine in enumerate(connections, 1):
        yield Case("cuts", provider, "connection {0}, to {1}".format(number, machine), {"cut": number})
    for kind in FAULTS:
        step = 20 if kind == "late" else 5
        for first in range(1, requests, step):
            yield Case("cuts", provider, "API: {0} at request {1}".format(kind, first), {"fault": kind, "first": first})
        for first in range(1, requests, 40):
            yield Case(
                "cuts",
                provider,
                "API: {0} five times from request {1}".format(kind, first),
                {"fault": kind, "first": first, "count": 5},
            )


def of_changes(provider: str, trace: Done) -> Iterator[Case]:
    """Each change before each acting task."""
    acting = list(dict.fromkeys(item["task"] for item in trace.tasks if item.get("changed")))
    for task, change in itertools.product(acting, CHANGES):
        yield Case("changes", provider, "{0} before {1}".format(change, task), {"task": task, "change": change})


def of_answers(provider: str, trace: Done) -> Iterator[Case]:
    """The lost machine answers again before each of the last looks at it."""
    for task in dict.fromkeys(item["task"] for item in trace.tasks if "number" in item):
        role, _, name = task.partition(" : ")
        if role.rpartition(".")[2] in LOOKING and name.startswith(LOOKS):
            given = {"task": task, "change": "machine_answers"}
            yield Case("changes", provider, "machine_answers before " + task, given)


def of_two_runs(provider: str, trace: Done) -> Iterator[Case]:
    """A second run while the first one is held before each acting task."""
    acting = list(dict.fromkeys(item["task"] for item in trace.tasks if item.get("changed")))
    for task in acting:
        yield Case("two runs", provider, "while the first one is before {0}".format(task), {"task": task})


def of_canaries(provider: str, trace: Done) -> Iterator[Case]:
    """The whole run at -vvv with differences, and runs at -vvv that fail at each acting task."""
    yield Case("canaries", provider, "a whole run at -vvv with --diff", {})
    acting = list(dict.fromkeys(item["task"] for item in trace.tasks if item.get("changed")))
    numbers = {item["task"]: item["number"] for item in trace.tasks if "number" in item}
    for task in acting:
        yield Case("canaries", provider, "killed after {0} at -vvv".format(task), {"at": numbers[task]})


def every(provider: str, trace: Done, connections: list[str], requests: int, seed: int) -> list[Case]:
    """All cases of a provider. `trace` is an undisturbed run, with the connections and requests that it made."""
    return [
        *of_refusals(provider),
        *of_good_plans(provider),
        *of_kills(provider, trace, seed),
        *of_cuts(provider, connections, requests),
        *of_changes(provider, trace),
        *of_answers(provider, trace),
        *of_two_runs(provider, trace),
        *of_canaries(provider, trace),
    ]
