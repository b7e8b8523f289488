# SPDX-License-Identifier: GPL-3.0-or-later
"""What each verb of the bed does."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import (
    binaries,
    cluster,
    conf,
    hosts,
    identity,
    images,
    k3s,
    k3s_release,
    limited,
    machine,
    minio_program,
    release,
    rootfs,
)
from . import objects as store
from . import workloads as work
from .conf import MASTERS, SPARE, STATE, WORKERS, BedError, Host, each, say

# Written when the cluster is complete, with its hosts. `up` starts over a bed without it.
WHOLE = STATE / "cluster.json"
FULL = STATE / "workloads.json"
LOCK = STATE.with_name(STATE.name + ".lock")
# Root file systems and images that no bed has used for so long are removed from the cache.
UNUSED_DAYS = 3


def _hosts_of_bed() -> list[Host]:
    return [conf.host(name) for name in json.loads(WHOLE.read_text())["hosts"]]


def _require_bed() -> None:
    if not WHOLE.exists():
        raise BedError("There is no bed; run `bed up` first.")


def build(mode: str, flavour: str = conf.KUBEADM) -> None:
    machine.require()
    say(f"Kubernetes {release.current().kubernetes}, etcd {release.current().etcd}")
    with conf.lock(conf.CACHE / "lock"):
        parts: list[Callable[[], None]] = [lambda: binaries.fill(mode), rootfs.fill_debian]
        each(lambda part: part(), parts)
        rootfs.fill(k3s.dressing(flavour))
        if not images.store().is_dir():
            rootfs.fill()
            # The importing host lies in the bed's network and state.
            with conf.lock(LOCK):
                images.fill()
                if not WHOLE.exists():
                    hosts.remove_all()


def _create(chosen: list[Host], flavour: str, binary: Path | None, minio: Path | None, interpreter: str) -> None:
    hosts.remove_all()
    hosts.prepare(flavour)
    (STATE / "python").write_text(f"{interpreter}\n")
    release.keep()
    if binary:
        k3s_release.take(binary)
    minio_program.take(minio)
    tree, images_store = rootfs.host_tree(k3s.dressing(flavour)), images.store()
    # By age: a bed of another release that is being made beside this one has no hosts yet.
    for used in (tree, images_store):
        os.utime(used)
    keep, oldest = hosts.trees_in_use(), time.time() - UNUSED_DAYS * 86400
    for old in (*conf.CACHE.glob("host-*"), *conf.CACHE.glob("images-*")):
        if old.stat().st_mtime < oldest and old.name not in keep:
            shutil.rmtree(old, ignore_errors=True)
    each(lambda h: _host(h, tree, images_store, spare=h == SPARE), chosen)
    each(hosts.wait_ready, chosen)
    each(minio_program.furnish, chosen)
    say(f"{len(chosen)} hosts are up: {', '.join(f'{h.name} {h.ip}' for h in chosen)}")
    maker = cluster.create if flavour == conf.KUBEADM else k3s.create
    maker(tuple(h for h in chosen if h in WORKERS))
    limited.write()
    _write_inventory("master-1", SPARE.name)
    now = release.current().kubernetes
    facts = {"hosts": [h.name for h in chosen], "vip": conf.VIP, "kubernetes": now, "flavour": flavour}
    WHOLE.write_text(json.dumps(facts) + "\n")


def _host(host: Host, tree: Path, store: Path, *, spare: bool) -> None:
    hosts.create(host, tree, store)
    if conf.flavour() == conf.K3S:
        k3s_release.furnish(host, spare=spare)


def up(
    *,
    workloads: bool,
    workers: int,
    binaries_mode: str,
    fresh: bool,
    flavour: str,
    binary: Path | None = None,
    download: str = "",
    declared: bool = False,
    one_minio: bool = False,
    minio: Path | None = None,
    python: str = "",
    kubernetes: str = "",
) -> None:
    if not 0 <= workers <= conf.MAX_WORKERS:
        raise BedError(f"--workers takes 0 to {conf.MAX_WORKERS}.")
    if flavour != conf.KUBEADM and workers:
        raise BedError("The flavour k3s has no workers.")
    interpreter = conf.find_python(python)
    if WHOLE.exists() and not fresh:
        _refuse_another(flavour, interpreter if python else "", kubernetes)
        kubernetes = release.of_bed()
    release.use(kubernetes)
    if binary:
        k3s_release.check(binary)
    minio_program.require(minio, kept=WHOLE.exists() and not fresh)
    build(binaries_mode, flavour)
    with conf.lock(LOCK):
        if download and (fresh or not WHOLE.exists()):
            binary = k3s_release.download(download)
        if WHOLE.exists() and not fresh:
            _again(workers)
        else:
            if hosts.states():
                say("removing the current bed" if WHOLE.exists() else "the last `up` did not finish; starting over")
            _create([*MASTERS, SPARE, *WORKERS[:workers]], flavour, binary, minio, interpreter)
        if declared and not FULL.exists():
            cluster.refresh_kubeconfig()
            work.declare()
            say("the OnecloudCluster is declared, without workloads")
        if workloads and not FULL.exists():
            if one_minio:
                work.ONE_MINIO.touch()
            states = hosts.states()
            dead = [m.name for m in MASTERS if states.get(m.name) != "running"]
            if dead:
                raise BedError(
                    f"{', '.join(dead)} must run to get the workloads; power it on, or start over with `bed up --fresh`."
                )
            work.create()
            store.put()
            FULL.write_text("{}\n")
        cluster.refresh_kubeconfig()
    say(f"the bed is up: KUBECONFIG={cluster.KUBECONFIG}, inventory {STATE / 'inventory.yml'}, VIP {conf.VIP}")


def _refuse_another(flavour: str, interpreter: str, kubernetes: str) -> None:
    """Refuse to go on with a bed of another flavour, Python or Kubernetes than the given ones; an empty one is any."""
    if conf.flavour() != flavour:
        raise BedError(f"The current bed has the flavour {conf.flavour()}; `--fresh` makes one of {flavour}.")
    if interpreter and conf.python() != interpreter:
        raise BedError(f"The hosts of the current bed have {conf.python()}; `--fresh` makes a bed with {interpreter}.")
    if kubernetes and release.of_bed() != kubernetes:
        raise BedError(f"The current bed runs Kubernetes {release.of_bed()}; `--fresh` makes one of {kubernetes}.")


def _again(workers: int) -> None:
    """`up` on a bed that is there: one host that was killed stays dead; when none runs, the machine was restarted."""
    chosen, states = _hosts_of_bed(), hosts.states()
    if workers > sum(h in WORKERS for h in chosen):
        raise BedError("The current bed has fewer workers; run `bed down` first.")
    running = [h for h in chosen if states.get(h.name) == "running"]
    if not running:
        hosts.route(keep=True)
        say("no host of the bed runs; starting all of them")
        each(hosts.start, chosen)
        each(hosts.wait_ready, chosen)
        cluster.wait_api()
        return
    hosts.route(keep=True)
    for host in chosen:
        if host not in running:
            say(f"{host.name} is off; run `bed power {host.name}` to start it, or `bed up --fresh` for a new bed")


def down() -> None:
    machine.root()
    with conf.lock(LOCK):
        hosts.remove_all()
    shutil.rmtree(STATE, ignore_errors=True)
    LOCK.unlink(missing_ok=True)
    say("the bed is gone; the cache stays in " + str(conf.CACHE))


def kill(name: str) -> None:
    _require_bed()
    host = conf.host(name)
    if not hosts.running(host):
        say(f"{name} is already off")
        return
    hosts.kill(host)
    say(f"{name} is dead")
    try:
        cluster.refresh_kubeconfig()
    except BedError as why:
        say(str(why))


def power(name: str) -> None:
    _require_bed()
    host = conf.host(name)
    hosts.start(host)
    hosts.wait_ready(host)
    say(f"{name} is on")


def reinstall(name: str) -> None:
    """Reinstall a killed host from scratch, with its old name and address, prepared like the spare host."""
    _require_bed()
    host = conf.host(name)
    if host not in _hosts_of_bed():
        raise BedError(f"{name} is not part of this bed.")
    if hosts.running(host):
        raise BedError(f"{name} is running; run `bed kill {name}` first.")
    with conf.lock(LOCK):
        tree = rootfs.fill(k3s.dressing(conf.flavour()))
        _host(host, tree, images.store(), spare=True)
        hosts.wait_ready(host)
        minio_program.furnish(host)
    say(f"{name} is reinstalled")


def kubeconfig(*, only_limited: bool) -> None:
    _require_bed()
    print(limited.KUBECONFIG if only_limited else cluster.refresh_kubeconfig())


def etcdctl(name: str, command: list[str]) -> None:
    _require_bed()
    print(cluster.etcdctl(conf.host(name), *command), end="")


def kubectl(command: list[str]) -> None:
    _require_bed()
    cluster.refresh_kubeconfig()
    print(cluster.kubectl(*command), end="")


def ssh(name: str, command: list[str]) -> int:
    _require_bed()
    words = command[1:] if command[:1] == ["--"] else command
    return hosts.interactive_ssh(conf.host(name), *([shlex.join(words)] if len(words) > 1 else words))


def inventory(lost: str, replacement: str, survivors: list[str]) -> None:
    _require_bed()
    print(_write_inventory(lost, replacement, survivors), end="")


def _write_inventory(lost: str, replacement: str, named: Sequence[str] = ()) -> str:
    left, fresh = identity.split(lost, replacement)
    survivors = [conf.host(name) for name in named] or left
    # crictl, which kubeadm's preflight requires, is not available.
    kubeadm = {"replace_master_join_skip_phases": ["preflight"]}
    more = kubeadm if conf.flavour() == conf.KUBEADM else k3s.variables()
    # The databases start empty; the operator stand-in recreates them.
    more = {**more, "replace_master_discard": [f"onecloud/default-{one.component}" for one in work.databases()]}
    text = identity.inventory(survivors=survivors, replacement=fresh, state=str(STATE), more=more)
    (STATE / "inventory.yml").write_text(text)
    return text


def objects(act: str, *, only_running: bool) -> int:
    _require_bed()
    cluster.refresh_kubeconfig()
    return store.put() if act == "put" else store.check(only_running=only_running)


def status() -> None:
    _require_bed()
    states = hosts.states()
    note = " (a stand-in: this is not K3s)" if conf.flavour() == conf.STANDIN else ""
    print(f"flavour {conf.flavour()}{note}\n")
    print("HOST       ADDRESS         STATE")
    for host in _hosts_of_bed():
        print(f"{host.name:<10} {host.ip:<15} {states.get(host.name, 'gone')}")
    print(f"\nVIP {conf.VIP} held by: {', '.join(cluster.vip_holders()) or 'no host'}")
    cluster.refresh_kubeconfig()
    print("\netcd members")
    print("\n".join(cluster.etcd_members()) or "none answers")
    for title, argv in (
        ("nodes", ["get", "nodes"]),
        ("claims", ["get", "pvc", "-A"]),
        ("workloads", ["get", "pods", "-A", "-o", "wide", "--field-selector", "metadata.namespace!=kube-system"]),
    ):
        print(f"\n{title}")
        print(cluster.kubectl(*argv, check=False).rstrip() or "the API server does not answer")
