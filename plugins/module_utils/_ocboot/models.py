"""The records from which ocboot's configuration is made, and the type of a check of them."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t


class OcbootNode(t.NamedTuple):
    """A Node object. `as_host` and `lbagent` are its labels onecloud.yunion.io/host and /lbagent, `version` is its kubelet's."""

    name: str
    ip: str
    ready: bool
    control_plane: bool
    as_host: bool = False
    lbagent: bool = False
    version: str = ""


class OcbootHost(t.NamedTuple):
    """A machine that ocboot logs in to: `name` is its Node's, `user` and `port` are for SSH.

    `host_networks` (INTERFACE/BRIDGE/ADDRESS), `disk_paths`, `hugepages` and `containerd` come from its host.conf; None where that has no such setting.
    """

    name: str
    ip: str
    user: str = "root"
    port: int = 22
    holds_vip: bool = False
    host_networks: t.Tuple[str, ...] = ()
    disk_paths: t.Tuple[str, ...] = ()
    hugepages: t.Optional[bool] = None
    containerd: t.Optional[bool] = None


class OcbootCheckout(t.NamedTuple):
    """A checkout of ocboot. `branch` is a branch or tag, empty when unknown.

    `k3s_role`: can install K3s. `k8s_v115`: installs K3s unless the variable K8S_V115 is TRUE.
    `host_networks_regression`: fails without an IPv4 address on the interface that host_networks names; a survivor has it on its bridge.
    """

    version: str
    branch: str = ""
    k3s_role: bool = False
    k8s_v115: bool = False
    host_networks_regression: bool = False


class OcbootOptions(t.NamedTuple):
    """The operator's options. None and "" mean the cluster's own value.

    `onecloud_user_password` has no default: a run without `skip_cloud` sets it. `skip_cloud`: the run gets SKIP_TAGS=cloud.
    `replacement_as_host`: the replacement gets the label onecloud.yunion.io/host; None: as all survivors.
    `only_look`: ocboot is not run with the file, so the lost Node may still exist.
    """

    onecloud_user_password: str = ""
    onecloud_user: str = "admin"
    product_version: str = ""
    operator_version: str = ""
    enable_minio: t.Optional[bool] = None
    replacement_as_host: t.Optional[bool] = None
    containerd: bool = False
    registry_mirrors: t.Tuple[str, ...] = ()
    insecure_registries: t.Tuple[str, ...] = ()
    skip_cloud: bool = True
    only_look: bool = False


class OcbootInputs(t.NamedTuple):
    """Everything that the configuration is made from.

    `provider`: kubeadm or k3s. `cluster`: the OnecloudCluster object as the API has it, password included. `config`: the survivor's
    /etc/rancher/k3s/config.yaml, or the ClusterConfiguration of kubeadm. `keepalived_image` and `operator_image`: as the manifest and the Deployment
    name them. `nodes`: all Node objects. `survivors`: all live control-plane machines. `vip`: the virtual address.
    `checkout`: None when unknown. `k3s_token_known`: the cluster's token is ocboot's; None when it was not compared.
    `calico`: {backend: vxlan|bird, ipip: Always|Never|..., ip_autodetection_method}; {} when there is no Calico.
    """

    provider: str
    cluster: t.Mapping[str, t.Any]
    config: t.Mapping[str, t.Any]
    nodes: t.Tuple[OcbootNode, ...]
    lost: str
    lost_addresses: t.Tuple[str, ...]
    replacement: OcbootHost
    survivors: t.Tuple[OcbootHost, ...]
    vip: str
    options: OcbootOptions
    keepalived_image: str = ""
    operator_image: str = ""
    checkout: t.Optional[OcbootCheckout] = None
    k3s_token_known: t.Optional[bool] = None
    calico: t.Mapping[str, str] = {}

    @property
    def machines(self) -> t.Tuple[OcbootHost, ...]:
        """The survivors and the replacement."""
        return (*self.survivors, self.replacement)


# The variables that the collection itself sets for a run; their values are no secrets.
VARIABLES = ("K8S_V115", "NO_REBOOT", "SKIP_TAGS")
# What was observed, and the remedy.
Finding = t.Tuple[str, str]
Rule = t.Callable[[OcbootInputs], t.Iterator[Finding]]
NATIVE = "Join natively instead, which needs no ocboot."
