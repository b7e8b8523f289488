# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in against what K3s itself printed or writes, as kept in tests/unit/fixtures/k3s."""

from __future__ import annotations

import base64
import configparser
import json
import string
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bedlib import conf, k3s, release
from k3s_standin import cli, controller, etcd, flags, pki, server, supervisor
from k3s_standin.flags import Refused

K3S = Path(__file__).resolve().parents[1] / "fixtures" / "k3s"
# Flags that came after 1.28, which the stand-in knows, too.
NEWER = {"--embedded-registry=true"}


@pytest.mark.parametrize("case", ["docs", "dropin", "edges", "ocboot", "only-dropin"])
def test_files_and_command_line_merge_as_the_parser_of_k3s_recorded(case: str) -> None:
    recorded = json.loads((K3S / "config" / case / "recorded.json").read_text())
    environment = {"K3S_CONFIG_FILE": str(K3S / "config" / case / "config.yaml")}
    whole = flags.load(recorded["command"][2:], environment).arguments
    assert [word for word in whole if word not in NEWER] == recorded["arguments"][2:]


def test_flags_are_those_of_k3s() -> None:
    for name, known in json.loads((K3S / "server_flags.json").read_text()).items():
        assert flags.KINDS[name] == (known["type"] if known["type"] in ("bool", "list") else "text")
        assert [short for short, of in flags.SHORT.items() if of == name] == known["aliases"]
        if name != "data-dir":
            assert flags.ENVIRONMENT.get(name) == known["env"]


def test_command_line_beats_files_and_files_beat_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("token: file\nnode-label:\n- a=1\n")
    environment = {"K3S_CONFIG_FILE": str(config), "K3S_TOKEN": "variable", "K3S_URL": "https://192.0.2.1:6443"}
    both = flags.load(["--token", "line", "--node-label=b=2"], environment)
    assert (both.text("token"), both.texts("node-label")) == ("line", ("a=1", "b=2"))
    assert flags.load([], environment).text("token") == "file"
    assert flags.load([], environment).text("server") == "https://192.0.2.1:6443"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no-such-flag"], "flag provided but not defined"),
        (["-t=a", "--token=b"], "Cannot use two forms of the same flag"),
        (["--cluster-init=yes"], "invalid boolean value"),
        (["--token"], "flag needs an argument"),
    ],
)
def test_arguments_that_k3s_refuses(words: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        flags.parse(words)


def test_what_follows_a_word_that_is_no_flag_is_lost_as_in_k3s() -> None:
    assert flags.parse(["--cluster-init", "true", "--token", "x"]) == {"cluster-init": ("true",)}


@pytest.mark.parametrize("text", ["a:\n  b: c\n", "a: {b: c}\n", "a: |\n  b\n", "- a\n", "a: 1\na: 2\n", 'a: "b\n'])
def test_yaml_beyond_the_reader_is_refused_and_not_misread(text: str) -> None:
    with pytest.raises(Refused):
        flags.read_yaml(text)


def test_secrets_are_hidden_in_the_annotation() -> None:
    words = flags.shown(["--token", "hush", "-t=hush", "--disable", "servicelb", "--cluster-init"])
    assert words == ["server", "--token", "********", "-t", "********", "--disable", "servicelb", "--cluster-init"]


MEMBERS = [
    {"ID": 1, "name": "lzx-ha-env-2-110bc617", "peerURLs": ["https://192.0.2.2:2380"]},
    {"ID": 2, "name": "lzx-ha-env-3-f8946fea", "peerURLs": ["https://192.0.2.3:2380"]},
]


def test_a_node_whose_name_begins_anothers_is_not_its_duplicate() -> None:
    plan = etcd.plan_join(MEMBERS, name="lzx-ha-env-0a0b0c0d", node="lzx-ha-env", address="192.0.2.4")
    assert plan.add
    assert plan.cluster[-1] == "lzx-ha-env-0a0b0c0d=https://192.0.2.4:2380"


def test_a_duplicate_node_name_is_refused() -> None:
    words = (K3S / "log" / "duplicate-node-name.log").read_text()
    with pytest.raises(Refused, match="duplicate node name found") as why:
        etcd.plan_join(MEMBERS, name="lzx-ha-env-2-0a0b0c0d", node="lzx-ha-env-2", address="192.0.2.4")
    assert f'level=fatal msg="{why.value}"' in words


@pytest.mark.parametrize("name", ["", "new-0a0b0c0d"])
def test_a_member_that_is_there_already_is_not_added_twice(name: str) -> None:
    there = [*MEMBERS, {"ID": 3, "name": name, "peerURLs": ["https://192.0.2.4:2380"], "isLearner": True}]
    plan = etcd.plan_join(there, name="new-0a0b0c0d", node="new", address="192.0.2.4")
    assert not plan.add
    assert plan.cluster[-1] == "new-0a0b0c0d=https://192.0.2.4:2380"


@pytest.mark.parametrize(
    ("name", "address", "member"),
    [
        ("lzx-ha-env-2-110bc617", "192.0.2.2", 1),
        ("lzx-ha-env-2-110bc617", "192.0.2.254", None),
        ("lzx-ha-env-2-ffffffff", "192.0.2.2", None),
    ],
)
def test_a_member_is_removed_only_when_name_and_address_match(name: str, address: str, member: int | None) -> None:
    assert etcd.to_remove(MEMBERS, name, address) == member


def _node(name: str) -> dict[str, Any]:
    return dict(json.loads((K3S / "node" / f"{name}.json").read_text()))


def test_a_node_without_the_annotations_hangs_on_its_finalizer() -> None:
    words = (K3S / "log" / "survivor-annotations-missing.log").read_text()
    asked = controller.removal(_node("deleting-without-annotations"))
    assert asked.error
    assert f"handler managed-etcd-controller: {asked.error}, requeuing" in words


def test_other_deleted_nodes_are_taken_from_their_annotations() -> None:
    node = _node("deleting")
    annotations = node["metadata"]["annotations"]
    asked = controller.removal(node)
    assert (asked.name, asked.address) == (annotations[controller.ETCD_NAME], annotations[controller.ETCD_ADDRESS])
    assert controller.removal(_node("agent")) == controller.Removal()


def test_labels_finalizers_and_the_condition_are_those_of_k3s() -> None:
    node = _node("server")
    assert {label: node["metadata"]["labels"][label] for label in controller.ROLES} == dict.fromkeys(
        controller.ROLES, "true"
    )
    assert set(controller.FINALIZERS) <= set(_node("deleting")["metadata"]["finalizers"])


def test_the_password_hash_is_the_one_that_k3s_writes() -> None:
    password = (K3S / "node-password" / "password").read_text().strip()
    for name in ("secret.json", "secret-owned.json"):
        kept = base64.b64decode(json.loads((K3S / "node-password" / name).read_text())["data"]["hash"]).decode()
        assert controller.password_hash(password, bytes.fromhex(kept.split(":")[1])) == kept


class _Answers:
    """Stands in for the API client of the stand-in: one Secret."""

    def __init__(self, secret: Any = None) -> None:
        self.secret = secret

    def find(self, _path: str) -> Any:
        return self.secret

    def call(self, _method: str, _path: str, body: Any) -> None:
        self.secret = body


def test_another_password_is_refused() -> None:
    api: Any = _Answers()
    assert controller.ensure_password(api, "Node", "one")
    assert api.secret["metadata"]["name"] == "node.node-password.k3s"
    assert api.secret["immutable"] is True
    assert controller.ensure_password(api, "node", "one")
    assert not controller.ensure_password(api, "node", "two")
    assert server.REJECTED in (K3S / "log" / "node-password-rejected.log").read_text()


@pytest.mark.parametrize(
    ("switch", "mode"),
    [
        ({}, ""),
        ({"mode": "slow-removal"}, "slow-removal"),
        ({"mode": "slow-removal", "node": "a"}, "slow-removal"),
        ({"mode": "slow-removal", "node": "b"}, ""),
    ],
)
def test_the_switch_is_for_one_node_or_for_all(switch: dict[str, str], mode: str) -> None:
    assert controller.misbehaves(switch, "a") == mode


def test_tokens() -> None:
    digest = "a" * 64
    assert supervisor.split_token("short") == ("", "short")
    assert supervisor.split_token(f"K10{digest}::server:long") == (digest, "long")
    for wrong in ("", "K10abc::server:x", f"K10{digest}::server", f"K10{digest}"):
        with pytest.raises(Refused):
            supervisor.split_token(wrong)


def test_the_ca_hash_is_that_of_the_bundle() -> None:
    bundle = (K3S / "cacerts.pem").read_bytes()
    token = (K3S / "token" / "server-token").read_text()
    assert supervisor.split_token(token.strip())[0] == pki.ca_hash(bundle)


def test_servers_must_agree_on_the_critical_values() -> None:
    mine = flags.critical(flags.load([], {"K3S_CONFIG_FILE": str(K3S / "config" / "ocboot" / "config.yaml")}))
    assert supervisor.mismatches(mine, json.loads(json.dumps(mine))) == []
    other = flags.critical(flags.load(["--disable=servicelb,traefik", "--cluster-domain=b"], {"K3S_CONFIG_FILE": "/-"}))
    assert {"disable-service-lb", "cluster-domain", "flannel-backend"} <= set(supervisor.mismatches(mine, other))
    assert "traefik" not in json.dumps(other)


@pytest.mark.parametrize(
    "log", ["removed-member", "tombstone", "critical-mismatch", "token-different", "ca-hash-mismatch"]
)
def test_it_says_what_k3s_says(log: str) -> None:
    words = (K3S / "log" / f"{log}.log").read_text().splitlines()[-1].split('msg="')[1].rstrip('"')
    source = "".join(p.read_text() for p in Path(server.__file__).parent.glob("*.py"))
    # What stands before values of its own, and after the words that all errors of the start share.
    assert words.removeprefix(server.PREPARING).split(": ")[-2 if log == "ca-hash-mismatch" else -1] in source


def test_a_tombstone_puts_the_data_aside(tmp_path: Path) -> None:
    one = etcd.Etcd(tmp_path, tmp_path, "node", "192.0.2.1")
    (one.folder / "member/wal").mkdir(parents=True)
    one.ensure_name()
    first = one.name
    assert one.initialised
    assert not one.bury()
    (one.folder / "tombstone").touch()
    assert one.bury()
    assert not one.initialised
    one.ensure_name()
    assert one.name != first
    assert etcd.node_of(one.name) == "node"
    assert len(list(one.folder.parent.glob("etcd-backup-*"))) == 1


def _starting(tmp_path: Path, *words: str) -> server.Server:
    return server.Server(flags.Settings(flags.parse([f"--data-dir={tmp_path}", "--node-ip=192.0.2.1", *words]), ()), {})


def test_data_that_is_there_decides_over_init_and_server(tmp_path: Path) -> None:
    one = _starting(tmp_path, "--server=https://192.0.2.9:6443", "--token=abc")
    (one.etcd.folder / "member/wal").mkdir(parents=True)
    pki.write(tmp_path / "server/token", f"K10{'a' * 64}::server:abc\n")
    assert one.bootstrap() == ("abc", None)
    with pytest.raises(Refused, match="encrypted with different token"):
        _starting(tmp_path, "--token=other").bootstrap()


def test_init_without_data_makes_a_new_cluster_even_after_a_removal(tmp_path: Path) -> None:
    one = _starting(tmp_path, "--cluster-init", "--token=abc")
    assert one.bootstrap() == ("abc", None)
    kept = (tmp_path / "server/tls/server-ca.crt").read_bytes()
    pki.write(tmp_path / "server/token", pki.full_token(kept, "abc"))
    (one.etcd.folder / "member/wal").mkdir(parents=True)
    (one.etcd.folder / "tombstone").touch()
    assert one.bootstrap() == ("abc", None)
    assert not one.etcd.initialised
    assert (tmp_path / "server/tls/server-ca.crt").read_bytes() == kept


def test_neither_init_nor_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no SQLite"):
        _starting(tmp_path).bootstrap()


def test_certificates_are_signed_by_their_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATTLE_NEW_SIGNED_CERT_EXPIRATION_DAYS", "3650")
    tls, agent = tmp_path / "tls", tmp_path / "agent"
    pki.authorities(tls)
    pki.certificates(tls, agent, node="n", ip="192.0.2.1", sans=("n", "192.0.2.10"))
    for leaf, ca in (
        (tls / "client-admin", tls / "client-ca"),
        (tls / "serving-kube-apiserver", tls / "server-ca"),
        (tls / "etcd/client", tls / "etcd/server-ca"),
        (tls / "etcd/peer-server-client", tls / "etcd/peer-ca"),
        (agent / "serving-kubelet", tls / "server-ca"),
    ):
        done = subprocess.run(
            ["openssl", "verify", "-CAfile", f"{ca}.crt", f"{leaf}.crt"], capture_output=True, check=False
        )
        assert done.returncode == 0, leaf
        assert Path(f"{leaf}.key").stat().st_mode & 0o77 == 0
    shown = subprocess.run(
        ["openssl", "x509", "-in", tls / "client-admin.crt", "-noout", "-checkend", str(3600 * 86400)], check=False
    )
    assert shown.returncode == 0
    assert set(pki.SHARED) <= {str(p.relative_to(tls)) for p in tls.rglob("*") if p.is_file()}


def test_every_option_of_the_programs_can_be_filled_in(tmp_path: Path) -> None:
    known = _starting(tmp_path).values()
    table = configparser.RawConfigParser(delimiters=("=",))
    table.read(Path(server.__file__).parent / "components.conf")
    assert set(table.sections()) <= set(k3s.PROGRAMS)
    for section in table.sections():
        for value in table[section].values():
            string.Template(value).substitute(known)


def test_an_option_from_the_configuration_replaces_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, started = _starting(tmp_path, "--kube-proxy-arg=proxy-mode=nftables"), {}
    monkeypatch.setattr(one, "start", lambda name, argv: started.update({name: argv}))
    one.component("kube-proxy")
    assert "--proxy-mode=nftables" in started["kube-proxy"]
    assert "--proxy-mode=iptables" not in started["kube-proxy"]


def test_it_never_passes_for_k3s(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["k3s", "--version"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"k3s version {release.DEFAULT}+k3s1 (standin)"


def test_the_unit_is_as_the_installer_writes_it() -> None:
    text = k3s.unit(k3s.arguments("t", first=False))
    for line in (K3S / "unit" / "ocboot-join.service").read_text().splitlines():
        if not line.startswith("ExecStart="):
            assert line in text.splitlines()
    assert text.splitlines()[-1].startswith(
        "ExecStart=/usr/local/bin/k3s server --data-dir /var/lib/rancher/k3s --server"
    )


def test_only_the_first_server_begins_a_cluster() -> None:
    assert "--cluster-init" in k3s.arguments("t", first=True)
    assert "--server" not in k3s.arguments("t", first=True)
    assert "--cluster-init" not in k3s.arguments("t", first=False)


def test_the_configuration_of_the_bed_is_understood() -> None:
    values = flags.read_yaml(k3s.config(conf.MASTERS[0]))
    settings = flags.Settings(flags.parse(flags.as_arguments(values)), ())
    assert settings.text("default-local-storage-path") == "/opt/k3s/storage"
    assert settings.texts("node-ip") == (conf.MASTERS[0].ip,)
    assert set(values) <= set(flags.KINDS)


def test_packaged_manifests_leave_open_what_the_configuration_says() -> None:
    text = k3s._packaged("local-path.yaml")
    assert '"paths": ["$STORAGE"]' in text
    assert "namespace: kube-system" in text
    assert "local-path-storage" not in text
