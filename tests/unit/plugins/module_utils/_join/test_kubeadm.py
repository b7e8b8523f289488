# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm is told, and what it says."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join import kubeadm

TOKEN, HASH = "abcdef.0123456789abcdef", "sha256:" + "9f" * 32
JOIN = "kubeadm join 192.0.2.100:6443 --token {0} --discovery-token-ca-cert-hash {1} ".format(TOKEN, HASH)


@pytest.mark.parametrize(
    ("version", "api"),
    [
        ("v1.15.12", "v1beta2"),
        ("v1.21.14", "v1beta2"),
        ("v1.22.0", "v1beta3"),
        ("1.30.4", "v1beta3"),
        ("v1.30.4+k", "v1beta3"),
        ("v1.31.0", "v1beta4"),
        ("1.34.2", "v1beta4"),
        ("v1.37.1-rc.0", "v1beta4"),
    ],
)
def test_the_configuration_is_one_that_this_kubeadm_reads(version: str, api: str) -> None:
    assert kubeadm.api_version(version) == "kubeadm.k8s.io/" + api


@pytest.mark.parametrize("version", ["", "v1", "stable", "v1.x.2", "latest-1.30"])
def test_what_is_no_version_is_told(version: str) -> None:
    with pytest.raises(HaError, match="is not a Kubernetes version"):
        kubeadm.api_version(version)


@pytest.mark.parametrize("version", ["v1.14.10", "v1.38.0", "v1.99.0", "v2.1.0", "v0.9.1"])
def test_a_release_whose_configuration_is_not_known_is_told(version: str) -> None:
    with pytest.raises(HaError, match="is not known"):
        kubeadm.api_version(version)


@pytest.mark.parametrize("version", ["v1.20.1", "v1.25.3", "v1.33.0"])
def test_credentials_are_made_for_a_version_and_a_runtime_so_that_none_is_looked_up(version: str) -> None:
    first, second = kubeadm.credentials_configuration(
        kubernetes_version=version, certificate_key="k", description="d", ttl="15m", cri_socket="unix:///run/c.sock"
    )
    assert (first["kind"], first["certificateKey"]) == ("InitConfiguration", "k")
    assert first["bootstrapTokens"] == [{"description": "d", "ttl": "15m"}]
    assert first["nodeRegistration"] == {"criSocket": "unix:///run/c.sock"}
    assert (second["kind"], second["kubernetesVersion"]) == ("ClusterConfiguration", version)
    assert first["apiVersion"] == second["apiVersion"] == kubeadm.api_version(version)


@pytest.mark.parametrize("text", [JOIN, JOIN.replace(" --disc", " \\\n\t--disc"), "W0301 a warning\n" + JOIN + "\n"])
def test_token_and_hash_are_read_from_the_join_command(text: str) -> None:
    assert kubeadm.parse_join_command(text) == (TOKEN, HASH)


@pytest.mark.parametrize("text", ["", "--token secret.x", JOIN[:-10], JOIN.replace("sha256:", "md5:")])
def test_an_error_about_the_join_command_does_not_quote_it(text: str) -> None:
    with pytest.raises(HaError) as caught:
        kubeadm.parse_join_command(text)
    assert "secret" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_join_names_the_survivor_it_goes_through_and_its_own_address() -> None:
    found = kubeadm.join_configuration(
        kubernetes_version="v1.30.4",
        endpoint="192.0.2.12:6443",
        token=TOKEN,
        ca_hash=HASH,
        certificate_key="key",
        name="master-4",
        ip="192.0.2.14",
    )
    assert found["discovery"]["bootstrapToken"] == {
        "apiServerEndpoint": "192.0.2.12:6443",
        "token": TOKEN,
        "caCertHashes": [HASH],
    }
    assert found["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] == "192.0.2.14"
    assert found["nodeRegistration"] == {
        "name": "master-4",
        "taints": [],
        "kubeletExtraArgs": {"node-ip": "192.0.2.14"},
    }


def test_a_container_runtime_is_named_only_when_one_was_given() -> None:
    known = {"kubernetes_version": "v1.30.4", "endpoint": "e", "token": "t", "ca_hash": "h", "certificate_key": "k"}
    found = kubeadm.join_configuration(**known, name="n", ip="i", cri_socket="unix:///run/c.sock")
    assert found["nodeRegistration"]["criSocket"] == "unix:///run/c.sock"


@pytest.mark.parametrize(
    ("version", "addresses", "arguments"),
    [
        ("v1.30.4", (), {"node-ip": "192.0.2.14"}),
        ("v1.30.4", ("192.0.2.14", "2001:db8::14"), {"node-ip": "192.0.2.14,2001:db8::14"}),
        ("v1.31.0", (), [{"name": "node-ip", "value": "192.0.2.14"}]),
        ("v1.37.0", ("2001:db8::14", "192.0.2.14"), [{"name": "node-ip", "value": "2001:db8::14,192.0.2.14"}]),
    ],
)
def test_kubelet_gets_an_address_of_each_family_in_the_form_of_its_release(
    version: str, addresses: tuple[str, ...], arguments: object
) -> None:
    found = kubeadm.join_configuration(
        kubernetes_version=version,
        endpoint="192.0.2.12:6440",
        token=TOKEN,
        ca_hash=HASH,
        certificate_key="key",
        name="master-4",
        ip="192.0.2.14",
        addresses=addresses,
        port=6440,
    )
    assert found["apiVersion"] == kubeadm.api_version(version)
    assert found["nodeRegistration"]["kubeletExtraArgs"] == arguments
    assert found["controlPlane"]["localAPIEndpoint"] == {"advertiseAddress": "192.0.2.14", "bindPort": 6440}
