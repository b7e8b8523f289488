# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: what happened, how long it took, what to beware of."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Plan
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._report.report import report
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import StandInCluster

JOURNAL = {
    "phases": {
        "backup": {"started": "2026-03-01T12:00:00Z", "finished": "2026-03-01T12:00:04Z"},
        "join": {"started": "2026-03-01T12:00:05Z"},
    }
}
BACKUP = {"path": "/var/backups/x.db", "host": "master-2", "revision": 21, "controller_path": "/root/x.db"}
RESULTS = {"backup": BACKUP, "verify": {"ok": True, "text": ["ok       nodes"]}}

PROVEN = {"verify": {"ok": True}}


def test_a_report_can_be_written_as_json_and_holds_plan_times_and_results() -> None:
    made = StandInCluster().plan()
    data = report(made, JOURNAL, RESULTS)["json"]
    assert json.loads(json.dumps(data)) == data
    assert (data["format"], data["outcome"], data["lost"]["name"]) == (1, "done", "master-1")
    assert data["plan"]["id"] == made.id
    assert [(item["phase"], item["seconds"]) for item in data["phases"]] == [("backup", 4), ("join", None)]
    assert data["results"]["backup"]["revision"] == 21


def test_the_text_tells_the_same() -> None:
    text = report(StandInCluster().plan(), JOURNAL, RESULTS)["text"]
    assert text[0] == "DONE: master-1 was replaced by master-4"
    assert "  backup             4 s" in text
    assert "  join               interrupted" in text
    assert "etcd snapshot: /var/backups/x.db on master-2, revision 21; a copy is /root/x.db" in text
    assert text.index("Touched:") < text.index("Proof:") < text.index("  ok       nodes")
    assert [line for line in text if line.startswith("  Node master-1 [")]


def test_each_claim_is_told_with_its_policy_and_what_was_lost_also_that_of_an_earlier_run() -> None:
    cluster = StandInCluster()
    cluster.add_volume_and_claim("onecloud", "default-baremetal-agent-z", "master-1")
    first = cluster.plan()
    names = [
        "default-baremetal-agent-z",
        "default-influxdb",
        "default-victoria-metrics",
        "export-minio-0",
        "export-minio-1",
    ]
    found = report(first, {}, {}, failure="x")
    assert sorted(item["name"] for item in found["json"]["claims"]) == names
    cluster.run(first)
    done = report(cluster.plan(), dict(cluster.journal or {}), PROVEN)
    assert sorted(item["name"] for item in done["json"]["claims"]) == names
    text = done["text"][done["text"].index("Claims that were on master-1:") :]
    at = next(number for number, line in enumerate(text) if "onecloud/default-victoria-metrics " in line)
    assert text[at].split()[3] == "discard"
    assert "lost: all metrics collected so far" in " ".join(text[at : at + 4])
    assert [line for line in text if "default-baremetal-agent-z" in line and line.endswith(" ignore")]


def test_what_was_only_waited_for_was_not_touched() -> None:
    text = report(StandInCluster().plan(), {}, PROVEN)["text"]
    assert not [line for line in text if "kube-proxy-x" in line]


def test_a_failure_says_where_it_stopped_and_that_it_can_be_run_again() -> None:
    text = report(StandInCluster().plan(), JOURNAL, {}, failure="Join: no route")["text"]
    assert text[0] == "STOPPED: master-1 is not replaced yet"
    assert "  Join: no route" in text
    assert [line for line in text if "run the same command again" in line]
    assert "Planned:" in text
    assert "Touched:" not in text


def test_what_was_proven_of_nothing_is_neither_done_nor_stopped() -> None:
    found = report(StandInCluster().plan(), JOURNAL, {})
    assert found["json"]["outcome"] == "open"
    assert found["text"][0] == "OPEN: master-1 is not replaced yet, or the replacement is not proven"
    assert not [line for line in found["text"] if "run the same command again" in line]
    assert "Touched:" not in found["text"]


def test_objects_of_all_runs_are_told_and_before_the_journal_those_of_the_plan() -> None:
    made = StandInCluster().plan()
    earlier = {"kind": "Node", "namespace": "", "name": "master-0", "uid": "u0"}
    found = report(made, {"touched": [earlier]}, PROVEN)
    assert found["json"]["touched"] == [earlier]
    assert [line for line in found["text"] if line.startswith("  Node ")] == ["  Node master-0 [u0]"]
    planned = report(made, {}, {}, failure="x")["json"]["touched"]
    assert planned == made.journal["touched"]


def test_phases_are_told_in_the_order_in_which_they_began() -> None:
    order = ["discovery", "node_removal", "etcd_cleanup", "something_else"]
    started = {name: {"started": "2026-03-01T12:00:0{0}Z".format(at)} for at, name in enumerate(order)}
    phases = {"never": {"finished": "2026-03-01T12:00:00Z"}, **{name: started[name] for name in reversed(order)}}
    phases["etcd_cleanup"]["finished"] = "2026-03-01T12:00:06Z"
    data = report(Plan(state="resume"), {"phases": phases}, PROVEN)["json"]
    assert [item["phase"] for item in data["phases"]] == [*order, "never"]
    assert [item["seconds"] for item in data["phases"]] == [None, None, 4, None, None]


@pytest.mark.parametrize(
    ("kind", "does", "remedy"),
    [
        ({}, "its kubelet can register itself", "cloudpods.ha.retire_node -e retire_node_host=master-1"),
        ({"provider": "k3s"}, "or starts a second one", "cloudpods.ha.retire_node -e retire_node_host=master-1"),
        (
            {"provider": "k3s", "same_name": True},
            "or starts a second one",
            "disconnect it from this network and wipe its disks",
        ),
    ],
)
def test_what_the_old_machine_does_when_it_comes_back_is_warned_about(kind: Any, does: str, remedy: str) -> None:
    warning = report(StandInCluster(**kind).plan(), {}, PROVEN)["json"]["warnings"][-1]
    assert does in warning
    assert remedy in warning
    # Retiring by name would hit the replacement that has it.
    assert ("retire_node" in warning) == (not kind.get("same_name"))


def test_keepalived_is_warned_about_only_where_there_is_one() -> None:
    cluster = StandInCluster()
    assert "keepalived" in report(cluster.plan(), {}, PROVEN)["json"]["warnings"][-1]
    for name in cluster.survivors:
        cluster.change_host(name, keepalived=None)
    assert "keepalived" not in report(cluster.plan(), {}, PROVEN)["json"]["warnings"][-1]


def test_every_report_warns_about_the_old_machine() -> None:
    found = report(StandInCluster().plan(), {}, PROVEN)
    (warning,) = [text for text in found["json"]["warnings"] if "retire_node" in text]
    assert "retire_node_host=master-1" in warning
    assert "WARNING: " + warning in found["text"]


@pytest.mark.parametrize(
    "marks",
    [
        {},
        {"started": ""},
        {"finished": "2026-03-01T12:00:04Z"},
        {"started": "2026-03-01T12:00:05Z", "finished": "2026-03-01T12:00:04Z"},
    ],
)
def test_a_phase_that_was_begun_anew_is_not_finished(marks: dict[str, Any]) -> None:
    data = report(Plan(state="resume"), {"phases": {"join": marks}}, {}, failure="")["json"]
    ((phase, seconds),) = [(item["phase"], item["seconds"]) for item in data["phases"]]
    assert (phase, seconds) == ("join", None)


def test_a_report_without_anything_is_a_report() -> None:
    found = report(Plan(state="resume"), {}, {}, failure="no idea")
    assert found["text"][0] == "STOPPED: the node is not replaced yet"
    assert found["json"]["lost"] is None


def test_a_refusal_is_reported_with_its_reasons_and_what_to_do_and_nothing_of_an_earlier_run() -> None:
    cluster = StandInCluster()
    cluster.set_ready("master-1", True)
    found = report(cluster.plan(), {**JOURNAL, "backup": BACKUP}, {})
    data = found["json"]
    assert data["outcome"] == "refused"
    assert "nothing was changed" in data["summary"]
    assert (data["phases"], data["backup"], data["touched"], data["plan"]["steps"]) == ([], {}, [], [])
    for refusal in data["refusals"]:
        assert "  [{code}] {observed}".format(**refusal) in found["text"]
        assert "[{code}] {remedy}".format(**refusal) in data["todo"]


def test_the_journal_of_an_earlier_loss_is_not_told() -> None:
    made = StandInCluster().plan()
    earlier = {**JOURNAL, "backup": BACKUP, "finished": "2026-01-01T00:00:00Z", "approved": "another plan"}
    assert report(made, earlier, {}, failure="x")["json"]["backup"] == {}
    own = {**earlier, "approved": made.id}
    assert report(made, own, PROVEN)["json"]["backup"] == BACKUP


def test_waits_are_told_apart_and_never_as_more_than_their_phase() -> None:
    phases = {
        "join": {
            "started": "2026-03-01T12:00:00Z",
            "finished": "2026-03-01T12:00:30Z",
            "waits": [{"what": "the Node to be Ready", "seconds": 20}],
        }
    }
    found = report(StandInCluster().plan(), {"phases": phases}, PROVEN)
    assert found["json"]["phases"][0]["waits"] == [{"what": "the Node to be Ready", "seconds": 20}]
    assert "  join               30 s, 20 s of them waiting for the cluster" in found["text"]
    assert "30 s in all: 10 s of this run" in found["html"]
    phases["join"]["waits"][0]["seconds"] = 90  # type: ignore[index]
    assert "30 s in all: 0 s of this run" in report(StandInCluster().plan(), {"phases": phases}, PROVEN)["html"]


def test_the_control_plane_before_is_that_of_the_first_run() -> None:
    cluster = StandInCluster()
    first = cluster.plan()
    cluster.run(first, acts=6)
    again = cluster.plan()
    assert again.state == "resume"
    assert report(again, dict(cluster.journal or {}), {}, failure="x")["json"]["before"] == first.before
    assert [item["name"] for item in first.before["nodes"] if item["lost"]] == ["master-1"]


def test_what_stays_for_a_person_is_told() -> None:
    cluster = StandInCluster()
    cluster.add_volume_and_claim("onecloud", "default-baremetal-agent-z", "master-1")
    todo = report(cluster.plan(), {}, PROVEN)["json"]["todo"]
    assert [line for line in todo if line.startswith("Decide about the claim onecloud/default-baremetal-agent-z")]
    assert [line for line in todo if "retire_node" in line]


def test_the_text_controls_no_terminal() -> None:
    made = dataclasses.replace(StandInCluster().plan(), warnings=("\x1b]0;x\x07",))
    refusal = Refusal("MORE_THAN_ONE_LOST", "\x1b[2J\x9b1m master-2\u202e", "\x1b[31mLook.")
    refused = dataclasses.replace(made, state="refused", refusals=(refusal,))
    for found in (report(refused, {}, {}), report(made, JOURNAL, RESULTS, failure="\x1b[2J\nno")):
        assert any("?" in line for line in found["text"])
        assert all(line.isprintable() for line in found["text"])
