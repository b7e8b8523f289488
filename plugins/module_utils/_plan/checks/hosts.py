"""Could every host and the API be asked, and do their clocks agree?"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.parse import health_alarm
from ansible_collections.cloudpods.ha.plugins.module_utils._models.cluster import Cluster
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Refusal, Request
from ansible_collections.cloudpods.ha.plugins.module_utils._plan import view

Refusals = t.Iterator[Refusal]


def reachability(cluster: Cluster) -> Refusals:
    """Could everybody be asked? When not, what else was found may be wrong, and nothing more is judged."""
    if not view.survivors(cluster):
        yield Refusal(
            "NO_SURVIVORS",
            "The inventory names no survivor.",
            "List the control-plane hosts that still live in the group 'survivors'.",
        )
    for host in cluster.hosts:
        if not host.reachable:
            code = "SURVIVOR_UNREACHABLE" if host.role == "survivor" else "REPLACEMENT_UNREACHABLE"
            remedy = "Repair the connection to it; every {0} has to be asked before anything is changed.".format(
                host.role
            )
            yield Refusal(
                code,
                "The {0} {1} cannot be reached over SSH: {2}.".format(host.role, host.name, host.error.rstrip(".")),
                remedy,
            )
        elif host.error:
            yield Refusal(
                "HOST_UNREADABLE",
                "On {0}: {1}.".format(host.name, host.error.rstrip(".")),
                "Repair the file by hand first.",
            )
    reachable = [host for host in view.survivors(cluster) if host.reachable]
    sick = [host for host in reachable if host.etcd_health != "ok"]
    alarms = sorted({health_alarm(host.etcd_health) for host in sick} - {""})
    if reachable and len(sick) == len(reachable) and all(health_alarm(host.etcd_health) for host in sick):
        yield Refusal(
            "ETCD_ALARM",
            "Every surviving etcd member has raised the alarm {0}.".format(", ".join(alarms)),
            "Compact, defragment and disarm it, as docs/runbook.md says under ETCD_ALARM, then run again.",
        )
    elif reachable and len(sick) == len(reachable):
        told = "; ".join("{0}: {1}".format(host.name, host.etcd_health or "no etcd answers on it") for host in sick)
        yield Refusal(
            "QUORUM_LOST",
            "No surviving etcd member can answer a linearizable read ({0}).".format(told),
            "A member can't be removed without quorum. Bring a second member back, or restore from a snapshot as docs/runbook.md says under QUORUM_LOST.",
        )
    if cluster.api_error:
        yield Refusal(
            "API_UNREACHABLE",
            "The cluster can't be asked: {0}.".format(cluster.api_error.rstrip(".")),
            "Give a working kubeconfig, or repair an API server on a survivor.",
        )


def clocks(cluster: Cluster, request: Request) -> Refusals:
    """Do the clocks agree? Certificates and leases are judged by them."""
    told = [host for host in cluster.hosts if host.reachable]
    # What a slow connection took is no difference of clocks: only what is certain counts.
    pairs = [
        (fast.skew_seconds - fast.answer_seconds - slow.skew_seconds, slow.name, fast.name)
        for fast in told
        for slow in told
        if fast is not slow
    ]
    worst = max(pairs, default=(0.0, "", ""))
    if worst[0] > request.maximum_skew_seconds:
        observed = "The clocks of {1} and {2} differ by at least {0:.1f} s.".format(*worst)
        yield Refusal(
            "CLOCK_SKEW",
            observed,
            "Set them (chrony) first; at most {0} s are allowed.".format(request.maximum_skew_seconds),
        )
