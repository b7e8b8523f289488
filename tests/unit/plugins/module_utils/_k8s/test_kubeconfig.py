# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig taken apart: the current context only, keys in files, paths that stay valid."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.kubeconfig import taken_apart

Json = dict[str, Any]
KUBECONFIG: Json = {
    "current-context": "two",
    "contexts": [
        {"name": "one", "context": {"cluster": "a", "user": "u"}},
        {"name": "two", "context": {"cluster": "b", "user": "u", "namespace": "onecloud"}},
    ],
    "clusters": [
        {"name": "a", "cluster": {"server": "https://192.0.2.1:6443"}},
        {"name": "b", "cluster": {"server": "https://192.0.2.100:6443", "certificate-authority-data": "Q0E="}},
    ],
    "users": [{"name": "u", "user": {"client-certificate-data": "Q1JU", "client-key-data": "S0VZ"}}],
}


def test_keys_become_files_and_only_the_current_context_is_kept() -> None:
    before = copy.deepcopy(KUBECONFIG)
    made, files = taken_apart(KUBECONFIG, folder="/run/x")
    assert files == {"ca.crt": b"CA", "client.crt": b"CRT", "client.key": b"KEY"}
    assert made["clusters"] == [
        {"name": "b", "cluster": {"server": "https://192.0.2.100:6443", "certificate-authority": "/run/x/ca.crt"}}
    ]
    assert made["users"][0]["user"] == {"client-certificate": "/run/x/client.crt", "client-key": "/run/x/client.key"}
    assert made["contexts"] == [KUBECONFIG["contexts"][1] | {"name": "two"}]
    assert before == KUBECONFIG


def test_another_address_of_the_same_cluster_can_be_given() -> None:
    made, _files = taken_apart(KUBECONFIG, folder="/run/x", server="https://[2001:db8::12]:6443")
    assert made["clusters"][0]["cluster"]["server"] == "https://[2001:db8::12]:6443"


def test_relative_paths_refer_to_the_folder_of_the_given_file() -> None:
    given = copy.deepcopy(KUBECONFIG)
    given["clusters"][1]["cluster"] = {"server": "https://x:6443", "certificate-authority": "pki/ca.crt"}
    given["users"][0]["user"] = {"client-key": "/etc/key", "client-certificate": "crt", "tokenFile": "token"}
    made, files = taken_apart(given, folder="/run/x", base="/home/op")
    assert files == {}
    assert made["clusters"][0]["cluster"]["certificate-authority"] == "/home/op/pki/ca.crt"
    assert made["users"][0]["user"] == {
        "client-certificate": "/home/op/crt",
        "client-key": "/etc/key",
        "tokenFile": "/home/op/token",
    }


def test_a_token_stays_where_it_is() -> None:
    given = {**KUBECONFIG, "users": [{"name": "u", "user": {"token": "t"}}]}
    made, files = taken_apart(given, folder="/run/x")
    assert made["users"][0]["user"] == {"token": "t"}
    assert set(files) == {"ca.crt"}


@pytest.mark.parametrize(
    "change",
    [
        {"current-context": "three"},
        {"current-context": None},
        {"contexts": None},
        {"clusters": []},
        {"clusters": [{"name": "b"}]},
        {"clusters": [{"name": "b", "cluster": None}]},
        {"clusters": [{"name": "b", "cluster": "secret"}]},
        {"contexts": [{"name": "two", "context": None}]},
        {"users": None},
        {"users": [{"name": "u", "user": {"client-key-data": "secret!"}}]},
    ],
)
def test_a_kubeconfig_that_can_not_be_used_is_told_without_quoting_it(change: Json) -> None:
    with pytest.raises(HaError) as caught:
        taken_apart({**KUBECONFIG, **change}, folder="/run/x")
    assert "no current context with a cluster and a user" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "secret", 7])
def test_something_else_is_no_kubeconfig(data: Any) -> None:
    with pytest.raises(HaError):
        taken_apart(data, folder="/run/x")
