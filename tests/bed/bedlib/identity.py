# SPDX-License-Identifier: GPL-3.0-or-later
"""What ocadm derives from the VIP, the keepalived manifest it writes, and the inventory of the bed. Pure functions."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from . import conf
from .conf import Host

PASS_LENGTH = 8


def keepalived_password(vip: str) -> str:
    """kubeadm rule: the first 8 characters of the hex md5 of the VIP's base64."""
    return hashlib.md5(base64.b64encode(vip.encode())).hexdigest()[:PASS_LENGTH]


def keepalived_password_k3s(vip: str) -> str:
    """K3s rule: the first 8 characters of the VIP's base64."""
    return base64.b64encode(vip.encode()).decode()[:PASS_LENGTH]


def router_id(vip: str) -> int:
    """kubeadm rule for IPv4: the digits of the VIP as one number, modulo 255; 100 instead of 0."""
    return int(vip.replace(".", "")) % 255 or 100


def check_kube_command(node_ip: str) -> str:
    tls = "/var/lib/rancher/k3s/server/tls"
    certs = f"--cert {tls}/client-kube-apiserver.crt --key {tls}/client-kube-apiserver.key"
    return f"curl -k -XGET https://{node_ip}:6443/healthz {certs} --cacert {tls}/client-ca.crt"


def keepalived_manifest(
    *, node_ip: str, vip: str, init: bool, interface: str = "eth0", image: str, k3s: bool = False
) -> str:
    """The static pod: 100/MASTER at init, 90/BACKUP at join; as ocadm writes it, or as ocboot does for K3s."""
    env = {
        "KEEPALIVED_PRIORITY": "100" if init else "90",
        "KEEPALIVED_VIRTUAL_IPS": f"#PYTHON2BASH:['{vip}']",
        "KEEPALIVED_STATE": "MASTER" if init else "BACKUP",
        "KEEPALIVED_PASSWORD": keepalived_password_k3s(vip) if k3s else keepalived_password(vip),
        "KEEPALIVED_ROUTER_ID": str(router_id(vip)),
        "KEEPALIVED_NODE_IP": node_ip,
        "KEEPALIVED_INTERFACE": interface,
    }
    if k3s:
        env["CHECK_KUBE_CMD"] = check_kube_command(node_ip)
    rancher = "/var/lib/rancher"
    mounts = ["    volumeMounts:", f"    - mountPath: {rancher}", "      name: rancher", "      readOnly: true"]
    volumes = ["  volumes:", "  - hostPath:", f"      path: {rancher}", "    name: rancher"]
    lines = [
        "apiVersion: v1",
        "kind: Pod",
        "metadata:",
        "  creationTimestamp: null",
        "  labels:",
        "    component: keepalived",
        "    tier: control-plane",
        "  name: keepalived",
        "  namespace: kube-system",
        "spec:",
        "  containers:",
        "  - command:",
        "    - /container/tool/run",
        "    env:",
    ]
    for name, value in env.items():
        lines += [f"    - name: {name}", f"      value: {_scalar(value)}"]
    lines += [
        f"    image: {image}",
        "    imagePullPolicy: IfNotPresent",
        "    name: keepalived",
        "    resources: {}",
        "    securityContext:",
        "      privileged: true",
        *(mounts if k3s else []),
        "  hostNetwork: true",
        "  priorityClassName: system-cluster-critical",
        *(volumes if k3s else []),
        "status: {}",
    ]
    return "\n".join(lines) + "\n"


def _scalar(value: str) -> str:
    """A YAML string, quoted as Go's marshaller does it where it would be a number, a comment or something else."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*|\d+\.\d+\.\d+\.\d+", value):
        return value
    return "'" + value.replace("'", "''") + "'" if "'" in value else f'"{value}"'


def inventory(
    *, survivors: Iterable[Host], replacement: Host, state: str, more: Mapping[str, object] | None = None
) -> str:
    """An Ansible inventory in YAML: group survivors, group replacement; ``more`` are variables of the flavour."""
    common = "-o StrictHostKeyChecking=no -o UserKnownHostsFile={0}/known_hosts -o LogLevel=ERROR".format(state)
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": f"{state}/id_ed25519",
        "ansible_ssh_common_args": common,
        "ansible_python_interpreter": conf.python(),
        # A test has no hour to wait; the default of the collection is longer.
        "replace_master_minimum_down": 20,
        # Nobody sits at the terminal of a test.
        "replace_master_confirm": False,
        # Two beds may lose a master of the same name at the same time.
        "replace_master_directory": f"{state}/controller",
        **(more or {}),
    }
    lines = ["all:", "  vars:", *(f"    {k}: {json.dumps(v)}" for k, v in variables.items()), "  children:"]
    for group, members in (("survivors", list(survivors)), ("replacement", [replacement])):
        lines += [f"    {group}:", "      hosts:"]
        for one in members:
            lines += [f"        {one.name}:", f"          ansible_host: {one.ip}"]
    return "\n".join(lines) + "\n"


def split(lost: str, replacement: str) -> tuple[list[Host], Host]:
    """The surviving masters and the replacement when ``lost`` is gone."""
    gone, fresh = conf.host(lost), conf.host(replacement)
    if gone == fresh == conf.SPARE:
        return list(conf.MASTERS[1:]), fresh  # it took the place of the first master before
    if gone == fresh:
        return [m for m in conf.MASTERS if m != gone], fresh  # a host reinstalled by `bed reinstall`
    pool = conf.MASTERS if fresh == conf.SPARE else (*conf.MASTERS, conf.SPARE)
    return [m for m in pool if m not in (gone, fresh)], fresh
