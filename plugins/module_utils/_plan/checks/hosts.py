"""Checks that every host and the API answered, and that the clocks agree."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.parse import health_alarm
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import alarmed, quorum
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Host
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Request
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view

Refusals = t.Iterator[Refusal]

_NO_ETCD = "no etcd answers on it"


def reachability(cluster: Cluster) -> Refusals:
    """Refuse if a host or the API did not answer. The other findings may then be wrong, so nothing more is checked."""
    if not view.survivors(cluster):
        yield Refusal(
            "NO_SURVIVORS",
            "The inventory names no survivor.",
            "List the surviving control-plane hosts in the group 'survivors'.",
        )
    for host in cluster.hosts:
        if not host.reachable:
            code = "SURVIVOR_UNREACHABLE" if host.role == "survivor" else "REPLACEMENT_UNREACHABLE"
            remedy = "Repair the connection to it; every {0} must be read before anything is changed.".format(host.role)
            yield Refusal(
                code,
                "The {0} {1} could not be read over SSH: {2}.".format(host.role, host.name, host.error.rstrip(".")),
                remedy,
            )
        elif host.error:
            yield _unreadable(host)
    reachable = [host for host in view.survivors(cluster) if host.reachable]
    foreign = ["{0}: {1}".format(host.name, host.foreign_etcd) for host in reachable if host.foreign_etcd]
    if foreign:
        yield Refusal(
            "ETCD_EXTERNAL",
            "The API server keeps its data in an external etcd, which is no static pod of its own host ({0}).".format(
                "; ".join(foreign)
            ),
            "An external etcd is not supported here, and a lost master has no member of it. Replace the master by hand, see ETCD_EXTERNAL in docs/runbook.md.",
        )
    # A host whose control plane has no etcd of its own says nothing about a quorum.
    reachable = [host for host in reachable if not host.foreign_etcd and (host.provider or not host.error)]
    sick = [host for host in reachable if host.etcd_health != "ok"]
    warning = [host for host in sick if health_alarm(host.etcd_health)]
    # An alarm says nothing about the quorum. Where enough members to be one answer with it, those that don't answer are another matter.
    enough = len(warning) >= min(len(reachable), quorum(len(view.survivors(cluster)) + 1))
    if reachable and len(sick) == len(reachable) and (enough or (cluster.etcd.alarms and not cluster.etcd.error)):
        alarms = sorted({health_alarm(host.etcd_health) for host in warning}) if enough else cluster.etcd.alarms
        silent = ["{0}: {1}".format(host.name, host.etcd_health or _NO_ETCD) for host in sick if host not in warning]
        yield alarmed(alarms, besides=" Not healthy: {0}.".format("; ".join(silent)) if silent else "")
    elif reachable and len(sick) == len(reachable):
        unhealthy = "; ".join("{0}: {1}".format(host.name, host.etcd_health or _NO_ETCD) for host in sick)
        yield Refusal(
            "QUORUM_LOST",
            "No surviving etcd member can answer a linearizable read ({0}).".format(unhealthy),
            "A member can't be removed without quorum. Bring a second member back, or restore from a snapshot, see QUORUM_LOST in docs/runbook.md.",
        )
    if cluster.api_refusal:
        yield cluster.api_refusal
    elif cluster.api_error:
        yield Refusal(
            "API_UNREACHABLE",
            "The cluster can't be read: {0}.".format(cluster.api_error.rstrip(".")),
            "Set a working kubeconfig (replace_master_kubeconfig; docs/cluster-role.yml lists the rights it needs), or repair an API server on a survivor.",
        )


def _unreadable(host: Host) -> Refusal:
    observed = "On {0}: {1}.".format(host.name, host.error.rstrip("."))
    if host.unsupported:
        return Refusal(
            "HOST_UNREADABLE",
            observed,
            "There is nothing to repair: a K3s with an external datastore or another data-dir is not supported. Replace the master by hand.",
        )
    if host.address_given and host.node_ip not in host.addresses:
        return Refusal("HOST_UNREADABLE", observed, "Correct replace_master_addresses first.")
    return Refusal("HOST_UNREADABLE", observed, "Repair the file by hand first.")


def clocks(cluster: Cluster, request: Request) -> Refusals:
    """Refuse clocks that differ too much: certificates and leases depend on them."""
    reachable = [host for host in cluster.hosts if host.reachable]
    # A slow connection looks like skew: only the certain part counts.
    pairs = [
        (fast.skew_seconds - fast.answer_seconds - slow.skew_seconds, slow.name, fast.name)
        for fast in reachable
        for slow in reachable
        if fast is not slow
    ]
    worst = max(pairs, default=(0.0, "", ""))
    if worst[0] > request.maximum_skew_seconds:
        observed = "The clocks of {1} and {2} differ by at least {0:.1f} s.".format(*worst)
        yield Refusal(
            "CLOCK_SKEW",
            observed,
            "Synchronize them (chrony) first; at most {0} s are allowed.".format(request.maximum_skew_seconds),
        )
