"""How roles reach the cluster that discovery found: the documented fact `discovery_connection`."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import ETCD_CLIENT_PORT, ETCD_PEER_PORT
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def connection(cluster: Cluster) -> Json:
    """How roles reach the cluster: {provider, kubernetes_version, server, vip, api_path, peer_ports, survivors, replacements, machines, hosts}."""
    version = re.match(r"v?(\d+)\.(\d+)", cluster.kubernetes_version)
    # The readiness of an API server can be asked for since 1.16.
    old = version is not None and (int(version.group(1)), int(version.group(2))) < (1, 16)
    return {
        "provider": cluster.provider,
        "kubernetes_version": cluster.kubernetes_version,
        "server": cluster.server,
        "vip": cluster.vip.address,
        "api_path": "/healthz" if old else "/readyz",
        "peer_ports": sorted(
            {ETCD_CLIENT_PORT, ETCD_PEER_PORT, *(host.api_port for host in cluster.hosts if host.role == "survivor")}
        ),
        "survivors": [host.name for host in cluster.hosts if host.role == "survivor"],
        "replacements": [host.name for host in cluster.hosts if host.role == "replacement"],
        "machines": [
            {"host": host.name, "name": host.hostname, "ip": host.node_ip}
            for host in cluster.hosts
            if host.role == "survivor"
        ],
        "hosts": to_json(cluster.hosts),
    }
