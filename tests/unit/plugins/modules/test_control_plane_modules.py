# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that read a control plane, and the one that makes join credentials, take and give."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import (
    ApiUnavailable,
    CommandFailed,
    ObjectChanged,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._join.credentials import CERTIFICATES
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.checks import hosts
from ansible_collections.cloudpods.ha.plugins.module_utils._restore import from_json
from ansible_collections.cloudpods.ha.plugins.modules import (
    control_plane_host_info,
    control_plane_info,
    join_credentials,
    kubeadm_join_credentials,
)
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_cluster import CONFIGMAPS, StandInApi, StandInCluster

Json = dict[str, Any]
TOKEN, HASH = "abcdef.0123456789abcdef", "sha256:" + "9f" * 32
WANTED = {"description": "join of master-4", "kubernetes_version": "v1.30.4"}


def run(module: ModuleType, capsys: pytest.CaptureFixture[str], **arguments: Any) -> Json:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    found: Json = json.loads(capsys.readouterr().out)
    return found


def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], api: StandInApi) -> Json:
    monkeypatch.setattr(control_plane_info, "connect", lambda _path: api)
    return run(control_plane_info, capsys, kubeconfig="/root/.kube/config", lost="master-1")


def test_a_cluster_is_told_as_plain_data(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(monkeypatch, capsys, StandInCluster().api())
    assert found["changed"] is False
    cluster = from_json(Cluster, found["cluster"])
    assert cluster.lost is not None
    assert (cluster.lost.name, cluster.api_error, cluster.provider) == ("master-1", "", "kubeadm")


def test_the_pods_of_the_replacement_are_judged_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = StandInCluster()
    cluster.run(cluster.plan())
    for node in ("master-2", "master-3", "master-4"):
        cluster.add_daemon_pod("calico-node", node, ready=node != "master-4")
    monkeypatch.setattr(control_plane_info, "connect", lambda _path: cluster.api())
    given = {"kubeconfig": "/root/.kube/config", "lost": "master-1"}
    assert run(control_plane_info, capsys, **given)["pods_run"] is True
    assert run(control_plane_info, capsys, **given, replacement="master-4")["pods_run"] is False


def test_a_missing_kubeconfig_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(control_plane_info, capsys, kubeconfig="/nowhere/config", lost="master-1")
    assert not found.get("failed")
    assert found["cluster"]["api_error"] == "there is no kubeconfig at /nowhere/config"
    assert found["cluster"]["lost"] is None


def test_an_api_that_goes_away_half_way_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class GoesAway(StandInApi):
        def get(self, path: str, **query: Any) -> Json | None:
            if len(self.asked) > 3:
                raise ApiUnavailable(self.server, "connection reset")
            return super().get(path, **query)

    api = StandInCluster().api()
    found = ask(monkeypatch, capsys, GoesAway(api.lists, api.objects))
    assert found["cluster"]["api_error"].endswith("does not answer: connection reset")
    assert found["cluster"]["nodes"] == []


def test_a_damaged_journal_is_an_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = StandInCluster()
    cluster.write_journal(dict(cluster.plan().journal))
    cluster.lists[CONFIGMAPS][0]["data"]["state"] = "not json"
    found = ask(monkeypatch, capsys, cluster.api())
    assert "cloudpods-ha-master-1 can't be read" in found["cluster"]["api_error"]
    told = from_json(Cluster, found["cluster"])
    given = dataclasses.replace(StandInCluster().cluster(), api_error=told.api_error, api_refusal=told.api_refusal)
    (refusal,) = hosts.reachability(given)
    assert (refusal.code, "kubeconfig" in refusal.remedy) == ("JOURNAL_UNREADABLE", False)
    assert refusal.observed == "The cluster can't be read: {0}.".format(found["cluster"]["api_error"])
    assert refusal.remedy.startswith("Repair the journal")


def test_a_host_is_told_as_plain_data(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def gather(_run: Any, **given: Any) -> Host:
        assert given["storage_paths"] == ["/opt/local-path-provisioner"]
        return Host(name=given["name"], role=given["role"], reachable=True)

    monkeypatch.setattr(control_plane_host_info, "gather", gather)
    arguments = {
        "name": "m2",
        "role": "survivor",
        "storage_paths": ["/opt/local-path-provisioner"],
    }
    before = time.time()
    found = run(control_plane_host_info, capsys, **arguments)
    assert from_json(Host, found["host"]).name == "m2"
    assert before <= found["epoch"] <= time.time()
    assert found["probe_ports"] == [22, 6443, 2379, 2380, 10250]
    assert found["changed"] is False


def test_a_host_that_cannot_tell_its_addresses_fails_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gather(_run: Any, **_given: Any) -> Host:
        raise CommandFailed("ip", 127, "not found")

    monkeypatch.setattr(control_plane_host_info, "gather", gather)
    found = run(control_plane_host_info, capsys, name="m2", role="survivor")
    assert (found["failed"], found["msg"]) == (True, "ip failed (exit code 127): not found")


class StandInKubeadm:
    """kubeadm, as far as credentials need it."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.configuration = ""
        self.mode = 0
        self.fails = ""
        self.folder = Path()

    def __call__(self, argv: Sequence[str]) -> tuple[int, str, str]:
        self.calls.append(list(argv))
        if self.fails and self.fails in argv:
            return 1, "", "error: no"
        if "upload-certs" in argv:
            path = Path(argv[argv.index("--config") + 1])
            self.configuration = path.read_text(encoding="utf-8")
            self.mode = stat.S_IMODE(path.stat().st_mode) | stat.S_IMODE(path.parent.stat().st_mode)
            return 0, "", ""
        if "create" in argv:
            line = "kubeadm join 192.0.2.100:6443 --token {0} --discovery-token-ca-cert-hash {1}\n"
            return 0, line.format(TOKEN, HASH), ""
        raise AssertionError(argv)


@pytest.fixture
def kubeadm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandInKubeadm:
    found = StandInKubeadm()
    found.folder = tmp_path
    monkeypatch.setattr(kubeadm_join_credentials.AnsibleModule, "tmpdir", str(tmp_path))
    monkeypatch.setattr(kubeadm_join_credentials, "module_runner", lambda _module: found)
    return found


def test_credentials_are_made_and_no_secret_stands_on_a_command_line(
    kubeadm: StandInKubeadm, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(kubeadm_join_credentials, capsys, **WANTED)
    made = found["credentials"]
    assert (made["token"], made["ca_hash"], found["changed"]) == (TOKEN, HASH, True)
    assert len(bytes.fromhex(made["certificate_key"])) == 32
    assert made["certificate_key"] in kubeadm.configuration
    assert kubeadm.mode & 0o077 == 0
    words = " ".join(word for argv in kubeadm.calls for word in argv)
    assert made["certificate_key"] not in words
    assert TOKEN not in words
    # By the token's description what was made is found again, so it comes first.
    create, upload = kubeadm.calls
    assert not os.path.exists(upload[upload.index("--config") + 1])
    assert create[create.index("--config") + 1] == upload[upload.index("--config") + 1]
    init = json.loads(kubeadm.configuration.partition("---")[0])
    assert init["bootstrapTokens"] == [{"description": "join of master-4", "ttl": "15m"}]
    assert "nodeRegistration" not in init


def test_kubeadm_is_told_the_container_runtime_of_the_host(
    kubeadm: StandInKubeadm, capsys: pytest.CaptureFixture[str]
) -> None:
    run(kubeadm_join_credentials, capsys, **WANTED, cri_socket="unix:///run/containerd/containerd.sock")
    init = json.loads(kubeadm.configuration.partition("---")[0])
    assert init["nodeRegistration"] == {"criSocket": "unix:///run/containerd/containerd.sock"}


@pytest.mark.usefixtures("kubeadm")
def test_each_key_is_a_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    keys = {run(kubeadm_join_credentials, capsys, **WANTED)["credentials"]["certificate_key"] for _time in range(3)}
    assert len(keys) == 3


def test_in_check_mode_nothing_is_made(kubeadm: StandInKubeadm, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(kubeadm_join_credentials, capsys, **WANTED, _ansible_check_mode=True)
    assert (found["changed"], set(found["credentials"].values()), kubeadm.calls) == (True, {""}, [])


@pytest.mark.parametrize("step", ["upload-certs", "create"])
def test_a_kubeadm_that_fails_is_quoted_and_leaves_no_file(
    kubeadm: StandInKubeadm, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    kubeadm.fails = step
    found = run(kubeadm_join_credentials, capsys, **WANTED)
    assert found["failed"]
    assert found["msg"].endswith("error: no")
    assert "credentials" not in found
    assert [argv for argv in kubeadm.calls if step in argv]
    assert list(kubeadm.folder.iterdir()) == []


class StandInSecrets:
    """Certificates and the token of a join. `interfere` is called before a deletion; a version that is not given is not compared."""

    def __init__(self) -> None:
        described = {"description": base64.b64encode(WANTED["description"].encode()).decode()}
        self.secrets: dict[str, Json] = {
            name: {"metadata": {"name": name, "uid": name, "resourceVersion": "7"}, "data": data}
            for name, data in (("bootstrap-token-abcdef", described), (CERTIFICATES, {}))
        }
        self.interfere: Callable[[], None] = lambda: None

    def get(self, path: str) -> Json | None:
        return copy.deepcopy(self.secrets.get(path.rpartition("/")[2]))

    def items(self, _path: str, **_query: Any) -> list[Json]:
        return [copy.deepcopy(item) for name, item in self.secrets.items() if name != CERTIFICATES]

    def delete(self, path: str, *, uid: str, version: str = "") -> bool:
        self.interfere()
        name = path.rpartition("/")[2]
        if version and version != self.secrets[name]["metadata"]["resourceVersion"]:
            raise ObjectChanged(path, uid)
        return bool(self.secrets.pop(name))


@pytest.mark.parametrize("again", [False, True])
def test_certificates_that_somebody_uploads_again_during_the_revocation_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], again: bool
) -> None:
    api = StandInSecrets()

    def upload() -> None:
        if again:
            api.secrets[CERTIFICATES]["metadata"]["resourceVersion"] = "8"

    api.interfere = upload
    monkeypatch.setattr(join_credentials, "connect", lambda _path, **_more: api)
    given = {"kubeconfig": "/x", "state": "absent", "description": WANTED["description"]}
    found = run(join_credentials, capsys, **given)
    gone = {"bootstrap-token-abcdef"} | (set() if again else {CERTIFICATES})
    assert {item["name"] for item in found["made"]} == gone
    assert set(api.secrets) == {"bootstrap-token-abcdef", CERTIFICATES} - gone
