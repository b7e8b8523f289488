"""Which release of ocboot, and which K3s, must not be used to join. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S_DATA
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import NATIVE, Finding, OcbootInputs, Rule

# Every release of ocboot that knows K3s installs this one.
K3S_VERSION = "v1.28.5+k3s1"


def _checkout(inputs: OcbootInputs) -> t.Iterator[Finding]:
    checkout = inputs.checkout
    if checkout is not None and inputs.provider == "k3s" and not checkout.k3s_role:
        branch = " ({0})".format(checkout.branch) if checkout.branch else ""
        yield (
            "ocboot {0}{1} cannot install K3s; the branches release/3.x install kubeadm only.".format(
                checkout.version, branch
            ),
            "Use a tag from master-v3.11.9-0 on, or join natively.",
        )


def _k3s_version(inputs: OcbootInputs) -> t.Iterator[Finding]:
    versions = {node.version for node in inputs.nodes if node.control_plane and node.ready}
    if inputs.provider == "k3s" and versions != {K3S_VERSION}:
        found = ", ".join(sorted(versions)) or "an unknown version"
        yield "The cluster runs {0}, ocboot installs {1}.".format(found, K3S_VERSION), NATIVE


def _k3s_token(inputs: OcbootInputs) -> t.Iterator[Finding]:
    if inputs.provider == "k3s" and inputs.k3s_token_known is not True:
        verb = "was not compared with" if inputs.k3s_token_known is None else "is not"
        yield (
            "The cluster's token {0} the one that ocboot joins with.".format(verb),
            "ocboot has no setting for the token. " + NATIVE,
        )


def _k3s_data_dir(inputs: OcbootInputs) -> t.Iterator[Finding]:
    folder = str(inputs.config.get("data-dir") or K3S_DATA).rstrip("/")
    if inputs.provider == "k3s" and folder != K3S_DATA:
        yield "K3s keeps its data in {0}, ocboot in {1}.".format(folder, K3S_DATA), NATIVE


RULES: t.Mapping[str, Rule] = {
    "OCBOOT_CHECKOUT": _checkout,
    "OCBOOT_K3S_VERSION": _k3s_version,
    "OCBOOT_K3S_TOKEN": _k3s_token,
    "OCBOOT_K3S_DATA_DIR": _k3s_data_dir,
}
