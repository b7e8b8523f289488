# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting together what API, hosts and members said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import host_port
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster, Lost
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view as plan_view
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import NODES, VOLUMES, StandInCluster

Json = dict[str, Any]


def lost_of(cluster: StandInCluster, **fields: Any) -> Lost:
    lost = cluster.cluster(**fields).lost
    assert lost is not None
    return lost


def test_everything_is_put_together() -> None:
    found = StandInCluster().cluster()
    assert [host.name for host in found.hosts] == [
        "master-2.example.org",
        "master-3.example.org",
        "master-4.example.org",
    ]
    assert found.lost is not None
    assert found.lost.seen_in == ("node", "etcd")
    assert (found.vip.address, found.vip.holders) == ("192.0.2.100", ("master-2.example.org",))
    assert len(found.etcd.members) == 3
    assert found.etcd.executor == "master-2.example.org"


def test_a_port_that_accepted_a_connection_is_an_answer() -> None:
    cluster = StandInCluster()
    cluster.answers = [6443, 22]
    lost = lost_of(cluster)
    assert (lost.answers, lost.probed) == (("192.0.2.11:22", "192.0.2.11:6443"), True)


@pytest.mark.parametrize(
    "probes", [{}, None, {"addresses": ["192.0.2.11"]}, {"addresses": ["192.0.2.11"], "open": [], "closed": []}]
)
def test_a_probe_that_did_not_run_proves_nothing(probes: Json | None) -> None:
    cluster = StandInCluster()
    cluster._probe = lambda: probes  # type: ignore[method-assign,assignment,return-value]
    assert (lost_of(cluster).answers, lost_of(cluster).probed) == ((), False)


def test_a_port_that_was_found_closed_is_no_answer() -> None:
    lost = lost_of(StandInCluster())
    assert (lost.answers, lost.probed) == ((), True)


def test_every_address_that_answers_any_survivor_counts_once() -> None:
    cluster = StandInCluster()
    cluster._probe = lambda: {"open": ["[2001:db8::11]:22", "192.0.2.11:22"], "closed": ["192.0.2.11:6443"]}  # type: ignore[method-assign]
    assert lost_of(cluster).answers == ("192.0.2.11:22", "[2001:db8::11]:22")


def test_what_answers_at_the_vip_is_not_the_lost_machine() -> None:
    cluster = StandInCluster()
    cluster._probe = lambda: {"open": [cluster.vip + ":6443"], "closed": [cluster.vip + ":22"]}  # type: ignore[method-assign]
    assert (lost_of(cluster).answers, lost_of(cluster).probed) == ((), False)
    cluster.node("master-1")["status"]["addresses"].append({"type": "InternalIP", "address": cluster.vip})
    cluster._probe = lambda: {"open": [cluster.vip + ":6443"], "closed": ["192.0.2.11:22"]}  # type: ignore[method-assign]
    assert (lost_of(cluster).answers, lost_of(cluster).probed) == ((), True)


def outer(address: str) -> Json:
    return {"type": "ExternalIP", "address": address}


def test_an_external_address_is_probed_and_an_answer_there_counts() -> None:
    cluster = StandInCluster()
    cluster.node("master-1")["status"]["addresses"] += [outer("198.51.100.11"), outer("2001:DB8::11")]
    cluster._probe = lambda: {"open": ["198.51.100.11:22"], "closed": ["192.0.2.11:22"]}  # type: ignore[method-assign]
    lost = lost_of(cluster)
    assert (lost.addresses, lost.outer_addresses) == (("192.0.2.11",), ("198.51.100.11", "2001:db8::11"))
    assert lost.answers == ("198.51.100.11:22",)
    assert "NODE_ANSWERS" in cluster.codes()
    # Silence there alone is none of the machine.
    cluster._probe = lambda: {"open": [], "closed": ["198.51.100.11:22", "[2001:db8::11]:22"]}  # type: ignore[method-assign]
    assert not lost_of(cluster).probed
    cluster._probe = lambda: {"open": [], "closed": ["198.51.100.11:22", "192.0.2.11:22"]}  # type: ignore[method-assign]
    assert cluster.plan().probe == ("192.0.2.11", "198.51.100.11", "2001:db8::11")
    assert cluster.plan().journal["lost"]["outer_addresses"] == ["198.51.100.11", "2001:db8::11"]


def test_an_external_address_that_another_machine_has_too_is_nobody_s() -> None:
    cluster = StandInCluster()
    for name in ("master-1", "master-2"):
        cluster.node(name)["status"]["addresses"].append(outer("198.51.100.1"))
    # One that moved to a survivor, and the VIP.
    cluster.node("master-1")["status"]["addresses"] += [outer("198.51.100.13"), outer(cluster.vip)]
    cluster.change_host("master-3", addresses=("192.0.2.13", "198.51.100.13"))
    where = ["198.51.100.13:22", cluster.vip + ":22"]
    cluster._probe = lambda: {"open": where, "closed": ["192.0.2.11:22"]}  # type: ignore[method-assign]
    lost = lost_of(cluster)
    assert (lost.addresses, lost.outer_addresses, lost.answers, lost.probed) == (("192.0.2.11",), (), (), True)
    assert cluster.codes() == []


@pytest.mark.parametrize("address", ["192.0.2.50", "2001:DB8::50"])
def test_an_address_that_moved_to_another_machine_is_no_longer_that_of_the_lost_one(address: str) -> None:
    """As kube-vip moves one, which kubelet had registered as an InternalIP."""
    cluster = StandInCluster()
    cluster.node("master-1")["status"]["addresses"].insert(0, {"type": "InternalIP", "address": address})
    cluster.change_host("master-2", addresses=(*cluster.hosts["master-2"].addresses, address.lower()))
    cluster._probe = lambda: {"open": [host_port(address.lower(), 22)], "closed": ["192.0.2.11:22"]}  # type: ignore[method-assign]
    # Without machine IDs it may be the same machine under another name.
    (refusal,) = [item for item in cluster.plan().refusals if item.code == "LOST_IS_SURVIVOR"]
    assert refusal.observed.startswith("The survivor master-2.example.org carries " + address.lower())
    assert "If not, the address has moved" in refusal.remedy
    cluster.node("master-1")["status"]["nodeInfo"]["machineID"] = "1" * 32
    cluster.change_host("master-2", machine_id="1" * 32)
    assert "LOST_IS_SURVIVOR" in cluster.codes()
    cluster.change_host("master-2", machine_id="2" * 32)
    lost = lost_of(cluster)
    assert (lost.addresses, lost.answers, lost.probed) == (("192.0.2.11",), (), True)
    assert cluster.codes() == []
    assert plan_view.node_of(cluster.cluster(), cluster.cluster().hosts[0]) == "master-2"


def registered(*names: str, address: str = "192.0.2.200", first: bool = True, clones: bool = False) -> StandInCluster:
    """A plane whose VIP is not keepalived's: these Nodes have registered it."""
    cluster = StandInCluster()
    for name in names:
        found = cluster.node(name)["status"]["addresses"]
        found.insert(0 if first else len(found), {"type": "InternalIP", "address": address})
    for name in cluster.names:
        cluster.node(name)["status"]["nodeInfo"]["machineID"] = "clone" if clones else name
    for name in cluster.survivors:
        cluster.change_host(name, machine_id="clone" if clones else name)
    return cluster


def carries(cluster: StandInCluster, name: str, address: str = "192.0.2.200") -> None:
    cluster.change_host(name, addresses=(address, *cluster.hosts[name].addresses), node_name=name)


@pytest.mark.parametrize("clones", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("holder", ["master-2", "master-3"])
@pytest.mark.parametrize(
    "names",
    [
        ("master-1",),
        ("master-3",),
        ("master-1", "master-2"),
        ("master-2", "master-3"),
        ("master-1", "master-2", "master-3"),
    ],
)
def test_an_address_that_moves_between_masters_is_nobodys(
    names: tuple[str, ...], holder: str, first: bool, clones: bool
) -> None:
    cluster = registered(*names, first=first, clones=clones)
    carries(cluster, holder)
    made, found = cluster.plan(), cluster.cluster()
    assert (made.state, made.refusals) == ("needed", ())
    hosts = found.hosts[:2]
    assert [plan_view.node_of(found, host) for host in hosts] == ["master-2", "master-3"]
    assert found.lost is not None
    assert found.lost.addresses == ("192.0.2.11",)
    assert made.executor.ip == "192.0.2.12"
    if names != (holder,):
        assert {node.name: node.addresses for node in found.nodes} == {
            "master-{0}".format(n): ("192.0.2.1{0}".format(n),) for n in (1, 2, 3)
        }


def test_silence_at_an_address_that_two_nodes_have_proves_nothing() -> None:
    cluster = registered("master-1", "master-2")
    cluster._probe = lambda: {"open": [], "closed": ["192.0.2.200:22"]}  # type: ignore[method-assign]
    assert not lost_of(cluster).probed
    # An answer there may be the lost machine's while no survivor carries it.
    cluster._probe = lambda: {"open": ["192.0.2.200:22"], "closed": ["192.0.2.11:22"]}  # type: ignore[method-assign]
    assert cluster.codes() == ["NODE_ANSWERS"]
    carries(cluster, "master-3")
    assert cluster.codes() == []


def test_a_survivor_is_reached_by_the_address_of_its_api_server_and_not_by_one_that_moves() -> None:
    # When the lost Node is gone, nobody else has registered it.
    cluster = registered("master-2")
    carries(cluster, "master-2")
    assert plan_view.executor(cluster.cluster()).ip == "192.0.2.12"
    # Nor does the family change.
    cluster.node("master-2")["status"]["addresses"].append({"type": "InternalIP", "address": "2001:db8::12"})
    cluster.change_host("master-2", node_ip="2001:db8::12")
    assert plan_view.executor(cluster.cluster()).ip == "192.0.2.200"


def test_a_node_with_one_address_keeps_it() -> None:
    cluster = StandInCluster()
    cluster.node("master-3")["status"]["addresses"][0]["address"] = "192.0.2.12"
    assert [node.addresses for node in cluster.cluster().nodes] == [("192.0.2.11",), ("192.0.2.12",), ("192.0.2.12",)]


def test_a_clone_without_a_node_of_its_own_may_be_the_lost_machine() -> None:
    cluster = registered("master-1", clones=True)
    carries(cluster, "master-2")
    cluster.change_host("master-2", addresses=("192.0.2.200", "192.0.2.11"))
    assert "LOST_IS_SURVIVOR" in cluster.codes()
    cluster.change_host("master-2", addresses=("192.0.2.200", "192.0.2.12"), node_name="another")
    assert "LOST_IS_SURVIVOR" in cluster.codes()


def test_the_vip_is_no_address_of_a_node_nor_of_the_lost_machine() -> None:
    cluster = StandInCluster()
    for name in ("master-1", "master-2"):
        cluster.node(name)["status"]["addresses"].insert(0, {"type": "InternalIP", "address": cluster.vip})
    found = cluster.cluster()
    assert lost_of(cluster).addresses == ("192.0.2.11",)
    assert plan_view.executor(found).ip == "192.0.2.12"
    assert cluster.plan().refusals == ()


def test_a_node_that_only_etcd_knows_is_the_lost_one_by_name_or_address() -> None:
    cluster = StandInCluster()
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    cluster.lists[VOLUMES] = []
    for wanted in ("master-1", "192.0.2.11"):
        lost = lost_of(cluster, lost=wanted)
        assert (lost.name, lost.addresses, lost.seen_in) == ("master-1", ("192.0.2.11",), ("etcd",))
    assert cluster.cluster(lost="master-10").lost is None


def test_a_member_that_never_started_has_the_name_that_was_given() -> None:
    cluster = StandInCluster()
    cluster.lists[NODES] = [item for item in cluster.lists[NODES] if item["metadata"]["name"] != "master-1"]
    cluster.lists[VOLUMES] = []
    cluster.change_member("master-1", name="", client_urls=())
    assert lost_of(cluster, lost="192.0.2.11").name == "192.0.2.11"


@pytest.mark.parametrize(
    ("name", "urls", "is_lost"),
    [
        ("master-1", ["https://192.0.2.99:2380"], True),
        ("", ["https://192.0.2.11:2380"], True),
        ("", ["https://[2001:db8::11]:2380"], True),
        ("master-10", ["https://192.0.2.110:2380"], False),
        ("", [], False),
        ("", ["192.0.2.11"], True),
        ("", ["192.0.2.110:2380"], False),
    ],
)
def test_the_lost_member_is_known_by_name_or_peer_address(name: str, urls: list[str], is_lost: bool) -> None:
    lost = Lost(name="master-1", addresses=("192.0.2.11", "2001:db8::11"), hostname_label="master-1")
    member = Member(id="a", name=name, peer_urls=tuple(urls), client_urls=())
    cluster = Cluster(provider="kubeadm", lost=lost, etcd=Etcd(members=(member,)))
    assert plan_view.lost_member(cluster) == (member if is_lost else None)


def test_a_host_that_was_not_reached_says_why_and_so_does_one_that_was_not_asked() -> None:
    reports = [
        {"name": "a", "role": "survivor", "host": {"unreachable": True, "msg": "Connection timed out\nand more"}},
        {"name": "b", "role": "survivor", "host": {"failed": True}},
        # A module that crashed.
        {
            "name": "d",
            "role": "survivor",
            "host": {"failed": True, "msg": "", "module_stderr": "Traceback\nKeyError: 'y'"},
        },
        {"name": "c", "role": "replacement"},
    ]
    found = plan_view.compose(api=to_json(Cluster(provider="kubeadm")), hosts=reports, wanted="x")
    assert [(host.name, host.role, host.reachable, host.error) for host in found.hosts] == [
        ("a", "survivor", False, "Connection timed out"),
        ("b", "survivor", False, "it failed and gave no reason"),
        ("d", "survivor", False, "KeyError: 'y'"),
        ("c", "replacement", False, "it was not read"),
    ]
    assert (found.etcd.error, found.lost, found.vip.address) == ("no survivor could be read", None, "")


def test_nothing_at_all_is_an_empty_cluster() -> None:
    found = plan_view.compose(api={"provider": "kubeadm", "api_error": "none"}, hosts=[], wanted="")
    assert (found.hosts, found.api_error) == ((), "none")
    assert plan_view.executor(found).host == ""


def members_of(**by_name: Json) -> Etcd:
    reports = [{"name": name, "role": "survivor", "members": members} for name, members in by_name.items()]
    return plan_view.compose(api=to_json(Cluster(provider="kubeadm")), hosts=reports, wanted="x").etcd


def view(cluster_id: str = "c1", error: str = "") -> Json:
    return {"etcd": to_json(Etcd(cluster_id=cluster_id, error=error))}


def test_one_view_of_etcd_is_enough() -> None:
    assert members_of(a={"failed": True, "msg": "no pod"}, b=view(error="timeout"), c=view()).executor == "c"


def test_when_no_view_is_good_each_host_tells_why() -> None:
    found = members_of(a={"failed": True, "msg": "no pod"}, b=view(error="timeout"))
    assert found.error == "a: no pod; b: timeout"


def test_survivors_in_different_clusters_are_an_error() -> None:
    found = members_of(a=view("c1"), b=view("c2"))
    assert "a is in cluster c1, b is in cluster c2" in found.error


def test_what_a_replacement_says_of_etcd_does_not_count() -> None:
    reports = [{"name": "new", "role": "replacement", "members": view()}]
    found = plan_view.compose(api=to_json(Cluster(provider="kubeadm")), hosts=reports, wanted="x")
    assert found.etcd.error == "no survivor could be read"


def test_the_executor_is_the_holder_of_the_vip_when_it_can_be() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", addresses=("192.0.2.12",))
    cluster.change_host("master-3", addresses=("192.0.2.13", cluster.vip))
    assert plan_view.executor(cluster.cluster()).host == "master-3.example.org"
    cluster.change_host("master-3", etcd_health="slow")
    assert plan_view.executor(cluster.cluster()).host == "master-2.example.org"


def test_the_lost_node_and_a_host_that_is_no_node_never_act() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", addresses=("192.0.2.11",))
    cluster.change_host("master-3", addresses=("192.0.2.77",))
    assert plan_view.executor(cluster.cluster()).host == ""


def test_the_vip_alone_makes_a_host_no_node() -> None:
    cluster = StandInCluster()
    cluster.node("master-1")["status"]["addresses"].append({"type": "InternalIP", "address": cluster.vip})
    found = cluster.cluster()
    assert plan_view.node_of(found, found.hosts[0]) == "master-2"


def test_without_keepalived_there_is_no_vip() -> None:
    cluster = StandInCluster()
    for name in cluster.survivors:
        cluster.change_host(name, keepalived=None)
    assert cluster.cluster().vip.address == ""
    assert cluster.plan().refusals == ()


def test_url_hosts_are_without_port_and_brackets() -> None:
    assert plan_view.url_hosts(["https://[2001:db8::1]:2380", "https://192.0.2.1:2380"]) == {"2001:db8::1", "192.0.2.1"}
    assert plan_view.url_hosts(["[2001:DB8::1]:2380", "192.0.2.1:2380", "Host:1"]) == {
        "2001:db8::1",
        "192.0.2.1",
        "host",
    }
    assert plan_view.url_hosts(["", "https://", "[x]:1"]) == {""}


def test_the_api_is_asked_at_a_survivor_that_is_ready_and_has_a_kubeconfig() -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", api_ready="not ready: etcd")
    assert plan_view.api_source(cluster.reports()) == {
        "host": "master-3.example.org",
        "name": "master-3",
        "ip": "192.0.2.13",
        "provider": "kubeadm",
        "server": "https://192.0.2.13:6443",
        "kubeconfig": "/etc/kubernetes/admin.conf",
        "api_path": "/readyz",
        "vip": "192.0.2.100",
        "error": "",
    }
    cluster.change_host("master-3", kubeconfig=False)
    error = plan_view.api_source(cluster.reports())["error"]
    assert "master-2.example.org: its API server is not ready: etcd" in error
    assert "master-3.example.org: it has no admin kubeconfig" in error


@pytest.mark.parametrize(
    ("version", "path"), [("v1.15.12", "/healthz"), ("v1.16.0", "/readyz"), ("v1.30.4", "/readyz"), ("", "/readyz")]
)
def test_an_old_api_server_is_asked_where_it_answers(version: str, path: str) -> None:
    cluster = StandInCluster()
    cluster.change_host("master-2", kubelet_version=version, keepalived=None)
    found = plan_view.api_source(cluster.reports())
    assert (found["api_path"], found["vip"]) == (path, "")


def test_an_ipv6_address_stands_in_brackets_in_the_url_of_the_api() -> None:
    cluster = StandInCluster(addresses=["2001:db8::1", "2001:db8::10", "2001:db8::11", "2001:db8::12"])
    assert plan_view.api_source(cluster.reports())["server"] == "https://[2001:db8::10]:6443"


def test_a_replacement_is_never_asked_for_the_api() -> None:
    cluster = StandInCluster()
    cluster.start_member()
    for name in cluster.survivors:
        cluster.change_host(name, reachable=False, error="gone")
    assert plan_view.api_source(cluster.reports())["host"] == ""
    assert plan_view.api_source([])["error"] == "no survivor has a ready API server (none is listed)"


def told(**fields: Any) -> Json:
    (found,) = plan_view.minio({"deployments": [{"namespace": "ns", "name": "minio", **fields}]})
    return found


def test_a_minio_that_was_asked_tells_what_a_drive_holds() -> None:
    buckets = [{"bytes": 100, "complete": True}, {"bytes": 20, "complete": True}]
    found = told(
        gate={"ok": True}, parity=2, sets=[{"total": 4}, {"total": 6}], buckets=buckets, converged=True, msg="ok"
    )
    assert (found["error"], found["converged"], found["drive_bytes"], found["summary"]) == ("", True, 20, "ok")
    assert (found["deployment_id"], found["buckets"]) == ("", buckets)
    assert told(gate={"ok": True}, deployment_id="d1")["deployment_id"] == "d1"


def test_a_minio_whose_drives_may_be_replaced_without_a_proof_is_not_proven() -> None:
    assert told(gate={"ok": True}, msg="it broke")["proof"]["permitted"] == {"ok": False, "reason": "it broke"}
    assert told(gate={"ok": True}, proof={"permitted": {"ok": True}})["proof"] == {"permitted": {"ok": True}}
    # Then the objects were not looked at, and the gate is the reason.
    assert told(gate={"ok": False}, proof={"permitted": {"ok": True}})["proof"] == {}
    assert told(msg="no answer")["proof"] == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"buckets": [{"bytes": 1, "complete": False}], "sets": [{"total": 4}], "parity": 2},
        {"sets": [{"total": 4}], "parity": 2},
        {"buckets": [], "sets": [], "parity": 0},
        {"buckets": [], "sets": [{"total": 2}], "parity": 2},
    ],
)
def test_a_drive_of_unknown_content_is_not_guessed_at(fields: Json) -> None:
    assert told(gate={"ok": True}, **fields)["drive_bytes"] is None


def test_a_minio_that_failed_says_why() -> None:
    found = told(failed=True, msg="no pod answers\nTraceback")
    assert (found["error"], found["converged"], found["gate"]) == ("no pod answers", False, {})


def test_a_minio_that_was_asked_about_and_is_not_in_the_answer_was_not_read() -> None:
    asked = [{"namespace": "ns", "name": name} for name in ("a", "b")]
    found = plan_view.minio({"msg": "half", "deployments": [{**asked[1], "gate": {"ok": True}, "msg": "b"}]}, asked)
    assert {item["name"]: (item["error"], item["converged"]) for item in found} == {
        "a": ("half", False),
        "b": ("", False),
    }
    (broken, _other) = plan_view.minio({"msg": "MODULE FAILURE\nTraceback"}, asked)
    assert (broken["error"], broken["gate"], broken["proof"]) == ("MODULE FAILURE", {}, {})


def with_members(provider: str, *members: Member, member_id: str | None = None) -> Cluster:
    lost = Lost(name="env", addresses=("192.0.2.11",), hostname_label="env", member_id=member_id)
    return Cluster(provider=provider, lost=lost, etcd=Etcd(members=members))


def at(number: int, name: str) -> Member:
    url = "https://192.0.2.{0}:2380".format(number)
    return Member(id="id-{0}".format(number), name=name, peer_urls=(url,), client_urls=(url,))


def test_a_member_of_k3s_is_the_lost_ones_by_the_name_of_its_node() -> None:
    second, first = at(12, "env-2-110bc617"), at(21, "env-6b5275f6")
    assert plan_view.lost_member(with_members("k3s", second, first)) is first
    assert plan_view.lost_member(with_members("k3s", second)) is None
    # kubeadm's members have the names of their nodes, whatever these end in.
    assert plan_view.lost_member(with_members("kubeadm", first)) is None
    assert plan_view.lost_member(with_members("kubeadm", second, at(22, "env"))) == at(22, "env")


def test_once_the_id_is_known_neither_name_nor_address_counts() -> None:
    heir = at(11, "env")
    assert plan_view.lost_member(with_members("kubeadm", heir)) is heir
    assert plan_view.lost_member(with_members("kubeadm", heir, member_id="id-9")) is None
    assert plan_view.lost_member(with_members("kubeadm", heir, member_id="")) is None
    gone = at(9, "another")
    assert plan_view.lost_member(with_members("kubeadm", heir, gone, member_id="id-9")) is gone


def test_only_k3s_needs_an_etcdctl_on_the_host() -> None:
    cluster = StandInCluster(provider="k3s")
    assert plan_view.has_etcdctl(cluster.hosts["master-2"])
    cluster.change_host("master-2", etcdctl="")
    assert not plan_view.has_etcdctl(cluster.hosts["master-2"])
    assert not plan_view.has_etcdctl(cluster.hosts["master-4"])
    assert plan_view.has_etcdctl(StandInCluster().hosts["master-2"])


def test_a_survivor_that_cannot_ask_etcd_does_not_act() -> None:
    cluster = StandInCluster(provider="k3s")
    assert plan_view.executor(cluster.cluster()).name == "master-2"
    cluster.change_host("master-2", etcdctl="")
    assert plan_view.executor(cluster.cluster()).name == "master-3"
    cluster.change_host("master-3", etcdctl="")
    assert plan_view.executor(cluster.cluster()).host == ""


def test_the_lost_node_alone_in_etcd_is_found_by_the_name_of_its_node() -> None:
    cluster = StandInCluster(provider="k3s")
    cluster.lists[NODES] = cluster.lists[NODES][1:]
    cluster.lists[VOLUMES] = []
    lost = cluster.cluster().lost
    assert lost is not None
    assert (lost.name, lost.seen_in) == ("master-1", ("etcd",))
    assert cluster.cluster(lost=cluster.member("master-1").name).lost is None
