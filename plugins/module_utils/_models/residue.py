"""Records of what is left of a control plane on a machine."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t


class Unit(t.NamedTuple):
    """A systemd unit. `fragment` is its unit file, empty without one."""

    name: str
    active: bool
    enabled: bool
    masked: bool
    fragment: str = ""


class Residue(t.NamedTuple):
    """The residue of a control plane on a machine, as module control_plane_residue_info returns it.

    `manifests` are paths of static pods, `listening` those TCP ports of the control plane that accept connections,
    `pods` the processes of pods as "PID PROGRAM", `retired` the archive folders of earlier runs, `vip` the VIP
    with its prefix length and `vip_interface` its interface while the machine carries it. `ca_digest` is the SHA-256 of
    the CA certificate of the API server, which identifies the cluster.
    """

    hostname: str
    addresses: t.Tuple[str, ...]
    control_plane: bool
    ca_digest: str = ""
    manifests: t.Tuple[str, ...] = ()
    kubelet_config: str = ""
    etcd_data: str = ""
    units: t.Tuple[Unit, ...] = ()
    listening: t.Tuple[int, ...] = ()
    pods: t.Tuple[str, ...] = ()
    retired: t.Tuple[str, ...] = ()
    vip: str = ""
    vip_interface: str = ""
    backups: str = ""

    @property
    def running(self) -> bool:
        """Whether a unit that would start pods again is active or would start with the machine."""
        return any(unit.active or unit.enabled for unit in self.units)

    @property
    def harms(self) -> t.List[str]:
        """What makes the machine itself harmful, in words."""
        active = [unit.name for unit in self.units if unit.active]
        enabled = [unit.name for unit in self.units if unit.enabled]
        found: t.Sequence[t.Tuple[str, t.Sequence[t.Any]]] = (
            ("static pods {0}", self.manifests),
            ("kubelet's kubeconfig {0}", [self.kubelet_config]),
            ("etcd data {0}", [self.etcd_data]),
            ("the VIP {0}", [self.vip]),
            ("listening ports {0}", self.listening),
            ("pod processes {0}", self.pods),
            ("running units {0}", active),
            ("enabled units {0}", enabled),
        )
        return [text.format(", ".join(map(str, items))) for text, items in found if any(items)]
