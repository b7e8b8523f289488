"""Decides which layout the servers' reports prove, and which answers follow from it."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import Drive, ErasureSet, Info, host_of
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.views import PodView


def settled_infos(infos: t.Sequence[Info]) -> t.Sequence[Info]:
    """The credible layout: a server that has just started may report no parity or no layout (observed) while others do."""
    told = [info for info in infos if info.erasure and not (info.pools and 0 in parities(info))]
    return told or infos


def parities(info: Info) -> t.List[int]:
    """The parity of each pool."""
    return [info.parity if pool.parity is None else pool.parity for pool in info.pools]


def plausible(info: Info) -> bool:
    """Whether the reported parity fits the width of the sets."""
    found = parities(info)
    return bool(found) and all(0 <= parity <= pool.drives_per_set // 2 for pool, parity in zip(info.pools, found))


def by_layout(view: PodView, drives: t.Sequence[Drive], sets: t.Sequence[ErasureSet]) -> bool:
    """Whether 412 is this pod's permanent and correct answer: without its drives a set has no write quorum, as in wide
    layouts."""
    # A single server lists its drives as paths.
    own = [drive for drive in drives if host_of(drive.endpoint) in (view.name, "")]
    return view.maintenance == 412 and any(
        item.total - sum(1 for drive in own if (drive.pool, drive.set_) == (item.pool, item.index)) < item.write_quorum
        for item in sets
    )


def false_412(views: t.Sequence[PodView], drives: t.Sequence[Drive], sets: t.Sequence[ErasureSet]) -> t.Tuple[str, ...]:
    """Pods whose maintenance check answers 412 although all pods answer and none lists a drive that heals or is offline."""
    if not sets or any(view.info is None for view in views) or any(not drive.healthy for drive in drives):
        return ()
    return tuple(view.name for view in views if view.maintenance == 412 and not by_layout(view, drives, sets))
