"""When ocboot must not be run, each rule under its code. Pure; no sentence quotes a secret. docs/ocboot.md has a section for each code."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S_DATA
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import OcbootHost, OcbootInputs, OcbootNode

PRODUCTS = ("FullStack", "CMP", "Edge", "LightEdge", "AI")
EDITIONS = ("ce", "ce/support", "ee")
K3S_VERSION = "v1.28.5+k3s1"
# Written instead of what the file says for Cloudpods before 3.9.
OLD_REPOSITORY = "registry.cn-beijing.aliyuncs.com/yunionio"
FIELDS = (
    ("version",),
    ("region",),
    ("zone",),
    ("imageRepository",),
    ("mysql", "host"),
    ("mysql", "port"),
    ("mysql", "username"),
    ("mysql", "password"),
)
NETWORKS = {
    "k3s": {"pod_network_cidr": "cluster-cidr", "service_cidr": "service-cidr", "service_dns_domain": "cluster-domain"},
    "kubeadm": {"pod_network_cidr": "podSubnet", "service_cidr": "serviceSubnet", "service_dns_domain": "dnsDomain"},
}
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.\d+\S*|master-\S+")
# Means something to Jinja2 or a shell, or ends the quotes in ocboot's own manifests and commands.
_UNSAFE = re.compile(r"\{\{|\{%|\{#|[\"'\\$`\x00-\x1f\x7f]")
_HOST_KEYS = ("hostname", "node_ip", "db_host", "controlplane_host", "host_networks", "ip_autodetection_method")
NATIVE = "Join natively instead, which needs no ocboot."


def refusals(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    """All that speaks against running ocboot. Later rules rely on the shapes that the first ones find."""
    first = [*_shapes(inputs)]
    yield from first
    if not first:
        for rule in (_network, _vip, _hosts, _plane, _product, _passwords, _labels, _host_networks, _checkout, _k3s):
            yield from rule(inputs)


def warnings(inputs: OcbootInputs) -> t.Iterator[str]:
    """What is to be known before ocboot is run."""
    endpoint = str(_at(inputs.cluster, "spec", "loadBalancerEndpoint") or "")
    if endpoint and endpoint != inputs.vip:
        yield "The OnecloudCluster's loadBalancerEndpoint is {0}, not the VIP {1}.".format(endpoint, inputs.vip)
    if not inputs.options.skip_cloud:
        yield (
            "ocboot sets the password of the web user {0}, and applies OnecloudCluster and operator from the file."
        ).format(inputs.options.onecloud_user)
    if inputs.checkout is None:
        yield "Nothing is known of the ocboot that will be run, so host_networks are left out for survivors."
    elif any(host.host_networks and networks_left_out(host, inputs) for host in inputs.survivors):
        yield "host_networks are left out for survivors: this ocboot fails with an interface that is in a bridge."
    image = inputs.keepalived_image
    expected = "{0}/keepalived:{1}".format(_at(inputs.cluster, "spec", "imageRepository"), tag_of(image))
    if inputs.provider == "k3s" and image != expected:
        yield "ocboot writes keepalived's image as {0}; it is {1}.".format(expected, image)
    if inputs.provider == "k3s" and not calico_backend(inputs):
        yield "Calico was not found, so ocboot's default (vxlan) is in force; its manifest is applied again."
    if inputs.options.only_look and _lost_node(inputs):
        yield "The Node {0} is still there; ocboot can be run only when it is deleted.".format(inputs.lost)


def primary_of(inputs: OcbootInputs) -> OcbootHost:
    """The survivor that holds the VIP."""
    return next(host for host in inputs.survivors if host.holds_vip)


def networks_of(inputs: OcbootInputs) -> t.Dict[str, str]:
    """Pod CIDR, service CIDR and DNS domain under ocboot's names; "" where the configuration has none."""
    source = inputs.config if inputs.provider == "k3s" else inputs.config.get("networking") or {}
    found = {}
    for name, key in NETWORKS[inputs.provider].items():
        value = source.get(key)
        found[name] = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")
    return found


def edition_of(inputs: OcbootInputs) -> str:
    """Edition of the product, from the annotation; "ce" without."""
    return str(_at(inputs.cluster, "metadata", "annotations", "onecloud.yunion.io/edition") or "ce")


def minio_of(inputs: OcbootInputs) -> t.Optional[bool]:
    """Whether MinIO stores the images; None when the cluster does not say, or says two things."""
    if inputs.options.enable_minio is not None:
        return inputs.options.enable_minio
    said = {_at(inputs.cluster, "spec", "minio", "enable"), _at(inputs.cluster, "spec", "glance", "switchToS3")}
    said.discard(None)
    return said.pop() is True if len(said) == 1 else None


def product_of(inputs: OcbootInputs) -> str:
    """The product. Before 3.9 there was one only, which later loaders know as FullStack."""
    found = inputs.options.product_version or str(_at(inputs.cluster, "spec", "productVersion") or "")
    return found or ("FullStack" if below_3_9(str(inputs.cluster["spec"]["version"])) else "")


def below_3_9(version: str) -> bool:
    """Whether a Cloudpods version is older than 3.9; one that is no release is not."""
    match = _VERSION.fullmatch(version)
    return bool(match and match.group(1)) and tuple(map(int, version.lstrip("v").split(".")[:2])) < (3, 9)


def tag_of(image: str) -> str:
    """The tag of an image, "" without one: REGISTRY:PORT/PATH:TAG@DIGEST."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def calico_backend(inputs: OcbootInputs) -> str:
    """ocboot's word for what Calico does: vxlan, ipip or none; "" when it is not known."""
    backend = inputs.calico.get("backend")
    if backend == "bird":
        return "none" if inputs.calico.get("ipip") == "Never" else "ipip"
    return "vxlan" if backend == "vxlan" else ""


def shared_label(inputs: OcbootInputs, hosts: t.Sequence[OcbootHost], label: str) -> t.Optional[bool]:
    """What all these machines have in common; None when they differ, since ocboot knows it for a group only."""
    said = {_label(inputs, host, label) for host in hosts}
    return said.pop() if len(said) == 1 else None


def networks_left_out(host: OcbootHost, inputs: OcbootInputs) -> bool:
    """Whether host_networks would fail the run there: the address of a survivor's interface is on its bridge."""
    regression = inputs.checkout is None or inputs.checkout.host_networks_regression
    return regression and host in inputs.survivors


def lost_in(made: t.Mapping[str, t.Any], inputs: OcbootInputs) -> t.Iterator[Refusal]:
    """Every place of a configuration where the lost node stands."""
    for path, value in _strings(made):
        if "password" in path[-1]:
            continue
        words = [*inputs.lost_addresses, *([inputs.lost] if path[-1] in _HOST_KEYS else [])]
        if any(re.search(r"(?<![\w.-]){0}(?![\w-]|\.\w)".format(re.escape(word)), value) for word in words if word):
            yield _against(
                "OCBOOT_LOST_LISTED",
                "{0} would be {1}, which is the lost node {2}.".format(".".join(path), value, inputs.lost),
                "Correct the cluster or the inventory where that value comes from; docs/ocboot.md names the place.",
            )


def _shapes(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    if inputs.provider not in NETWORKS:
        yield _against(
            "OCBOOT_PROVIDER", "ocboot knows no control plane of the kind {0!r}.".format(inputs.provider), NATIVE
        )
        return
    spec = inputs.cluster.get("spec") or {}
    missing = ["spec." + ".".join(path) for path in FIELDS if _at(spec, *path) in (None, "")]
    if not str(_at(spec, "mysql", "port") or "0").isdigit():
        missing.append("spec.mysql.port")
    if missing:
        yield _against(
            "OCBOOT_FIELD_MISSING",
            "The OnecloudCluster does not say {0}.".format(", ".join(missing)),
            "ocboot would write its defaults there. Look at it: kubectl -n onecloud get oc default -o yaml.",
        )
    missing = [NETWORKS[inputs.provider][name] for name, value in networks_of(inputs).items() if not value]
    if missing:
        yield _against(
            "OCBOOT_FIELD_MISSING",
            "The survivor's configuration does not say {0}.".format(", ".join(missing)),
            "ocboot would write its defaults there, which need not be those in force. " + NATIVE,
        )


def _network(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    found = networks_of(inputs)
    machines = [*inputs.survivors, inputs.replacement]
    for cidr in (found["pod_network_cidr"], found["service_cidr"]):
        network = _parsed(ipaddress.ip_network, cidr)
        if network is None or network.version != 4:
            yield _against(
                "OCBOOT_IP_FAMILY",
                "{0} is not one IPv4 network.".format(cidr),
                "With two families ocboot gives every master the primary's addresses. " + NATIVE,
            )
            continue
        for name, address in [("the VIP", inputs.vip), *((host.name, host.ip) for host in machines)]:
            parsed = _parsed(ipaddress.ip_address, address)
            if parsed is not None and parsed.version == 4 and parsed in network:
                yield _against(
                    "OCBOOT_CIDR_CLASH",
                    "{0} ({1}) is inside of the cluster's network {2}.".format(name, address, cidr),
                    "ocboot refuses such a file. See whether the address or the network is wrong.",
                )
    for host in machines:
        parsed = _parsed(ipaddress.ip_address, host.ip)
        if parsed is None or parsed.version != 4:
            yield _against("OCBOOT_IP_FAMILY", "{0} has no IPv4 address, but {1!r}.".format(host.name, host.ip), NATIVE)


def _vip(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    parsed = _parsed(ipaddress.ip_address, inputs.vip)
    if parsed is None or parsed.version != 4:
        yield _against(
            "OCBOOT_VIP",
            "The VIP is {0!r}, which is no IPv4 address.".format(inputs.vip),
            "ocboot makes keepalived's identity from the digits of the VIP and fails with a name. " + NATIVE,
        )
    if not tag_of(inputs.keepalived_image):
        yield _against(
            "OCBOOT_VIP",
            "The image of the survivors' keepalived ({0!r}) has no tag.".format(inputs.keepalived_image),
            "ocboot would write the tag it was released with. See what the survivor's keepalived.yaml says.",
        )
    endpoint = str(_at(inputs.cluster, "spec", "loadBalancerEndpoint") or "")
    known = ("", inputs.vip, *inputs.lost_addresses)
    if not inputs.options.skip_cloud and inputs.provider == "k3s" and endpoint not in known:
        yield _against(
            "OCBOOT_VIP",
            "The OnecloudCluster's loadBalancerEndpoint is {0}; ocboot would make it {1}.".format(endpoint, inputs.vip),
            "Skip the cloud part, or correct the OnecloudCluster first.",
        )


def _hosts(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    machines = [*inputs.survivors, inputs.replacement]
    for field in ("name", "ip"):
        values = [getattr(host, field) for host in machines]
        for twice in sorted({value for value in values if values.count(value) > 1}):
            yield _against(
                "OCBOOT_HOST_TWICE",
                "{0} is given for more than one of the machines.".format(twice),
                "List each machine once; the replacement is none of the survivors.",
            )
    for host in machines:
        if host.ip == inputs.vip:
            yield _against(
                "OCBOOT_HOST_TWICE",
                "{0} has the VIP {1} as its address.".format(host.name, host.ip),
                "Give its own address (node_ip, ansible_host).",
            )
        if host.name == inputs.lost or host.ip in inputs.lost_addresses:
            yield _against(
                "OCBOOT_LOST_LISTED",
                "{0} ({1}) is the lost node.".format(host.name, host.ip),
                "Take it out of the inventory; a replacement has a name and an address of its own.",
            )
    holders = [host.name for host in inputs.survivors if host.holds_vip]
    if len(holders) != 1:
        yield _against(
            "OCBOOT_PRIMARY",
            "The VIP {0} is on {1}.".format(inputs.vip, " and ".join(holders) or "no survivor"),
            "ocboot makes one survivor 100/MASTER, which must be the one that holds the VIP. Repair keepalived first.",
        )


def _plane(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    nodes = {node.ip: node for node in inputs.nodes}
    for host in inputs.survivors:
        node = nodes.get(host.ip)
        if node is None or not (node.ready and node.control_plane):
            said = "no Node" if node is None else "not Ready" if not node.ready else "no control-plane node"
            yield _against(
                "OCBOOT_SURVIVORS",
                "{0} ({1}) is {2}.".format(host.name, host.ip, said),
                "List the survivors that live, by the addresses of their Nodes, and let them be Ready first.",
            )
    if inputs.provider == "k3s" and len(inputs.survivors) < 2:
        yield _against(
            "OCBOOT_SURVIVORS",
            "There is no second survivor, so the replacement would stand alone in master_nodes.",
            "ocboot joins nobody then, and does not say so. " + NATIVE,
        )
    known = {host.ip for host in inputs.survivors} | {inputs.replacement.ip, *inputs.lost_addresses}
    for node in inputs.nodes:
        if node.control_plane and node.ip not in known and node.name not in (inputs.lost, inputs.replacement.name):
            yield _against(
                "OCBOOT_SURVIVORS",
                "{0} ({1}) is a control-plane node and none of the survivors.".format(node.name, node.ip),
                "List it: ocboot fails unless the count of control-plane nodes is that of its file.",
            )
    if _lost_node(inputs) and not inputs.options.only_look:
        yield _against(
            "OCBOOT_LOST_NODE_THERE",
            "The Node {0} is still there.".format(inputs.lost),
            "Run the phase node_removal first: ocboot counts the control-plane nodes at its end.",
        )


def _product(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    spec = inputs.cluster["spec"]
    version, product, edition = str(spec["version"]), product_of(inputs), edition_of(inputs)
    applied = not inputs.options.skip_cloud and inputs.provider == "k3s"
    if not _VERSION.fullmatch(version):
        yield _against(
            "OCBOOT_VERSION",
            "The OnecloudCluster's version is {0!r}, which ocboot can't read.".format(version),
            "It has to be like v3.11.9 or master-...; see kubectl -n onecloud get oc default -o yaml.",
        )
    if product not in PRODUCTS:
        yield _against(
            "OCBOOT_PRODUCT_VERSION",
            "The productVersion is {0!r}, none of {1}.".format(product, ", ".join(PRODUCTS)),
            "ocboot would write FullStack into the cluster. Give product_version as the cluster has it.",
        )
    if minio_of(inputs) is None:
        yield _against(
            "OCBOOT_MINIO",
            "The OnecloudCluster does not say by minio.enable and glance.switchToS3 alike whether MinIO is used.",
            "Give enable_minio; without it ocboot can take MinIO away from the cluster.",
        )
    if edition not in EDITIONS or (applied and edition != "ce"):
        yield _against(
            "OCBOOT_EDITION",
            "The edition is {0}.".format(edition),
            "ocboot would make it ce. Skip the cloud part, or join natively.",
        )
    if below_3_9(version) and str(spec["imageRepository"]) != OLD_REPOSITORY:
        yield _against(
            "OCBOOT_IMAGE_REPOSITORY",
            "The images come from {0}; for {1} ocboot takes {2}, whatever it is told.".format(
                spec["imageRepository"], version, OLD_REPOSITORY
            ),
            NATIVE,
        )


def _passwords(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    if not inputs.options.onecloud_user_password:
        yield _against(
            "OCBOOT_PASSWORD_MISSING",
            "The password of the web user {0} was not given.".format(inputs.options.onecloud_user),
            "Give the one in force: ocboot sets it, to a well-known one when none is in its file.",
        )
    passwords = {
        "of the database": str(inputs.cluster["spec"]["mysql"]["password"]),
        "of the web user": inputs.options.onecloud_user_password,
    }
    for name, password in passwords.items():
        if not inputs.options.skip_cloud and _UNSAFE.search(password):
            yield _against(
                "OCBOOT_PASSWORD_UNSAFE",
                "The password {0} has characters that ocboot's own templates and commands do not quote.".format(name),
                "Skip the cloud part, which is where they are used.",
            )


def _labels(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    joining = [inputs.replacement]
    if inputs.provider == "k3s":
        joining += [host for host in inputs.survivors if not host.holds_vip]
    for label in ("as_host", "lbagent"):
        if shared_label(inputs, joining, label) is None:
            yield _against(
                "OCBOOT_LABELS",
                "Not all of {0} are alike in the label {1}.".format(
                    ", ".join(host.name for host in joining),
                    {"as_host": "onecloud.yunion.io/host", "lbagent": "onecloud.yunion.io/lbagent"}[label],
                ),
                "ocboot knows it for all of master_nodes together. Give replacement_as_host, or join natively.",
            )
    containerd = {host.containerd for host in joining if host.containerd is not None}
    if len(containerd) > 1:
        yield _against(
            "OCBOOT_LABELS",
            "Not all of {0} are container hosts, or none.".format(", ".join(host.name for host in joining)),
            "ocboot knows enable_containerd for all of master_nodes together. " + NATIVE,
        )


def _host_networks(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    for host in [*inputs.survivors, inputs.replacement]:
        wrong = [entry for entry in host.host_networks if len([part for part in entry.split("/") if part]) < 2]
        plain = len(host.host_networks) == 1 and host.host_networks[0].split("/")[1:] == ["br0", host.ip]
        if wrong:
            yield _against(
                "OCBOOT_HOST_NETWORKS",
                "{0} has the host network {1!r}.".format(host.name, wrong[0]),
                "It has to be INTERFACE/BRIDGE/ADDRESS.",
            )
        elif networks_left_out(host, inputs) and host.host_networks and not plain:
            yield _against(
                "OCBOOT_HOST_NETWORKS",
                "{0} has {1}, and this ocboot fails when a survivor's networks are given.".format(
                    host.name, ", ".join(host.host_networks)
                ),
                "Left out, they would be replaced by one br0. Use a release up to master-v4.0.3-6, or join natively.",
            )


def _checkout(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    checkout = inputs.checkout
    if checkout is None:
        return
    name = " ".join(filter(None, ("ocboot", checkout.version, checkout.branch and "({0})".format(checkout.branch))))
    if inputs.provider == "k3s" and not checkout.k3s_role:
        yield _against(
            "OCBOOT_CHECKOUT",
            "{0} knows no K3s; the branches release/3.x install kubeadm only.".format(name),
            "Use a tag from master-v3.11.9-0 on, or join natively.",
        )


def _k3s(inputs: OcbootInputs) -> t.Iterator[Refusal]:
    if inputs.provider != "k3s":
        return
    versions = {node.version for node in inputs.nodes if node.control_plane and node.ready}
    if versions != {K3S_VERSION}:
        yield _against(
            "OCBOOT_K3S_VERSION",
            "The cluster runs {0}, ocboot installs {1}.".format(", ".join(sorted(versions)) or "nothing", K3S_VERSION),
            NATIVE,
        )
    if inputs.k3s_token_known is not True:
        yield _against(
            "OCBOOT_K3S_TOKEN",
            "The cluster's token {0} the one that ocboot joins with.".format(
                "was not compared with" if inputs.k3s_token_known is None else "is not"
            ),
            "It can't be given to ocboot. " + NATIVE,
        )
    folder = str(inputs.config.get("data-dir") or K3S_DATA).rstrip("/")
    if folder != K3S_DATA:
        yield _against(
            "OCBOOT_K3S_DATA_DIR", "K3s keeps its data in {0}, ocboot in {1}.".format(folder, K3S_DATA), NATIVE
        )


def _lost_node(inputs: OcbootInputs) -> t.Optional[OcbootNode]:
    return next((node for node in inputs.nodes if node.name == inputs.lost), None)


def _label(inputs: OcbootInputs, host: OcbootHost, label: str) -> t.Optional[bool]:
    nodes = {node.ip: node for node in inputs.nodes}
    if host != inputs.replacement:
        return bool(getattr(nodes[host.ip], label)) if host.ip in nodes else None
    if label == "as_host" and inputs.options.replacement_as_host is not None:
        return inputs.options.replacement_as_host
    said = {bool(getattr(nodes[item.ip], label)) for item in inputs.survivors if item.ip in nodes}
    if len(said) == 1:
        return said.pop()
    # What only some survivors have is not carried over; whether it is a host is for the operator to say.
    return None if label == "as_host" else False


def _against(code: str, seen: str, advice: str) -> Refusal:
    """A refusal whose code is a section of docs/ocboot.md."""
    return Refusal(code, seen, advice)


def _at(mapping: t.Any, *path: str) -> t.Any:
    for key in path:
        mapping = mapping.get(key) if isinstance(mapping, t.Mapping) else None
    return mapping


def _parsed(kind: t.Callable[[str], t.Any], text: str) -> t.Any:
    try:
        return kind(text)
    except ValueError:
        return None


def _strings(value: t.Any, path: t.Tuple[str, ...] = ("",)) -> t.Iterator[t.Tuple[t.Tuple[str, ...], str]]:
    """Every string of nested mappings and lists, with the keys that lead to it."""
    if isinstance(value, t.Mapping):
        for key, item in value.items():
            yield from _strings(item, (*(part for part in path if part), str(key)))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item, path)
    elif isinstance(value, str):
        yield path, value
