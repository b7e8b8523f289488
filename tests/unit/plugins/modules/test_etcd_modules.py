# SPDX-License-Identifier: GPL-3.0-or-later
"""What the etcd modules take and give, with a stand-in for kubectl and etcdctl."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.modules import (
    etcd_member,
    etcd_member_info,
    etcd_snapshot,
    etcd_snapshot_info,
)
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils.stand_in_etcd import StandInEtcd, snapshot_bytes

HOST = {"node_name": "master-2", "node_ip": "203.0.113.12"}


def run(module: ModuleType, capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandInEtcd:
    found = StandInEtcd(dead=["master-1"])
    for module in (etcd_member, etcd_member_info, etcd_snapshot):
        monkeypatch.setattr(module, "module_runner", lambda _module: found)
    return found


def member_arguments(stand_in: StandInEtcd, **more: Any) -> dict[str, Any]:
    target = {"state": "absent", "id": stand_in.id_of("master-1"), "name": "master-1", "addresses": ["203.0.113.11"]}
    return {**HOST, **target, **more}


def test_info_returns_the_record_lines_and_problems(stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(etcd_member_info, capsys, **HOST)
    etcd = from_json(Etcd, found["etcd"])
    assert (etcd.executor, len(etcd.members), found["changed"]) == ("master-2", 3, False)
    assert etcd.executor_id == stand_in.id_of("master-2")
    assert found["lines"][1] == "fd32f8d00ddb1cc7 master-2 https://203.0.113.12:2380, voter, healthy"
    assert len(found["problems"]) == 1
    assert "master-1" in found["problems"][0]


def test_info_says_whether_the_removed_member_is_gone_and_the_rest_is_whole(
    stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = stand_in.id_of("master-1")
    found = run(etcd_member_info, capsys, **HOST, absent_id=lost.upper())
    assert (found["gone"], found["settled"]) == (False, False)
    assert found["problems"][0].endswith(", is still listed.")
    run(etcd_member, capsys, **member_arguments(stand_in))
    found = run(etcd_member_info, capsys, **HOST, absent_id=lost)
    assert (found["gone"], found["settled"], found["problems"]) == (True, True, [])
    stand_in.dead.add("master-3")
    found = run(etcd_member_info, capsys, **HOST, absent_id=lost)
    assert (found["gone"], found["settled"]) == (True, False)


def test_a_member_that_answers_is_not_gone_and_the_cluster_not_settled(
    stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.dead.clear()
    assert run(etcd_member_info, capsys, **HOST)["settled"]
    found = run(etcd_member_info, capsys, **HOST, absent_id=stand_in.id_of("master-1"))
    assert (found["gone"], found["settled"], len(found["problems"])) == (False, False, 1)


def test_info_refuses_what_is_no_id(stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]) -> None:
    assert "master-1" in run(etcd_member_info, capsys, **HOST, absent_id="master-1")["msg"]
    assert stand_in.calls == []


def test_info_tells_that_etcd_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(etcd_member_info, "module_runner", lambda _module: lambda _argv: (127, "", "no kubectl"))
    found = run(etcd_member_info, capsys, **HOST)
    assert not found.get("failed")
    assert found["etcd"]["error"].endswith("no kubectl")
    assert found["problems"] == [found["etcd"]["error"]]
    assert (found["gone"], found["settled"]) == (False, False)


def test_member_is_removed_once(stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = member_arguments(stand_in)
    first = run(etcd_member, capsys, **arguments)
    assert first["changed"]
    assert (len(first["before"]), len(first["after"])) == (3, 2)
    second = run(etcd_member, capsys, **arguments)
    assert not second["changed"]


def test_member_removes_nothing_in_check_mode(stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(etcd_member, capsys, **member_arguments(stand_in), _ansible_check_mode=True, _ansible_diff=True)
    assert found["changed"]
    assert len(found["after"]) == 2
    assert "master-1" in found["diff"]["before"]
    assert "master-1" not in found["diff"]["after"]
    assert "member remove" not in stand_in.commands()


def test_member_is_refused_with_code_and_advice(stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in.dead.clear()
    found = run(etcd_member, capsys, **member_arguments(stand_in))
    assert found["failed"]
    assert [item["code"] for item in found["refusals"]] == ["MEMBER_HEALTHY"]
    assert found["msg"].startswith("MEMBER_HEALTHY: Member ")
    assert found["refusals"][0]["remedy"] in found["msg"]
    assert "member remove" not in stand_in.commands()


@pytest.mark.parametrize("spelling", ["0x{0}", "{0}"])
def test_member_takes_an_id_in_any_spelling(
    stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    member_id = spelling.format(stand_in.id_of("master-1").upper())
    assert run(etcd_member, capsys, **member_arguments(stand_in, id=member_id))["changed"]


@pytest.mark.parametrize("change", [{"id": "master-1"}, {"addresses": []}])
def test_member_refuses_a_target_that_is_not_described(
    stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    assert run(etcd_member, capsys, **member_arguments(stand_in, **change))["failed"]
    assert stand_in.calls == []


def test_snapshot_asks_nothing_in_check_mode(stand_in: StandInEtcd, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(etcd_snapshot, capsys, **HOST, _ansible_check_mode=True)
    assert found["changed"]
    assert stand_in.calls == []


def test_snapshot_fails_with_the_reason(
    stand_in: StandInEtcd, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(etcd_snapshot, capsys, **HOST, directory=str(tmp_path), name="a/b")
    assert found["failed"]
    assert "not a plain file name" in found["msg"]
    assert stand_in.calls == []


def test_snapshot_info_needs_no_etcd(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(snapshot_bytes())
    assert run(etcd_snapshot_info, capsys, path=str(path))["snapshot"]["valid"]
    assert not run(etcd_snapshot_info, capsys, path=str(tmp_path / "y.db"))["snapshot"]["exists"]


def test_snapshot_info_compares_the_hash_that_the_file_must_have(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(snapshot_bytes())
    sha256 = run(etcd_snapshot_info, capsys, path=str(path))["snapshot"]["sha256"]
    assert run(etcd_snapshot_info, capsys, path=str(path), sha256=sha256)["snapshot"]["valid"]
    found = run(etcd_snapshot_info, capsys, path=str(path), sha256="ab")["snapshot"]
    assert (found["valid"], found["exists"], found["sha256"]) == (False, True, sha256)
    assert "not ab" in found["error"]
