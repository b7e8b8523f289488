"""Decides whether a change of the etcd membership is safe. Pure arithmetic, used by the plan and by the module that acts.

The invariant: after every single change, at least floor(n / 2) + 1 of the n voters that are then in the
list are healthy. Dead voters count for n, learners do not. So the lost member is removed first and the replacement is added
afterwards; the other order would leave two of four voters alive if the new member fails to start. Since each
step keeps the invariant, a run may stop between any two steps. Sources: etcd's FAQ ("Should I add a member
before removing an unhealthy member?") and its runtime reconfiguration guide.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t
import urllib.parse

from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal

_MAKE_ROOM = "Compact and defragment etcd and disarm the alarm, see ETCD_ALARM in docs/runbook.md, then run again."
_DIFFER = "Don't disarm it: find the member whose data differ first, see ETCD_ALARM in docs/runbook.md, and remove or replace nothing before."
_RESTORE = (
    "Bring a survivor back, or restore etcd from a snapshot, see docs/runbook.md. Nothing does that automatically."
)


class Target(t.NamedTuple):
    """The member to remove, as the plan describes it; an empty field is not compared.

    `unstarted` is for the member of a broken join: it must be a learner or must never have started.
    """

    id: str
    name: str = ""
    peer_urls: t.Tuple[str, ...] = ()
    addresses: t.Tuple[str, ...] = ()
    unstarted: bool = False


class Verdict(t.NamedTuple):
    """The membership after a removal. It is allowed without refusals; `present` is False when there is nothing
    to remove.
    """

    present: bool
    voters_after: int
    quorum_after: int
    healthy_after: int
    refusals: t.Tuple[Refusal, ...] = ()


def quorum(voters: int) -> int:
    """The quorum of that many voters."""
    return voters // 2 + 1


def voters(members: t.Iterable[Member]) -> t.Tuple[Member, ...]:
    """The voters, including those that are dead or never started."""
    return tuple(member for member in members if not member.learner)


def healthy(members: t.Iterable[Member]) -> int:
    """The number of voters that answered a linearizable read."""
    return sum(member.healthy for member in voters(members))


def describe(member: Member) -> str:
    """Describe a member in one line."""
    state = "healthy" if member.healthy else "not healthy: {0}".format(member.error) if member.error else "not healthy"
    part = "learner" if member.learner else "voter"
    return "{0} {1} {2}, {3}, {4}".format(
        member.id,
        member.name or "(never started)",
        ",".join(member.peer_urls),
        part,
        state if member.started else "not started",
    )


def problems(etcd: Etcd, *, absent_id: str = "") -> t.Tuple[str, ...]:
    """The problems of this cluster, a sentence each; empty when every member is a started, healthy voter, no alarm is raised, and the member
    `absent_id`, if one is named, is no longer listed.
    """
    if etcd.error:
        return (etcd.error,)
    found = [
        "Member {0}{1}.".format(describe(member), ", is still listed" if member.id == absent_id else "")
        for member in etcd.members
        if member.id == absent_id or member.learner or not (member.started and member.healthy)
    ]
    if not etcd.members:
        found.append("etcd listed no members.")
    found += [item.observed for item in (*_split(etcd), *_alarms(etcd))]
    return tuple(found)


def gone(etcd: Etcd, member_id: str) -> bool:
    """Whether etcd was read and lists no member with that ID. With an empty ID, only whether etcd was read."""
    return bool(etcd.members) and not etcd.error and all(member.id != member_id for member in etcd.members)


def removal(etcd: Etcd, target: Target) -> Verdict:
    """Judge the removal of one member.

    `etcd` must have been read just before. The remaining healthy voters must be a quorum of the remaining voters,
    and a quorum of the current voters must be healthy, or etcd could not commit the removal (hazard E1, hazard E5). A
    healthy member, the member that would execute the removal, and a member that differs from the plan's description are
    never removed.
    """
    member = next((item for item in etcd.members if item.id == target.id), None)
    remaining = [item for item in etcd.members if item.id != target.id]
    verdict = Verdict(
        present=member is not None,
        voters_after=len(voters(remaining)),
        quorum_after=quorum(len(voters(remaining))),
        healthy_after=healthy(remaining),
    )
    if etcd.error or not etcd.members:
        return verdict._replace(refusals=(_unreadable(etcd),))
    if member is None:
        return verdict._replace(refusals=tuple(_other_id(etcd, target)))
    refusals = (
        *_split(etcd),
        *_alarms(etcd),
        *_target(etcd, member, target),
        *_unfinished_of(remaining),
        *_arithmetic(etcd, verdict),
    )
    return verdict._replace(refusals=refusals)


def standing(etcd: Etcd, *, ignored_id: str = "") -> t.Tuple[Refusal, ...]:
    """Judge a membership without a removal: the reasons why a new member could not join safely.

    `ignored_id` is the member of an interrupted join of this collection; it counts for the quorum like every member.
    """
    if etcd.error or not etcd.members:
        return (_unreadable(etcd),)
    others = (member for member in etcd.members if member.id != ignored_id)
    return (*_split(etcd), *_alarms(etcd), *_unfinished_of(others), *_without_quorum(etcd))


def _unreadable(etcd: Etcd) -> Refusal:
    observed = "The members of etcd could not be read: {0}.".format((etcd.error or "the list is empty").rstrip("."))
    return Refusal("ETCD_UNREADABLE", observed, "Restore access to etcd on a survivor, then run again.")


def _split(etcd: Etcd) -> t.Iterator[Refusal]:
    clusters = sorted(
        {member.cluster_id for member in etcd.members if member.cluster_id}
        | ({etcd.cluster_id} if etcd.cluster_id else set())
    )
    if len(clusters) > 1:
        yield Refusal(
            "ETCD_SPLIT",
            "The members belong to different etcd clusters: {0}.".format(", ".join(clusters)),
            "Find out which machine started a second cluster and stop it first.",
        )


def _alarms(etcd: Etcd) -> t.Iterator[Refusal]:
    if etcd.alarms:
        yield alarmed(etcd.alarms)


def alarmed(alarms: t.Sequence[str], *, besides: str = "") -> Refusal:
    """The refusal for these alarms, each a text that names its kind. To disarm CORRUPT would hide that data differ."""
    return Refusal(
        "ETCD_ALARM",
        "etcd has raised an alarm: {0}.{1}".format(", ".join(alarms), besides),
        _MAKE_ROOM if all("NOSPACE" in item and "CORRUPT" not in item for item in alarms) else _DIFFER,
    )


def _target(etcd: Etcd, member: Member, target: Target) -> t.Iterator[Refusal]:
    if member.id == etcd.executor_id or (member.name and member.name == etcd.executor):
        yield Refusal(
            "MEMBER_IS_EXECUTOR",
            "Member {0} is the member of {1}, which would execute its own removal.".format(
                member.id, etcd.executor or "this host"
            ),
            "Run the removal on another survivor.",
        )
    if member.healthy:
        yield Refusal(
            "MEMBER_HEALTHY",
            "Member {0} ({1}) answers a linearizable read.".format(member.id, member.name or "no name"),
            "Power the lost machine off, or name the machine that is really lost.",
        )
    difference = _difference(member, target)
    if difference:
        yield Refusal(
            "MEMBER_MISMATCH",
            "Member {0} is not the planned one: {1}.".format(member.id, difference),
            "Run again, to make a new plan from the current members.",
        )
    if target.unstarted:
        if member.started and not member.learner:
            yield Refusal(
                "MEMBER_MISMATCH",
                "Member {0} ({1}) is a started voter, not the remains of a broken join.".format(member.id, member.name),
                "If its machine is lost, replace it as a lost master.",
            )
        return
    yield from _unfinished(member)


def _other_id(etcd: Etcd, target: Target) -> t.Iterator[Refusal]:
    """The ID is not in the list. That is an error if a member that is not healthy still matches the description."""
    described = target.name or target.peer_urls or target.addresses
    for member in etcd.members:
        if described and not member.healthy and not _difference(member, target):
            yield Refusal(
                "MEMBER_MISMATCH",
                "No member has the ID {0}, but this member matches the plan: {1}.".format(target.id, describe(member)),
                "Run again, to make a new plan from the current members.",
            )


def _difference(member: Member, target: Target) -> str:
    if target.name and member.name and member.name != target.name:
        return "it is named {0}, not {1}".format(member.name, target.name)
    strange = [url for url in member.peer_urls if target.peer_urls and url not in target.peer_urls]
    strange += [
        url
        for url in member.peer_urls
        if target.addresses and urllib.parse.urlsplit(url).hostname not in target.addresses
    ]
    if strange:
        expected = ", ".join(target.peer_urls or target.addresses)
        return "its peer URL is {0}, expected {1}".format(strange[0], expected)
    return ""


def _unfinished(member: Member) -> t.Iterator[Refusal]:
    where = "{0} at {1}".format(member.id, ",".join(member.peer_urls))
    if member.learner:
        yield Refusal(
            "MEMBER_LEARNER",
            "Member {0} is a learner: a join is in progress or broke.".format(where),
            "Wait until that join ends, or remove this member by its ID, then run again.",
        )
    elif not member.started:
        yield Refusal(
            "MEMBER_UNSTARTED",
            "Member {0} was added and never started, yet it counts for the quorum.".format(where),
            "Start this member or remove it by its ID, then run again.",
        )


def _unfinished_of(members: t.Iterable[Member]) -> t.Iterator[Refusal]:
    for member in members:
        yield from _unfinished(member)


def _arithmetic(etcd: Etcd, verdict: Verdict) -> t.Iterator[Refusal]:
    lost = tuple(_without_quorum(etcd))
    yield from lost
    if not lost and verdict.healthy_after < verdict.quorum_after:
        observed = "After the removal, {0} of {1} voters would be healthy, but the quorum is {2}.".format(
            verdict.healthy_after, verdict.voters_after, verdict.quorum_after
        )
        yield Refusal("QUORUM_UNSAFE", observed, _RESTORE)


def _without_quorum(etcd: Etcd) -> t.Iterator[Refusal]:
    total, alive = len(voters(etcd.members)), healthy(etcd.members)
    if alive < quorum(total):
        observed = "Only {0} of {1} voters are healthy, but the quorum is {2}: etcd can't commit any change.".format(
            alive, total, quorum(total)
        )
        yield Refusal("QUORUM_UNSAFE", observed, _RESTORE)
