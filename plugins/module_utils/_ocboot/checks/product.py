"""Which product, database and passwords ocboot must not be run with. Pure; no sentence quotes a password."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import NATIVE, Finding, OcbootInputs, Rule
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.values import (
    NETWORKS,
    VERSION,
    at,
    below_3_9,
    edition_of,
    minio_of,
    networks_of,
    product_of,
)

PRODUCTS = ("FullStack", "CMP", "Edge", "LightEdge", "AI")
EDITIONS = ("ce", "ce/support", "ee")
# For Cloudpods before 3.9 ocboot writes this repository, whatever its file says.
OLD_REPOSITORY = "registry.cn-beijing.aliyuncs.com/yunionio"
FIELDS = (
    ("version",),
    ("region",),
    ("zone",),
    ("imageRepository",),
    ("mysql", "host"),
    ("mysql", "port"),
    ("mysql", "username"),
    ("mysql", "password"),
)
# Means something to Jinja2 or a shell, or ends the quotes in ocboot's own manifests and commands.
_UNSAFE = re.compile(r"\{\{|\{%|\{#|[\"'\\$`\x00-\x1f\x7f]")


def _provider(inputs: OcbootInputs) -> t.Iterator[Finding]:
    if inputs.provider not in NETWORKS:
        yield "ocboot does not support the control plane {0!r}.".format(inputs.provider), NATIVE


def _fields(inputs: OcbootInputs) -> t.Iterator[Finding]:
    spec = inputs.cluster.get("spec") or {}
    missing = ["spec." + ".".join(path) for path in FIELDS if at(spec, *path) in (None, "")]
    if not str(at(spec, "mysql", "port") or "0").isdigit():
        missing.append("spec.mysql.port")
    if missing:
        yield (
            "The OnecloudCluster has no usable {0}.".format(", ".join(missing)),
            "ocboot would write its defaults instead. Check the object: kubectl -n onecloud get oc default -o yaml.",
        )
    missing = [NETWORKS[inputs.provider][name] for name, value in networks_of(inputs).items() if not value]
    if missing:
        yield (
            "The survivor's configuration has no {0}.".format(", ".join(missing)),
            "ocboot would write its defaults instead, which may differ from the values in force. " + NATIVE,
        )


def _version(inputs: OcbootInputs) -> t.Iterator[Finding]:
    version = str(inputs.cluster["spec"]["version"])
    if not VERSION.fullmatch(version):
        yield (
            "The OnecloudCluster's version is {0!r}, which ocboot cannot parse.".format(version),
            "The version must look like v3.11.9 or master-...; see kubectl -n onecloud get oc default -o yaml.",
        )


def _product(inputs: OcbootInputs) -> t.Iterator[Finding]:
    product = product_of(inputs)
    if product not in PRODUCTS:
        yield (
            "The productVersion is {0!r}; ocboot knows {1}.".format(product, ", ".join(PRODUCTS)),
            "ocboot would write FullStack into the cluster. Set product_version to the cluster's product.",
        )


def _minio(inputs: OcbootInputs) -> t.Iterator[Finding]:
    if minio_of(inputs) is None:
        yield (
            "The OnecloudCluster's minio.enable and glance.switchToS3 are missing or contradict each other.",
            "Set enable_minio; without it ocboot can remove MinIO from the cluster.",
        )


def _edition(inputs: OcbootInputs) -> t.Iterator[Finding]:
    edition = edition_of(inputs)
    applied = not inputs.options.skip_cloud and inputs.provider == "k3s"
    if edition not in EDITIONS or (applied and edition != "ce"):
        yield "The edition is {0}.".format(edition), "ocboot would make it ce. Skip the cloud part, or join natively."


def _repository(inputs: OcbootInputs) -> t.Iterator[Finding]:
    spec = inputs.cluster["spec"]
    version, repository = str(spec["version"]), str(spec["imageRepository"])
    if below_3_9(version) and repository != OLD_REPOSITORY:
        yield (
            "The images come from {0}; for {1} ocboot always takes them from {2}.".format(
                repository, version, OLD_REPOSITORY
            ),
            NATIVE,
        )


def _password_missing(inputs: OcbootInputs) -> t.Iterator[Finding]:
    if not inputs.options.onecloud_user_password:
        yield (
            "The password of the web user {0} was not given.".format(inputs.options.onecloud_user),
            "Set the current password: ocboot sets it, and without one in its file it sets a well-known one.",
        )


def _password_unsafe(inputs: OcbootInputs) -> t.Iterator[Finding]:
    passwords = {
        "the database": str(inputs.cluster["spec"]["mysql"]["password"]),
        "the web user": inputs.options.onecloud_user_password,
    }
    for owner, password in passwords.items():
        if not inputs.options.skip_cloud and _UNSAFE.search(password):
            yield (
                "The password of {0} has characters that ocboot's templates and commands do not quote.".format(owner),
                "Skip the cloud part, which is where the passwords are used.",
            )


# The other checks read the values that these find: the first one that refuses ends the check.
PRECONDITIONS: t.Mapping[str, Rule] = {"OCBOOT_PROVIDER": _provider, "OCBOOT_FIELD_MISSING": _fields}
RULES: t.Mapping[str, Rule] = {
    "OCBOOT_VERSION": _version,
    "OCBOOT_PRODUCT_VERSION": _product,
    "OCBOOT_MINIO": _minio,
    "OCBOOT_EDITION": _edition,
    "OCBOOT_IMAGE_REPOSITORY": _repository,
    "OCBOOT_PASSWORD_MISSING": _password_missing,
    "OCBOOT_PASSWORD_UNSAFE": _password_unsafe,
}
