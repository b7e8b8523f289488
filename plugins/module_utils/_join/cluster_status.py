"""The key ClusterStatus of the ConfigMap kube-system/kubeadm-config, which kubeadm wrote before Kubernetes 1.22. Pure.

It lists the API endpoint of each control-plane node and keeps a dead one forever; kubeadm up to 1.17 builds the etcd
endpoints of a join from it and fails on the dead address (hazard A1).
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError, Unsafe

try:
    import yaml
except ImportError:  # a dependency of the Kubernetes client; connect() reports when both are missing
    yaml = None  # type: ignore[assignment]

CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
KEY = "ClusterStatus"


@dataclasses.dataclass(frozen=True)
class Edit:
    """The text without one endpoint. `former` is the former text; both are empty if the cluster has no
    ClusterStatus.
    """

    changed: bool = False
    before: t.Tuple[str, ...] = ()
    after: t.Tuple[str, ...] = ()
    former: str = ""
    text: str = ""


def without(config_map: t.Optional[t.Mapping[str, t.Any]], node: str) -> Edit:
    """Remove one node from the endpoints. Raises HaError if the text is not a ClusterStatus, Unsafe if no endpoint
    would remain.
    """
    former = ((config_map or {}).get("data") or {}).get(KEY, "")
    if not former:
        return Edit()
    try:
        status = yaml.safe_load(former)
        endpoints = status["apiEndpoints"] or {}
        before = tuple(sorted(endpoints))
    except (yaml.YAMLError, TypeError, KeyError, ValueError, RecursionError) as exc:
        raise HaError("the ClusterStatus in kube-system/kubeadm-config is not in kubeadm's format") from exc
    if node not in endpoints:
        return Edit(before=before, after=before, former=former, text=former)
    if len(before) == 1:
        raise Unsafe(
            "CLUSTER_STATUS_LAST",
            "The only API endpoint in the ClusterStatus of kube-system/kubeadm-config is that of {0}.".format(node),
            "Add the survivors' endpoints to it, or name the machine that is really lost.",
        )
    status["apiEndpoints"] = {name: endpoint for name, endpoint in endpoints.items() if name != node}
    return Edit(
        changed=True,
        before=before,
        after=tuple(name for name in before if name != node),
        former=former,
        text=yaml.safe_dump(status, default_flow_style=False),
    )
