# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of the stateful recovery as Ansible calls them; the cluster behind is a stand-in."""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiUnavailable
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import client as k8s_client
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import at_once
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import http as minio_http
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client as recovery_client
from ansible_collections.cloudpods.ha.plugins.modules import (
    lost_volume_leftovers,
    minio_health_info,
    recovered_claim_info,
    workload_claims,
)

LOST = {"name": "master-1", "uid": "n1", "hostname_label": "master-1"}
LOST_CLAIM = {
    "namespace": "ns",
    "name": "export-minio-0",
    "uid": "old",
    "pv_name": "pv",
    "pv_uid": "pv-uid",
    "owner": {"kind": "StatefulSet", "name": "minio", "uid": ""},
}
CLAIM = {"kubeconfig": "/nowhere", "claims": [LOST_CLAIM], "lost_node": LOST, "replacement": "master-4"}
MINIO = {"kubeconfig": "/nowhere", "deployments": [{"namespace": "ns", "name": "minio"}]}
LEFTOVERS = {"kubeconfig": "/nowhere", "lost_node": LOST, "claims": [{**LOST_CLAIM, "extra": "ignored"}]}
HOOKED = {"kubeconfig": "/nowhere", "namespace": "ns", "name": "data", "uid": "old", "pv_name": "pv"}


class EmptyCluster:
    """Has one Node, which may be the lost one, and nothing else."""

    def __init__(self, name: str = "master-4", uid: str = "n4") -> None:
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.node = {"metadata": {"name": name, "uid": uid}, "spec": {}, "status": status}

    def get(self, _path: str) -> None:
        return None

    def items(self, path: str, **_query: t.Any) -> list[dict]:
        return [self.node] if path == "/api/v1/nodes" else []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Callable[..., dict]:
    def call(module: types.ModuleType, args: dict, cluster: t.Any = None) -> dict:
        if cluster is not None:
            monkeypatch.setattr(module, "connect", lambda *_args, **_kwargs: cluster)
        with patch_module_args(args), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return call


ALL = [
    (workload_claims, CLAIM),
    (minio_health_info, MINIO),
    (lost_volume_leftovers, LEFTOVERS),
    (recovered_claim_info, HOOKED),
]


@pytest.mark.parametrize(("module", "args"), ALL)
def test_a_missing_kubeconfig_is_one_sentence(run: t.Callable[..., dict], module: types.ModuleType, args: dict) -> None:
    result = run(module, args)
    assert result["failed"] is True
    assert result["msg"] == "there is no kubeconfig at /nowhere"


@pytest.mark.parametrize(("module", "args"), ALL)
def test_a_missing_client_is_one_sentence(
    run: t.Callable[..., dict], monkeypatch: pytest.MonkeyPatch, module: types.ModuleType, args: dict
) -> None:
    monkeypatch.setattr(k8s_client, "IMPORT_ERROR", "No module named 'kubernetes'")
    assert "the Python package 'kubernetes' is missing" in run(module, args)["msg"]


def test_a_missing_minio_package_is_one_sentence(run: t.Callable[..., dict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio_http, "IMPORT_ERROR", "No module named 'minio'")
    result = run(minio_health_info, MINIO, EmptyCluster())
    assert "the Python package 'minio' is missing" in result["msg"]
    assert result["deployments"][0]["gate"]["ok"] is False


def owned_by(kind: str) -> dict:
    return {**CLAIM, "claims": [{**LOST_CLAIM, "owner": {"kind": kind, "name": "minio", "uid": ""}}]}


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
def test_a_refusal_fails_with_its_sentence_and_its_code(run: t.Callable[..., dict], kind: str) -> None:
    result = run(workload_claims, owned_by(kind), EmptyCluster("master-1", "n1"))
    (claim,) = result["claims"]
    assert (claim["action"], claim["done"], claim["code"]) == ("refuse", False, "lost_node_present")
    assert (result["failed"], result["ended"], result["too_early"]) == (True, True, True)
    assert result["msg"].startswith("ns/export-minio-0: refused: the Node master-1 is still registered.")


@pytest.mark.parametrize(
    ("kind", "expected", "ended"), [("StatefulSet", "refuse", True), ("Deployment", "wait", False)]
)
def test_the_kind_of_the_workload_decides(run: t.Callable[..., dict], kind: str, expected: str, ended: bool) -> None:
    result = run(workload_claims, owned_by(kind), EmptyCluster())
    assert (result["claims"][0]["action"], result["ended"], result.get("too_early", False)) == (expected, ended, False)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({**LOST_CLAIM, "owner": {"kind": "DaemonSet", "name": "minio"}}, "belongs to DaemonSet, not to one of"),
        ({**LOST_CLAIM, "owner": None}, "lacks owner.kind, owner.name: export-minio-0"),
        ({**LOST_CLAIM, "pv_uid": ""}, "lacks pv_uid: export-minio-0"),
    ],
)
def test_a_claim_without_identity_or_workload_is_an_error(run: t.Callable[..., dict], claim: dict, words: str) -> None:
    result = run(workload_claims, {**CLAIM, "claims": [claim]}, EmptyCluster())
    assert (result["failed"], result["ended"]) == (True, False)
    assert words in result["msg"]


class ClaimMadeAgain(EmptyCluster):
    """A new claim has the name and no volume yet."""

    def get(self, path: str) -> t.Any:
        if "/persistentvolumeclaims/" in path:
            return {"metadata": {"name": "export-minio-0", "namespace": "ns", "uid": "new"}, "spec": {}}
        if "/statefulsets/" in path:
            return {"metadata": {"name": "minio", "namespace": "ns", "uid": "w"}, "spec": {"replicas": 1}}
        return None


def test_a_loop_ends_at_the_goal_that_it_was_given(run: t.Callable[..., dict]) -> None:
    for goal, check_mode, ended in (("recreated", False, True), ("done", False, False), ("done", True, True)):
        args = {**CLAIM, "goal": goal, "_ansible_check_mode": check_mode}
        result = run(workload_claims, args, ClaimMadeAgain())
        (claim,) = result["claims"]
        assert (claim["recreated"], claim["done"], result["ended"]) == (True, False, ended), (goal, check_mode)
    result = run(workload_claims, {**owned_by("Deployment"), "goal": "recreated"}, EmptyCluster())
    assert result["ended"] is False


def test_a_silent_api_is_an_error_that_a_loop_may_retry(
    run: t.Callable[..., dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_args: t.Any, **_kwargs: t.Any) -> t.Any:
        raise ApiUnavailable("https://192.0.2.10:6443", "timed out")

    monkeypatch.setattr(recovery_client, "step", silent)
    result = run(workload_claims, CLAIM, EmptyCluster())
    assert (result["failed"], result["claims"], result["ended"]) == (True, [], False)


def test_a_workload_that_is_not_there_stands_against_the_gate(run: t.Callable[..., dict]) -> None:
    result = run(minio_health_info, MINIO, EmptyCluster())
    assert (result["failed"], result["undecided"], result["starting"]) == (True, ["ns/minio"], [])
    (told,) = result["deployments"]
    assert (told["namespace"], told["name"], told["msg"]) == ("ns", "minio", told["error"])
    assert told["gate"] == {
        "ok": False,
        "fatal": False,
        "healing": False,
        "decided": False,
        "starting": False,
        "codes": ["error"],
        "sentences": ["there is no StatefulSet ns/minio"],
    }


def test_a_minio_that_cannot_be_read_fails_the_module_and_leaves_what_was_read_of_the_other(
    run: t.Callable[..., dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = {"ok": True, "decided": True, "starting": False}

    def read(_api: t.Any, params: dict, _progress: t.Any) -> dict:
        if params["name"] == "broken":
            raise at_once.HaError("no pod answers")
        assert (params["prove_readable"], params["given_up"], params["readings"]) == (True, ["ns/minio/b/a"], 1)
        return {"msg": "ns/minio: healthy", "gate": gate}

    monkeypatch.setattr(at_once, "run", read)
    minio = {"namespace": "ns", "name": "minio", "prove_readable": True, "given_up": ["ns/minio/b/a"]}
    broken = {"namespace": "ns", "name": "broken", "prove_readable": True}
    result = run(minio_health_info, {**MINIO, "deployments": [broken, minio]}, EmptyCluster())
    assert (result["failed"], result["msg"]) == (True, "no pod answers; ns/minio: healthy")
    first, second = result["deployments"]
    assert (first["error"], first["gate"]["ok"], first["proof"]["permitted"]["ok"]) == ("no pod answers", False, False)
    assert second == {"namespace": "ns", "name": "minio", "error": "", "msg": "ns/minio: healthy", "gate": gate}
    result = run(minio_health_info, {**MINIO, "deployments": [minio]}, EmptyCluster())
    assert ("failed" in result, result["changed"], result["undecided"]) == (False, False, [])


def test_no_minio_is_read_at_once_and_without_a_cluster(run: t.Callable[..., dict]) -> None:
    result = run(minio_health_info, {"deployments": []})
    assert {key: result[key] for key in ("changed", "msg", "deployments", "undecided", "starting")} == {
        "changed": False,
        "msg": "",
        "deployments": [],
        "undecided": [],
        "starting": [],
    }


def test_a_claim_without_its_volume_is_an_argument_error(run: t.Callable[..., dict]) -> None:
    args = {**LEFTOVERS, "claims": [{"namespace": "ns", "name": "c", "uid": "u", "pv_name": "pv"}]}
    assert "lacks pv_uid" in run(lost_volume_leftovers, args, EmptyCluster())["msg"]


def test_nothing_left_is_nothing_to_do(run: t.Callable[..., dict]) -> None:
    result = run(lost_volume_leftovers, LEFTOVERS, EmptyCluster())
    assert (result["changed"], result["volumes"], result["removed_pods"]) == (False, [], [])


def test_a_claim_that_is_gone_is_recovered_for_its_hook(run: t.Callable[..., dict]) -> None:
    result = run(recovered_claim_info, HOOKED, EmptyCluster())
    assert (result["changed"], result["ok"], result["lost"]) == (False, True, False)
    result = run(recovered_claim_info, {**HOOKED, "pv_name": "another"}, ClaimOfTheVanished())
    assert (result["failed"], result["ok"]) == (True, False)
    assert "bound to 'pv', not to another" in result["msg"]


class ClaimOfTheVanished(EmptyCluster):
    """The lost claim is there, and nothing that mounts it."""

    def get(self, path: str) -> t.Any:
        meta = {"name": path.rsplit("/", 1)[1], "namespace": "ns"}
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["master-1"]}
        affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
        return {
            "persistentvolumeclaims": {"metadata": {**meta, "uid": "old"}, "spec": {"volumeName": "pv"}},
            "persistentvolumes": {
                "metadata": {**meta, "uid": "pv-uid"},
                "spec": {"claimRef": {"uid": "old"}, "nodeAffinity": affinity, "local": {"path": "/data"}},
            },
            "statefulsets": {"metadata": {**meta, "uid": "w"}, "spec": {"replicas": 1}},
        }.get(path.rsplit("/", 2)[1])


@pytest.mark.parametrize("diff", [False, True])
def test_in_diff_mode_a_module_names_what_it_would_delete(run: t.Callable[..., dict], diff: bool) -> None:
    args = {**CLAIM, "_ansible_diff": diff, "_ansible_check_mode": True}
    result = run(workload_claims, args, ClaimOfTheVanished())
    assert (result["claims"][0]["action"], result["changed"]) == ("delete_claim", True)
    assert ("diff" in result) == diff
    if diff:
        (shown,) = result["diff"]
        assert "uid: old" in shown["before"]
