# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking etcd and removing a member, on a stand-in that plays recorded answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S, KUBEADM
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import client as etcd_client
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.client import EtcdClient, program_path, remove_member
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import Target
from ansible_collections.cloudpods.ha.tests.unit.plugins.module_utils.stand_in_etcd import StandInEtcd, answer


def client(stand_in: Any, **options: Any) -> EtcdClient:
    return EtcdClient(run=stand_in, provider=KUBEADM, node_name="master-2", node_ip="203.0.113.12", **options)


def lost(stand_in: StandInEtcd) -> Target:
    return Target(id=stand_in.id_of("master-1"), name="master-1", addresses=("203.0.113.11",))


def test_every_member_is_read_through_its_own_endpoint() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    etcd = client(stand_in).read()
    assert [(item.name, item.healthy, item.error) for item in etcd.members] == [
        ("master-1", False, "context deadline exceeded"),
        ("master-2", True, ""),
        ("master-3", True, ""),
    ]
    assert (etcd.executor, etcd.executor_id) == ("master-2", "fd32f8d00ddb1cc7")
    assert (etcd.cluster_id, etcd.version, etcd.alarms, etcd.error) == ("e32659d7c6d26157", "3.5.15", (), "")
    assert {item.revision for item in etcd.members} == {0, 21}
    reads = [argv for argv in stand_in.calls if "health" in argv]
    assert [argv[argv.index("--endpoints") + 1] for argv in reads] == [
        "https://203.0.113.11:2379",
        "https://203.0.113.12:2379",
        "https://203.0.113.13:2379",
    ]
    assert all("--consistency=l" in argv for argv in reads)


def test_etcdctl_runs_in_the_pod_of_this_host_through_its_own_api_server() -> None:
    stand_in = StandInEtcd()
    client(stand_in).status()
    (argv,) = stand_in.calls
    assert argv[:5] == [
        "kubectl",
        "--kubeconfig",
        "/etc/kubernetes/admin.conf",
        "--server",
        "https://203.0.113.12:6443",
    ]
    assert argv[argv.index("exec") + 1] == "etcd-master-2"
    # pflag adds up repeated --endpoints: a second one would let another member answer.
    assert argv.count("--endpoints") == 1


@pytest.mark.parametrize("ip", ["2001:db8::12", "192.0.2.12"])
@pytest.mark.parametrize(
    ("urls", "endpoint"),
    [
        ("https://127.0.0.1:2379,https://[2001:db8::12]:2379", "https://127.0.0.1:2379"),
        ("https://[2001:db8::12]:2379,https://127.0.0.1:2379", "https://127.0.0.1:2379"),
        ("https://192.0.2.12:2379,https://[::1]:2379", "https://[::1]:2379"),
        ("https://192.0.2.12:12379", "https://192.0.2.12:12379"),
    ],
)
def test_the_own_member_is_asked_where_it_listens(tmp_path: Path, ip: str, urls: str, endpoint: str) -> None:
    stand_in, mark = StandInEtcd(), tmp_path / "config"
    provider = KUBEADM._replace(etcd_mark=str(mark))
    mark.write_text("listen-client-urls: {0}\n".format(urls), encoding="utf-8")
    EtcdClient(run=stand_in, provider=provider, node_name="n", node_ip=ip).status()
    mark.unlink()
    EtcdClient(run=stand_in, provider=provider, node_name="n", node_ip=ip).status()
    asked = [argv[argv.index("--endpoints") + 1] for argv in stand_in.calls]
    assert asked == [endpoint, "https://{0}:2379".format("[::1]" if ":" in ip else "127.0.0.1")]


@pytest.mark.parametrize("members", ["member-list-learner.json", "member-list-unstarted.json"])
def test_a_learner_or_unstarted_member_is_not_read_and_not_healthy(members: str) -> None:
    stand_in = StandInEtcd(members=members)
    (item,) = (item for item in client(stand_in).read().members if not item.healthy)
    assert item.peer_urls == ("https://203.0.113.14:2380",)
    assert item.error
    assert stand_in.commands().count("get health") == 2


def test_an_endpoint_that_answers_as_another_member_is_not_healthy() -> None:
    stand_in = StandInEtcd()
    stand_in.member("master-3")["clientURLs"] = ["https://203.0.113.12:2379"]
    stand_in.listing["members"].sort(key=lambda item: item["name"])
    (wrong,) = (item for item in client(stand_in).read().members if not item.healthy)
    assert wrong.name == "master-3"
    assert wrong.error == "https://203.0.113.12:2379 answered as member fd32f8d00ddb1cc7"


def test_alarms_are_read() -> None:
    stand_in = StandInEtcd()
    stand_in.alarms = answer("alarm-list-nospace.json")
    assert client(stand_in).read().alarms == ("NOSPACE on fd32f8d00ddb1cc7",)


def test_a_failure_says_which_program_where_and_why() -> None:
    def refused(_argv: object) -> tuple[int, str, str]:
        return (
            1,
            "",
            "The connection to the server 203.0.113.12:6443 was refused - did you specify the right host or port?\n",
        )

    with pytest.raises(CommandFailed, match=r"etcdctl member list in pod etcd-master-2 failed .* was refused"):
        client(refused).read()


@pytest.mark.parametrize(
    "out", ["", "no JSON", "[]", "{}", '{"header": {"cluster_id": 1.5, "member_id": 2}}', "null", "[" * 200000]
)
def test_an_answer_that_is_not_understood_is_a_failure(out: str) -> None:
    with pytest.raises(CommandFailed, match="can't be parsed"):
        client(lambda _argv: (0, out, "")).read()


def test_the_lost_member_is_removed_by_its_id() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    target = lost(stand_in)
    done = remove_member(client(stand_in), target)
    assert done.changed
    assert [item.name for item in done.before.members] == ["master-1", "master-2", "master-3"]
    assert [item.name for item in done.after.members] == ["master-2", "master-3"]
    (removal,) = (argv for argv in stand_in.calls if "remove" in argv)
    assert removal[removal.index("remove") + 1] == target.id


def test_a_second_removal_changes_nothing() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    target = lost(stand_in)
    remove_member(client(stand_in), target)
    again = remove_member(client(stand_in), target)
    assert not again.changed
    assert again.refusals == ()
    assert stand_in.commands().count("member remove") == 1


def test_nothing_is_removed_when_that_is_refused() -> None:
    stand_in = StandInEtcd()
    done = remove_member(client(stand_in), lost(stand_in))
    assert not done.changed
    assert [item.code for item in done.refusals] == ["MEMBER_HEALTHY"]
    assert "member remove" not in stand_in.commands()


def test_check_mode_removes_nothing_and_shows_what_would_be_left() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    done = remove_member(client(stand_in, check_mode=True), lost(stand_in))
    assert done.changed
    assert [item.name for item in done.after.members] == ["master-2", "master-3"]
    assert "member remove" not in stand_in.commands()


def test_check_mode_also_keeps_a_bare_removal_from_etcd() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    client(stand_in, check_mode=True).remove("a1")
    assert stand_in.calls == []


def test_a_removal_whose_answer_was_lost_is_told_from_the_list() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    stand_in.remove_rc = 1
    assert remove_member(client(stand_in), lost(stand_in)).changed


def test_a_removal_that_failed_is_a_failure() -> None:
    stand_in = StandInEtcd(dead=["master-1"])
    stand_in.remove_rc, stand_in.removal_happens = 1, False
    with pytest.raises(CommandFailed, match="etcdserver: request timed out"):
        remove_member(client(stand_in), lost(stand_in))


def test_the_remains_of_a_broken_join_are_removed() -> None:
    stand_in = StandInEtcd(members="member-list-learner-unstarted.json")
    (remains,) = (item for item in client(stand_in).read().members if not item.started)
    done = remove_member(client(stand_in), Target(id=remains.id, peer_urls=remains.peer_urls, unstarted=True))
    assert done.changed
    assert remains.id not in [item.id for item in done.after.members]


def test_a_snapshot_may_take_longer_than_a_question() -> None:
    calls: list[list[str]] = []

    def run(argv: Any) -> tuple[int, str, str]:
        calls.append(list(argv))
        return 0, "", ""

    client(run).save_snapshot("/var/lib/etcd/x", timeout=600)
    timeouts = [word for word in calls[0] if word.startswith("--command-timeout")]
    assert timeouts[-1] == "--command-timeout=600s"


def test_snapshot_files_are_read_by_etcdutl_where_etcdctl_no_longer_does() -> None:
    stand_in = StandInEtcd()
    assert client(stand_in).snapshot_revision("/x") == 21
    assert [call[call.index("--") + 1] for call in stand_in.calls] == ["etcdctl"]
    stand_in.has_snapshot_status = False
    assert client(stand_in).snapshot_revision("/x") == 21
    assert stand_in.calls[-1][stand_in.calls[-1].index("--") + 1] == "etcdutl"


def test_when_neither_reads_the_snapshot_both_reasons_are_told() -> None:
    def run(argv: Any) -> tuple[int, str, str]:
        return 1, "", "Error: not by {0}\n".format(argv[argv.index("--") + 1])

    with pytest.raises(CommandFailed, match="not by etcdctl; not by etcdutl"):
        client(run).snapshot_revision("/x")


def test_without_a_pod_etcdctl_of_the_host_is_run_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(monkeypatch, tmp_path, "pushed/etcdctl")
    in_pod, on_host = StandInEtcd(), StandInEtcd(dead=["master-1"])
    client(in_pod).read()
    own = EtcdClient(run=on_host, provider=K3S, node_name="master-2", node_ip="203.0.113.12")
    # The stand-in looks for the command behind a double hyphen, which only a pod needs.
    own._run = lambda argv: on_host(["--", *argv])
    assert [(item.name, item.healthy) for item in own.read().members] == [
        ("master-1", False),
        ("master-2", True),
        ("master-3", True),
    ]
    assert {argv[1] for argv in on_host.calls} == {str(tmp_path / "pushed" / "etcdctl")}
    tails = [[argv[argv.index("--endpoints") + 1], *argv[argv.index("--dial-timeout=2s") :]] for argv in on_host.calls]
    assert tails == [
        [argv[argv.index("--endpoints") + 1], *argv[argv.index("--dial-timeout=2s") :]] for argv in in_pod.calls
    ]


def program(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, *, mode: int = 0o755) -> None:
    monkeypatch.setattr(etcd_client, "PUSHED_PROGRAMS", str(folder / "pushed"))
    monkeypatch.setenv("PATH", str(folder / "bin"))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(mode)


def test_a_program_the_operator_gave_counts_more_than_the_hosts_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(monkeypatch, tmp_path, "pushed/etcdctl", mode=0o644)
    assert program_path("etcdctl") == "etcdctl"
    program(monkeypatch, tmp_path, "bin/etcdctl")
    assert program_path("etcdctl") == str(tmp_path / "bin" / "etcdctl")
    program(monkeypatch, tmp_path, "pushed/etcdctl")
    assert program_path("etcdctl") == str(tmp_path / "pushed" / "etcdctl")
    assert program_path("etcdutl") == "etcdutl"


def test_an_etcdctl_that_is_missing_is_told_with_the_host_it_is_missing_on() -> None:
    own = EtcdClient(run=lambda _argv: (127, "", "not found"), provider=K3S, node_name="lzx-ha-env-2", node_ip="x")
    with pytest.raises(CommandFailed, match="etcdctl endpoint status on lzx-ha-env-2"):
        own.status()
