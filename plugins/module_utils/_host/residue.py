"""Reads the residue of a control plane on this machine, running or not. Changes nothing."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import os
import socket
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    API_PORT,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    HOST_BACKUPS,
    Provider,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._host.addresses import carried
from ansible_collections.cloudpods.ha.plugins.module_utils._host.processes import pod_processes
from ansible_collections.cloudpods.ha.plugins.module_utils._models.residue import Residue, Unit
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner, output_of

RETIRED = "retired-"
_PORTS = (ETCD_CLIENT_PORT, ETCD_PEER_PORT, API_PORT)
_LISTEN = "0A"


def gather(run: Runner, provider: Provider, *, vip: str = "", backups: str = HOST_BACKUPS) -> Residue:
    """Describe this machine. Raises HaError when `ip` or `systemctl` fail: an unknown state must not count as gone."""
    addresses = carried(run)
    held = next(((str(interface), name) for interface, name in addresses if str(interface.ip) == vip), ("", ""))
    manifests = _entries(provider.manifests)
    retired = [name for name in _entries(backups) if os.path.basename(name).startswith(RETIRED)]
    has_data = os.path.isdir(os.path.join(provider.etcd_data, "member"))
    return Residue(
        hostname=socket.gethostname().lower(),
        addresses=tuple(str(interface.ip) for interface, _name in addresses),
        control_plane=has_data or os.path.exists(provider.etcd_mark),
        ca_digest=_digest(provider.ca_certificate),
        manifests=tuple(manifests),
        kubelet_config=provider.kubelet_config if os.path.lexists(provider.kubelet_config) else "",
        etcd_data=provider.etcd_data if has_data else "",
        units=tuple(_unit(run, name) for name in provider.units),
        listening=tuple(sorted(_listening() & set(_PORTS))),
        pods=tuple(str(process) for process in pod_processes()),
        retired=tuple(retired),
        vip=held[0],
        vip_interface=held[1],
        backups=backups,
    )


def listening(text: str) -> t.Set[int]:
    """Read the local ports in state LISTEN from /proc/net/tcp or tcp6."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == _LISTEN}


def unit(name: str, text: str) -> Unit:
    """Parse the output of `systemctl show` for one unit."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return Unit(
        name=name,
        # Between two restart attempts a unit is neither active nor inactive.
        active=values.get("ActiveState", "") in ("active", "activating", "reloading", "deactivating"),
        enabled=values.get("UnitFileState", "").startswith("enabled"),
        masked=values.get("LoadState", "") == "masked",
        fragment=values.get("FragmentPath", ""),
    )


def _unit(run: Runner, name: str) -> Unit:
    argv = ["systemctl", "show", "-p", "LoadState,ActiveState,UnitFileState,FragmentPath", name]
    return unit(name, output_of(run, argv, program="systemctl"))


def _digest(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def _listening() -> t.Set[int]:
    found: t.Set[int] = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(name):
            with open(name, encoding="ascii") as stream:
                found |= listening(stream.read())
    return found


def _entries(folder: str) -> t.List[str]:
    """The paths in a folder, without those that kubelet ignores; none when the folder does not exist."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [os.path.join(folder, name) for name in sorted(names) if not name.startswith(".")]
