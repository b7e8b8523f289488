# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking, keeping and releasing the lock, against a stand-in of the API with optimistic locking."""

from __future__ import annotations

import copy
import itertools
import os
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.action import cluster_lock
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import (
    ApiRefused,
    ApiUnavailable,
    HaError,
    ObjectChanged,
    Unsafe,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._guard import identity
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import lock as rules

Json = dict[str, Any]
ME, OTHER = "root@a (run 1-1)", "root@b (run 2-2)"


class StandInLeases:
    """One Lease behind KubeApi's methods. `interfere` is called once before a write."""

    def __init__(self) -> None:
        self.lease: Json | None = None
        self.server_time = 1795700740.0
        self.writes: list[str] = []
        self.interfere: Any = None
        self._versions = itertools.count(1)

    def get(self, _path: str) -> Json | None:
        return copy.deepcopy(self.lease)

    def _store(self, verb: str, body: Json) -> Json:
        if self.interfere:
            act, self.interfere = self.interfere, None
            act()
        current = self.lease
        if verb == "POST" and current:
            raise ApiRefused(verb, "leases", 409, "AlreadyExists")
        if verb == "PUT" and (
            not current or current["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]
        ):
            raise ApiRefused(verb, "leases", 409, "Conflict")
        self.writes.append(verb)
        self.lease = copy.deepcopy(body)
        self.lease["metadata"].update(resourceVersion=str(next(self._versions)), uid="u")
        return self.lease

    def create(self, _path: str, body: Json) -> Json:
        return self._store("POST", body)

    def replace(self, _path: str, body: Json) -> Json:
        return self._store("PUT", body)

    def delete(self, path: str, *, uid: str, version: str) -> bool:
        if self.interfere:
            act, self.interfere = self.interfere, None
            act()
        assert self.lease is not None
        assert uid == self.lease["metadata"]["uid"]
        if version != self.lease["metadata"]["resourceVersion"]:
            raise ObjectChanged(path, uid)
        self.lease = None
        self.writes.append("DELETE")
        return True


def take(api: StandInLeases, holder: str = ME, **more: Any) -> bool:
    return cluster_lock.take(api, holder, "boot/ns/1/1", **more)  # type: ignore[arg-type]


def test_it_is_taken_kept_and_released() -> None:
    api = StandInLeases()
    assert take(api) is True
    api.server_time += 30
    assert take(api) is False
    assert api.lease is not None
    known = rules.parse(api.lease)
    assert known is not None
    assert (known.acquired, known.renewed) == (1795700740, 1795700770)
    assert cluster_lock.release(api, ME) is True  # type: ignore[arg-type]
    assert cluster_lock.release(api, ME) is False  # type: ignore[arg-type]
    assert api.writes == ["POST", "PUT", "DELETE"]


def test_two_at_once_do_not_both_take_it() -> None:
    api = StandInLeases()
    api.interfere = lambda: take(api, OTHER)
    with pytest.raises(Unsafe, match="root@b"):
        take(api)
    assert api.lease is not None
    assert api.lease["spec"]["holderIdentity"] == OTHER


def test_two_takeovers_at_once_do_not_both_succeed() -> None:
    api = StandInLeases()
    take(api, "root@dead (run 3-3)")
    api.server_time += 100
    api.interfere = lambda: take(api, OTHER, take_over=True)
    with pytest.raises(Unsafe, match="root@b"):
        take(api, take_over=True)


def test_another_run_s_lock_is_not_released() -> None:
    api = StandInLeases()
    take(api, OTHER)
    assert cluster_lock.release(api, ME) is False  # type: ignore[arg-type]
    assert api.lease is not None


def dead() -> str:
    """The identity of a process of this controller that has ended."""
    boot, namespace, number, _start = identity(os.getpid()).split("/")
    return "/".join((boot, namespace, number, "1"))


def test_a_dead_process_of_this_controller_makes_room() -> None:
    api = StandInLeases()
    cluster_lock.take(api, OTHER, dead())  # type: ignore[arg-type]
    assert take(api) is True


def test_a_dead_run_s_lock_is_released() -> None:
    api = StandInLeases()
    cluster_lock.take(api, OTHER, dead())  # type: ignore[arg-type]
    assert cluster_lock.release(api, ME) is True  # type: ignore[arg-type]
    assert api.lease is None


def test_a_dead_run_s_lock_that_another_run_takes_meanwhile_is_not_released() -> None:
    api = StandInLeases()
    cluster_lock.take(api, "root@dead (run 3-3)", dead())  # type: ignore[arg-type]
    api.interfere = lambda: take(api, OTHER)
    assert cluster_lock.release(api, ME) is False  # type: ignore[arg-type]
    assert api.lease is not None
    assert api.lease["spec"]["holderIdentity"] == OTHER


def test_a_lock_that_is_renewed_meanwhile_is_released() -> None:
    api = StandInLeases()
    take(api)
    api.interfere = lambda: take(api)
    assert cluster_lock.release(api, ME) is True  # type: ignore[arg-type]
    assert api.lease is None


def test_an_error_is_no_lock() -> None:
    api = StandInLeases()

    def fail(_path: str) -> Json:
        raise ApiUnavailable("https://x", "refused")

    api.get = fail  # type: ignore[method-assign]
    with pytest.raises(HaError, match="does not answer"):
        take(api)


def test_a_refused_write_is_no_lock() -> None:
    api = StandInLeases()

    def fail(_path: str, _body: Json) -> Json:
        raise ApiRefused("POST", "leases", 403, "Forbidden")

    api.create = fail  # type: ignore[method-assign]
    with pytest.raises(ApiRefused, match="403"):
        take(api)


def test_the_holder_names_user_controller_and_run() -> None:
    found = cluster_lock.holder_of(42, "boot/ns/42/99")
    assert found.endswith(" (run 42-99)")
    assert "@" in found


@pytest.fixture(name="guarded")
def _guarded(monkeypatch: pytest.MonkeyPatch) -> tuple[StandInLeases, Json]:
    """A lock that this run took, and what its guard was told to do; no process is started."""
    api, told = StandInLeases(), {}
    take(api)
    monkeypatch.setattr(cluster_lock, "connect", lambda _path: api)
    monkeypatch.setattr(cluster_lock, "guard", lambda _pid, **given: told.update(given))
    cluster_lock._watch_over("/x", ME, "boot/ns/1/1")
    return api, told


def test_the_guard_renews_the_lock_so_that_it_does_not_expire_during_a_wait(
    guarded: tuple[StandInLeases, Json],
) -> None:
    api, told = guarded
    assert told["every"] * 3 <= rules.EXPIRY
    for _time in range(3):
        api.server_time += rules.EXPIRY - 1
        assert told["beat"]() is True
        with pytest.raises(Unsafe, match="That run is at work"):
            take(api, OTHER, take_over=True)
    known = rules.parse(api.lease)
    assert known is not None
    assert (known.holder, known.process, known.acquired) == (ME, "boot/ns/1/1", 1795700740)
    told["clean"]()
    assert api.lease is None


@pytest.mark.parametrize("released", [False, True])
def test_the_guard_ends_when_the_lock_is_no_longer_this_run_s(
    guarded: tuple[StandInLeases, Json], released: bool
) -> None:
    api, told = guarded
    api.lease = None
    if not released:
        take(api, OTHER)
    before = copy.deepcopy(api.lease)
    assert told["beat"]() is False
    assert api.lease == before


def test_the_guard_goes_on_while_the_api_does_not_answer(
    guarded: tuple[StandInLeases, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_path: str) -> Json:
        raise ApiUnavailable("https://x", "refused")

    monkeypatch.setattr(guarded[0], "get", silent)
    assert guarded[1]["beat"]() is True


def test_an_api_server_that_restarts_is_asked_again_and_a_lost_answer_counts_as_taken() -> None:
    leases, process = StandInLeases(), identity(os.getpid())
    away = iter([True, True, False])

    def taking() -> bool:
        taken = cluster_lock.take(leases, ME, process)  # type: ignore[arg-type]
        if next(away):
            raise ApiUnavailable("https://192.0.2.12:6443", "reset after the write")
        return taken

    assert cluster_lock.patiently(taking, seconds=5, pause=0)
    assert leases.writes == ["POST", "PUT", "PUT"]
    assert not cluster_lock.patiently(lambda: False)


def test_an_api_server_that_stays_away_and_a_lock_of_another_run_end_the_phase() -> None:
    def gone() -> bool:
        raise ApiUnavailable("https://192.0.2.12:6443", "refused")

    with pytest.raises(ApiUnavailable):
        cluster_lock.patiently(gone, seconds=0.05, pause=0.01)
    asked = []

    def held() -> bool:
        asked.append(1)
        raise Unsafe("LOCK_HELD", "held", "wait")

    with pytest.raises(Unsafe):
        cluster_lock.patiently(held)
    assert asked == [1]
