# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, addresses, paths and versions of the bed, and the few helpers every part uses."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

LOCAL_PATH = "v0.0.30"
MINIO = "v0.0.0-20260212201848-7aac2a2c5b7c"
DEBIAN = "bookworm"

POD_CIDR = ipaddress.ip_network("10.40.0.0/16")
SERVICE_CIDR = ipaddress.ip_network("10.96.0.0/12")
# Networks for documentation (RFC 5737) and for benchmarks (RFC 2544), which are not routed. The first that this machine
# does not use itself is chosen.
SUBNETS = tuple(ipaddress.IPv4Network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "198.18.53.0/24"))
CACHE = Path(os.environ.get("CLOUDPODS_HA_BED_CACHE") or Path.home() / ".cache/cloudpods-ha-bed")
DEFAULT_STATE = Path("/var/lib/cloudpods-ha-bed")
STATE = Path(os.environ.get("CLOUDPODS_HA_BED_STATE") or DEFAULT_STATE)
# Containers, network and volumes are named after the state, so that two beds can run side by side.
PREFIX = STATE.name
HERE = Path(__file__).resolve().parent.parent
START = time.monotonic()
_SAY = threading.Lock()


# kubeadm; K3s, from a given binary; the stand-in for K3s, for machines that have no binary.
SYSTEM_PYTHON = "/usr/bin/python3"
PYTHON_VARIABLE = "CLOUDPODS_HA_BED_PYTHON"
KUBEADM, K3S, STANDIN = "kubeadm", "k3s", "k3s-standin"


class BedError(Exception):
    """An error as one clear sentence for the operator."""


def used_networks(table: str) -> list[ipaddress.IPv4Network]:
    """The networks of /proc/net/route's text (little-endian hex), the default route left out."""
    rows = [line.split() for line in table.splitlines()[1:] if line.strip()]

    def address(word: str) -> str:
        return str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(word), "little")))

    return [ipaddress.IPv4Network(f"{address(r[1])}/{address(r[7])}") for r in rows if r[7] != "00000000"]


def choose_subnet(used: Sequence[ipaddress.IPv4Network], *, prefix: str = DEFAULT_STATE.name) -> ipaddress.IPv4Network:
    """The first free network; the last one for a bed beside the usual one, so that two that come up at the same time differ."""
    order = SUBNETS if prefix == DEFAULT_STATE.name else SUBNETS[::-1]
    return next((n for n in order if not any(n.overlaps(other) for other in used)), order[0])


def _subnet() -> ipaddress.IPv4Network:
    """The network of the bed that is up, else the one asked for, else a free one."""
    with contextlib.suppress(OSError, ValueError):
        return ipaddress.IPv4Network((STATE / "subnet").read_text().strip())
    asked = os.environ.get("CLOUDPODS_HA_BED_SUBNET")
    try:
        if asked:
            return ipaddress.IPv4Network(asked)
        return choose_subnet(used_networks(Path("/proc/net/route").read_text()), prefix=PREFIX)
    except (OSError, ValueError) as why:
        if asked:
            raise SystemExit(f"bed: CLOUDPODS_HA_BED_SUBNET={asked} is not an IPv4 network: {why}") from why
        return SUBNETS[0]


SUBNET = _subnet()


@dataclass(frozen=True)
class Host:
    """One host of the bed.

    ``index`` is its last address byte (11 for master-1) and the third byte of its pod range.
    """

    name: str
    index: int

    @property
    def ip(self) -> str:
        return str(SUBNET.network_address + self.index)

    @property
    def pods(self) -> str:
        """The /24 that this host's CNI hands out."""
        return f"{POD_CIDR.network_address + 256 * self.index}/24"

    @property
    def container(self) -> str:
        return f"{PREFIX}-{self.name}"


VIP = str(SUBNET.network_address + 10)
GATEWAY = str(SUBNET.network_address + 1)
MASTERS = tuple(Host(f"master-{n}", 10 + n) for n in (1, 2, 3))
SPARE = Host("master-4", 14)
# Imports the images while the cache is filled; never part of a bed.
MAKER = Host("image-maker", 250)
MAX_WORKERS = 9
WORKERS = tuple(Host(f"worker-{n}", 20 + n) for n in range(1, MAX_WORKERS + 1))


def flavour() -> str:
    """The flavour of the bed that is there; kubeadm when there is none."""
    try:
        return (STATE / "flavour").read_text().strip()
    except OSError:
        return KUBEADM


def python() -> str:
    """The Python of the bed's hosts that modules run on."""
    try:
        return (STATE / "python").read_text().strip()
    except OSError:
        return SYSTEM_PYTHON


def find_python(version: str) -> str:
    """The path of pyenv's Python of this version. It is in a folder of its own, which can be laid into the hosts."""
    if not version:
        return SYSTEM_PYTHON
    folder = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*folder.glob(f"{version}/bin/python"), *folder.glob(f"{version}.*/bin/python")]
    if not found:
        raise BedError(f"There is no Python {version} in {folder}.")
    return str(max(found, key=lambda path: [int(part) for part in path.parts[-3].split(".") if part.isdigit()]))


def host(name: str) -> Host:
    for one in (*MASTERS, SPARE, *WORKERS):
        if one.name == name:
            return one
    raise BedError(f"There is no host {name!r}; the hosts are master-1 to master-4 and worker-1 to worker-9.")


def goarch() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def say(text: str) -> None:
    """One progress line with the seconds since the command began."""
    with _SAY:
        print(f"[{time.monotonic() - START:6.1f}s] {text}", flush=True)


def run(
    argv: Sequence[object],
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    log: Path | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command; output is captured, or appended to ``log``. A failure is a BedError that names the log."""
    full = [str(a) for a in argv]
    kwargs: dict[str, object] = {"cwd": cwd, "env": {**os.environ, **(env or {})}, "timeout": timeout}
    kwargs["input" if stdin is not None else "stdin"] = stdin if stdin is not None else subprocess.DEVNULL
    try:
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as sink:
                sink.write(("\n$ " + " ".join(full) + "\n").encode())
                sink.flush()
                done = subprocess.run(full, stdout=sink, stderr=subprocess.STDOUT, **kwargs)  # type: ignore[call-overload]
            out, err = "", ""
        else:
            done = subprocess.run(full, capture_output=True, **kwargs)  # type: ignore[call-overload]
            out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    except FileNotFoundError as why:
        raise BedError(f"The program {full[0]} is not installed.") from why
    except subprocess.TimeoutExpired as why:
        raise BedError(f"{Path(full[0]).name} {' '.join(full[1:3])} did not finish within {timeout:.0f} s.") from why
    if check and done.returncode != 0:
        hint = f"the log is {log}" if log else (err.strip() or out.strip())[-600:]
        raise BedError(f"{Path(full[0]).name} {' '.join(full[1:4])} ended with code {done.returncode}: {hint}")
    return subprocess.CompletedProcess(full, done.returncode, out, err)


def wait_for(what: str, probe: Callable[[], T], *, seconds: float, every: float = 0.5) -> T:
    """Call ``probe`` until it returns something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        got = probe()
        if got:
            return got
        if time.monotonic() > end:
            raise BedError(f"{what} did not happen within {seconds:.0f} s.")
        time.sleep(every)


@contextlib.contextmanager
def finished(target: Path) -> Iterator[Path]:
    """A scratch directory that becomes ``target`` only when the block ends well.

    So a build that was killed is never taken for a finished one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    yield scratch
    shutil.rmtree(target, ignore_errors=True)
    scratch.rename(target)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Allow only one changing bed command at a time; a second one waits and reports that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another bed command holds {path}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def each(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Run ``work`` on all items in threads; raise the first error after all have ended."""
    from concurrent.futures import ThreadPoolExecutor

    todo = list(items)
    if not todo:
        return []
    with ThreadPoolExecutor(max_workers=len(todo)) as pool:
        return [f.result() for f in [pool.submit(work, i) for i in todo]]


def main_error(text: str) -> int:
    print(f"bed: {text}", file=sys.stderr)
    return 1
