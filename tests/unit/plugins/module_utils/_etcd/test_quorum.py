# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of memberships: by example, and as a property of every membership and every interruption."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import (
    Target,
    describe,
    healthy,
    problems,
    quorum,
    removal,
    standing,
    voters,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from hypothesis import assume, given
from hypothesis import strategies as st

CLUSTER = "cdf818194e3a8c32"


def member(number: int, *, healthy: bool = True, started: bool = True, learner: bool = False) -> Member:
    return Member(
        id="{0:x}".format(0xA0 + number),
        name="master-{0}".format(number) if started else "",
        peer_urls=("https://192.0.2.1{0}:2380".format(number),),
        client_urls=("https://192.0.2.1{0}:2379".format(number),) if started else (),
        learner=learner,
        healthy=healthy and started and not learner,
        cluster_id=CLUSTER if healthy and started and not learner else "",
    )


def cluster(*members: Member, **fields: object) -> Etcd:
    base = Etcd(executor="master-2", executor_id="a2", cluster_id=CLUSTER, version="3.5.15", members=members)
    return base._replace(**fields)


DEAD = member(1, healthy=False)
THREE = cluster(DEAD, member(2), member(3))
LOST = Target(id="a1", name="master-1", addresses=("192.0.2.11",))


def codes(etcd: Etcd, target: Target = LOST) -> list[str]:
    return [item.code for item in removal(etcd, target).refusals]


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_a_quorum_is_more_than_half_of_all_voters(count: int, needed: int) -> None:
    assert quorum(count) == needed


def test_the_dead_one_of_three_can_be_removed() -> None:
    verdict = removal(THREE, LOST)
    assert verdict.refusals == ()
    assert verdict.present
    assert (verdict.voters_after, verdict.quorum_after, verdict.healthy_after) == (2, 2, 2)


def test_a_member_that_is_gone_is_nothing_to_do() -> None:
    verdict = removal(cluster(member(2), member(3)), LOST)
    assert not verdict.present
    assert verdict.refusals == ()


def test_a_mistaken_id_is_not_taken_for_a_member_that_is_gone() -> None:
    assert codes(THREE, LOST._replace(id="bad")) == ["MEMBER_MISMATCH"]
    # A replacement that took over name and address of the lost machine is no reason to refuse.
    assert codes(cluster(member(1), member(2), member(3)), LOST._replace(id="bad")) == []


def test_nothing_is_removed_without_quorum_today() -> None:
    # Three voters with one alive: after the removal of one it would still be one of two.
    assert codes(cluster(DEAD, member(2), member(3, healthy=False))) == ["QUORUM_UNSAFE"]


def test_nothing_is_removed_when_today_s_voters_cannot_agree_even_if_those_left_could() -> None:
    # Two of four are healthy: three must agree to the removal, although two of the three left would be enough.
    found = removal(cluster(DEAD, member(2), member(3), member(4, healthy=False)), LOST)
    assert [item.code for item in found.refusals] == ["QUORUM_UNSAFE"]
    assert found.healthy_after >= found.quorum_after
    assert (
        found.refusals[0].observed
        == "Only 2 of 4 voters are healthy, but the quorum is 3: etcd can't commit any change."
    )


def test_of_five_with_two_dead_one_can_be_removed() -> None:
    assert codes(cluster(DEAD, member(2), member(3), member(4), member(5, healthy=False))) == []


def test_a_healthy_member_is_never_removed() -> None:
    assert codes(cluster(member(1), member(2), member(3))) == ["MEMBER_HEALTHY"]


def test_a_refusal_also_tells_that_too_few_would_be_left() -> None:
    etcd = cluster(member(1), member(2), member(3, healthy=False))
    assert codes(etcd) == ["MEMBER_HEALTHY", "QUORUM_UNSAFE"]
    seen = removal(etcd, LOST).refusals[1].observed
    assert seen == "After the removal, 1 of 2 voters would be healthy, but the quorum is 2."


@pytest.mark.parametrize("fields", [{"executor": "elsewhere"}, {"executor_id": ""}])
def test_the_executor_never_removes_itself_whether_known_by_id_or_by_name(fields: dict[str, str]) -> None:
    etcd = cluster(member(1), member(2, healthy=False), member(3), **fields)
    assert codes(etcd, Target(id="a2", name="master-2", addresses=("192.0.2.12",))) == ["MEMBER_IS_EXECUTOR"]


@pytest.mark.parametrize(
    "target",
    [
        Target(id="a1", name="master-9"),
        Target(id="a1", addresses=("192.0.2.99",)),
        Target(id="a1", peer_urls=("https://192.0.2.11:2381",)),
    ],
)
def test_a_member_that_is_not_the_one_planned_for_is_not_removed(target: Target) -> None:
    assert codes(THREE, target) == ["MEMBER_MISMATCH"]


def test_addresses_are_compared_without_brackets_and_port() -> None:
    odd = DEAD._replace(peer_urls=("https://[2001:db8::11]:2380",))
    assert codes(cluster(odd, member(2), member(3)), Target(id="a1", addresses=("2001:db8::11",))) == []


def test_every_peer_url_of_the_member_must_be_the_lost_machine_s() -> None:
    odd = DEAD._replace(peer_urls=("https://192.0.2.11:2380", "https://192.0.2.12:2380"))
    assert codes(cluster(odd, member(2), member(3))) == ["MEMBER_MISMATCH"]


def test_a_learner_beside_the_lost_member_stops_the_removal() -> None:
    assert codes(cluster(*THREE.members, member(4, learner=True))) == ["MEMBER_LEARNER"]


def test_a_member_that_never_started_beside_the_lost_one_counts_and_stops_the_removal() -> None:
    assert codes(cluster(*THREE.members, member(4, started=False))) == ["MEMBER_UNSTARTED", "QUORUM_UNSAFE"]


def test_an_alarm_stops_the_removal() -> None:
    assert codes(cluster(*THREE.members, alarms=("NOSPACE on a2",))) == ["ETCD_ALARM"]


def test_a_member_of_another_cluster_stops_the_removal() -> None:
    rogue = member(3)._replace(cluster_id="b0b")
    assert codes(cluster(DEAD, member(2), rogue)) == ["ETCD_SPLIT"]


@pytest.mark.parametrize("etcd", [cluster(error="nobody answered"), cluster()])
def test_what_cannot_be_read_is_not_judged(etcd: Etcd) -> None:
    assert codes(etcd) == ["ETCD_UNREADABLE"]
    assert [item.code for item in standing(etcd)] == ["ETCD_UNREADABLE"]


REMAINS = Target(id="a4", peer_urls=("https://192.0.2.14:2380",), unstarted=True)


@pytest.mark.parametrize("remains", [member(4, learner=True), member(4, started=False)])
def test_the_remains_of_a_broken_join_are_removed_when_that_is_asked_for(remains: Member) -> None:
    etcd = cluster(member(2), member(3), remains)
    assert codes(etcd, REMAINS) == []
    assert codes(etcd, REMAINS._replace(unstarted=False)) in (["MEMBER_LEARNER"], ["MEMBER_UNSTARTED"])


def test_a_started_voter_is_not_the_remains_of_a_join() -> None:
    etcd = cluster(member(2), member(3), member(4, healthy=False))
    assert codes(etcd, REMAINS) == ["MEMBER_MISMATCH"]


def test_the_remains_of_another_machine_s_join_are_left_alone() -> None:
    etcd = cluster(member(2), member(3), member(4, started=False))
    assert codes(etcd, REMAINS._replace(peer_urls=("https://192.0.2.15:2380",))) == ["MEMBER_MISMATCH"]


def test_a_whole_membership_has_nothing_against_it() -> None:
    etcd = cluster(member(1), member(2), member(3))
    assert standing(etcd) == ()
    assert problems(etcd) == ()


def test_an_unfinished_member_stands_in_the_way_unless_it_is_ignored() -> None:
    etcd = cluster(member(2), member(3), member(4, learner=True))
    assert [item.code for item in standing(etcd)] == ["MEMBER_LEARNER"]
    assert standing(etcd, ignored_id="a4") == ()
    assert len(problems(etcd)) == 1


def test_an_ignored_member_still_counts_for_the_quorum() -> None:
    etcd = cluster(member(2), member(3, healthy=False), member(4, started=False))
    assert [item.code for item in standing(etcd, ignored_id="a4")] == ["QUORUM_UNSAFE"]


def test_problems_name_the_members_that_are_not_well() -> None:
    sick = DEAD._replace(error="connection refused")
    assert problems(cluster(sick, member(2), alarms=("CORRUPT on a2",))) == (
        "Member a1 master-1 https://192.0.2.11:2380, voter, not healthy: connection refused.",
        "etcd has raised an alarm: CORRUPT on a2.",
    )


def test_a_line_about_a_member_says_what_it_is() -> None:
    assert describe(member(2)) == "a2 master-2 https://192.0.2.12:2380, voter, healthy"
    assert describe(member(4, started=False)) == "a4 (never started) https://192.0.2.14:2380, voter, not started"
    assert describe(member(4, learner=True)).endswith("learner, not healthy")


members = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    min_size=1,
    max_size=7,
).map(
    lambda flags: tuple(
        member(number, healthy=alive, started=started, learner=learner)
        for number, (alive, started, learner) in enumerate(flags, start=1)
    )
)


@given(members, st.integers(1, 7), st.booleans())
def test_an_allowed_removal_keeps_a_quorum_and_takes_nobody_who_lives(
    all_members: tuple[Member, ...], number: int, unstarted: bool
) -> None:
    assume(number <= len(all_members))
    lost = all_members[number - 1]
    etcd = cluster(*all_members, executor="", executor_id="")
    verdict = removal(etcd, Target(id=lost.id, peer_urls=lost.peer_urls, unstarted=unstarted))
    left = tuple(item for item in all_members if item != lost)
    assert (verdict.voters_after, verdict.healthy_after) == (len(voters(left)), healthy(left))
    if not verdict.refusals:
        assert not lost.healthy
        assert healthy(left) >= quorum(len(voters(left)))
        assert healthy(all_members) >= quorum(len(voters(all_members)))
        assert unstarted == (lost.learner or not lost.started)


@given(members, st.integers(1, 7))
def test_a_refusal_says_why_and_what_to_do(all_members: tuple[Member, ...], number: int) -> None:
    for item in removal(cluster(*all_members), Target(id="{0:x}".format(0xA0 + number), name="x")).refusals:
        assert item.code.isupper()
        assert item.observed.endswith(".")
        assert item.remedy.endswith(".")


class Replacement:
    """A model of one replacement: members as etcd would hold them, and the steps a run takes by what it finds."""

    def __init__(self, size: int, *, learner_join: bool) -> None:
        self.members = {number: member(number, healthy=number != 1) for number in range(1, size + 1)}
        self.new = size + 1
        self.learner_join = learner_join

    @property
    def etcd(self) -> Etcd:
        return cluster(*self.members.values())

    def run(self, steps: int, *, join_breaks: bool) -> None:
        """Go on from whatever is found, for so many steps; then the run is killed."""
        for step in (self.remove_lost, self.clear_remains, self.add, self.start)[:steps]:
            if join_breaks and step == self.start:
                return
            step()

    def remove_lost(self) -> None:
        self._remove(1, Target(id="a1", name="master-1", addresses=("192.0.2.11",)))

    def clear_remains(self) -> None:
        remains = self.members.get(self.new)
        if remains and not remains.healthy:
            self._remove(self.new, Target(id=remains.id, peer_urls=remains.peer_urls, unstarted=True))

    def add(self) -> None:
        if self.new not in self.members:
            assert standing(self.etcd) == ()
            self.members[self.new] = member(self.new, started=self.learner_join, learner=self.learner_join)

    def start(self) -> None:
        self.members[self.new] = member(self.new)

    def _remove(self, number: int, target: Target) -> None:
        verdict = removal(self.etcd, target)
        if verdict.present and not verdict.refusals:
            del self.members[number]


@given(
    st.sampled_from([3, 5]),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=6),
)
def test_a_replacement_killed_anywhere_and_run_again_never_loses_quorum_and_ends_whole(
    size: int, learner_join: bool, runs: list[tuple[int, bool]]
) -> None:
    model = Replacement(size, learner_join=learner_join)
    # After the removal of the lost member each run begins on what the one before left behind.
    for steps, join_breaks in [*runs, (4, False)]:
        model.run(steps, join_breaks=join_breaks)
        assert healthy(model.etcd.members) >= quorum(len(voters(model.etcd.members)))
    assert problems(model.etcd) == ()
    assert sorted(model.members) == [*range(2, size + 2)]
