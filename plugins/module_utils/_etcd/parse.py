"""Parses the output of etcdctl with `-w json` into records. Pure.

IDs are 64-bit integers printed in decimal. They stay Python integers until they are formatted for etcdctl,
since a float would lose digits. etcdctl omits fields with their zero value. Shapes: etcd's
api/etcdserverpb/rpc.proto, releases 3.4 to 3.6.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json

_ALARMS = {0: "NONE", 1: "NOSPACE", 2: "CORRUPT"}


class Header(t.NamedTuple):
    """The header of every answer: the cluster and the member that gave it, and the revision."""

    cluster_id: str
    member_id: str
    revision: int


class Status(t.NamedTuple):
    """The status of a member, by itself. Sizes are bytes."""

    version: str
    db_size: int


def hex_id(value: t.Any) -> str:
    """An ID in etcdctl's command-line format. Raises TypeError for a float, ValueError for a text that is not a number."""
    if isinstance(value, float):
        raise TypeError("an ID that went through a float has lost digits")
    return "{0:x}".format(int(value))


def header(answer: Json) -> Header:
    """Read the header of an answer; raises KeyError without one."""
    head = answer["header"]
    return Header(
        cluster_id=hex_id(head["cluster_id"]),
        member_id=hex_id(head["member_id"]),
        revision=int(head.get("revision", 0)),
    )


def members(answer: Json) -> t.Tuple[Member, ...]:
    """Read `member list`, in the order of the IDs. Health is not known yet."""
    found = [
        Member(
            id=hex_id(item["ID"]),
            name=item.get("name", ""),
            peer_urls=tuple(item.get("peerURLs") or ()),
            client_urls=tuple(item.get("clientURLs") or ()),
            learner=bool(item.get("isLearner", False)),
        )
        for item in answer.get("members") or []
    ]
    return tuple(sorted(found, key=lambda member: (member.name, member.id)))


def alarms(answer: Json) -> t.Tuple[str, ...]:
    """Read `alarm list`: one text for each alarm, as NOSPACE on 8e9e05c52164694d."""
    found = []
    for item in answer.get("alarms") or []:
        kind = item.get("alarm", 0)
        found.append("{0} on {1}".format(_ALARMS.get(kind, str(kind)), hex_id(item.get("memberID", 0))))
    return tuple(found)


def health_alarm(reason: str) -> str:
    """The alarm that makes a member's /health answer 503, such as NOSPACE; empty for any other reason.

    `reason` is the text in that answer: "ALARM NOSPACE". etcd checks alarms before it reads, so this says nothing about quorum, and every member
    gives the same answer. etcd 3.4 gives no reason.
    """
    word, _, kind = reason.partition(" ")
    return kind.strip() if word == "ALARM" else ""


def status(answer: t.Sequence[Json]) -> Status:
    """Read `endpoint status` of one endpoint."""
    body = answer[0]["Status"]
    return Status(version=str(body.get("version", "")), db_size=int(body.get("dbSize", 0)))


def snapshot_revision(answer: Json) -> int:
    """Read `snapshot status`."""
    return int(answer["revision"])


def reason(out: str, err: str) -> str:
    """The error line of a failed etcdctl, not the log lines before it nor kubectl's
    line after it.
    """
    lines = [line.strip() for line in (err or out).splitlines() if line.strip()]
    useful = [
        line for line in lines if not line.startswith("{") and not line.startswith("command terminated with exit code")
    ]
    own = [line for line in useful if line.startswith("Error:")]
    chosen = (own or useful or lines or ["no output"])[-1]
    return chosen[len("Error:") :].strip()[:300] if chosen.startswith("Error:") else chosen[:300]
