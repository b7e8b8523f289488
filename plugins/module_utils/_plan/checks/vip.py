"""Do the survivors agree about the VIP?"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view
from ansible_collections.cloudpods.ha.plugins.module_utils._vip.election import choose_promotion

Refusals = t.Iterator[Refusal]


def virtual_address(cluster: Cluster) -> Refusals:
    """Do the survivors agree about the VIP?"""
    try:
        choose_promotion(view.survivors(cluster), cluster.vip.holders)
    except Unsafe as exc:
        yield Refusal(exc.code, exc.observed, exc.remedy)
    bare = [host.name for host in view.survivors(cluster) if host.keepalived is None]
    if cluster.vip.address and bare:
        observed = "{0} has no keepalived manifest, although the VIP is {1}.".format(
            " and ".join(bare), cluster.vip.address
        )
        yield Refusal("VIP_MANIFEST", observed, "Give it one like the other survivor's, as BACKUP with priority 90.")
    if len(cluster.vip.holders) > 1:
        observed = "The VIP {0} is on {1} at once.".format(cluster.vip.address, " and ".join(cluster.vip.holders))
        yield Refusal(
            "VIP_DUPLICATE",
            observed,
            "Find out why they don't hear each other's VRRP messages before the control plane is changed.",
        )
    lost = cluster.lost
    if lost and view.url_hosts([cluster.cluster_info_server]) & set(lost.addresses):
        observed = "The ConfigMap kube-public/cluster-info sends joining nodes to the lost node ({0}).".format(
            cluster.cluster_info_server
        )
        yield Refusal("CLUSTER_INFO_DEAD", observed, "Edit its 'server' to the VIP.")
