# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import time
from pathlib import Path

import pytest
from bedlib import binaries, conf, hosts
from bedlib.conf import BedError

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def test_a_network_in_use_is_not_taken() -> None:
    used = conf.used_networks(ROUTES)
    assert used == [ipaddress.IPv4Network("192.0.2.0/24")]
    assert str(conf.choose_subnet([])) == "192.0.2.0/24"
    assert str(conf.choose_subnet(used)) == "198.51.100.0/24"


def test_two_beds_that_come_up_at_the_same_time_choose_different_networks() -> None:
    for busy in ([], *([network] for network in conf.SUBNETS)):
        assert conf.choose_subnet(busy) != conf.choose_subnet(busy, prefix="bed-two")


def test_hosts_have_addresses_and_pod_ranges_of_their_own() -> None:
    every = (*conf.MASTERS, conf.SPARE, *conf.WORKERS)
    assert len({h.ip for h in every}) == len(every)
    assert len({h.pods for h in every}) == len(every)
    assert all(ipaddress.ip_network(h.pods).subnet_of(conf.POD_CIDR) for h in every)  # type: ignore[arg-type]


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(BedError, match="'master-9'"):
        conf.host("master-9")


def test_boot_env_has_a_way_to_every_other_host() -> None:
    text = hosts.boot_env(conf.MASTERS[0], (*conf.MASTERS, conf.SPARE))
    assert f"{conf.SPARE.pods}={conf.SPARE.ip}" in text
    assert f"{conf.MASTERS[0].pods}={conf.MASTERS[0].ip}" not in text
    assert f'BED_PODS="{conf.MASTERS[0].pods}"' in text


def test_an_unfinished_artefact_is_never_taken_for_a_finished_one(tmp_path: Path) -> None:
    target = tmp_path / "artefact"

    def killed() -> None:
        with conf.finished(target) as scratch:
            (scratch / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert not target.exists()
    with conf.finished(target) as scratch:
        assert not list(scratch.iterdir())
        (scratch / "whole").write_text("whole")
    assert [p.name for p in target.iterdir()] == ["whole"]
    assert [p.name for p in tmp_path.iterdir()] == ["artefact"]


def test_a_failed_command_is_one_sentence_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(BedError, match=r"sh .* code 3: the log is .*log"):
        conf.run(["sh", "-c", "echo seen; exit 3"], log=tmp_path / "log")
    assert "seen" in (tmp_path / "log").read_text()
    with pytest.raises(BedError, match="not installed"):
        conf.run(["no-such-program-here"])


def test_waiting_ends_with_what_did_not_happen() -> None:
    begin = time.monotonic()
    with pytest.raises(BedError, match="The sun rising did not happen"):
        conf.wait_for("The sun rising", lambda: False, seconds=0.05, every=0.01)
    assert time.monotonic() - begin < 5


def test_each_raises_the_first_error_after_all_have_run() -> None:
    done = []

    def work(number: int) -> int:
        if number == 1:
            raise BedError("one")
        done.append(number)
        return number

    with pytest.raises(BedError, match="one"):
        conf.each(work, [0, 1, 2])
    assert sorted(done) == [0, 2]


@pytest.mark.parametrize(("text", "version"), [("go version go1.26.8 linux/amd64", (1, 26)), ("", (0, 0))])
def test_go_version(text: str, version: tuple[int, int]) -> None:
    assert binaries.go_version(text) == version


def test_every_program_is_found_in_one_place() -> None:
    assert binaries.binary("etcdctl").parent.name.startswith("etcdctl-v3.5")
    with pytest.raises(BedError):
        binaries.binary("emacs")


def test_the_hosts_python_is_the_newest_of_the_asked_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert conf.find_python("") == "/usr/bin/python3"
    with pytest.raises(BedError, match=r"no Python 3\.6"):
        conf.find_python("3.6")
    for version in ("3.6.1", "3.6.15", "3.6.9", "3.10.2"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
        (tmp_path / "versions" / version / "bin/python").touch()
    assert conf.find_python("3.6") == str(tmp_path / "versions/3.6.15/bin/python")
    assert conf.find_python("3.6.1") == str(tmp_path / "versions/3.6.1/bin/python")
    with pytest.raises(BedError, match=r"no Python 3\.1 "):
        conf.find_python("3.1")
