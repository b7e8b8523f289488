# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals that a role gives by itself, on a stand-in cluster of K3s: nothing is written and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PUSHED_PROGRAMS
from ansible_collections.cloudpods.ha.tests.playbooks import invariants, rows
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, SURVIVORS, Replacing, kept, world

DROP_IN = "etc/rancher/k3s/config.yaml.d/50-own.yaml"


@pytest.fixture(scope="module")
def made() -> Iterator[Replacing]:
    with world(kept(), provider="k3s") as found:
        yield found


def untouched(made: Replacing) -> bool:
    state = made.state()
    return not [item for item in invariants.writes(state) if not invariants.lock(item)] and not state["acts"]


def programs(made: Replacing) -> list[str]:
    """What is in the folders for programs on all machines, ours too."""
    machines = list((made.folder / "machines").iterdir())
    assert len(machines) == len(SURVIVORS) + 2
    tops = [machine / top for machine in machines for top in ("programs", PUSHED_PROGRAMS.lstrip("/"))]
    return sorted(str(path) for top in tops for path in (top, *top.rglob("*")) if path.exists())


def test_an_etcdctl_with_another_checksum_is_copied_to_no_host(made: Replacing) -> None:
    before = programs(made)
    done = made.play(
        settings={"replace_master_etcdctl": "/bin/true", "replace_master_etcdctl_checksum": "sha256:" + 64 * "0"}
    )
    assert done.code != 0
    assert "ETCDCTL_CHECKSUM" in done.output
    assert programs(made) == before
    assert untouched(made)


def test_a_port_that_a_firewall_closes_is_found_before_anything_is_removed(made: Replacing) -> None:
    made.ask("change", name="port_closed")
    # A report that can't be written hides no reason.
    report = made.reports / LOST / "report.json"
    report.unlink(missing_ok=True)
    report.mkdir(parents=True)
    done = made.play()
    report.rmdir()
    made.ask("change", name="port_opened")
    assert done.code != 0
    assert "PORT_CLOSED" in rows.reason(done)
    assert "192.0.2.13:2380" in done.output
    assert untouched(made)


def test_settings_of_k3s_that_the_replacement_would_read_too_are_found_before_anything_is_removed(
    made: Replacing,
) -> None:
    own = made.machine(SPARE) / DROP_IN
    own.parent.mkdir(parents=True)
    own.write_text("cluster-init: true\n", encoding="utf-8")
    done = made.play()
    own.unlink()
    assert done.code != 0
    assert "K3S_CONFIG" in done.output
    assert untouched(made)
