# SPDX-License-Identifier: GPL-3.0-or-later
"""What replace_master does in which order, and what it computes between the phases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
PHASES = ["etcd_cleanup", "node_removal", "vip", "join", "stateful_recovery"]
BACKUP = {"path": "/x.db", "times": {"started": "1", "finished": "2"}}
DISCOVERY = {"discovery": {"started": "0", "finished": "1"}}

Json = dict[str, Any]


def tasks_in(tasks: list[Json]) -> Iterator[Json]:
    for task in tasks:
        yield task
        yield from tasks_in(task.get("block") or [])


def replacing() -> list[Json]:
    (play,) = [
        play
        for play in yaml.safe_load((PLAYBOOKS / "replace_master.yml").read_text(encoding="utf-8"))
        if "tasks" in play
    ]
    return list(tasks_in(play["tasks"]))


def role_of(task: Json) -> str:
    """The role a task runs, or the phase it includes; empty for what only looks, such as the join's preparation."""
    role = task.get("ansible.builtin.import_role") or {}
    if role.get("tasks_from") == "prepare" or str(role.get("name", "")).endswith("ocboot_config"):
        return ""
    return str(role.get("name", "")).rpartition(".")[2] or str((task.get("vars") or {}).get("replace_master_phase", ""))


def rendered(text: str, **known: Any) -> Any:
    """The text as Ansible would render it, with the filters that stand in these playbooks."""
    environment = NativeEnvironment(undefined=StrictUndefined)
    environment.filters["flatten"] = lambda items: [
        one for item in items for one in (item if isinstance(item, list) else [item])
    ]
    environment.filters["combine"] = lambda first, *more: (
        {**first, **more[0]} if more else {key: value for one in first for key, value in one.items()}
    )
    environment.filters["product"] = itertools.product
    return environment.from_string(text).render(**known)


def the_task(name: str) -> Json:
    (task,) = [task for task in replacing() if task.get("name") == name]
    return task


def entry(**known: Any) -> Any:
    given = the_task("Write down what can't be found out again")["vars"]
    found = {"discovery_plan": {"journal": {"lost": {"name": "m"}}}, "discovery_phases": DISCOVERY, **known}
    backup = rendered(given["__replace_master_backup"], **found)
    return rendered(given["journal_entry"], __replace_master_backup=backup, **found)


def test_the_backup_is_made_before_the_journal_and_the_journal_before_any_phase() -> None:
    roles = list(dict.fromkeys(role_of(task) for task in replacing() if role_of(task)))
    assert roles[:2] == ["backup", "journal"]
    assert [role for role in roles if role in PHASES] == PHASES
    assert roles[-2:] == ["verify", "report"]


def test_what_would_keep_the_replacement_from_joining_is_known_before_the_backup() -> None:
    names = [task.get("name") for task in replacing()]
    assert names.index("Make sure that the replacement will be able to join") < names.index("Backup")


def test_the_member_goes_before_the_node_or_after_it_and_never_twice() -> None:
    both = [task for task in replacing() if role_of(task) == "etcd_cleanup"]
    where = [[t.get("name") for t in replacing()].index(name) for name in ("Node removal",)]
    assert [replacing().index(task) < where[0] for task in both] == [True, False]
    for k3s in (True, False):
        known = {"replace_master_phases": ["etcd_cleanup"], "replace_master_node_first": k3s}
        assert [rendered("{{ " + task["when"] + " }}", **known) for task in both] == [not k3s, k3s]


def test_the_backup_is_tagged_with_every_phase_that_acts() -> None:
    for name in ("Backup", "Write down what can't be found out again"):
        assert set(PHASES) <= set(the_task(name)["tags"]), name


def test_the_journal_begins_with_the_backup_and_the_times_of_what_came_before_it() -> None:
    found = entry(discovery_cluster={"journal": None}, backup_result=BACKUP)
    assert found == {
        "lost": {"name": "m"},
        "backup": BACKUP,
        "phases": {"discovery": DISCOVERY["discovery"], "backup": BACKUP["times"]},
    }


@pytest.mark.parametrize(("journal", "kept"), [(None, {}), ({"backup": BACKUP}, BACKUP), ({"lost": {}}, {})])
def test_without_a_new_backup_the_journal_keeps_the_one_it_names(journal: Json | None, kept: Json) -> None:
    assert entry(discovery_cluster={"journal": journal})["backup"] == kept


@pytest.mark.parametrize(
    ("journal", "previous"),
    [
        (None, {}),
        ({"backup": BACKUP, "finished": None}, BACKUP),
        ({"backup": BACKUP, "finished": "2026-03-01T12:20:00Z"}, {}),
        ({"finished": None}, {}),
    ],
)
def test_a_backup_is_used_again_by_a_run_that_goes_on_and_by_no_other(journal: Json | None, previous: Json) -> None:
    text = yaml.safe_load((PLAYBOOKS / "vars" / "phases.yml").read_text(encoding="utf-8"))["backup_previous"]
    assert rendered(text, discovery_cluster={"journal": journal}) == previous


@pytest.mark.parametrize(("known", "outcome"), [({"verify_result": {"ok": True}}, "done"), ({}, "open")])
def test_only_what_was_proven_is_done(known: Json, outcome: str) -> None:
    assert rendered(the_task("Report")["vars"]["report_outcome"], **known) == outcome


def test_the_journal_is_closed_with_the_times_of_the_proof() -> None:
    given = the_task("Close the journal")["vars"]["journal_entry"]
    known = {"verify_result": {"times": {"started": "8", "finished": "9"}}}
    assert rendered(given["phases"]["verify"], **known) == {"started": "8", "finished": "9"}
    assert str(rendered(given["finished"], **known)) == "9"


@pytest.mark.parametrize(
    ("given", "names"),
    [({}, []), ({"replace_master_discard": "a/b"}, ["a/b"]), ({"replace_master_discard": ["a/b"]}, ["a/b"])],
)
def test_one_name_or_several_may_be_given_up(given: Json, names: list[str]) -> None:
    text = yaml.safe_load((PLAYBOOKS / "vars" / "replace_master.yml").read_text(encoding="utf-8"))["discovery_discard"]
    assert rendered(text, **given) == names


def test_every_policy_of_the_table_needs_an_approval_and_those_of_the_operator_come_first() -> None:
    path = PLAYBOOKS.parent / "roles" / "discovery" / "vars" / "main.yml"
    text = yaml.safe_load(path.read_text(encoding="utf-8"))["__discovery_request"]["policies"]
    known = {
        "discovery_extra_claim_policies": [{"claim": "a"}],
        "discovery_claim_policies": [{"claim": "b"}, {"claim": "c", "approval": False}],
    }
    told = rendered(text, **known)
    assert told == [{"claim": "a"}, {"claim": "b", "approval": True}, {"claim": "c", "approval": False}]


def test_claims_of_one_pod_are_one_unit_and_a_claim_of_no_statefulset_too() -> None:
    path = PLAYBOOKS.parent / "roles" / "stateful_recovery" / "vars" / "main.yml"
    text = yaml.safe_load(path.read_text(encoding="utf-8"))["__stateful_recovery_pods"]
    claims = [
        {"name": name, "group": group, **({"pod": pod} if pod is not None else {})}
        for name, group, pod in [
            ("a-w-0", "ns/w", "w-0"),
            ("a-w-1", "ns/w", "w-1"),
            ("b-w-0", "ns/w", "w-0"),
            ("x", "ns/d", ""),
            ("y", "ns/d", None),
        ]
    ]

    def units(group: str) -> list[list[str]]:
        told = rendered(text, __stateful_recovery_active=claims, __stateful_recovery_group=group)
        return [[item["name"] for item in unit] for unit in told]

    assert units("ns/w") == [["a-w-0", "b-w-0"], ["a-w-1"]]
    assert units("ns/d") == [["x", "y"]]
