# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import signal

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.processes import (
    Process,
    end_pod_processes,
    in_pod,
    pod_processes,
)

V1 = """\
9:name=systemd:/../../kubepods/besteffort/podba9a0cb5/90961a90
8:pids:/kubepods/besteffort/podba9a0cb5/90961a90
0::/kubepods/besteffort/podba9a0cb5/90961a90
"""
V2 = "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-90961a90.scope\n"
NESTED = "0::/kubelet.slice/kubelet-kubepods.slice/pod1/2\n"
HOST = "9:name=systemd:/../../init.scope\n4:memory:/init.scope\n0::/init.scope\n"


@pytest.mark.parametrize("text", [V1, V2, NESTED, "3:cpuset:/kubepods\n"])
def test_processes_of_pods(text: str) -> None:
    assert in_pod(text)


@pytest.mark.parametrize("text", [HOST, "0::/system.slice/kubelet.service\n", "0::/user.slice/kubepodsy\n", ""])
def test_processes_of_the_host(text: str) -> None:
    assert not in_pod(text)


def write(proc: pathlib.Path, pid: str, cgroup: str, *, program: str = "x", state: str = "S") -> None:
    (proc / pid).mkdir()
    (proc / pid / "cgroup").write_text(cgroup)
    (proc / pid / "comm").write_text(program + "\n")
    (proc / pid / "stat").write_text("{0} ({1} ) Z) {2} 1 1".format(pid, program, state))


@pytest.fixture
def proc(tmp_path: pathlib.Path) -> pathlib.Path:
    write(tmp_path, "1", HOST, program="systemd")
    write(tmp_path, "self", HOST)
    (tmp_path / "sys").mkdir()
    (tmp_path / "77").mkdir()  # it ended meanwhile
    return tmp_path


def test_pods_are_told_from_the_host(proc: pathlib.Path) -> None:
    write(proc, "120", V2, program="etcd")
    write(proc, "99", V1, program="keepalived")
    write(proc, "130", V2, program="dead", state="Z")
    write(proc, "140", HOST, program="sshd")
    assert pod_processes(str(proc)) == [Process(99, "keepalived"), Process(120, "etcd")]


def test_a_machine_that_is_a_pod_is_left_alone(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "1", V2)
    write(tmp_path, "self", HOST)
    with pytest.raises(HaError, match="itself a pod"):
        pod_processes(str(tmp_path))


class Machine:
    """Stands in for a machine: some processes heed SIGTERM, some only SIGKILL, some nothing."""

    def __init__(self, heeds: dict[int, set[int]]) -> None:
        self.heeds = heeds
        self.alive = set(heeds)
        self.sent: list[tuple[int, int]] = []
        self.now = 0.0

    def find(self) -> list[Process]:
        return [Process(pid, "p{0}".format(pid)) for pid in sorted(self.alive)]

    def kill(self, pid: int, number: int) -> None:
        self.sent.append((pid, number))
        if pid not in self.alive:
            raise ProcessLookupError
        if number in self.heeds[pid]:
            self.alive.discard(pid)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def end(self, grace: float = 5.0) -> list[Process]:
        return end_pod_processes(
            grace_seconds=grace, find=self.find, kill=self.kill, clock=lambda: self.now, sleep=self.sleep
        )


BOTH = {signal.SIGTERM, signal.SIGKILL}


def test_nothing_to_end() -> None:
    assert Machine({}).end() == []


def test_processes_that_heed_are_not_killed() -> None:
    machine = Machine({5: BOTH, 6: BOTH})
    assert machine.end() == [Process(5, "p5"), Process(6, "p6")]
    assert machine.sent == [(5, signal.SIGTERM), (6, signal.SIGTERM)]


def test_the_stubborn_are_killed_after_the_grace() -> None:
    machine = Machine({5: BOTH, 6: {signal.SIGKILL}})
    assert [process.pid for process in machine.end(grace=5.0)] == [5, 6]
    assert machine.sent == [(5, signal.SIGTERM), (6, signal.SIGTERM), (6, signal.SIGKILL)]
    assert 5.0 <= machine.now < 6.0


def test_without_a_grace_they_are_asked_first_all_the_same() -> None:
    machine = Machine({6: {signal.SIGKILL}})
    machine.end(grace=0.0)
    assert machine.sent == [(6, signal.SIGTERM), (6, signal.SIGKILL)]


def test_what_outlives_a_kill_is_told() -> None:
    with pytest.raises(HaError, match="7 p7"):
        Machine({7: set()}).end()
