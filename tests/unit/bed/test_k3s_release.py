# SPDX-License-Identifier: GPL-3.0-or-later
"""Which K3s a bed gets, and what it finds on the hosts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from bedlib import cluster, conf, k3s, k3s_release, verbs
from bedlib.conf import BedError

CRI = "io.containerd.grpc.v1.cri"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (k3s_release.BINARY_VARIABLE, k3s_release.RELEASE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def test_the_command_line_beats_the_environment_and_a_binary_beats_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    assert k3s_release.chosen(None, "") == (None, "")
    monkeypatch.setenv("CLOUDPODS_HA_BED_K3S_RELEASE", "v1.30.3+k3s1")
    assert k3s_release.chosen(None, "") == (None, "v1.30.3+k3s1")
    monkeypatch.setenv("CLOUDPODS_HA_BED_K3S", "/srv/k3s")
    assert k3s_release.chosen(None, "") == (Path("/srv/k3s"), "")
    assert k3s_release.chosen(None, "v1.28.4+k3s1") == (None, "v1.28.4+k3s1")
    assert k3s_release.chosen(Path("/root/k3s"), "") == (Path("/root/k3s"), "")


@pytest.mark.parametrize(
    ("argv", "environment", "flavour", "binary", "release"),
    [
        (["--flavour", "k3s"], {}, conf.STANDIN, None, ""),
        (["--flavour", "k3s"], {"CLOUDPODS_HA_BED_K3S": "/srv/k3s"}, conf.K3S, Path("/srv/k3s"), ""),
        (["--flavour", "k3s"], {"CLOUDPODS_HA_BED_K3S_RELEASE": "v1.30.3+k3s1"}, conf.K3S, None, "v1.30.3+k3s1"),
        ([], {"CLOUDPODS_HA_BED_K3S": "/srv/k3s"}, conf.KUBEADM, None, ""),
    ],
)
def test_up_takes_the_k3s_that_the_environment_names(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, argv: list[str], environment: dict[str, str], flavour: str,
    binary: Path | None, release: str,
) -> None:  # fmt: skip
    given: dict[str, object] = {}
    monkeypatch.setattr(verbs, "up", lambda **options: given.update(options))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["bed", "up", *argv])
    assert tool.main() == 0
    assert (given["flavour"], given["binary"], given["download"]) == (flavour, binary, release)


def test_a_k3s_that_is_named_for_kubeadm_is_refused(tool: ModuleType) -> None:
    with pytest.raises(BedError, match="--flavour k3s"):
        tool.flavour(tool.parser().parse_args(["up", "--k3s", "/srv/k3s"]))


def test_every_host_gets_the_images_and_a_server_a_configuration_of_its_containerd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k3s_release, "STATE", tmp_path)
    (tmp_path / "k3s-images").mkdir()
    (tmp_path / "k3s-images/a.tar").write_text("a")
    for host, spare in ((conf.MASTERS[0], False), (conf.SPARE, True)):
        k3s_release.furnish(host, spare=spare)
        agent = tmp_path / "hosts" / host.name / "rancher/k3s/agent"
        assert (agent / "images/a.tar").read_text() == "a"
        # The collection carries it to a machine that joins.
        template = agent / "etc/containerd/config.toml.tmpl"
        assert template.exists() is not spare
        assert spare or template.read_bytes() == k3s_release.CONTAINERD.read_bytes()


def test_the_configuration_of_containerd_is_whole_and_fits_hosts_that_are_containers() -> None:
    text = k3s_release.CONTAINERD.read_text()
    assert "{{" not in text
    settings = tomllib.loads(text)
    assert settings["version"] == 2
    cri = settings["plugins"][CRI]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["disable_apparmor"] is True
    assert cri["sandbox_image"] == k3s_release.PAUSE
    assert cri["containerd"]["runtimes"]["runc"]["options"] == {"SystemdCgroup": False}
    assert set(cri["cni"]) == {"bin_dir", "conf_dir"}
    assert cri["registry"]["config_path"].startswith(k3s.DATA)


def test_containerd_finds_the_network_where_the_bed_writes_it() -> None:
    cni = tomllib.loads(k3s_release.CONTAINERD.read_text())["plugins"][CRI]["cni"]
    assert f"> {cni['conf_dir']}/" in (conf.HERE / "host/usr/local/sbin/bed-host").read_text()


def test_kubelet_of_a_real_k3s_has_the_cgroup_driver_and_the_pause_image_of_its_containerd(
    monkeypatch: pytest.MonkeyPatch, kubeadm_node: dict[str, str]
) -> None:
    plain, real = {}, {}
    for flavour, into in ((conf.STANDIN, plain), (conf.K3S, real)):
        monkeypatch.setattr(conf, "flavour", lambda flavour=flavour: flavour)
        into.update(yaml.safe_load(k3s.config(conf.MASTERS[0])))
    assert real.pop("kubelet-arg") == [*k3s.KUBELET, *plain.pop("kubelet-arg")]
    # A machine whose disk is rather full deleted the images that no pod used at that moment.
    kubelet = dict(one.split("=", 1) for one in k3s.KUBELET)
    settings = next(
        d for d in yaml.safe_load_all(cluster.manifest("kubeadm.yaml", **kubeadm_node)) if "evictionHard" in d
    )
    assert kubelet["image-gc-high-threshold"] == str(settings["imageGCHighThresholdPercent"])
    assert dict(one.split("<") for one in kubelet["eviction-hard"].split(",")) == settings["evictionHard"]
    assert kubelet["cgroup-driver"] == settings["cgroupDriver"]
    assert real.pop("pause-image") == k3s_release.PAUSE != plain.pop("pause-image")
    assert real == plain
