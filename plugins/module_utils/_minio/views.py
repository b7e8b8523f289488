"""The answer of one pod of a MinIO."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import Info, Storage, host_of


@dataclass(frozen=True)
class PodView:
    """The answer of one pod: HTTP statuses of its health endpoints (None: no answer) and its view of the deployment.
    `timed_out`: it was reached but gave no answer in time; `refused`: it does not accept the credentials. `storage` is
    its answer to `storageinfo`."""

    name: str
    node: str = ""
    ready: bool = False
    live: t.Optional[int] = None
    cluster: t.Optional[int] = None
    maintenance: t.Optional[int] = None
    info: t.Optional[Info] = None
    error: str = ""
    timed_out: bool = False
    refused: bool = False
    storage: t.Optional[Storage] = None

    @property
    def uptime(self) -> int:
        """Seconds since this pod's server started, by its own report; 0 if unknown."""
        servers = self.info.servers if self.info else ()
        return max((server.uptime for server in servers if host_of(server.endpoint) == self.name), default=0)


def starting(view: PodView) -> bool:
    """Whether a pod is starting, so that it may have its drives back soon: it is being recreated, or its server waits
    for its peers. One that accepts a connection without an answer hangs, and
    wrong credentials stay wrong."""
    return not view.timed_out and not view.refused and (not view.ready or (view.live == 200 and view.info is None))
