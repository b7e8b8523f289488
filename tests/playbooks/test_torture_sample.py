# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbooks and roles replace a master of a stand-in cluster, whole and disturbed: of each row of `make torture` what shows its kind.

The cluster and the programs of its machines are stand-ins (tests/playbooks/stand_in); Ansible, roles and modules are the real ones. A disturbed run
begins at a snapshot of the first, undisturbed one. MinIO is left out: it would have to be healed. The bed and the unit tests have it.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import CORDONED_FOR
from ansible_collections.cloudpods.ha.tests.playbooks import cases, invariants, rows
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, Replacing, kept
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.changes import NO_NETWORK
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.cluster import EVALUATED, NOTE, OTHER_CORDON, TEMPLATE

Json = dict[str, Any]

SEED = 1
# What takes minutes and has a like of the other provider is left out of `make check`.
ALL = bool(os.environ.get("CLOUDPODS_HA_EVERY_COMMAND_LINE"))
# Rights of docs/cluster-role.yml that a replacement needs for MinIO, for a Node that is drained, for ocboot, and for a pod that does not start. The join
# of kubeadm has Secrets.
_ELSEWHERE = {
    *("get pods/exec", "create pods/exec", "get pods/portforward", "create pods/portforward"),
    *("create pods/eviction", "get pods", "delete pods", "list events"),
    *("get onecloudclusters.onecloud.yunion.io", "get daemonsets.apps"),
}
UNUSED = {"kubeadm": _ELSEWHERE, "k3s": {*_ELSEWHERE, "list secrets", "delete secrets"}}
# After the first replacement: the lost master, the machine that replaces it, and the claims that start empty. The second is its reinstalled self, the
# third has name and address of the first.
FURTHER = [("master-2", "master-2", ["tools/data-cache-1"]), ("master-3", "master-1", ["tools/data-cache-2"])]


@pytest.fixture(scope="module", params=cases.PROVIDERS)
def bench(request: pytest.FixtureRequest) -> Iterator[rows.Bench]:
    # The program itself, not a fork of it, is what test_refused.py and test_consent.py run in any case.
    made = rows.Bench(request.param, kept(), loud=True, real=ALL and request.param == "kubeadm")
    yield made
    made.end()


def judged(bench: rows.Bench, row: str, *words: str) -> tuple[rows.Verdict, cases.Case]:
    """The verdict on the first case of a row whose name has these words."""
    known = bench.known()
    every = cases.every(bench.provider, known.trace, known.connections, known.requests, SEED)
    case = next(item for item in every if item.row == row and all(word in item.name for word in words))
    return rows.attempt(case, bench), case


def refused(bench: rows.Bench, kind: str, line: list[str]) -> rows.Verdict:
    """The verdict on a command line with a plan that is refused."""
    return rows.attempt(cases.Case("command lines", bench.provider, "", {"refused": kind, "line": line}), bench)


def test_a_whole_replacement_is_safe_shows_no_secret_and_a_second_run_changes_nothing(bench: rows.Bench) -> None:
    # The undisturbed run asserts its own safety, and looks for the secrets.
    known = bench.known()
    made, allowed = bench.at("end")
    end = known.end
    assert [item[0] for item in end["nodes"]] == ["master-2", "master-3", SPARE]
    assert [item[0] for item in end["members"]] == ["master-2", "master-3", SPARE]
    assert {node for _claim, node, _phase in end["volumes"]} == {"master-2", "master-3", SPARE}
    assert not any(item["metadata"]["uid"] in allowed for item in made.state()["objects"])
    assert end["journals"] == [["kube-system/cloudpods-ha-" + LOST, True]]
    assert end["locks"] == []
    rights = made.state()["rights"]
    assert set(rights["granted"]) - set(rights["used"]) <= UNUSED[bench.provider]
    report = json.loads((made.reports / LOST / "report.json").read_text(encoding="utf-8"))
    backup = Path(report["backup"]["objects_path"])
    dump = json.loads(backup.read_text(encoding="utf-8"))
    # The lost Node, those that are cordoned, and each claim and volume that is deleted.
    kinds = [item["kind"] for item in dump["planned"]]
    assert {"Node", "PersistentVolumeClaim", "PersistentVolume"} <= set(kinds)
    assert kinds.count("Node") > 1
    saved = sorted(item["metadata"]["uid"] for item in dump["objects"])
    assert saved == sorted(item["uid"] for item in dump["planned"])
    for item in dump["objects"]:
        assert set(item) & {"spec", "status"}, item["metadata"]["name"]
    assert {item["kind"] for item in dump["claims"]} == {"PersistentVolumeClaim"}
    assert {item["kind"] for item in dump["volumes"]} == {"PersistentVolume"}
    # What anybody may write into the cluster is copied as it is written.
    evaluated = made.folder / EVALUATED.removeprefix("/run/")
    assert not evaluated.exists()
    nodes = {item["metadata"]["name"]: item for item in made.state()["objects"] if item["kind"] == "Node"}
    assert nodes[SPARE]["metadata"]["labels"][NOTE] == TEMPLATE
    for item in (*dump["claims"], *dump["volumes"], *dump["objects"]):
        assert item["metadata"]["annotations"][NOTE] == TEMPLATE, item["metadata"]["name"]
    assert sum(TEMPLATE in item["spec"]["hostPath"]["path"] for item in dump["volumes"]) == 3
    assert journal(made)["lost"]["labels"][NOTE] == journal(made)["lost"]["annotations"][NOTE] == TEMPLATE
    # What another replacement cordoned is its own.
    name, other = OTHER_CORDON
    assert nodes[name]["spec"]["unschedulable"] is True
    assert nodes[name]["metadata"]["annotations"][CORDONED_FOR] == other
    assert [item for item in end["nodes"] if item[4]] == [item for item in end["nodes"] if item[0] == name]
    assert backup.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in backup.parent.iterdir()} == {0o600}
    second = made.play()
    assert second.code == 0, second.output[-8000:]
    assert second.changed == 0
    assert invariants.end_state(made) == end
    assert invariants.unsafe(made.state(), allowed) == []


def journal(made: Replacing) -> Json:
    """The journal of the replacement."""
    found = [item for item in made.state()["objects"] if item["metadata"]["name"] == "cloudpods-ha-" + LOST]
    return dict(json.loads(found[0]["data"]["state"]))


# One parameter a test: pytest then runs all tests of a bench together.
def killed(bench: rows.Bench, words: str) -> None:
    verdict, case = judged(bench, "kills", words)
    assert verdict.ok, (case.name, verdict)


@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_after_a_run_that_was_killed_in_the_join_the_next_one_ends_the_same(bench: rows.Bench) -> None:
    killed(bench, "from cloudpods.ha.join")


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_after_a_run_that_was_killed_in_the_recovery_the_next_one_ends_the_same(bench: rows.Bench) -> None:
    killed(bench, "from cloudpods.ha.stateful_recovery")


if ALL:

    @pytest.mark.parametrize("bench", ["k3s"], indirect=True)
    def test_after_a_controller_that_was_killed_alone_the_next_run_ends_the_same(bench: rows.Bench) -> None:
        killed(bench, "the controller alone")


@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_an_ssh_cut_in_the_join_leaves_no_credentials_and_the_next_run_goes_on(bench: rows.Bench) -> None:
    known = bench.known()
    spare = [number for number, machine in enumerate(known.connections, 1) if machine == SPARE]
    verdict, case = judged(bench, "cuts", "connection {0}, to {1}".format(spare[len(spare) // 2], SPARE))
    assert verdict.ok, (case.name, verdict)


@pytest.mark.parametrize("bench", cases.PROVIDERS if ALL else ["kubeadm"], indirect=True)
def test_a_machine_that_comes_back_after_the_plan_keeps_its_node_schedulable(bench: rows.Bench) -> None:
    made, allowed = bench.at("start")
    done = made.play(at="act | Record that the Node is not deleted yet:change:node_ready")
    assert any(item.get("asked") for item in done.tasks)
    assert done.code != 0
    assert "NODE_READY" in done.output
    verdict = rows.Verdict()
    rows.judge_reason(done, verdict)
    assert verdict.ok, verdict
    state = made.state()
    node = next(item for item in state["objects"] if item["kind"] == "Node" and item["metadata"]["name"] == LOST)
    # The run had cordoned it.
    assert [item for item in invariants.writes(state) if item["kind"] == "Node" and item["name"] == LOST]
    assert not node["spec"].get("unschedulable")
    # With K3s the member goes with the Node; with kubeadm it went before.
    assert any(item["name"].startswith(LOST) for item in state["members"]) == (bench.provider == "k3s")
    assert invariants.unsafe(state, allowed) == []


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_a_node_that_is_another_since_the_plan_is_kept(bench: rows.Bench) -> None:
    verdict, case = judged(bench, "changes", "node_replaced before", "act | Cordon " + LOST)
    assert verdict.ok, (case.name, verdict)
    made = bench.world()
    assert LOST in [item["metadata"]["name"] for item in made.state()["objects"] if item["kind"] == "Node"]


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_a_second_run_does_nothing_while_the_first_one_has_the_lock(bench: rows.Bench) -> None:
    verdict, case = judged(bench, "two runs", "act | Cordon " + LOST)
    assert verdict.ok, (case.name, verdict)


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_a_replacement_on_which_no_pod_starts_is_not_proven_until_one_does(bench: rows.Bench) -> None:
    results = [item for item in bench.known().trace.tasks if "number" in item]
    first = next(item["number"] for item in results if "judge | " in item["task"])
    made, allowed = bench.at(str(first))
    made.ask("change", name="sandbox_broken")
    done = made.play(settings={"verify_retries": 2, "verify_delay": 1})
    made.ask("change", name="sandbox_repaired")
    assert done.code != 0
    assert "kube-system/kube-proxy-{0} (ContainerCreating)".format(SPARE) in rows.reason(done)
    verdict = rows.Verdict()
    rows.judge_reason(done, verdict)
    rows.finish(made, bench.known(), verdict)
    assert verdict.ok, verdict
    report = json.loads((made.reports / LOST / "report.json").read_text(encoding="utf-8"))
    checks = {item["name"]: item["observed"] for item in report["results"]["verify"]["checks"]}
    assert checks["pods there"] == "1 DaemonSet pod runs on " + SPARE
    assert invariants.unsafe(made.state(), allowed) == []


@pytest.mark.parametrize("bench", ["k3s"], indirect=True)
def test_a_mistyped_name_while_a_master_is_down_is_told(bench: rows.Bench) -> None:
    assert refused(bench, "the name is mistyped", []) == rows.Verdict()


FAULTS = ["html", "429", "deep", "items"]


@pytest.mark.parametrize(
    ("bench", "fault"),
    # One provider each: what answers wrong is the same.
    list(itertools.product(cases.PROVIDERS, FAULTS) if ALL else zip(itertools.cycle(cases.PROVIDERS), FAULTS)),
    indirect=["bench"],
)
def test_an_api_server_that_answers_wrong_ends_no_run_without_a_reason(bench: rows.Bench, fault: str) -> None:
    made, _allowed = bench.at("start")
    made.ask("fault", kind=fault, first=1, count=3)
    done = made.play()
    verdict = rows.Verdict()
    rows.judge_reason(done, verdict)
    assert done.code != 0
    assert verdict.ok, verdict
    state = made.state()
    assert invariants.writes(state) == []
    assert state["acts"] == []


@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_no_role_acts_by_itself_without_plan_consent_and_backup(bench: rows.Bench) -> None:
    case = cases.Case("command lines", bench.provider, "all roles", {"roles": cases.ROLES})
    assert rows.attempt(case, bench) == rows.Verdict()


if ALL:

    @pytest.mark.parametrize("bench", cases.PROVIDERS, indirect=True)
    def test_a_node_that_is_not_ready_for_lack_of_a_network_is_told_in_the_words_of_its_kubelet(
        bench: rows.Bench,
    ) -> None:
        made, allowed = bench.at("start")
        made.ask("change", name="network_broken")
        done = made.play(settings={"join_retries": 2})
        assert done.code != 0
        assert NO_NETWORK in rows.reason(done)
        report = json.loads((made.reports / LOST / "report.json").read_text(encoding="utf-8"))
        assert NO_NETWORK in report["failure"]
        made.ask("change", name="network_repaired")
        verdict = rows.Verdict()
        rows.judge_reason(done, verdict)
        rows.left_over(made, done, verdict)
        rows.finish(made, bench.known(), verdict)
        assert verdict.ok, verdict
        assert invariants.unsafe(made.state(), allowed) == []

    @pytest.mark.parametrize(
        ("bench", "task", "change", "words"),
        [
            ("kubeadm", "dump | Read claims, volumes and the other objects of the plan", "api_fails", "told to fail"),
            ("k3s", "k3s | files | Write configuration, unit, environment and registries", "folder_in_the_way", "dir"),
        ],
        indirect=["bench"],
    )
    def test_a_loop_whose_output_is_hidden_tells_its_reason(
        bench: rows.Bench, task: str, change: str, words: str
    ) -> None:
        made, allowed = bench.at("start")
        done = made.play(at="{0}:change:{1}".format(task, change))
        assert done.code != 0
        report = json.loads((made.reports / LOST / "report.json").read_text(encoding="utf-8"))
        assert report["failure"].startswith(task)
        assert words in report["failure"].removeprefix(task)
        told = " ".join(done.output.partition("STOPPED: ")[2].partition("Fix the cause")[0].split())
        assert told.startswith("{0} is not replaced yet {1}: ".format(LOST, task))
        assert words in told.rpartition(task)[2]
        verdict = rows.Verdict()
        rows.judge_reason(done, verdict)
        rows.left_over(made, done, verdict)
        assert verdict.ok, verdict
        state = made.state()
        assert change != "api_fails" or not [item for item in invariants.writes(state) if not invariants.lock(item)]
        assert invariants.unsafe(state, allowed) == []

    @pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
    def test_a_retirement_that_is_refused_or_cut_leaves_no_kubeconfig(bench: rows.Bench) -> None:
        made, _allowed = bench.at("end")
        made.inventory(["master-2", "master-3"], SPARE)
        before = len(invariants.writes(made.state()))
        given = {"retire_node_host": SPARE}
        folder = made.folder / "controller" / ".cloudpods-ha" / ("retire-" + SPARE)
        refusal = made.play("retire_node", settings=given)
        assert refusal.code != 0
        assert "CURRENT_MEMBER" in refusal.output
        # The run itself removes it; a guard would take ten seconds.
        assert folder.is_dir()
        assert list(folder.iterdir()) == []
        machines = made.connections()
        # The machine itself, once the kubeconfig is there.
        cut = made.play("retire_node", settings=given, cut=machines.index(SPARE) + 1)
        assert cut.code != 0
        assert "UNREACHABLE" in cut.output
        verdict = rows.Verdict()
        rows.left_over(made, cut, verdict)
        assert verdict.ok, verdict
        assert list(folder.iterdir()) == []
        assert len(invariants.writes(made.state())) == before


READY, ANSWERS = ("the lost Node is Ready", "NODE_READY"), ("the lost machine answers", "NODE_ANSWERS")


@pytest.mark.parametrize(
    ("kind", "code", "line"),
    [
        (*READY, []),
        (*READY, ["--skip-tags", "backup,etcd_cleanup"]),
        (*ANSWERS, ["--limit", "localhost,master-2"]),
        (*ANSWERS, ["--start-at-task", "Carry out the plan"]),
    ],
)
@pytest.mark.parametrize("bench", ["kubeadm"], indirect=True)
def test_a_refused_plan_is_not_carried_out_whatever_the_command_line(
    bench: rows.Bench, kind: str, code: str, line: list[str]
) -> None:
    assert cases.REFUSED[kind][2] == code
    assert refused(bench, kind, line) == rows.Verdict()


def volumes(made: Replacing) -> dict[str, Json]:
    """Bound volumes by the claim's name."""
    found = [item for item in made.state()["objects"] if item["kind"] == "PersistentVolume"]
    return {
        "{namespace}/{name}".format(**item["spec"]["claimRef"]): item
        for item in found
        if item["status"]["phase"] == "Bound"
    }


def node_of(volume: Json) -> str:
    return str(volume["metadata"]["annotations"]["local.path.provisioner/selected-node"])


def nothing_goes_over_a_file_of_a_volume(made: Replacing, lost: str, volume: Json, empty: list[str]) -> None:
    """On a machine with the lost one's name, where kubelet would look for the lost volumes, something is there already."""
    path = made.machine(lost) / volume["spec"]["hostPath"]["path"].lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("of somebody", encoding="utf-8")
    done = made.play(settings={"replace_master_lost": lost, "replace_master_discard": empty})
    assert done.code != 0
    assert "REPLACEMENT_HAS_DATA" in rows.reason(done)
    assert invariants.writes(made.state()) == made.state()["acts"] == []
    assert path.read_text(encoding="utf-8") == "of somebody"
    path.unlink()


@pytest.mark.parametrize("bench", cases.PROVIDERS if ALL else ["kubeadm"], indirect=True)
def test_the_other_masters_are_replaced_too_and_only_what_each_held_starts_empty(bench: rows.Bench) -> None:
    made, _allowed = bench.at("end")
    masters = {"master-2", "master-3", SPARE}
    for lost, replacement, empty in FURTHER if ALL else FURTHER[:1]:
        made.ask("lose", name=lost)
        made.ask("install", name=replacement)
        masters.remove(lost)
        made.inventory(sorted(masters), replacement)
        before, allowed = volumes(made), invariants.lost_objects(made.state(), made, lost)
        if ALL and lost == replacement:
            nothing_goes_over_a_file_of_a_volume(made, lost, before[empty[0]], empty)
        done = made.play(settings={"replace_master_lost": lost, "replace_master_discard": empty})
        assert done.code == 0, "{0}: {1}".format(lost, rows.reason(done))
        masters.add(replacement)
        end, after = invariants.end_state(made), volumes(made)
        assert {item[0] for item in end["nodes"]} == {item[0] for item in end["members"]} == masters
        assert invariants.unsafe(made.state(), allowed, lost, replacement) == []
        assert after.keys() == before.keys()
        anew = {claim for claim, item in after.items() if item["metadata"]["uid"] != before[claim]["metadata"]["uid"]}
        assert anew == set(empty)
        assert {node_of(after[claim]) for claim in anew} == {replacement}
        assert end["locks"] == []
    # A machine was made anew, so there is no way back to the snapshots.
    bench.end()
