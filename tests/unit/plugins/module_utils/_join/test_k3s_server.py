# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading how a K3s server was set up, from a tree of files laid out as on a host."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join import k3s_server

FIXTURES = Path(__file__).parents[3] / "fixtures" / "k3s"
UNIT = "etc/systemd/system/k3s.service"
ENVIRONMENT = "etc/systemd/system/k3s.service.env"
CONFIG = "etc/rancher/k3s/config.yaml"
REGISTRIES = "etc/rancher/k3s/registries.yaml"
TOKEN = "var/lib/rancher/k3s/server/token"
CA = "var/lib/rancher/k3s/server/tls/server-ca.crt"
MANIFESTS = "var/lib/rancher/k3s/server/manifests"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A host with a server as ocboot sets it up; the paths of K3s lead into a folder of the test."""
    for name in (
        "K3S_CONFIG",
        "K3S_CONTAINERD",
        "K3S_MANIFESTS",
        "K3S_PROGRAM",
        "K3S_REGISTRIES",
        "K3S_TOKEN",
        "K3S_UNIT_FILE",
    ):
        monkeypatch.setattr(k3s_server, name, str(tmp_path) + getattr(k3s_server, name))
    for name in ("K3S_UNIT_FILES", "K3S_ENVIRONMENTS"):
        monkeypatch.setattr(k3s_server, name, tuple(str(tmp_path) + path for path in getattr(k3s_server, name)))

    class Here:
        ca_certificate = str(tmp_path / CA)

    monkeypatch.setattr(k3s_server, "K3S", Here)
    lay(tmp_path / UNIT, FIXTURES / "unit" / "ocboot-join.service")
    lay(tmp_path / CONFIG, FIXTURES / "config" / "ocboot" / "config.yaml")
    lay(tmp_path / TOKEN, FIXTURES / "token" / "server-token")
    lay(tmp_path / CA, FIXTURES / "cacerts.pem")
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    return tmp_path


def lay(path: Path, source: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, path)


def text(name: str) -> str:
    return (FIXTURES / name).read_text(encoding="utf-8")


def test_templates_of_containerd_and_the_unit_are_read_with_their_modes(host: Path) -> None:
    assert k3s_server.read()["templates"] == []
    folder = host / "var/lib/rancher/k3s/agent/etc/containerd"
    names = ("config.toml.tmpl", "config-v3.toml.tmpl", "config-v3.toml.d/50-gpu.toml")
    for name in (*names, "config.toml", "config.toml.tmpl.bak"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
        (folder / name).chmod(0o640)
    (host / UNIT).chmod(0o600)
    found = k3s_server.read()
    assert found["templates"] == [{"path": str(folder / name), "content": name, "mode": "0640"} for name in names]
    assert found["unit_mode"] == "0600"


def test_a_plain_server_is_read(host: Path) -> None:
    found = k3s_server.read()
    assert found["config"] == [{"path": str(host / CONFIG), "content": text("config/ocboot/config.yaml")}]
    assert found["unit"] == text("unit/ocboot-join.service")
    assert found["token"] == text("token/server-token").strip()
    assert found["ca"] == text("cacerts.pem")
    nothing = ("unit_drop_ins", "environments", "skipped", "links")
    assert [found[key] for key in nothing] == [[], [], [], []]
    assert found["registries"] == ""
    assert found["service"] == "k3s"
    assert found["paths"] == {
        "config": str(host / CONFIG),
        "unit": str(host / UNIT),
        "registries": str(host / REGISTRIES),
    }
    # What would tell the new server's host from others to the cluster is not among what is cleaned.
    assert not [path for path in found["state"] if path.startswith("/etc/rancher/node")]


def test_files_are_in_the_order_in_which_k3s_reads_them(host: Path) -> None:
    for path in (FIXTURES / "config" / "edges").glob("config.yaml*/*"):
        lay(host / (CONFIG + ".d") / path.name, path)
    names = [Path(item["path"]).name for item in k3s_server.read()["config"]]
    assert names == ["config.yaml", "10-first.yml", "20-second.yaml"]
    (host / CONFIG).unlink()
    assert [Path(item["path"]).name for item in k3s_server.read()["config"]] == names[1:]


def test_everything_beside_them_is_read(host: Path) -> None:
    lay(host / ENVIRONMENT, FIXTURES / "unit" / "env-dash.env")
    lay(host / "etc/sysconfig/k3s", FIXTURES / "unit" / "env-bash.env")
    lay(host / REGISTRIES, FIXTURES / "registries.yaml")
    lay(host / (UNIT + ".d") / "limits.conf", FIXTURES / "etcd" / "name")
    (host / (UNIT + ".d") / "limits.conf").chmod(0o600)
    lay(host / (UNIT + ".d") / "limits.conf.bak", FIXTURES / "etcd" / "name")
    for name in ("traefik.yaml.skip", "coredns.yaml", "ccm.yaml.skip"):
        lay(host / MANIFESTS / name, FIXTURES / "etcd" / "name")
    for name, target in (("kubectl", "k3s"), ("crictl", "k3s"), ("ctr", "/usr/bin/ctr"), ("etcdctl", "etcdctl-v3")):
        (host / "usr/local/bin" / name).symlink_to(target)
    (host / "usr/local/bin/k3s").write_text("x", encoding="utf-8")
    found = k3s_server.read()
    # The later outranks the former, as the unit has them.
    assert [item["content"] for item in found["environments"]] == [text("unit/env-bash.env"), text("unit/env-dash.env")]
    assert found["registries"] == text("registries.yaml")
    assert [(Path(item["path"]).name, item["mode"]) for item in found["unit_drop_ins"]] == [("limits.conf", "0600")]
    assert found["skipped"] == ["ccm.yaml.skip", "traefik.yaml.skip"]
    assert found["links"] == ["crictl", "kubectl"]


def test_a_packaged_unit_is_read_where_it_is(host: Path) -> None:
    (host / UNIT).unlink()
    lay(host / "usr/lib/systemd/system/k3s.service", FIXTURES / "unit" / "installer-newer.service")
    assert k3s_server.read()["unit"] == text("unit/installer-newer.service")


@pytest.mark.parametrize(
    ("path", "match"),
    [(UNIT, "no unit file of K3s"), (TOKEN, "token can't be read: No such file"), (CA, "server-ca.crt can't be read")],
)
def test_a_host_that_is_no_server_is_refused(host: Path, path: str, match: str) -> None:
    (host / path).unlink()
    with pytest.raises(HaError, match=match):
        k3s_server.read()


def test_a_file_that_is_no_text_is_told_without_its_content(host: Path) -> None:
    (host / TOKEN).write_bytes(b"mytoken\xff\xfe")
    with pytest.raises(HaError, match="token can't be read: it is not text") as refused:
        k3s_server.read()
    assert "mytoken" not in str(refused.value)
