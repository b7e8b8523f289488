# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs on a scratch machine answer: kubeadm, kubelet, kubectl, etcdctl, systemctl, journalctl and k3s. Each call is logged with its arguments."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import K3S_CONFIG, K3S_UNIT_FILE
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.cluster import Cluster
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.machines import Machine
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import Refused

Json = dict[str, Any]
Answer = tuple[int, str, str]
# As kubeadm prints it.
JOIN = "kubeadm join 192.0.2.100:6443 --token {0} --discovery-token-ca-cert-hash sha256:{1} \n"
DATABASE = 4096


class Programs:
    """The programs of one machine. `started` is called when its control plane starts, `stopped` when it ends."""

    def __init__(
        self, cluster: Cluster, machine: Machine, started: Callable[[Machine], None], stopped: Callable[[Machine], None]
    ) -> None:
        self.cluster, self.machine = cluster, machine
        self.started, self.stopped = started, stopped
        self.calls: list[list[str]] = []

    def run(self, argv: list[str], given: str) -> Answer:
        """Exit code, output and error output of a program."""
        self.calls.append(argv)
        name = argv[0]
        made = getattr(self, "_" + name.replace("-", "_"), None)
        if made is None:
            return 127, "", "{0}: not played by the stand-in\n".format(name)
        answer: Answer = made(argv[1:], given)
        return answer

    # kubeadm

    def _kubelet(self, _words: list[str], _given: str) -> Answer:
        return (
            (127, "", "not found\n") if self.cluster.k3s else (0, "Kubernetes {0}\n".format(self.cluster.version), "")
        )

    def _kubeadm(self, words: list[str], _given: str) -> Answer:
        if self.cluster.k3s:
            return 127, "", "not found\n"
        if words[0] == "version":
            return 0, self.cluster.version + "\n", ""
        if words[:2] == ["token", "create"]:
            return self._token(words)
        if words[:3] == ["init", "phase", "upload-certs"]:
            return self._upload(words)
        if words[0] == "join":
            return self._join(words)
        if words[0] == "reset":
            return self._reset(words)
        return 1, "", "error: the stand-in does not play kubeadm {0}\n".format(" ".join(words))

    def _token(self, words: list[str]) -> Answer:
        number, secret = secrets.token_hex(3), secrets.token_hex(8)
        text = self.machine.read(words[words.index("--config") + 1])
        described = re.search(r'"bootstrapTokens": \[\{"description": "([^"]+)"', text)
        if described is None:
            return 1, "", "error: no bootstrap token in the configuration\n"
        self._make_token(number, secret, described.group(1))
        self.cluster.secrets.append(secret)
        self.cluster.act(self.machine.name, "create token", number)
        return 0, JOIN.format("{0}.{1}".format(number, secret), "ab" * 32), ""

    def _make_token(self, number: str, secret: str, description: str) -> Json:
        data = {"token-id": number, "token-secret": secret, "description": description}
        name = "bootstrap-token-" + number
        item = {
            "metadata": {"namespace": "kube-system", "name": name},
            "type": "bootstrap.kubernetes.io/token",
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
        with self.cluster.store.lock:
            return self.cluster.store.put("Secret", item)

    def _upload(self, words: list[str]) -> Answer:
        text = self.machine.read(words[words.index("--config") + 1])
        key = re.search(r'"certificateKey": "([0-9a-f]+)"', text)
        if key is None:
            return 1, "", "error: no certificate key\n"
        self.cluster.secrets.append(key.group(1))
        owner = self._make_token(
            secrets.token_hex(3), secrets.token_hex(8), "Proxy for managing TTL for the kubeadm-certs secret"
        )
        meta = owner["metadata"]
        reference = {"apiVersion": "v1", "kind": "Secret", "name": meta["name"], "uid": meta["uid"]}
        with self.cluster.store.lock:
            former = self.cluster.store.find("Secret", "kubeadm-certs", "kube-system")
            if former is not None:
                self.cluster.store.drop(former)
            metadata = {"namespace": "kube-system", "name": "kubeadm-certs", "ownerReferences": [reference]}
            encrypted = base64.b64encode(key.group(1).encode()).decode()
            self.cluster.store.put("Secret", {"metadata": metadata, "type": "Opaque", "data": {"ca.key": encrypted}})
        return 0, "[upload-certs] Using certificate key:\n{0}\n".format(key.group(1)), ""

    def _join(self, words: list[str]) -> Answer:
        machine, cluster = self.machine, self.cluster
        config = json.loads(machine.read(words[words.index("--config") + 1]))
        token = config["discovery"]["bootstrapToken"]["token"]
        key, name = config["controlPlane"]["certificateKey"], config["nodeRegistration"]["name"]
        cluster.act(machine.name, "kubeadm join", name)
        with cluster.store.lock:
            number, _, secret = token.partition(".")
            known = cluster.store.find("Secret", "bootstrap-token-" + number, "kube-system")
            certificates = cluster.store.find("Secret", "kubeadm-certs", "kube-system")
            if known is None or _decoded(known, "token-secret") != secret:
                return 1, "", "error execution phase preflight: couldn't validate the identity of the API Server\n"
            if certificates is None or _decoded(certificates, "ca.key") != key:
                return 1, "", "error execution phase control-plane-prepare/download-certs: error decrypting\n"
        if machine.has(cluster.provider.kubelet_config) or machine.has(cluster.provider.etcd_data + "/member"):
            return 1, "", "\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: it already exists\n"
        with cluster.store.lock:
            former = cluster.store.find("Node", name)
        if former is not None and any(
            item["type"] == "Ready" and item["status"] == "True" for item in former["status"]["conditions"]
        ):
            return 1, "", 'error execution phase kubelet-start: a Node with name "{0}" already exists\n'.format(name)
        if not cluster.has_quorum():
            return 1, "", "error execution phase control-plane-join/etcd: etcdserver: no leader\n"
        with cluster.store.lock:
            machine.write(cluster.provider.kubelet_config, "{}")
            cluster.register(machine)
        time.sleep(0.2)
        with cluster.store.lock:
            cluster.add_member(machine)
            cluster.make_master(machine)
            cluster.promote(machine)
        self.started(machine)
        return 0, "This node has joined the cluster\n", ""

    def _reset(self, words: list[str]) -> Answer:
        cluster, machine = self.cluster, self.machine
        cluster.act(machine.name, "kubeadm reset")
        if any(cluster.machine_of(item) is machine and cluster.alive(item) for item in cluster.members):
            cluster.unsafe.append("{0} was reset while its member was alive".format(machine.name))
        self.stopped(machine)
        machine.remove("/etc/kubernetes")
        # This phase empties the folder of etcd too.
        if "--skip-phases=remove-etcd-member" not in words:
            machine.remove(cluster.provider.etcd_data)
        return 0, "", ""

    # kubectl, as far as it is called on hosts

    def _kubectl(self, words: list[str], given: str) -> Answer:
        if not self.cluster.runs(self.machine):
            return 1, "", "The connection to the server was refused - did you specify the right host or port?\n"
        flags = _flags(words)
        verb = flags["words"][0] if flags["words"] else ""
        if verb == "exec":
            if self.cluster.k3s or flags["words"][1] != "etcd-" + self.machine.name:
                return 1, "", "Error from server (NotFound): pods not found\n"
            tail = words[words.index("--") + 1 :]
            return self.run(tail, given)
        try:
            return self._objects(verb, flags, given)
        except Refused as exc:
            return 1, "", "Error from server ({0}): {1}\n".format(exc.reason, exc.text)

    def _objects(self, verb: str, flags: Json, given: str) -> Answer:
        store, namespace = self.cluster.store, flags.get("n") or flags.get("namespace") or "default"
        if flags.get("raw"):
            body = json.loads(given) if given.strip() else None
            return 0, json.dumps(store.answer({"get": "GET", "delete": "DELETE"}[verb], flags["raw"], {}, body)), ""
        plural = {"secret": "secrets", "secrets": "secrets"}[flags["words"][1]]
        base, names = "/api/v1/namespaces/{0}/{1}".format(namespace, plural), flags["words"][2:]
        query = {"fieldSelector": flags.get("field-selector") or "", "labelSelector": flags.get("l") or ""}
        if verb == "get" and not names:
            return 0, _shown(store.answer("GET", base, query, None), flags.get("o") or "name"), ""
        out = ""
        for name in names:
            try:
                found = store.answer("GET" if verb == "get" else "DELETE", base + "/" + name, {}, None)
            except Refused as exc:
                if exc.status == 404 and flags.get("ignore-not-found"):
                    continue
                raise
            out += _shown(found, flags.get("o") or "name") if verb == "get" else "deleted\n"
        return 0, out, ""

    # etcdctl

    def _etcdutl(self, words: list[str], given: str) -> Answer:
        return self._etcdctl(words, given)

    def _etcdctl(self, words: list[str], _given: str) -> Answer:
        cluster, flags = self.cluster, _flags(words)
        command = flags["words"]
        if command[:2] == ["snapshot", "status"]:
            return 0, json.dumps({"hash": 1, "revision": cluster.revision, "totalKey": 28, "totalSize": DATABASE}), ""
        asked = flags.get("endpoints") or ""
        member = next((item for item in cluster.members if asked in item.get("clientURLs", [])), None)
        if asked.startswith("https://127.0.0.1"):
            member = next((item for item in cluster.members if cluster.machine_of(item) is self.machine), None)
        if not cluster.runs(self.machine) or member is None or not cluster.alive(member) or not cluster.has_quorum():
            return 1, "", "Error: context deadline exceeded\n"
        head = {
            "cluster_id": cluster.cluster_id,
            "member_id": member["ID"],
            "revision": cluster.revision,
            "raft_term": 2,
        }
        if command[:2] == ["member", "list"]:
            return 0, json.dumps({"header": head, "members": cluster.members}), ""
        if command[:2] == ["alarm", "list"]:
            alarms = [{"memberID": member["ID"], "alarm": 1}] if cluster.alarm else []
            return 0, json.dumps({"header": head, **({"alarms": alarms} if alarms else {})}), ""
        if command[:2] == ["endpoint", "status"]:
            status = {"header": head, "version": "3.5.15", "dbSize": DATABASE, "leader": member["ID"]}
            return 0, json.dumps([{"Endpoint": asked, "Status": status}]), ""
        if command[0] == "get":
            return 0, json.dumps({"header": head}), ""
        if command[:2] == ["member", "remove"]:
            if not cluster.remove_member(int(command[2], 16), self.machine.name):
                return 1, "", "Error: etcdserver: member not found\n"
            return 0, json.dumps({"header": head, "members": cluster.members}), ""
        if command[:2] == ["snapshot", "save"]:
            database = secrets.token_bytes(DATABASE)
            found = self.machine.path(command[2])
            found.write_bytes(database + hashlib.sha256(database).digest())
            found.chmod(0o600)
            cluster.act(self.machine.name, "snapshot", command[2])
            return 0, "Snapshot saved\n", ""
        return 1, "", "Error: unknown command\n"

    # systemd and K3s

    def _systemctl(self, words: list[str], _given: str) -> Answer:
        flags = _flags(words)
        command = flags["words"]
        unit = (command[1] if len(command) > 1 else "").removesuffix(".service")
        there = unit == "k3s" and self.machine.has(K3S_UNIT_FILE)
        active = self.machine.has("/run/k3s.active")
        enabled = self.machine.has("/etc/systemd/system/multi-user.target.wants/k3s.service")
        if command[0] == "show":
            values = {
                "LoadState": "loaded" if there else "not-found",
                "ActiveState": "active" if active else "inactive",
                "SubState": "running" if active else "dead",
                "UnitFileState": "enabled" if enabled else "disabled",
                "FragmentPath": K3S_UNIT_FILE if there else "",
            }
            wanted = flags.get("p") or flags.get("property")
            lines = ["{0}={1}".format(*item) for item in values.items() if not wanted or item[0] in wanted.split(",")]
            return 0, "\n".join(lines) + "\n", ""
        if command[0] in ("is-enabled", "is-active"):
            yes = enabled if command[0] == "is-enabled" else active
            words_for = {"is-enabled": ("enabled", "disabled"), "is-active": ("active", "inactive")}[command[0]]
            return (0 if yes else 1), words_for[0 if yes else 1] + "\n", ""
        if command[0] in ("daemon-reload", "list-unit-files", "list-units"):
            return 0, "", ""
        if not there:
            return 5, "", "Unit {0}.service could not be found.\n".format(unit)
        return self._act_on_k3s(command[0])

    def _act_on_k3s(self, command: str) -> Answer:
        if command == "enable":
            self.machine.write("/etc/systemd/system/multi-user.target.wants/k3s.service", "")
        elif command == "disable":
            self.machine.remove("/etc/systemd/system/multi-user.target.wants/k3s.service")
        elif command == "stop":
            self.cluster.act(self.machine.name, "stop k3s")
            self.machine.remove("/run/k3s.active")
            self.stopped(self.machine)
        elif command in ("start", "restart") and not self.machine.has("/run/k3s.active"):
            return self._start_k3s()
        return 0, "", ""

    def _start_k3s(self) -> Answer:
        cluster, machine = self.cluster, self.machine
        failed: Answer = (1, "", "Job for k3s.service failed because the control process exited with error code.\n")
        config = yaml.safe_load(machine.read(K3S_CONFIG)) or {}
        cluster.act(machine.name, "start k3s", str(config.get("server")))
        known = any(cluster.machine_of(item) is machine for item in cluster.members)
        if not known:
            if str(config.get("token")) != cluster.token or not cluster.has_quorum():
                machine.write("/var/log/k3s.log", "failed to validate token\n")
                return failed
            names = [re.sub("-[0-9a-f]{8}$", "", item["name"]) for item in cluster.members]
            if machine.name in names:
                machine.write("/var/log/k3s.log", "duplicate node name found\n")
                return failed
        machine.write("/run/k3s.active", "")
        with cluster.store.lock:
            cluster.add_member(machine)
            cluster.make_master(machine)
        time.sleep(0.2)
        with cluster.store.lock:
            cluster.register(machine)
            cluster.promote(machine)
        self.started(machine)
        return 0, "", ""

    def _journalctl(self, _words: list[str], _given: str) -> Answer:
        lines = self.machine.read("/var/log/k3s.log").splitlines()
        return 0, "".join(json.dumps({"MESSAGE": line}) + "\n" for line in lines), ""

    def _k3s(self, words: list[str], given: str) -> Answer:
        if words[:1] == ["--version"]:
            return 0, "k3s version {0} (stand-in)\n".format(self.cluster.version), ""
        return self._kubectl(words[1:], given) if words[:1] == ["kubectl"] else (1, "", "not played\n")


def _decoded(secret: Json, key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


# Flags that are followed by their value.
_WITH_VALUE = ("kubeconfig", "server", "n", "c", "o", "l", "p", "w", "f", "field-selector", "namespace", "raw")
_WITH_VALUE += ("endpoints", "cacert", "cert", "key", "property")


def _flags(words: list[str]) -> Json:
    """Flags by name, and the other words under `words`."""
    found: Json = {"words": []}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            found["words"].append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        found[name] = value if equals else rest.pop(0) if name in _WITH_VALUE and rest else True
    return found


def _shown(item: Json, output: str) -> str:
    if output == "json":
        return json.dumps(item)
    if output.startswith("jsonpath="):
        return _jsonpath(item, output.removeprefix("jsonpath="))
    items = item.get("items", [item])
    return "".join("secret/{0}\n".format(one["metadata"]["name"]) for one in items)


def _jsonpath(item: Json, template: str) -> str:
    """The parts of kubectl's templates that are used: paths, texts in quotes, and one level of range."""
    out, rest = "", template
    while rest:
        match = re.match(r"\{range ([^}]*)\}(.*?)\{end\}", rest, re.DOTALL)
        if match:
            path = match.group(1).removesuffix("[*]")
            out += "".join(_jsonpath(one, match.group(2)) for one in _at(item, path) or [])
        else:
            match = re.match(r"\{([^}]*)\}", rest)
            if match:
                word = match.group(1)
                found = word.strip("'") if word.startswith("'") else _at(item, word)
                out += (
                    found.encode().decode("unicode_escape")
                    if word.startswith("'")
                    else str("" if found is None else found)
                )
            else:
                match = re.match(r"[^{]+", rest)
                if match is None:
                    raise ValueError("the stand-in does not read the template {0!r}".format(rest))
                out += match.group(0)
        rest = rest[match.end() :]
    return out


def _at(item: Any, path: str) -> Any:
    for word in path.strip(".").split("."):
        item = item.get(word) if isinstance(item, dict) else None
    return item
