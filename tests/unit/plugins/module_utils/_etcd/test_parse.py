# SPDX-License-Identifier: GPL-3.0-or-later
"""What etcdctl printed, read into records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import parse

ANSWERS = Path(__file__).parents[3] / "fixtures" / "etcd"


def answer(name: str) -> Any:
    return json.loads((ANSWERS / name).read_text(encoding="utf-8"))


def test_ids_keep_all_their_digits() -> None:
    # As a float it would be ...651008, another member.
    assert parse.hex_id(18244918612900650183) == "fd32f8d00ddb1cc7"
    assert parse.hex_id("18244918612900650183") == "fd32f8d00ddb1cc7"
    assert parse.hex_id(10) == "a"


def test_an_id_that_was_a_float_is_refused() -> None:
    with pytest.raises(TypeError):
        parse.hex_id(1.8244918612900650183e19)


def test_three_started_voters_are_read_in_the_order_of_their_names() -> None:
    members = parse.members(answer("member-list.json"))
    assert [member.name for member in members] == ["master-1", "master-2", "master-3"]
    assert all(member.started and not member.learner and not member.healthy for member in members)
    assert members[1].id == "fd32f8d00ddb1cc7"
    assert members[1].peer_urls == ("https://203.0.113.12:2380",)
    assert members[1].client_urls == ("https://203.0.113.12:2379",)


@pytest.mark.parametrize(
    ("name", "learner", "started"),
    [
        ("member-list-learner.json", True, True),
        ("member-list-learner-unstarted.json", True, False),
        ("member-list-unstarted.json", False, False),
    ],
)
def test_an_unfinished_member_is_recognised(name: str, learner: bool, started: bool) -> None:
    (found,) = (item for item in parse.members(answer(name)) if item.peer_urls == ("https://203.0.113.14:2380",))
    assert (found.learner, found.started) == (learner, started)


def test_the_head_names_the_member_that_answered() -> None:
    head = parse.header(answer("get-health.json"))
    assert head == parse.Header(cluster_id="e32659d7c6d26157", member_id="fd32f8d00ddb1cc7", revision=21)


def test_alarms_name_their_kind_and_member() -> None:
    assert parse.alarms(answer("alarm-list.json")) == ()
    assert parse.alarms(answer("alarm-list-nospace.json")) == ("NOSPACE on fd32f8d00ddb1cc7",)


def test_an_alarm_of_a_kind_nobody_knows_is_still_an_alarm() -> None:
    assert parse.alarms({"alarms": [{"memberID": 16, "alarm": 9}]}) == ("9 on 10",)


def test_status_and_snapshot_give_version_size_and_revision() -> None:
    assert parse.status(answer("endpoint-status.json")) == parse.Status(version="3.5.15", db_size=20480)
    assert parse.snapshot_revision(answer("snapshot-status.json")) == 21


def test_the_reason_of_a_failure_is_etcdctl_s_own_line() -> None:
    err = (ANSWERS / "dead-endpoint.stderr").read_text(encoding="utf-8") + "command terminated with exit code 1\n"
    assert parse.reason("", err) == "context deadline exceeded"


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        (
            "",
            'Error from server (NotFound): pods "etcd-x" not found\n',
            'Error from server (NotFound): pods "etcd-x" not found',
        ),
        ("", "command terminated with exit code 1\n", "command terminated with exit code 1"),
        ("lost\n", "", "lost"),
        ("", "", "no output"),
    ],
)
def test_without_such_a_line_the_last_useful_one_is_shown(out: str, err: str, said: str) -> None:
    assert parse.reason(out, err) == said


@pytest.mark.parametrize(
    ("reason", "alarm"),
    [
        ("ALARM NOSPACE", "NOSPACE"),
        ("ALARM CORRUPT", "CORRUPT"),
        ("QGET ERROR:context deadline exceeded", ""),
        ("RAFT NO LEADER", ""),
        ("not healthy", ""),
        ("ok", ""),
        ("", ""),
    ],
)
def test_an_alarm_is_told_from_a_member_that_can_not_read(reason: str, alarm: str) -> None:
    assert parse.health_alarm(reason) == alarm
