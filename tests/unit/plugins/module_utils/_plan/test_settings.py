# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator sets: text from the command line gets its type, and what can't be used is refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.action.settings import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import settings

GROUPS = {"survivors": ["master-2", "master-3"], "replacement": ["master-4"]}


@pytest.fixture(scope="module")
def good(root: Any) -> dict[str, Any]:
    defaults = yaml.safe_load((root / "roles/replace_master/defaults/main.yml").read_text(encoding="utf-8"))
    return {name.removeprefix("replace_master_"): value for name, value in defaults.items()} | {"lost": "master-1"}


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("list", "onecloud/default-influxdb", ["onecloud/default-influxdb"]),
        ("list", "a/b, c/d", ["a/b", "c/d"]),
        ("list", '["a/b", "c/d"]', ["a/b", "c/d"]),
        ("list", "[]", []),
        ("list", "", []),
        ("list", '{"claim": "x"}', [{"claim": "x"}]),
        ("list", "[{claim: x, order: 3}]", [{"claim": "x", "order": 3}]),
        ("list", ["preflight"], ["preflight"]),
        ("list", "- preflight\n- kubelet-start\n", ["preflight", "kubelet-start"]),
        ("list", '"preflight"', ["preflight"]),
        ("list", "'a, b'", ["a, b"]),
        ("dict", '{"node-ip": null}', {"node-ip": None}),
        ("dict", "{kubelet-arg: [v=2]}", {"kubelet-arg": ["v=2"]}),
        ("int", "20", "20"),
        ("int", 20, 20),
        ("float", "0.5", "0.5"),
        ("bool", "yes", "yes"),
        ("bool", True, True),
        ("str", "master-1", "master-1"),
    ],
)
def test_text_of_the_command_line_is_understood(kind: str, given: Any, value: Any) -> None:
    assert settings.from_text("replace_master_x", {"type": kind}, given, parse=parse) == value


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int", "10m"),
        ("int", ""),
        ("int", "one"),
        ("int", 1.5),
        ("int", True),
        ("int", [1]),
        ("float", "nan"),
        ("float", "inf"),
        ("float", ""),
        ("int", "null"),
        ("float", "null"),
        ("float", True),
        ("float", "5s"),
        ("bool", "maybe"),
        ("bool", ""),
        ("dict", "node-ip"),
        ("dict", "[1]"),
        ("dict", "{node-ip"),
        ("dict", "{" * 3000),
        ("list", '["a/b"'),
        ("list", 3),
        ("list", "null"),
        ("list", " ~ "),
        ("list", '"a", "b"'),
        ("dict", "null"),
        ("str", ["master-1"]),
        ("str", {"name": "master-1"}),
        *((kind, None) for kind in ("int", "float", "bool", "list", "dict", "str", "path")),
    ],
)
def test_what_has_no_value_or_another_type_is_refused_by_its_name(kind: str, given: Any) -> None:
    with pytest.raises(HaError, match=r"^replace_master_x (is|has no value)"):
        settings.from_text("replace_master_x", {"type": kind}, given, parse=parse)


def test_a_misspelt_variable_is_told_with_the_nearest_one() -> None:
    known = ["replace_master_discard", "replace_master_lost"]
    assert list(settings.misspelt(["replace_master_lost", "replace_master_discards"], known)) == [
        "The variable replace_master_discards does not exist; did you mean replace_master_discard?"
    ]
    assert list(settings.misspelt(["replace_master_qqqqqqqqqqq"], known)) == [
        "The variable replace_master_qqqqqqqqqqq does not exist."
    ]


def test_the_defaults_can_be_used(good: dict[str, Any]) -> None:
    assert list(settings.problems(good, GROUPS)) == []


def test_phases_of_any_release_may_be_skipped(good: dict[str, Any]) -> None:
    phases = ["preflight", "control-plane-join/mark-control-plane", "control-plane-prepare/download-certs", "etcd-join"]
    phases += [
        "check-etcd",
        "control-plane-join/update-status",
        "wait-control-plane",
        "control-plane-prepare/kubeconfig",
    ]
    assert list(settings.problems({**good, "join_skip_phases": phases}, GROUPS)) == []


@pytest.mark.parametrize("lost", ["master-1", "master-1.example.org", "192.0.2.11", "2001:db8::11"])
def test_a_node_is_lost_by_name_or_address(good: dict[str, Any], lost: str) -> None:
    assert list(settings.problems({**good, "lost": lost}, GROUPS)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lost": ""}, "Name the lost node"),
        ({"lost": "../x"}, "neither a Node name"),
        ({"lost": "Master 1"}, "neither a Node name"),
        ({"lost": "{{ x }}"}, "neither a Node name"),
        ({"survivors": "masters"}, "no group 'masters' (replace_master_survivors)"),
        ({"replacement": "new"}, "no group 'new' (replace_master_replacement)"),
        ({"replacement": "survivors"}, "both contain"),
        ({"join_skip_phases": ["preflight", "pre-flight"]}, "has 'pre-flight', which is no phase of kubeadm join"),
        ({"join_skip_phases": ["preflight kubelet-start"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["p"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["--dry-run"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["control-plane-join/"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["control-plane-join/foo"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["preflight/x"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["control-plane-join/certs"]}, "no phase of kubeadm join"),
        ({"join_skip_phases": ["etcd"]}, "no phase of kubeadm join"),
        ({"minimum_down": 0}, "must be from 1 to"),
        ({"minimum_down": -5}, "must be from 1 to"),
        ({"maximum_skew": 0.0}, "must be from 0.1 to 3600"),
        ({"maximum_skew": float("nan")}, "must be from 0.1 to 3600"),
        ({"drives_at_once": 0}, "replace_master_drives_at_once is 0; it must be from 1"),
        ({"etcdctl": "/x"}, "needs replace_master_etcdctl_checksum"),
        ({"etcdctl": "/x", "etcdctl_checksum": "abc"}, "needs replace_master_etcdctl_checksum"),
        ({"join_method": "ocboot"}, "replace_master_ocboot_checkout must name"),
        ({"addresses": {"master-9": "192.0.2.19"}}, "names master-9, which is neither a survivor nor a replacement"),
        ({"addresses": {"master-2": "eth0"}}, "gives master-2 'eth0', which is not an IP address"),
        ({"addresses": {"master-4": None}}, "gives master-4 None, which is not an IP address"),
        ({"discard": ["influxdb"]}, "exact names"),
        ({"accept_unproven": ["minio"]}, "exact names"),
        ({"give_up_objects": ["onecloud-minio/minio/images"]}, "exact names"),
        ({"give_up_objects": ["onecloud-minio/minio/images/"]}, "exact names"),
        ({"give_up_objects": [7]}, "exact names"),
        ({"claim_policies": [{"claim": "x"}]}, "has no policy and no reason"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(
    good: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    (sentence,) = settings.problems({**good, **changes}, GROUPS)
    assert words in sentence
    assert sentence.endswith(".")


def test_the_operator_s_policies_come_first_and_the_table_s_losses_need_an_approval(good: dict[str, Any]) -> None:
    mine = {"claim": "a", "policy": "ignore", "reason": "x"}
    same = {"policy": "discard", "reason": "y"}
    table = [{"claim": "b", **same}, {"claim": "c", "approval": False, **same}]
    made = settings.request({**good, "claim_policies": [mine], "discard": ["n/b"], "drives_at_once": 2}, table)
    assert made.policies == (mine, {**table[0], "approval": True}, table[1])
    assert (made.lost, made.discard, made.drives_at_once, made.minimum_down_seconds) == ("master-1", ("n/b",), 2, 60)
