# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Keepalived
from ansible_collections.cloudpods.ha.plugins.module_utils._vip import manifest as keepalived
from hypothesis import given
from hypothesis import strategies as st

# As ocadm writes it (kubeadm): values quoted only where YAML needs it.
OCADM = """\
apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  name: keepalived
  namespace: kube-system
spec:
  containers:
  - command:
    - /container/tool/run
    env:
    # 对应 keepalived 的权重
    - name: KEEPALIVED_PRIORITY
      value: "90"
    - name: KEEPALIVED_VIRTUAL_IPS
      value: '#PYTHON2BASH:[''10.127.100.102'']'
    - name: KEEPALIVED_STATE
      value: BACKUP
    - name: KEEPALIVED_PASSWORD
      value: de17f785
    - name: KEEPALIVED_ROUTER_ID
      value: "12"
    - name: KEEPALIVED_NODE_IP
      value: 10.127.100.229
    - name: KEEPALIVED_INTERFACE
      value: eth0
    image: registry.example.com/keepalived:v2.0.25
    name: keepalived
    securityContext:
      privileged: true
  hostNetwork: true
  priorityClassName: system-cluster-critical
status: {}
"""

# As ocboot's template writes it (K3s): everything quoted, with a health check.
OCBOOT = """\
---
apiVersion: v1
kind: Pod
metadata:
    name: keepalived
spec:
    containers:
      - name: keepalived
        env:
          - name: KEEPALIVED_PRIORITY
            value: "90"

          # Set VIP
          - name: KEEPALIVED_VIRTUAL_IPS
            value: "#PYTHON2BASH:['192.168.0.66']"
          - value: BACKUP   # this host's part
            name: KEEPALIVED_STATE
          - name: KEEPALIVED_PASSWORD
            value: "MTkyLjE2"
          - name: KEEPALIVED_ROUTER_ID
            value: "66"
          - name: KEEPALIVED_NODE_IP
            value: "192.168.0.244"
          - name: KEEPALIVED_INTERFACE
            value: "eth0"
          - name: CHECK_KUBE_CMD
            value: "curl -k -XGET https://192.168.0.244:6443/healthz --cert /var/lib/tls/client.crt"
"""

NAMES = (
    "KEEPALIVED_PRIORITY",
    "KEEPALIVED_VIRTUAL_IPS",
    "KEEPALIVED_STATE",
    "KEEPALIVED_PASSWORD",
    "KEEPALIVED_ROUTER_ID",
    "KEEPALIVED_NODE_IP",
    "KEEPALIVED_INTERFACE",
)


def environment(text: str) -> dict[str, t.Any]:
    container = yaml.safe_load(text)["spec"]["containers"][0]
    return {item["name"]: item["value"] for item in container["env"]}


def changed_lines(before: str, after: str) -> list[str]:
    old, new = before.split("\n"), after.split("\n")
    assert len(old) == len(new)
    return [line.strip() for was, line in zip(old, new) if was != line]  # noqa: B905


def test_reads_what_ocadm_writes() -> None:
    found = keepalived.read(OCADM)
    assert found._replace(identity="") == Keepalived(
        priority=90,
        state="BACKUP",
        router_id="12",
        interface="eth0",
        node_ip="10.127.100.229",
        vips=("10.127.100.102",),
        identity="",
    )


def test_reads_what_ocboot_writes() -> None:
    found = keepalived.read(OCBOOT)
    assert (found.priority, found.state, found.router_id, found.node_ip, found.vips) == (
        90,
        "BACKUP",
        "66",
        "192.168.0.244",
        ("192.168.0.66",),
    )


def test_several_vips_and_prefix_lengths() -> None:
    text = OCBOOT.replace("['192.168.0.66']", "['192.168.0.66/24', 'fd00::66']")
    assert keepalived.read(text).vips == ("192.168.0.66", "fd00::66")


def test_identity_depends_on_vip_router_id_and_password_alone() -> None:
    identity = keepalived.read(OCADM).identity
    for same in (
        keepalived.take_over(OCADM, 100),
        keepalived.for_new_host(OCADM, "10.127.100.7", "ens3"),
        OCADM.replace("de17f785", '"de17f785"'),
    ):
        assert keepalived.read(same).identity == identity
    for other in (
        OCADM.replace("de17f785", "de17f786"),
        OCADM.replace('"12"', '"13"'),
        OCADM.replace("100.102", "100.103"),
    ):
        assert keepalived.read(other).identity != identity


def test_the_password_is_never_returned_nor_told() -> None:
    assert "de17f785" not in repr(keepalived.read(OCADM))
    with pytest.raises(HaError) as caught:
        keepalived.read(OCADM.replace("value: de17f785", "value: de17f785\n      value: de17f785"))
    assert "de17f785" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_without_an_entry_is_refused(name: str) -> None:
    with pytest.raises(HaError, match="no env entry " + name):
        keepalived.read(OCADM.replace(name, "SOMETHING_ELSE"))


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_that_occurs_twice_is_refused(name: str) -> None:
    text = OCADM.replace("    env:\n", '    env:\n    - name: {0}\n      value: "1"\n'.format(name))
    with pytest.raises(HaError, match=name + " 2 times"):
        keepalived.read(text)
    with pytest.raises(HaError, match=name + " 2 times"):
        keepalived.with_values(text, {name: "1"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value: "90"', "value:"),
        ('value: "90"', "valueFrom: {}"),
        ('value: "90"', "value: |\n        90"),
        ('value: "90"', "value: *anchor"),
        ('value: "90"', 'value: "9\\x30"'),
        ('value: "90"', "value: 9\n        0"),
        ('value: "90"', 'value: "90"\n      value: "91"'),
        ('value: "90"', 'value: "ninety"'),
        ('value: "90"', 'value: "256"'),
        ('value: "90"', 'value: "0"'),
        ('"12"', '"twelve"'),
        ('"12"', '"256"'),
        ("BACKUP", "backup"),
        ("value: eth0", 'value: ""'),
        ("#PYTHON2BASH:", ""),
        ("[''10.127.100.102'']", "[]"),
        ("[''10.127.100.102'']", "[''not an address'']"),
        ("[''10.127.100.102'']", "[1]"),
        ("[''10.127.100.102'']", "open()"),
    ],
)
def test_what_is_not_understood_is_refused(old: str, new: str) -> None:
    assert old in OCADM
    with pytest.raises(HaError):
        keepalived.read(OCADM.replace(old, new))


@pytest.mark.parametrize("text", ["", "\n", "kind: Pod\n", "- name: KEEPALIVED_PRIORITY", "{}", "\0", "- " * 5000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(HaError):
        keepalived.read(text)


@given(st.text(alphabet="- namevlu:KEPALIVD_RIOTY\"'#\n\\", max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(HaError):
        keepalived.read(text)


@pytest.mark.parametrize("text", [OCADM, OCBOOT, OCADM.replace("\n", "\r\n")], ids=["ocadm", "ocboot", "crlf"])
def test_take_over_changes_two_values_and_nothing_else(text: str) -> None:
    result = keepalived.take_over(text, 100)
    assert sorted(line.split("   #")[0] for line in changed_lines(text, result)) in (
        ['value: "100"', "value: MASTER"],
        ["- value: MASTER", 'value: "100"'],
    )
    assert environment(result) == {**environment(text), "KEEPALIVED_PRIORITY": "100", "KEEPALIVED_STATE": "MASTER"}
    assert keepalived.take_over(result, 100) == result


def test_a_comment_behind_a_value_stays() -> None:
    assert "- value: MASTER   # this host's part\n" in keepalived.take_over(OCBOOT, 100)


def test_a_number_without_quotes_gets_them() -> None:
    # kubelet refuses a number there, even the right one.
    assert 'value: "100"' in keepalived.with_values(OCADM.replace('"90"', "100"), {"KEEPALIVED_PRIORITY": "100"})
    assert 'value: "100"' in keepalived.take_over(OCADM.replace('"90"', "90"), 100)


def test_quotes_stay_what_they_were() -> None:
    text = OCADM.replace('"90"', "'90'").replace("BACKUP", '"BACKUP"')
    result = keepalived.take_over(text, 100)
    assert "value: '100'\n" in result
    assert 'value: "MASTER"\n' in result


def test_new_host_keeps_the_identity_and_takes_its_own_address() -> None:
    for text in (keepalived.take_over(OCBOOT, 100), OCBOOT):
        result = keepalived.for_new_host(text, "192.168.0.239", "ens3")
        assert environment(result) == {
            **environment(OCBOOT),
            "KEEPALIVED_NODE_IP": "192.168.0.239",
            "KEEPALIVED_INTERFACE": "ens3",
            "CHECK_KUBE_CMD": "curl -k -XGET https://192.168.0.239:6443/healthz --cert /var/lib/tls/client.crt",
        }
    assert len(changed_lines(OCADM, keepalived.for_new_host(OCADM, "10.127.100.224", "ens3"))) == 2


def test_new_host_is_a_backup_when_the_survivor_is_the_master() -> None:
    found = keepalived.read(keepalived.for_new_host(keepalived.take_over(OCADM, 100), "10.127.100.224", "eth0"))
    assert (found.priority, found.state) == (90, "BACKUP")


@pytest.mark.parametrize(
    "left", ["# on 10.127.100.229", "hostIP: 10.127.100.229", "url: https://10.127.100.229:6443", "a:10.127.100.229"]
)
def test_new_host_refuses_a_survivor_address_that_is_left(left: str) -> None:
    with pytest.raises(HaError, match=r"names 10\.127\.100\.229 outside"):
        keepalived.for_new_host(OCADM + left + "\n", "10.127.100.224", "eth0")


def test_new_host_is_not_misled_by_longer_addresses() -> None:
    text = OCBOOT.replace("client.crt", "110.192.168.0.244 192.168.0.2440 192.168.0.244.5")
    assert "110.192.168.0.244 192.168.0.2440 192.168.0.244.5" in keepalived.for_new_host(text, "192.168.0.239", "eth0")


@pytest.mark.parametrize(
    ("node_ip", "interface"),
    [("10.0.0", "eth0"), ("10.0.0.1\n", "eth0"), ("10.0.0.1", ""), ("10.0.0.1", "a b"), ("10.0.0.1", "x" * 16)],
)
def test_new_host_refuses_bad_arguments(node_ip: str, interface: str) -> None:
    with pytest.raises(HaError):
        keepalived.for_new_host(OCADM, node_ip, interface)


def test_new_host_refuses_lists_of_peers() -> None:
    text = OCADM.replace(
        "    env:\n",
        "    env:\n    - name: KEEPALIVED_UNICAST_PEERS\n      value: \"#PYTHON2BASH:['10.127.100.226']\"\n",
    )
    with pytest.raises(HaError, match="KEEPALIVED_UNICAST_PEERS"):
        keepalived.for_new_host(text, "10.127.100.224", "eth0")


VALUES = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
STYLES = st.sampled_from(["plain", "single", "double"])


def quoted(value: str, style: str) -> str:
    if style == "single":
        return "'" + value.replace("'", "''") + "'"
    return (
        '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if style == "double" else "plain-" + str(len(value))
    )


@given(
    values=st.dictionaries(
        st.from_regex(r"K_[A-Z][A-Z_]{0,15}", fullmatch=True),
        st.tuples(VALUES, STYLES, st.booleans(), VALUES),
        min_size=1,
        max_size=6,
    ),
    indent=st.integers(min_value=0, max_value=6),
    data=st.data(),
)
def test_edits_are_what_yaml_reads_back(
    values: dict[str, tuple[str, str, bool, str]], indent: int, data: st.DataObject
) -> None:
    lines = []
    for name, (old, style, name_first, _new) in values.items():
        pair = ["name: " + name, "value: " + quoted(old, style)]
        first, second = pair if name_first else pair[::-1]
        lines += [" " * indent + "- " + first + "  # why", " " * indent + "  # between", " " * indent + "  " + second]
    text = "\n".join(lines) + "\n"
    picked = data.draw(st.sets(st.sampled_from(sorted(values))))
    result = keepalived.with_values(text, {name: values[name][3] for name in picked})
    before = {item["name"]: item["value"] for item in yaml.safe_load(text)}
    after = {item["name"]: item["value"] for item in yaml.safe_load(result)}
    assert after == {name: values[name][3] if name in picked else before[name] for name in values}
    # Whatever is not one of the edited values is there, byte for byte.
    lines = zip(text.split("\n"), result.split("\n"))  # noqa: B905
    touched = {index for index, (was, now) in enumerate(lines) if was != now}
    assert len(touched) <= len(picked)
    for index in touched:
        was, now = text.split("\n")[index], result.split("\n")[index]
        assert was.split("value: ")[0] == now.split("value: ")[0]
        assert was.endswith("  # why") == now.endswith("  # why")


@given(st.text(max_size=20).filter(lambda value: any(not " " <= char <= "~" for char in value)))
def test_values_that_do_not_fit_a_line_are_refused(value: str) -> None:
    with pytest.raises(HaError):
        keepalived.with_values(OCADM, {"KEEPALIVED_INTERFACE": value})


@pytest.mark.parametrize(
    "word", ["yes", "No", "TRUE", "null", "1e3", "0x1f", "1:20", "2026-01-01", "~", "", ".inf", "-", "=", "<<"]
)
def test_words_that_yaml_takes_for_something_else_are_quoted(word: str) -> None:
    assert environment(keepalived.with_values(OCADM, {"KEEPALIVED_STATE": word}))["KEEPALIVED_STATE"] == word


@pytest.mark.parametrize("priority", [0, 255])
def test_a_priority_that_no_host_may_be_given_is_refused(priority: int) -> None:
    with pytest.raises(HaError, match="is not a priority from 1 to 254"):
        keepalived.take_over(OCADM, priority)


def test_what_no_copy_can_be_made_of_is_told_when_it_is_read() -> None:
    assert (keepalived.read(OCADM).copy_error, keepalived.read(OCBOOT).copy_error) == ("", "")
    peers = "    env:\n    - name: KEEPALIVED_UNICAST_PEERS\n      value: \"#PYTHON2BASH:['10.127.100.226']\"\n"
    assert "KEEPALIVED_UNICAST_PEERS" in keepalived.read(OCADM.replace("    env:\n", peers)).copy_error
    elsewhere = OCADM.replace("    - /container/tool/run\n", "    - /container/tool/run\n    - --src=10.127.100.229\n")
    assert "10.127.100.229" in keepalived.read(elsewhere).copy_error


PEERS = "#PYTHON2BASH:['10.127.100.226']"


@pytest.mark.parametrize(
    "entry",
    [
        '- {name: KEEPALIVED_UNICAST_PEERS, value: "%s"}',
        '- {value: "%s", name: KEEPALIVED_UNICAST_PEERS}',
        '- {"name": "KEEPALIVED_UNICAST_PEERS", "value": "%s"}',
        "- { 'name' : 'KEEPALIVED_UNICAST_PEERS', 'value' : \"%s\" }",
        '- "name": KEEPALIVED_UNICAST_PEERS\n      "value": "%s"',
        '- \'name\': "KEEPALIVED_UNICAST_PEERS"\n      value: "%s"',
        '- name:\n        KEEPALIVED_UNICAST_PEERS\n      value: "%s"',
        '- name: >-\n        KEEPALIVED_UNICAST_PEERS\n      value: "%s"',
        '- name: !!str KEEPALIVED_UNICAST_PEERS\n      value: "%s"',
        '-\n      name: KEEPALIVED_UNICAST_PEERS\n      value: "%s"',
        '- {name: A, value: "# not a comment"}\n    - {name: KEEPALIVED_UNICAST_PEERS, value: "%s"}',
    ],
)
def test_a_list_of_peers_in_any_style_is_not_copied(entry: str) -> None:
    text = OCADM.replace("    env:\n", "    env:\n    " + entry.replace("%s", PEERS) + "\n")
    env = yaml.safe_load(text)["spec"]["containers"][0]["env"]
    assert {"name": "KEEPALIVED_UNICAST_PEERS", "value": PEERS} in env
    assert "KEEPALIVED_UNICAST_PEERS" in keepalived.read(text).copy_error


@pytest.mark.parametrize(
    "line",
    [
        "# - name: KEEPALIVED_UNICAST_PEERS",
        '#- {name: KEEPALIVED_UNICAST_PEERS, value: "x"}',
        '- {name: A, value: "it\'s"} # - name: KEEPALIVED_UNICAST_PEERS',
        "- name: A # don't: {name: KEEPALIVED_UNICAST_PEERS}",
        "- name: MY_KEEPALIVED_UNICAST_PEERS\n      value: x",
        "- {name: KEEPALIVED_UNICAST_PEERS_OLD, value: x}",
    ],
)
def test_a_comment_or_another_name_is_no_list_of_peers(line: str) -> None:
    text = OCADM.replace("    env:\n", "    env:\n    " + line + "\n")
    assert keepalived.read(text).copy_error == ""


def test_an_entry_that_is_there_again_in_another_style_is_ambiguous() -> None:
    text = OCADM.replace("    env:\n", '    env:\n    - {name: KEEPALIVED_PRIORITY, value: "100"}\n')
    with pytest.raises(HaError, match="the env entry KEEPALIVED_PRIORITY 2 times"):
        keepalived.read(text)
