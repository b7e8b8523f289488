"""Reads the configuration that kubeadm keeps in the cluster, from its texts. Pure."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

try:
    import yaml
except ImportError:  # a dependency of the Kubernetes client; connect() reports when both are missing
    yaml = None  # type: ignore[assignment]

# Names in certificates may be those of a lost node. The others are words and paths: spelt like a host's name, they are none.
_NO_HOSTS = (
    *("certSANs", "serverCertSANs", "peerCertSANs"),
    *("apiVersion", "kind", "clusterName", "kubernetesVersion", "dnsDomain", "extraVolumes"),
)


def kubeconfig_server(text: str) -> str:
    """The server in a kubeconfig; empty without one, or if it is not YAML."""
    try:
        clusters = (yaml.safe_load(text) or {}).get("clusters") or []
        return str(((clusters[0] or {}).get("cluster") or {}).get("server") or "").strip() if clusters else ""
    except (yaml.YAMLError, AttributeError, TypeError, KeyError, RecursionError):
        return ""


def kubeadm_settings(text: str) -> t.Dict[str, str]:
    """The values in a ClusterConfiguration of kubeadm by their paths, such as apiServer.extraArgs.advertise-address.

    Values of one path have commas between them. Without names in certificates, and without paths of files. Empty if the text is not YAML.
    """
    try:
        found = yaml.safe_load(text)
        values: t.Dict[str, t.List[str]] = {}
        for path, value in _leaves("", found) if isinstance(found, dict) else ():
            # A path names no host.
            if not value.startswith("/"):
                values.setdefault(path, []).append(value)
        return {path: ", ".join(items) for path, items in values.items()}
    except (yaml.YAMLError, RecursionError):
        return {}


def _leaves(path: str, value: t.Any) -> t.Iterator[t.Tuple[str, str]]:
    if isinstance(value, dict):
        # A list of {name, value} since v1beta4.
        if set(value) == {"name", "value"}:
            yield "{0}.{1}".format(path, value["name"]), str(value["value"])
            return
        for key, item in value.items():
            if key not in _NO_HOSTS:
                yield from _leaves("{0}.{1}".format(path, key) if path else str(key), item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(path, item)
    elif value is not None:
        yield path, str(value)
