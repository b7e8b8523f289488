# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the real playbooks on a stand-in world: starts one in namespaces of its own, runs ansible-playbook in it, asks for its state, ends it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.cluster import CANARIES

Json = dict[str, Any]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONTROLLER = HERE / "stand_in" / "controller.py"
LOST, SPARE = "master-1", "master-4"
SURVIVORS = ("master-2", "master-3")
_JUDGES = ("rows", "invariants", "replacing")
# So that waits poll every second; limits are short enough for a test to see them end.
TIMES: Json = {
    "etcd_cleanup_delay": 1,
    "etcd_cleanup_retries": 60,
    "node_removal_delay": 1,
    "node_removal_notice_timeout": 5,
    "node_removal_timeout": 60,
    "join_delay": 1,
    "join_retries": 60,
    "join_condition_retries": 3,
    "vip_delay": 1,
    "vip_retries": 40,
    "stateful_recovery_delay": 1,
    "stateful_recovery_timeout": 60,
    "stateful_recovery_leftovers_timeout": 40,
}
DISCARD = ["onecloud/default-influxdb", "onecloud/default-victoria-metrics", "tools/data-cache-0"]
POLICIES = [{"namespace": "tools", "claim": "data-*", "policy": "discard", "reason": "a cache", "loses": "the cache"}]


class Done:
    """An ended run: its exit code, both outputs, and the tasks that it began."""

    def __init__(self, code: int, output: str, tasks: list[Json]) -> None:
        self.code, self.output, self.tasks = code, output, tasks

    @property
    def changed(self) -> int:
        """How many results of the run are changes, by its recap."""
        recap = self.output.rpartition("PLAY RECAP")[2]
        return sum(int(word.partition("=")[2]) for word in recap.split() if word.startswith("changed="))


class Replacing:
    """A world and the runs in it. `kept` is a folder for what runs can share; with it they are forks of an ansible-playbook that has imported everything."""

    def __init__(
        self, folder: Path, process: subprocess.Popen[bytes], pid: int, shape: Json, kept: Path | None = None
    ) -> None:
        self.folder, self.process, self.pid, self.shape, self.kept = folder, process, pid, shape, kept
        self.runs = 0
        self._warm: subprocess.Popen[bytes] | None = None
        for name in ("tmp", "reports"):
            (self.folder / "controller" / name).mkdir(parents=True)
        # Ten times the default: two processes share two cores, and ansible-playbook would spend a tenth of its time looking for results.
        (self.folder / "controller" / "ansible.cfg").write_text(
            "[defaults]\ninternal_poll_interval = 0.01\n", encoding="utf-8"
        )
        self.inventory()
        if kept is not None:
            self._warm_up(kept)

    @property
    def provider(self) -> str:
        return str(self.shape.get("provider", "kubeadm"))

    @property
    def reports(self) -> Path:
        return self.folder / "controller" / "reports"

    def machine(self, name: str) -> Path:
        """The root of a machine."""
        return self.folder / "machines" / name

    def ask(self, what: str, **fields: Any) -> Json:
        """A request to the world's control socket."""
        with socket.socket(socket.AF_UNIX) as world:
            world.settimeout(30)
            world.connect(str(self.folder / "control.sock"))
            world.sendall(json.dumps({"do": what, **fields}).encode())
            world.shutdown(socket.SHUT_WR)
            found: Json = json.loads(b"".join(iter(lambda: world.recv(1 << 16), b"")))
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    def state(self) -> Json:
        return self.ask("state")

    def command(self, playbook: str, *arguments: str, settings: Json | None = None, real: bool = False) -> list[str]:
        """The command line of a run in the world."""
        given = {
            "replace_master_lost": LOST,
            "replace_master_confirm": False,
            "replace_master_directory": str(self.reports),
            "replace_master_discard": DISCARD,
            "replace_master_claim_policies": POLICIES,
            **TIMES,
            **(settings or {}),
        }
        name = playbook if playbook.endswith(".yml") else "cloudpods.ha." + playbook
        program = ["ansible-playbook"]
        if self.kept is not None and not real:
            program = [str(self.folder / "warm-python"), str(CONTROLLER), "run"]
        return [
            *self._enter(),
            *program,
            *("-i", str(self.folder / "inventory.json"), name),
            "-e",
            json.dumps({key: value for key, value in given.items() if value is not None}),
            *arguments,
        ]

    def environment(self, at: str = "", cut: int = 0, number: int = 0) -> dict[str, str]:
        """The environment of a run. `at` is what a callback does at a task (see plugins/callback/at_task.py), `cut` the connection that fails."""
        return {
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CONFIG": str(self.folder / "controller" / "ansible.cfg"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "plugins" / "connection"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "plugins" / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "at_task",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "controller" / "tmp"),
            "HOME": str(self.folder / "controller"),
            "TMPDIR": str(self.folder / "controller" / "tmp"),
            "STAND_IN_TASKS": str(self.folder / "tasks-{0}.jsonl".format(number)),
            "STAND_IN_CONTROL": str(self.folder / "control.sock"),
            "STAND_IN_AT": at,
            "STAND_IN_CONNECTIONS": str(self.folder / "connections-{0}".format(number)),
            "STAND_IN_CUT": str(cut) if cut else "",
            **self._shared(),
            "K8S_AUTH_KUBECONFIG": "",
        }

    def play(
        self,
        playbook: str = "replace_master",
        *arguments: str,
        settings: Json | None = None,
        at: str = "",
        cut: int = 0,
        real: bool = False,
        timeout: float = 1800,
    ) -> Done:
        """Run a playbook to its end; `real` starts the program ansible-playbook itself, whatever can be shared."""
        self.runs += 1
        environment = self.environment(at, cut, self.runs)
        done = subprocess.run(
            self.command(playbook, *arguments, settings=settings, real=real),
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
        )
        tasks = Path(environment["STAND_IN_TASKS"])
        lines = tasks.read_text(encoding="utf-8").splitlines() if tasks.is_file() else []
        tasks.unlink(missing_ok=True)
        return Done(done.returncode, done.stdout + done.stderr, [json.loads(line) for line in lines])

    def connections(self) -> list[str]:
        """The machines that the last run connected to, in this order."""
        found = self.folder / "connections-{0}".format(self.runs)
        return [line.split()[1] for line in found.read_text(encoding="utf-8").splitlines()] if found.is_file() else []

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-U", "-m", "-n", "-p", "--preserve-credentials", "--"]

    def _shared(self) -> dict[str, str]:
        if self.kept is None:
            return {}
        return {"STAND_IN_WARM": str(self.folder / "play.sock"), "STAND_IN_ARCHIVES": str(self.kept / "archives")}

    def _warm_up(self, kept: Path) -> None:
        (kept / "archives").mkdir(parents=True, exist_ok=True)
        with (self.folder / "warm.log").open("wb") as log:
            self._warm = subprocess.Popen(
                [*self._enter(), sys.executable, str(CONTROLLER), "serve"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 300
        while not (self.folder / "play.sock").exists():
            if self._warm.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError("the warm controller did not start")
            time.sleep(0.05)

    def end(self) -> None:
        """End the world and remove its folder."""
        with contextlib.suppress(OSError):
            self.ask("stop")
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._warm is not None:
            self._warm.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def inventory(self, survivors: Sequence[str] = SURVIVORS, replacement: str = SPARE) -> None:
        """Write the inventory of the runs from now on."""

        def host(name: str) -> Json:
            return {
                "ansible_connection": "scratch_machine",
                "ansible_python_interpreter": "/usr/local/bin/.warm-python",
                "ansible_become": False,
                "scratch_machine": "/run/machines/" + name,
            }

        groups = {"survivors": survivors, "replacement": (replacement,)}
        inventory: Json = {group: {"hosts": {name: host(name) for name in names}} for group, names in groups.items()}
        local = {"ansible_connection": "local", "ansible_python_interpreter": str(self.folder / "warm-python")}
        inventory["ungrouped"] = {"hosts": {"localhost": local}}
        # As for hosts with sudo, which this controller lacks; then as from a vault: settings that no run here needs, and no output may show.
        inventory["all"] = {
            "vars": {
                "ansible_become": True,
                "ansible_become_user": "nobody",
                "replace_master_ocboot_user_password": CANARIES["setting"],
                "replace_master_ocboot_environment": {"PASSWORD": CANARIES["setting"]},
                "replace_master_ocboot_command": ["run", "-e", "PASSWORD=" + CANARIES["setting"]],
                "replace_master_ocboot_options": {"registry_password": CANARIES["setting"]},
                "replace_master_ocboot_replacement": {"ssh_password": CANARIES["setting"]},
            }
        }
        (self.folder / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")


def certificate(folder: Path) -> None:
    """A certificate for all addresses of a world, which is its own CA."""
    names = ["IP:127.0.0.1", "IP:192.0.2.100", *("IP:192.0.2.{0}".format(number) for number in range(11, 20))]
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=stand-in", "-addext", "subjectAltName=" + ",".join(names)),
            *("-keyout", str(folder / "api.key"), "-out", str(folder / "api.crt")),
        ],
        check=True,
        capture_output=True,
    )


def begin(shape: Json, kept: Path | None = None) -> Replacing:
    """Start a world. `shape` has provider, and same_name for a replacement with the lost machine's name; `kept` see Replacing."""
    # Short: a Unix socket's path is limited.
    folder = Path(tempfile.mkdtemp(prefix="ha-"))
    certificate(folder)
    (folder / "shape.json").write_text(json.dumps(shape), encoding="utf-8")
    log = (folder / "world.log").open("wb")
    inside = [sys.executable, "-m", "ansible_collections.cloudpods.ha.tests.playbooks.stand_in.world", str(folder)]
    environment = dict(os.environ)
    if kept is not None:
        (kept / "compiled").mkdir(parents=True, exist_ok=True)
        environment["STAND_IN_COMPILED"] = str(kept / "compiled")
    process = subprocess.Popen(
        [
            # The world ends with whoever began it, however that ends.
            *("setpriv", "--pdeathsig", "KILL"),
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            *inside,
        ],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    deadline = time.monotonic() + 180
    while not (folder / "ready").is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("the world did not start: " + (folder / "world.log").read_text(encoding="utf-8"))
        time.sleep(0.05)
    children = Path("/proc/{0}/task/{0}/children".format(process.pid)).read_text(encoding="utf-8")
    return Replacing(folder, process, int(children.split()[0]), shape, kept)


@contextlib.contextmanager
def world(kept: Path | None = None, **shape: Any) -> Iterator[Replacing]:
    """A world for the time of a test."""
    made = begin(shape, kept)
    try:
        yield made
    finally:
        made.end()


def admin_kubeconfig(provider: str) -> str:
    """Where the masters have theirs."""
    return PROVIDERS[provider].admin_kubeconfig


def fingerprint() -> str:
    """Of all that a verdict depends on: the collection's code, and what judges it."""
    made = hashlib.sha256()
    names = ["tests/unit/plugins/stand_in_cluster.py", *("tests/playbooks/{0}.py".format(name) for name in _JUDGES)]
    folders = ["plugins", "roles", "playbooks", "meta", "tests/playbooks/stand_in", "tests/playbooks/plugins"]
    paths = [ROOT / name for name in names] + [path for name in folders for path in (ROOT / name).rglob("*")]
    for path in sorted(paths):
        if path.is_file() and path.suffix in (".py", ".yml", ".j2"):
            made.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return made.hexdigest()[:12]


def cache() -> Path:
    """Where the checks keep what they can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudpods-ha"


def kept() -> Path:
    """This checkout's folder for what runs share; emptied when the code is another."""
    folder = cache() / ("stand-in-" + hashlib.sha256("{0}\n".format(ROOT).encode()).hexdigest()[:12])
    mark, now = folder / "fingerprint", fingerprint()
    if not mark.is_file() or mark.read_text(encoding="utf-8") != now:
        shutil.rmtree(folder, ignore_errors=True)
        # Another process may begin at this moment.
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(now, encoding="utf-8")
    return folder


def joined(values: Sequence[str]) -> str:
    """For names of tests."""
    return " ".join(values) or "no arguments"
