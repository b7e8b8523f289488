"""What one pod of a MinIO answered."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import Info, Storage, host_of


@dataclass(frozen=True)
class PodView:
    """What one pod answered: HTTP statuses of its health endpoints (None: no answer) and its view of the deployment.
    `timed_out` when it was reached and gave no answer in time, `refused` when it does not accept the credentials. `storage` is
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
        """Seconds since this pod's server started, by its own word; 0 when it does not say."""
        servers = self.info.servers if self.info else ()
        return max((server.uptime for server in servers if host_of(server.endpoint) == self.name), default=0)


def starting(view: PodView) -> bool:
    """Whether a pod comes up, so that it may have its drives back soon: one that is made again, or whose server waits
    for its peers. One that takes a connection and says nothing hangs, and
    wrong credentials stay wrong."""
    return not view.timed_out and not view.refused and (not view.ready or (view.live == 200 and view.info is None))
