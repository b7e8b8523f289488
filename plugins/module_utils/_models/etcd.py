"""Records of the etcd cluster: a member and the list of them.

Sizes are bytes, times are RFC 3339 strings in UTC as the API server writes them, durations are seconds, etcd IDs are hexadecimal strings.
Readers of facts and reports find the same shapes in docs/contracts.md.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t


class Member(t.NamedTuple):
    """An etcd member as the cluster lists it; `healthy` is the outcome of a linearizable read through that member only."""

    id: str
    name: str
    peer_urls: t.Tuple[str, ...]
    client_urls: t.Tuple[str, ...]
    learner: bool = False
    healthy: bool = False
    error: str = ""
    cluster_id: str = ""
    revision: int = 0

    @property
    def started(self) -> bool:
        """A member that was added but never started has no name and no client URL."""
        return bool(self.name and self.client_urls)


class Etcd(t.NamedTuple):
    """The etcd cluster as seen by `executor`, the host that read it, whose own member is `executor_id`; `error` says why it could not be read."""

    executor: str = ""
    executor_id: str = ""
    cluster_id: str = ""
    version: str = ""
    members: t.Tuple[Member, ...] = ()
    alarms: t.Tuple[str, ...] = ()
    error: str = ""
