# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may hold the lock, by the Lease and the server's clock."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import lock

Json = dict[str, Any]
ME, OTHER = "root@a (run 1-1)", "root@b (run 2-2)"
NOW = 1795700740.5


def held(holder: str = OTHER, *, age: float = 5, **spec: Any) -> Json:
    made = lock.lease(holder, "boot/ns/2/2", now=NOW - age, acquired=NOW - 400)
    made["metadata"]["resourceVersion"] = "7"
    made["spec"].update(spec)
    return made


def check(found: Json | None, *, has_ended: bool = False, take_over: bool = False) -> bool:
    return lock.check(lock.parse(found), ME, now=NOW, has_ended=has_ended, take_over=take_over)


def test_what_is_written_is_what_is_read() -> None:
    known = lock.parse(held(ME))
    assert known is not None
    assert (known.holder, known.process, known.version, known.expires_after) == (ME, "boot/ns/2/2", "7", lock.EXPIRY)
    assert (known.renewed, known.acquired) == (NOW - 5, NOW - 400)


@pytest.mark.parametrize("found", [None, {}, {"spec": None}, {"spec": {}}, {"spec": {"holderIdentity": ""}}])
def test_without_a_holder_it_is_free(found: Json | None) -> None:
    assert lock.parse(found) is None
    assert check(found) is False


def test_my_own_is_kept_also_if_it_has_expired() -> None:
    assert check(held(ME)) is True
    assert check(held(ME, age=3600)) is True


def test_somebody_else_s_is_told_with_its_holder_and_since_when() -> None:
    with pytest.raises(Unsafe) as caught:
        check(held(), take_over=True)
    text = str(caught.value)
    assert text.startswith(
        "LOCK_HELD: root@b (run 2-2) has held the lock since 2026-11-26 13:39:00 UTC, 6 min 40 s ago,"
    )
    assert "renewed it 5 s ago" in text
    assert "it expires in 55 s" in text or "expires in 55 s" in text
    assert text.endswith("Nothing was changed.")


def test_an_expired_one_needs_the_operator_s_word() -> None:
    with pytest.raises(Unsafe, match="replace_master_take_over_lock=true"):
        check(held(age=61))
    assert check(held(age=61), take_over=True) is False


def test_that_of_a_killed_run_of_this_controller_is_free_at_once() -> None:
    assert check(held(), has_ended=True) is False


@pytest.mark.parametrize("text", [None, "", "soon", "2026-13-45T99:99:99Z", 7, {}])
def test_a_time_that_can_not_be_read_is_long_ago(text: Any) -> None:
    with pytest.raises(Unsafe, match="has expired"):
        check(held(renewTime=text))


@pytest.mark.parametrize("seconds", [None, "60", True, []])
def test_a_duration_that_can_not_be_read_is_the_usual_one(seconds: Any) -> None:
    with pytest.raises(Unsafe, match="expires in 55 s"):
        check(held(leaseDurationSeconds=seconds))


def test_a_time_of_other_clients_is_read_too() -> None:
    known = lock.parse(held(renewTime="2026-11-26T13:45:40Z"))
    assert known is not None
    assert known.renewed == 1795700740


def test_a_lease_replaces_only_the_version_it_was_read_in() -> None:
    assert lock.lease(ME, "p", now=NOW, version="7")["metadata"]["resourceVersion"] == "7"
    assert "resourceVersion" not in lock.lease(ME, "p", now=NOW)["metadata"]
