# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new K3s server gets of a survivor's configuration."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join import k3s
from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s import JoinFiles, command_line, merged, options
from hypothesis import given
from hypothesis import strategies as st

Json = dict[str, Any]

FIXTURES = Path(__file__).parents[3] / "fixtures" / "k3s"
FLAGS: Json = json.loads((FIXTURES / "server_flags.json").read_text(encoding="utf-8"))
NEWER: Json = json.loads((FIXTURES / "server_flags_newer.json").read_text(encoding="utf-8"))
TOKEN = (FIXTURES / "token" / "server-token").read_text(encoding="utf-8").strip()
CA = (FIXTURES / "cacerts.pem").read_text(encoding="utf-8")
UNITS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FIXTURES / "unit").glob("*.service"))}
ENVIRONMENTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FIXTURES / "unit").glob("*.env"))}
RECORDED = sorted(path.parent.name for path in (FIXTURES / "config").glob("*/recorded.json"))
BARE = UNITS["installer-no-arguments"]
OWN, NEW, SURVIVOR = "192.168.0.244", "192.168.0.239", "lzx-ha-env-2"
ENDPOINT = "https://192.168.0.244:6443"


def files_of(name: str) -> list[Any]:
    folder = FIXTURES / "config" / name
    paths = [folder / "config.yaml", *sorted(item for end in ("yaml", "yml") for item in folder.glob("*.d/*." + end))]
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(paths) if path.exists()]


def made(
    *files: Any,
    unit: str = BARE,
    environments: Sequence[str] = (),
    drop_ins: Sequence[str] = (),
    names: Sequence[str] = (SURVIVOR,),
    own: str = OWN,
    addresses: Sequence[str] = (),
    overrides: Json | None = None,
) -> JoinFiles:
    server = {
        "unit": unit,
        "unit_drop_ins": [{"path": "/etc/systemd/system/k3s.service.d/x.conf", "content": item} for item in drop_ins],
        "environments": [{"path": "/etc/default/k3s", "content": item} for item in environments],
        "token": TOKEN,
        "ca": CA,
    }
    return k3s.join_files(
        server=server,
        files=files,
        own_ip=own,
        own_names=names,
        endpoint=ENDPOINT,
        ip=NEW,
        addresses=addresses,
        overrides=overrides,
    )


def with_arguments(*words: str) -> str:
    return BARE.replace("    server \\\n", "    server {0} \\\n".format(" ".join(map(shlex.quote, words))))


def seen_by_k3s(arguments: Iterable[str]) -> Json:
    """What arguments come to: the last of a single value, all of a list. Long names, text as on the command line."""
    short = {alias: name for name, flag in FLAGS.items() for alias in flag["aliases"]}
    found: Json = {}
    words = list(arguments)
    while words:
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        name = short.get(name, name)
        flag = FLAGS[name]["type"]
        if not equals:
            value = "true" if flag == "bool" else words.pop(0)
        found[name] = [*found.get(name, []), value] if flag == "list" else value
    return found


def as_arguments(config: Json) -> list[str]:
    """A configuration file as K3s turns it into arguments; keys it does not know are skipped."""
    found = []
    for key, value in config.items():
        if key in FLAGS:
            values = value if isinstance(value, list) else [value]
            found += ["--{0}={1}".format(key, _text(item)) for item in values]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (
            "installer-arguments",
            "--write-kubeconfig-mode|644|--tls-san|192.168.0.66|--node-external-ip|203.0.113.44|--system-default-registry|"
            "registry.example.com|--kubelet-arg=image-gc-high-threshold=70|--kubelet-arg=image-gc-low-threshold=60",
        ),
        (
            "installer-join",
            "--server|https://192.168.0.244:6443|--node-taint|node-role.kubernetes.io/master=:NoSchedule|--kubelet-arg|"
            "eviction-hard=memory.available<200Mi,nodefs.available<1Gi|--etcd-snapshot-schedule-cron|0 */6 * * *|"
            "--node-label=note=it's",
        ),
        ("installer-newer", "--cluster-init"),
        ("installer-no-arguments", ""),
        (
            "ocboot-init",
            "--cluster-init|--data-dir|/var/lib/rancher/k3s|--token|mytoken@yunionio|--disable|servicelb",
        ),
        (
            "ocboot-join",
            "--data-dir|/var/lib/rancher/k3s|--server|https://192.168.0.66:6443|--token|mytoken@yunionio|--disable|"
            "servicelb",
        ),
    ],
)
def test_the_arguments_of_every_unit_are_read(unit: str, words: str) -> None:
    assert command_line(UNITS[unit]) == [word for word in words.split("|") if word]


def test_no_unit_is_left_out_above() -> None:
    (mark,) = (item for item in test_the_arguments_of_every_unit_are_read.pytestmark if item.name == "parametrize")  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(UNITS)


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "[Service]\n",
        "[Service]\nExecStart=\n",
        "[Service]\nExecStart=/usr/local/bin/k3s agent\n",
        "[Service]\nExecStart=/usr/bin/kubelet server\n",
        "[Service]\nExecStart=/usr/local/bin/k3s server 'unclosed\n",
        "[Service]\nExecStartPre=/usr/local/bin/k3s server\n",
    ],
)
def test_a_unit_that_starts_no_k3s_server_is_refused(unit: str) -> None:
    with pytest.raises(HaError, match="does not start 'k3s server'"):
        command_line(unit)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], {}),
        (["--debug"], {"debug": True}),
        (["--debug", "--selinux=false"], {"debug": True, "selinux": "false"}),
        (["-t", "a", "-d=/x"], {"token": "a", "data-dir": "/x"}),
        (["--disable", "a", "--disable=b", "--disable", "c"], {"disable": ["a", "b", "c"]}),
        (["--kubelet-arg=a=b=c"], {"kubelet-arg": "a=b=c"}),
        (["--cluster-domain="], {"cluster-domain": ""}),
    ],
)
def test_arguments_are_read_as_a_file_would_have_them(words: list[str], found: Json) -> None:
    assert options(words) == found


def test_every_short_name_is_known_by_its_long_one() -> None:
    short = {alias: name for name, flag in FLAGS.items() for alias in flag["aliases"]}
    assert {alias: next(iter(options(["-" + alias, "x"]))) for alias in short} == short
    assert {alias: next(iter(merged([{alias: "x"}], {}))) for alias in short} == short


def test_a_word_that_is_no_option_is_refused() -> None:
    with pytest.raises(HaError, match="the argument 'stray' of k3s"):
        options(["--debug=true", "stray"])


@pytest.mark.parametrize("name", RECORDED)
def test_k3s_would_see_the_same_arguments_as_it_made_of_the_survivors_files(name: str) -> None:
    recorded = json.loads((FIXTURES / "config" / name / "recorded.json").read_text(encoding="utf-8"))
    config = merged(files_of(name), options(recorded["command"][2:]))
    assert seen_by_k3s(as_arguments(config)) == seen_by_k3s(recorded["arguments"][2:])
    # The same again from the file that is written.
    assert seen_by_k3s(as_arguments(json.loads(json.dumps(config)))) == seen_by_k3s(recorded["arguments"][2:])


def test_there_are_recordings() -> None:
    assert RECORDED == ["docs", "dropin", "edges", "ocboot", "only-dropin"]


def test_a_file_that_is_no_mapping_is_refused_and_an_empty_one_is_not() -> None:
    assert merged([None, {"debug": True}, None], {}) == {"debug": True}
    with pytest.raises(HaError, match="not a mapping"):
        merged([["a"]], {})


def test_a_new_server_is_like_the_survivor_but_for_what_is_its_own() -> None:
    found = made(*files_of("ocboot"), unit=UNITS["ocboot-join"], environments=[ENVIRONMENTS["env-ocboot"]])
    former = files_of("ocboot")[0]
    assert (found.config["node-ip"], found.config["server"], found.config["token"]) == (NEW, ENDPOINT, TOKEN)
    assert found.config["kube-proxy-arg"][-1] == "nodeport-addresses=192.168.0.239/32"
    same = set(former) - {"node-ip", "kube-proxy-arg"}
    assert {key: found.config[key] for key in same} == {key: former[key] for key in same}
    assert set(found.config) == {*former, "server", "token", "data-dir", "disable"}
    assert found.config["disable"] == "servicelb"
    assert found.environments == ({"path": "/etc/default/k3s", "content": ENVIRONMENTS["env-ocboot"]},)


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_the_unit_starts_k3s_with_its_file_alone(unit: str) -> None:
    text = made(unit=UNITS[unit]).unit
    assert re.findall(r"^ExecStart=.*$", text, re.MULTILINE) == ["ExecStart=/usr/local/bin/k3s server"]
    assert command_line(text) == []
    assert "mytoken" not in text
    # All else is as it was.
    rest = [
        line for line in UNITS[unit].splitlines() if line.startswith(("Type", "Env", "Del", "Res", "User", "[", "W"))
    ]
    assert [line for line in text.splitlines() if line and not line.startswith("Exec")] == rest


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("env-bash", ""),
        ("env-dash", "K3S_KUBECONFIG_MODE HTTPS_PROXY NO_PROXY"),
        ("env-ocboot", "CATTLE_NEW_SIGNED_CERT_EXPIRATION_DAYS"),
        ("env-empty", ""),
    ],
)
def test_an_environment_keeps_what_does_not_belong_to_one_host(text: str, kept: str) -> None:
    ((found),) = made(environments=[ENVIRONMENTS[text]]).environments
    assert [line.partition("=")[0] for line in found["content"].splitlines()] == kept.split()
    assert set(found["content"].splitlines()) <= set(ENVIRONMENTS[text].splitlines())


def test_an_option_that_is_not_copied_is_not_copied_from_the_environment_either() -> None:
    for flags in (FLAGS, NEWER):
        for name, flag in flags.items():
            if name in k3s.NODE_OPTIONS and flag["env"]:
                (found,) = made(environments=["{0}='x'\nK3S_DEBUG=true\n".format(flag["env"])]).environments
                assert found["content"] == "K3S_DEBUG=true\n", name


@pytest.mark.parametrize("name", ["K3S_CONFIG_FILE", "K3S_DATASTORE_ENDPOINT"])
@pytest.mark.parametrize("where", ["environments", "drop_ins"])
def test_an_environment_that_makes_it_no_server_with_embedded_etcd_is_refused(name: str, where: str) -> None:
    text = "{0}='x'\n".format(name) if where == "environments" else "Environment={0}=x\n".format(name)
    with pytest.raises(HaError, match=name):
        made(**{where: [text]})  # type: ignore[arg-type]
    made(**{where: [text.replace("K3S_", "#K3S_", 1) if where == "environments" else "#" + text]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nExecStart=\nExecStart=/usr/local/bin/k3s server --cluster-init\n",
        '[Service]\nEnvironment="A=b" "K3S_CLUSTER_INIT=true"\n',
        "[Service]\nEnvironment=K3S_TOKEN=mytoken@yunionio\n",
    ],
)
def test_what_systemd_lays_over_the_unit_may_not_start_it_in_another_way(text: str) -> None:
    with pytest.raises(HaError, match=re.escape("/etc/systemd/system/k3s.service.d/x.conf")) as refused:
        made(drop_ins=[text])
    assert "mytoken" not in str(refused.value)


def test_a_unit_that_sets_what_belongs_to_one_host_is_refused() -> None:
    with pytest.raises(HaError, match="K3S_URL"):
        made(unit=BARE.replace("Type=notify", "Type=notify\nEnvironment=K3S_URL=https://192.168.0.66:6443"))


def test_what_systemd_lays_over_the_unit_may_limit_it() -> None:
    found = made({"debug": True}, drop_ins=["[Service]\nLimitNOFILE=1048576\nEnvironment=HTTPS_PROXY=http://x\n"])
    assert found.config["debug"] is True


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("192.168.0.244", "192.168.0.239"),
        ("advertise-address=192.168.0.244", "advertise-address=192.168.0.239"),
        ("nodeport-addresses=192.168.0.244/32,127.0.0.0/8", "nodeport-addresses=192.168.0.239/32,127.0.0.0/8"),
        ("listen-metrics-urls=http://192.168.0.244:2381", "listen-metrics-urls=http://192.168.0.239:2381"),
        ("a=::ffff:192.168.0.244", "a=::ffff:192.168.0.239"),
        (["x", "a=192.168.0.244"], ["x", "a=192.168.0.239"]),
        ("1192.168.0.244", "1192.168.0.244"),
        ("192.168.0.2440", "192.168.0.2440"),
        ("2.192.168.0.244", "2.192.168.0.244"),
        ("192.168.0.24", "192.168.0.24"),
        (True, True),
        (6443, 6443),
        (None, None),
    ],
)
def test_the_survivors_address_becomes_the_new_one_as_a_whole(value: Any, moved: Any) -> None:
    assert made({"etcd-arg": value}).config["etcd-arg"] == moved


def test_an_ipv6_address_is_moved_as_a_whole() -> None:
    for value, moved in (
        ("a=fd00::244", "a=" + NEW),
        ("a=https://[fd00::244]:2381", "a=https://[{0}]:2381".format(NEW)),
        ("a=fd00::2445", "a=fd00::2445"),
        ("a=1:fd00::244", "a=1:fd00::244"),
        ("a=fd00::244:1", "a=fd00::244:1"),
    ):
        assert made({"etcd-arg": value}, own="fd00::244").config["etcd-arg"] == moved


@pytest.mark.parametrize("own", ["2001:db8::12", "2001:DB8:0:0::12"])
@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("node-ip=2001:DB8::12", "node-ip=" + NEW),
        ("http://[2001:db8:0:0:0:0:0:12]:2381", "http://[{0}]:2381".format(NEW)),
        ("2001:0db8::0012,2001:db8::12,fd00::1", "{0},{0},fd00::1".format(NEW)),
        ("2001:db8::c/128,2001:db8::12/128", "2001:db8::c/128,{0}/128".format(NEW)),
        ("2001:db8::1:12", "2001:db8::1:12"),
        ("2001:DB8::120", "2001:DB8::120"),
        ("x2001:db8::12", "x2001:db8::12"),
    ],
)
def test_an_ipv6_address_is_moved_in_any_spelling(own: str, value: str, moved: str) -> None:
    assert made({"etcd-arg": value}, own=own).config["etcd-arg"] == moved
    found = made({"etcd-arg": value, "node-ip": own + "," + OWN}, own=OWN, addresses=(NEW, "fd00::9")).config
    assert found["etcd-arg"] == moved.replace(NEW, "fd00::9")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("m2", "hostname-override=M2"),
        ("M2", "hostname-override=m2"),
        ("m2", "https://M2.example.org:1"),
        ("fd00::12", "x=FD00::12"),
        ("fd00::12", "x=http://[fd00:0::12]:1"),
        ("FD00:0::12", "fd00::12/128"),
    ],
)
def test_a_name_or_another_address_of_the_survivor_is_known_in_any_spelling(name: str, value: str) -> None:
    with pytest.raises(HaError, match="kubelet-arg names that host itself"):
        made({"kubelet-arg": [value]}, names=(name,))


@pytest.mark.parametrize("value", ["x=M20", "x=m2-a", "x=fd00::120", "cluster=fd00::12/64", "x=1:fd00::12"])
def test_another_name_address_or_a_network_is_not_the_survivor(value: str) -> None:
    assert made({"kubelet-arg": [value]}, names=("m2", "fd00::12")).config["kubelet-arg"] == [value]


@pytest.mark.parametrize(
    "value",
    [
        "hostname-override=lzx-ha-env-2",
        "node-ip=10.0.0.244",
        "x=https://10.0.0.244:1",
        "hostname-override=lzx-ha-env-2.example.org",
        "lzx-ha-env-2:6443",
        "10.0.0.244/32",
    ],
)
def test_an_option_that_names_the_survivor_in_another_way_has_to_be_decided(value: str) -> None:
    names = (SURVIVOR, "10.0.0.244", "")
    with pytest.raises(HaError, match="kubelet-arg names that host itself") as refused:
        made({"kubelet-arg": ["max-pods=110", value]}, names=names)
    assert "replace_master_k3s_config" in str(refused.value)
    found = made({"kubelet-arg": ["max-pods=110", value]}, names=names, overrides={"kubelet-arg": ["max-pods=110"]})
    assert found.config["kubelet-arg"] == ["max-pods=110"]


@pytest.mark.parametrize("value", ["10.0.0.0/16", "lzx-ha-env-25", "lzx-ha-env", "my-lzx-ha-env-2"])
def test_a_network_or_a_longer_name_is_not_the_survivor(value: str) -> None:
    # The first node's tunnel has the network's own address.
    assert made({"cluster-cidr": value}, names=(SURVIVOR, "10.0.0.0")).config["cluster-cidr"] == value


def test_a_certificate_may_name_the_survivor_too() -> None:
    names = [OWN, SURVIVOR, "192.168.0.66"]
    assert made({"tls-san": names}).config["tls-san"] == names


def test_an_override_replaces_adds_and_takes_away() -> None:
    found = made(
        {"node-label": ["a=b"], "debug": True, "selinux": True},
        overrides={"node-label": ["c=d"], "debug": None, "node-external-ip": "203.0.113.9"},
    ).config
    assert found == {
        "node-label": ["c=d"],
        "selinux": True,
        "node-external-ip": "203.0.113.9",
        "node-ip": NEW,
        "server": ENDPOINT,
        "token": TOKEN,
    }


@pytest.mark.parametrize(
    "name",
    ["server", "s", "token", "t", "token-file", "node-ip", "i", "node-ip+", "cluster-init", "cluster-reset", "s+"],
)
def test_no_override_leads_into_another_cluster(name: str) -> None:
    found = made(overrides={name: "elsewhere"}).config
    assert found == {"node-ip": NEW, "server": ENDPOINT, "token": TOKEN}


@pytest.mark.parametrize(
    "name",
    [
        "with-node-id",
        "datastore-endpoint",
        "disable-etcd",
        "disable-apiserver",
        "disable-controller-manager",
        "disable-agent",
        "config",
    ],
)
def test_a_server_of_another_kind_is_not_copied(name: str) -> None:
    with pytest.raises(HaError, match="the option {0} can't be copied".format(name)):
        made({name: True})
    with pytest.raises(HaError, match=name):
        made(unit=with_arguments("--" + name + "=true"))
    assert name not in made({name: True}, overrides={name: None}).config
    assert made({name: False}).config[name] is False
    with pytest.raises(HaError, match=name):
        made(overrides={name: True})


@pytest.mark.parametrize("name", sorted({*k3s._UNSUPPORTED} - {"datastore-endpoint", "config"}))
def test_a_switch_that_is_off_as_text_is_off(name: str) -> None:
    for text in ("false", "False", "FALSE", "f", "F", "0", ["false"], [False, "0"]):
        assert made({name: text}).config[name] == text
    assert made(unit=with_arguments("--{0}=false".format(name))).config[name] == "false"
    for text in ("true", "1", "T", ["false", "true"]):
        with pytest.raises(HaError, match=name):
            made({name: text})


@pytest.mark.parametrize("name", ["datastore-endpoint", "config"])
@pytest.mark.parametrize("text", ["false", "0", "f"])
def test_a_text_is_no_switch(name: str, text: str) -> None:
    with pytest.raises(HaError, match=name):
        made({name: text})


def test_another_data_folder_is_not_supported() -> None:
    with pytest.raises(HaError, match="data-dir is /data/k3s"):
        made({"data-dir": "/data/k3s"})
    with pytest.raises(HaError, match="data-dir is /data/k3s"):
        made(unit=with_arguments("-d", "/data/k3s"))
    for overrides in ({"data-dir": None}, {"data-dir": "/var/lib/rancher/k3s"}):
        with pytest.raises(HaError, match="data-dir is /data/k3s"):
            made({"data-dir": "/data/k3s"}, overrides=overrides)
    with pytest.raises(HaError, match="data-dir is /data/k3s"):
        made(overrides={"d": "/data/k3s"})
    assert made({"data-dir": "/var/lib/rancher/k3s/"}).config["data-dir"] == "/var/lib/rancher/k3s/"


def test_files_that_options_name_are_told_and_folders_k3s_makes_are_not() -> None:
    found = made(
        {
            "kube-apiserver-arg": ["audit-policy-file=/etc/k3s/audit.yaml", "v=2"],
            "resolv-conf": "/etc/resolv-k3s.conf",
            "default-local-storage-path": "/opt/k3s/storage",
            "write-kubeconfig": "/root/.kube/config",
            "node-label": "a=b/c",
        }
    )
    assert found.referenced == ("/etc/k3s/audit.yaml", "/etc/resolv-k3s.conf")


def test_a_short_token_gets_the_hash_of_the_ca_before_it() -> None:
    # The whole token in the fixtures names the CA that lies beside it.
    short = (FIXTURES / "token" / "short").read_text(encoding="utf-8").strip()
    assert k3s.full_token(short, CA) == TOKEN
    assert k3s.full_token(TOKEN, "another") == TOKEN
    assert hashlib.sha256(CA.encode()).hexdigest() in TOKEN


VALUES = st.one_of(
    st.text("abz019./=,-", min_size=1, max_size=12).filter(lambda text: not text.startswith("-")),
    st.sampled_from([OWN, "a=" + OWN, "http://{0}:1".format(OWN), OWN + "/32", "{0},fd00::1".format(OWN)]),
)
ANY = st.one_of(VALUES, st.booleans(), st.integers(0, 9), st.none(), st.lists(VALUES, max_size=3))
COPIED = sorted({*FLAGS, *NEWER} - {"data-dir", "tls-san", *k3s._UNSUPPORTED})
KEYS = st.one_of(st.sampled_from(COPIED), st.sampled_from(sorted(k3s.NODE_OPTIONS)), st.sampled_from("stilo"))
CONFIGS = st.lists(
    st.dictionaries(st.builds(str.__add__, KEYS, st.sampled_from(["", "+"])), ANY, max_size=6), max_size=3
)
ARGUMENTS = st.lists(st.tuples(st.sampled_from([*COPIED, *sorted(k3s.NODE_OPTIONS)]), VALUES), max_size=6)


@pytest.mark.parametrize(
    ("options_of_the_survivor", "addresses", "node_ip"),
    [
        ({"node-ip": OWN + ",fd00::244"}, (NEW, "fd00::239"), NEW + ",fd00::239"),
        ({"node-ip": [OWN, "fd00::244"]}, (NEW, "fd00::239"), NEW + ",fd00::239"),
        ({"node-ip": "fd00::244," + OWN}, (NEW, "fd00::239"), "fd00::239," + NEW),
        ({"cluster-cidr": "10.42.0.0/16,2001:db8:42::/56"}, (NEW, "fd00::239"), NEW + ",fd00::239"),
        ({"service-cidr": ["10.43.0.0/16", "2001:db8:43::/112"]}, (NEW, "fd00::239"), NEW + ",fd00::239"),
        ({"node-ip": OWN}, (NEW, "fd00::239"), NEW),
        ({}, (), NEW),
    ],
)
def test_the_new_node_has_an_address_of_each_family_of_the_survivor_s_networks(
    options_of_the_survivor: Json, addresses: Sequence[str], node_ip: str
) -> None:
    assert made(options_of_the_survivor, addresses=addresses).config["node-ip"] == node_ip
    words = ["--{0}={1}".format(key, value) for key, value in options_of_the_survivor.items() if isinstance(value, str)]
    if len(words) == len(options_of_the_survivor):
        assert made(unit=with_arguments(*words), addresses=addresses).config["node-ip"] == node_ip


@pytest.mark.parametrize(
    "option",
    [{"node-ip": OWN + ",fd00::244"}, {"cluster-cidr": "10.42.0.0/16,2001:db8:42::/56"}, {"node-ip": "fd00::244"}],
)
def test_a_family_that_the_new_host_lacks_is_told_before_anything_is_removed(option: Json) -> None:
    with pytest.raises(HaError, match="an address of IPv6 too"):
        made(option)


def test_the_addresses_of_both_families_are_moved() -> None:
    files = {"node-ip": OWN + ",fd00::244", "kube-apiserver-arg": ["a=" + OWN, "b=[fd00::244]:1"]}
    found = made(files, names=(SURVIVOR, "fd00::244"), addresses=(NEW, "fd00::239"))
    assert found.config["kube-apiserver-arg"] == ["a=" + NEW, "b=[fd00::239]:1"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--kubelet-arg", "-v=4"], {"kubelet-arg": "-v=4"}),
        (["--kubelet-arg", "--v=4", "--disable", "traefik"], {"kubelet-arg": "--v=4", "disable": "traefik"}),
        (["--debug", "--cluster-init", "-t", "-x"], {"debug": True, "cluster-init": True, "token": "-x"}),
        (["--etcd-s3", "--node-label", "-a=b"], {"etcd-s3": True, "node-label": "-a=b"}),
        (
            ["--selinux=false", "--kube-apiserver-arg", "-v", "--log", "-"],
            {"selinux": "false", "kube-apiserver-arg": "-v", "log": "-"},
        ),
        (["--some-newer-option", "value"], {"some-newer-option": "value"}),
        (["--kubelet-arg"], {"kubelet-arg": True}),
    ],
)
def test_an_option_takes_the_next_word_whatever_it_begins_with(words: list[str], found: Json) -> None:
    assert options(words) == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/usr/local/bin/k3s --debug server --disable x", ["--debug", "--disable", "x"]),
        (
            "/usr/local/bin/k3s --debug=true --data-dir /var/lib/rancher/k3s server",
            ["--debug=true", "--data-dir", "/var/lib/rancher/k3s"],
        ),
        ("-/usr/local/bin/k3s \\\n  -d /x \\\n  server", ["-d", "/x"]),
        ("/usr/local/bin/k3s-server --debug", ["--debug"]),
    ],
)
def test_options_may_stand_before_the_word_server(line: str, words: list[str]) -> None:
    assert command_line("[Service]\nExecStart={0}\n".format(line)) == words


@pytest.mark.parametrize(
    "line", ["/usr/local/bin/k3s --debug agent", "/usr/local/bin/k3s --debug", "/bin/sh -c server"]
)
def test_another_command_is_no_server(line: str) -> None:
    with pytest.raises(HaError):
        command_line("[Service]\nExecStart={0}\n".format(line))


@given(CONFIGS, ARGUMENTS)
def test_whatever_the_survivor_has_nothing_of_its_own_is_left(
    files: list[Json], arguments: list[tuple[str, str]]
) -> None:
    unit = with_arguments(*("--{0}={1}".format(*item) for item in arguments))
    found = made(*files, unit=unit, addresses=(NEW, "fd00::239"))
    assert set(found.config["node-ip"].split(",")) <= {NEW, "fd00::239"}
    assert {key: found.config[key] for key in set(found.config) & k3s.NODE_OPTIONS - {"node-ip"}} == {
        "server": ENDPOINT,
        "token": TOKEN,
    }
    assert not set(found.config) & {"t", "s", "i"}
    assert not [key for key in found.config if key.endswith("+")]
    assert OWN not in json.dumps({key: value for key, value in found.config.items() if key != "server"})
    assert command_line(found.unit) == []


@given(ARGUMENTS)
def test_an_option_is_the_same_from_the_command_line_and_from_a_file(arguments: list[tuple[str, str]]) -> None:
    wanted: Json = {}
    for name, value in arguments:
        wanted.setdefault(name, []).append(value)
    words = ["--{0}={1}".format(*item) for item in arguments]
    listed = {key: value if isinstance(value, list) else [value] for key, value in options(words).items()}
    assert listed == wanted
    assert merged([wanted], {}) == wanted


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("server-token", [TOKEN, "server:mytoken@yunionio", "mytoken@yunionio"]),
        ("short", ["mytoken@yunionio"]),
    ],
)
def test_every_spelling_of_a_token_is_a_secret(name: str, found: list[str]) -> None:
    assert k3s.secrets((FIXTURES / "token" / name).read_text(encoding="utf-8").strip()) == found


def test_a_password_with_colons_is_a_secret_as_a_whole() -> None:
    assert k3s.secrets("K10aa::server:one::two:three")[-1] == "one::two:three"


def test_settings_that_k3s_would_read_beside_its_own_are_found() -> None:
    more = {"folders": ["/etc/rancher/k3s/config.yaml.d", "/x/k3s.service.d"], "files": ["/etc/default/k3s"]}
    found = [
        "/etc/rancher/k3s/config.yaml.d/10.yaml",
        "/etc/rancher/k3s/config.yaml.d/own.yaml",
        "/x/k3s.service.d/a.conf",
        "/etc/default/k3s",
        # What is beside the files that are read is none of it.
        "/etc/default/grub.conf",
        "/etc/rancher/k3s/config.yaml.dir/10.yaml",
    ]
    own = ["/etc/rancher/k3s/config.yaml.d/own.yaml"]
    assert k3s.foreign_settings(found, more, own) == [found[3], found[0], found[2]]
    assert k3s.foreign_settings(own, more, own) == []
