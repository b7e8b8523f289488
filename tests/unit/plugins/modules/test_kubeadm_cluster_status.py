# SPDX-License-Identifier: GPL-3.0-or-later
"""Editing kubeadm's ClusterStatus through the API, with a stand-in for the transport."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.modules import kubeadm_cluster_status

STATUS = {
    "apiEndpoints": {name: {"advertiseAddress": "192.0.2.1" + name[-1], "bindPort": 6443} for name in ("m-1", "m-2")},
    "apiVersion": "kubeadm.k8s.io/v1beta2",
    "kind": "ClusterStatus",
}


class StandInTransport(KubeApi):
    """An API server that holds one ConfigMap and checks the resourceVersion of a write."""

    def __init__(self, *, check_mode: bool, held: dict[str, Any]) -> None:
        super().__init__(api_client=None, check_mode=check_mode)
        self.held = held
        self.writes = 0

    def _call(self, verb: str, path: str, *, query: Any = None, body: Any = None) -> Any:
        assert path == "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
        assert query is None or not query
        if verb == "GET":
            return copy.deepcopy(self.held)
        assert verb == "PUT"
        self.writes += 1
        if body["metadata"]["resourceVersion"] != "7":
            raise ApiRefused(verb, path, 409, "Conflict")
        self.held = body
        return body


@pytest.fixture
def held() -> dict[str, Any]:
    data = {"ClusterConfiguration": "kind: ClusterConfiguration\n", "ClusterStatus": yaml.safe_dump(STATUS)}
    return {"kind": "ConfigMap", "metadata": {"name": "kubeadm-config", "resourceVersion": "7"}, "data": data}


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: dict[str, Any], **more: Any
) -> tuple[dict[str, Any], StandInTransport]:
    made: list[StandInTransport] = []

    def connect(_kubeconfig: str, *, check_mode: bool) -> KubeApi:
        made.append(StandInTransport(check_mode=check_mode, held=held))
        return made[0]

    monkeypatch.setattr(kubeadm_cluster_status, "connect", connect)
    arguments = {"kubeconfig": "/nowhere", "state": "absent", "name": "m-1", **more}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        kubeadm_cluster_status.main()
    return json.loads(capsys.readouterr().out), made[0]


def test_the_lost_endpoint_is_taken_out_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: dict[str, Any]
) -> None:
    former = held["data"]["ClusterStatus"]
    found, api = run(monkeypatch, capsys, held)
    assert found["changed"]
    assert (found["before"], found["after"], found["former"]) == (["m-1", "m-2"], ["m-2"], former)
    assert yaml.safe_load(api.held["data"]["ClusterStatus"])["apiEndpoints"] == {"m-2": STATUS["apiEndpoints"]["m-2"]}
    assert api.held["data"]["ClusterConfiguration"] == "kind: ClusterConfiguration\n"


def test_check_mode_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: dict[str, Any]
) -> None:
    found, api = run(monkeypatch, capsys, held, _ansible_check_mode=True)
    assert found["changed"]
    assert api.writes == 0


def test_a_cluster_without_cluster_status_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: dict[str, Any]
) -> None:
    del held["data"]["ClusterStatus"]
    found, api = run(monkeypatch, capsys, held)
    assert (found["changed"], api.writes) == (False, 0)


def test_somebody_else_s_change_in_between_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: dict[str, Any]
) -> None:
    held["metadata"]["resourceVersion"] = "8"
    found, _api = run(monkeypatch, capsys, held)
    assert found["failed"]
    assert "409" in found["msg"]
