# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of scratch machines with one lost master, until its control socket says stop. Started by replacing.py in namespaces of its own.

Usage: world.py FOLDER. FOLDER/shape.json says which cluster; FOLDER/control.sock takes one JSON request a connection.
"""

from __future__ import annotations

import http.server
import json
import marshal
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.cloudpods.ha.tests.playbooks.stand_in import changes
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.api import Api, Fault, Quiet, Tls, start
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.cluster import Cluster
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.controllers import Controllers
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.machines import (
    SOCKET,
    WARM,
    Machine,
    executable,
    network,
    warm_controller,
)
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.programs import Programs
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.snapshots import Snapshots

Json = dict[str, Any]


class World:
    """All machines, what listens on them, and the control socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shape = json.loads((folder / "shape.json").read_text(encoding="utf-8"))
        certificate, key = (folder / name for name in ("api.crt", "api.key"))
        machines = Path("/run/machines")
        machines.mkdir()
        (folder / "machines").mkdir()
        subprocess.run(["mount", "--bind", str(folder / "machines"), str(machines)], check=True)
        self.cluster = Cluster(
            shape, machines, certificate.read_text(encoding="utf-8"), key.read_text(encoding="utf-8")
        )
        self.api = Api(self.cluster.store, self.cluster.version, lambda sentence: self.cluster.unsafe.append(sentence))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.programs: dict[str, Programs] = {}
        self.listening: dict[str, list[http.server.HTTPServer]] = {}
        self.leaks: set[str] = set()
        self.plain: dict[str, list[socket.socket]] = {}
        network()
        executable(WARM, folder / "warm-python")
        warm_controller()
        masters = [name for name in self.cluster.machines if name != self.cluster.spare]
        for name, machine in self.cluster.machines.items():
            machine.boot()
            if name in masters and name != self.cluster.lost:
                # The lost one was MASTER.
                self.cluster.make_master(machine, keepalived="BACKUP")
                if self.cluster.k3s:
                    machine.write("/run/k3s.active", "")
                self.start(machine)
            self._equip(name, machine)
        self._shape(shape)
        self.controllers = Controllers(self.cluster)
        self.controllers.make_folders()
        self.controllers.round()
        self.snapshots = Snapshots(self)

    def _shape(self, shape: Json) -> None:
        """What is wrong from the start, beside the lost machine: lost_on, down, dirty, alarm, learner."""
        for name in ([] if shape.get("lost_on") else [self.cluster.lost]) + shape.get("down", []):
            self._power_off(self.cluster.machines[name])
        spare = self.cluster.machines[self.cluster.spare]
        if shape.get("dirty"):
            spare.write(self.cluster.provider.etcd_data + "/member/snap/db", "of another cluster")
        self.cluster.alarm = bool(shape.get("alarm"))
        if shape.get("learner"):
            peer = "https://192.0.2.99:2380"
            self.cluster.members.append({"ID": 99, "name": "", "peerURLs": [peer], "isLearner": True})
        for name in shape.get("changes", []):
            changes.CHANGES[name](self)

    # What listens.

    def start(self, machine: Machine) -> None:
        """API server, etcd and kubelet of a machine listen from now on."""
        if self.listening.get(machine.name):
            return
        api, metrics = machine.sockets([("0.0.0.0", 6443), ("0.0.0.0", 2381)])  # noqa: S104  in the machine's network
        servers: list[http.server.HTTPServer] = [
            Tls(api, self.api.handler(), self.tls),
            Quiet(metrics, _health(self.cluster)),
        ]
        self.listening[machine.name] = servers
        for server in servers:
            start(server)
        for port in (2379, 2380, 10250):
            self.listen(machine, port)

    def listen(self, machine: Machine, port: int) -> None:
        """Connections are accepted and closed."""
        sock = machine.sockets([("0.0.0.0", port)])[0]  # noqa: S104  in the machine's network
        self.plain.setdefault(machine.name, []).append(sock)

        def accept() -> None:
            while True:
                try:
                    sock.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()

    def stop(self, machine: Machine) -> None:
        """Its control plane listens no more."""
        for server in self.listening.pop(machine.name, []):
            server.shutdown()
            server.server_close()
        for sock in self.plain.pop(machine.name, []):
            sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        if machine.on:
            self.listen(machine, 22)

    def _power_off(self, machine: Machine) -> None:
        machine.on = False
        self.stop(machine)
        machine.off()

    def lose(self, name: str) -> None:
        """A machine is off since ten minutes."""
        machine = self.cluster.machines[name]
        with self.cluster.store.lock:
            machine.carry(False)
            self._power_off(machine)
            self.cluster.lose(name)

    def install(self, name: str) -> None:
        """A machine that is off is replaced by a new one of the same name and address, on which nothing but a system is installed."""
        former = self.cluster.machines[name]
        former.scrap()
        machine = Machine(name, former.address, uuid.uuid4().hex, former.folder)
        machine.boot()
        self.cluster.machines[name] = machine
        self._equip(name, machine)

    def _equip(self, name: str, machine: Machine) -> None:
        """What a machine has from its boot on: SSH and its programs."""
        self.listen(machine, 22)
        self.programs[name] = programs = Programs(self.cluster, machine, self.start, self.stop)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(machine.path(SOCKET)))
        server.listen(64)

        def answer(connection: socket.socket) -> None:
            with connection:
                words = marshal.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
                try:
                    found = programs.run(words[:-1], words[-1])
                except Exception:  # noqa: BLE001  whatever happens, the program ends and the reason is seen
                    found = (70, "", "stand-in: " + traceback.format_exc())
                    self.cluster.unsafe.append("the stand-in failed: {0}: {1}".format(words, traceback.format_exc()))
                connection.sendall(marshal.dumps(found))

        threading.Thread(target=_accept, args=(server, answer), daemon=True).start()

    # Control.

    def control(self, asked: Json) -> Json:
        """Carry out a request of the tests."""
        what, cluster = asked["do"], self.cluster
        if what == "state":
            with cluster.store.lock:
                return {
                    "objects": list(cluster.store.objects.values()),
                    "log": cluster.store.log,
                    "acts": cluster.acts,
                    "unsafe": cluster.unsafe,
                    "members": cluster.members,
                    "calls": {name: item.calls for name, item in self.programs.items()},
                    "requests": self.api.requests,
                    "faults": self.api.faults,
                    "secrets": cluster.secrets,
                    "leaks": sorted(self.leaks),
                    "rights": {"granted": sorted(self.api.rights.granted), "used": sorted(self.api.rights.used)},
                    "vip": [name for name, item in cluster.machines.items() if item.vip],
                }
        if what == "fault":
            self.api.fault = Fault(asked["kind"], self.api.requests + asked["first"], asked.get("count", 1))
        elif what == "settle":
            self.snapshots.settle()
        elif what == "snapshot":
            return {"digest": self.snapshots.take(asked["name"])}
        elif what == "restore":
            self.snapshots.restore(asked["name"])
        elif what == "lose":
            self.lose(asked["name"])
        elif what == "install":
            self.install(asked["name"])
        elif what == "no fault":
            self.api.fault = None
        elif what == "change":
            with cluster.store.lock:
                changes.CHANGES[asked["name"]](self)
        return {}

    def run(self) -> None:
        """Rounds of the controllers, until a request says stop."""
        server = socket.socket(socket.AF_UNIX)
        path = self.folder / "control.sock"
        server.bind(str(path))
        server.listen(16)
        ended = threading.Event()

        def answer(connection: socket.socket) -> None:
            with connection:
                asked = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
                try:
                    found = self.control(asked) if asked["do"] != "stop" else {}
                except Exception:  # noqa: BLE001  the test sees it
                    found = {"error": traceback.format_exc()}
                connection.sendall(json.dumps(found).encode())
                if asked["do"] == "stop":
                    ended.set()

        threading.Thread(target=_accept, args=(server, answer), daemon=True).start()
        threading.Thread(target=self._watch_arguments, daemon=True).start()
        (self.folder / "ready").write_text("ready", encoding="utf-8")
        while not ended.wait(0.15):
            self.controllers.round()

    def _watch_arguments(self) -> None:
        """Looks for secrets in the arguments of all processes of this world, the controller's too."""
        while True:
            words = [item.encode() for item in self.cluster.secrets]
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                if any(word in line for word in words):
                    self.leaks.add(line.replace(b"\0", b" ").decode("utf-8", "replace")[:200])
            time.sleep(0.05)


def _accept(server: socket.socket, answer: Any) -> None:
    while True:
        connection, _address = server.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def _health(cluster: Cluster) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"health": "true" if cluster.has_quorum() else "false", "reason": ""}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


def main() -> None:
    """Entry point."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    world = World(Path(sys.argv[1]))
    world.run()
    time.sleep(0.05)
    os._exit(0)


if __name__ == "__main__":
    main()
