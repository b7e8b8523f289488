"""Reads and changes the etcd cluster through the member of this host. Needs etcd 3.4 or later (API v3).

The only file that runs etcdctl. It implements check mode: nothing is removed or written.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import shutil
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    PROVIDERS,
    PUSHED_PROGRAMS,
    Provider,
    etcdctl_argv,
    etcdutl_argv,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._endpoints import api_port, etcd_urls
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd import parse
from ansible_collections.cloudpods.ha.plugins.module_utils._etcd.quorum import Target, removal
from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner

# Options of every module that talks to etcd; documented in doc_fragments/_etcd.py.
ETCD_ARGUMENTS: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "provider": {"type": "str", "choices": sorted(PROVIDERS), "default": "kubeadm"},
    "node_name": {"type": "str", "required": True},
    "node_ip": {"type": "str", "required": True},
}

T = t.TypeVar("T")


class EtcdClient:
    """etcdctl in this host's etcd pod, or on the host where the provider has none.

    Every method raises CommandFailed when etcdctl fails or its output can't be parsed.
    """

    def __init__(
        self, *, run: Runner, provider: Provider, node_name: str, node_ip: str, check_mode: bool = False
    ) -> None:
        self.provider = provider
        self.node_name = node_name
        self.check_mode = check_mode
        self._node_ip = node_ip
        self._run = run
        self._api_port = api_port(provider)
        # What etcd is told to listen on: K3s listens on one loopback address only, not always that of the Node's family.
        self._own = etcd_urls(provider, "listen-client-urls", "")[0]
        self._where = "in pod etcd-{0}".format(node_name) if provider.etcd_in_pod else "on {0}".format(node_name)

    def read(self) -> Etcd:
        """The members, each read through its own endpoint, with alarms and the version of this host's member."""
        head, members = self._ask(("member", "list"), lambda answer: (parse.header(answer), parse.members(answer)))
        return Etcd(
            executor=self.node_name,
            executor_id=head.member_id,
            cluster_id=head.cluster_id,
            version=self.status().version,
            members=tuple(self._probe(member) for member in members),
            alarms=self._ask(("alarm", "list"), parse.alarms),
        )

    def status(self) -> parse.Status:
        """The status of this host's member."""
        return self._ask(("endpoint", "status"), parse.status)

    def revision(self) -> int:
        """The revision of the store, read linearizably through this host's member."""
        return self._ask(_LINEARIZABLE_READ, parse.header).revision

    def remove(self, member_id: str) -> None:
        """Remove a member by its ID without a safety check, which remove_member() has."""
        if not self.check_mode:
            self._ask(("member", "remove", member_id), parse.header)

    def save_snapshot(self, path: str, *, timeout: int) -> None:
        """Save a snapshot to a path that etcdctl sees, within `timeout` seconds."""
        # The last of two equal flags counts: a snapshot takes longer than a query.
        self._output(
            (*self._etcdctl(), "--command-timeout={0}s".format(timeout), "snapshot", "save", path), "snapshot save"
        )

    def snapshot_revision(self, path: str) -> int:
        """The revision of a snapshot file that etcdctl sees. etcdctl reads such files up to etcd 3.5, etcdutl from
        3.5 on.
        """
        etcdutl = etcdutl_argv(
            self.provider,
            node_name=self.node_name,
            node_ip=self._node_ip,
            program=program_path("etcdutl"),
            api_port=self._api_port,
        )
        heads = (self._etcdctl(), etcdutl)
        failures = []
        for head in heads:
            try:
                out = self._output((*head, "snapshot", "status", path, "-w", "json"), "snapshot status")
                return self._parsed(out, parse.snapshot_revision, "snapshot status")
            except CommandFailed as exc:
                failures.append(exc)
        raise CommandFailed(failures[-1].program, failures[-1].rc, "; ".join(exc.detail for exc in failures))

    def _probe(self, member: Member) -> Member:
        """Read through one member only: a probe of several endpoints at once would hide a dead one (hazard
        E2).
        """
        if not member.started:
            return member._replace(error="it never started")
        if member.learner:
            return member._replace(error="a learner serves no reads")
        try:
            head = self._ask(_LINEARIZABLE_READ, parse.header, endpoint=member.client_urls[0])
        except CommandFailed as exc:
            return member._replace(error=exc.detail)
        found = member._replace(cluster_id=head.cluster_id, revision=head.revision)
        if head.member_id != member.id:
            return found._replace(error="{0} answered as member {1}".format(member.client_urls[0], head.member_id))
        return found._replace(healthy=True)

    def _ask(self, command: t.Sequence[str], read: t.Callable[[t.Any], T], *, endpoint: str = "") -> T:
        what = " ".join(command[:2])
        return self._parsed(self._output((*self._etcdctl(endpoint), *command, "-w", "json"), what), read, what)

    def _etcdctl(self, endpoint: str = "") -> t.List[str]:
        return etcdctl_argv(
            self.provider,
            node_name=self.node_name,
            node_ip=self._node_ip,
            endpoint=endpoint or self._own,
            program=program_path("etcdctl"),
            api_port=self._api_port,
        )

    def _output(self, argv: t.Sequence[str], what: str) -> str:
        rc, out, err = self._run(argv)
        if rc != 0:
            raise CommandFailed(self._program(what), rc, parse.reason(out, err))
        return out

    def _parsed(self, out: str, read: t.Callable[[t.Any], T], what: str) -> T:
        try:
            return read(json.loads(out))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as exc:
            detail = "its output can't be parsed: {0!r}".format(out[:120])
            raise CommandFailed(self._program(what), 0, detail) from exc

    def _program(self, what: str) -> str:
        return "etcdctl {0} {1}".format(what, self._where)


def program_path(name: str) -> str:
    """The path of an etcd program on this host: the operator's copy, else the one in PATH; the bare name without one."""
    pushed = "{0}/{1}".format(PUSHED_PROGRAMS, name)
    return pushed if os.access(pushed, os.X_OK) else shutil.which(name) or name


_LINEARIZABLE_READ = ("get", "health", "--consistency=l")


class Removal(t.NamedTuple):
    """The result of a removal. With refusals, nothing was done; in check mode, `after` is the membership that would remain."""

    changed: bool
    before: Etcd
    after: Etcd
    refusals: t.Tuple[Refusal, ...] = ()


def remove_member(client: EtcdClient, target: Target) -> Removal:
    """Remove a member if etcd's current state makes that safe; a member that is already gone is no change."""
    before = client.read()
    verdict = removal(before, target)
    if verdict.refusals or not verdict.present:
        return Removal(changed=False, before=before, after=before, refusals=verdict.refusals)
    remaining = tuple(member for member in before.members if member.id != target.id)
    if client.check_mode:
        return Removal(changed=True, before=before, after=before._replace(members=remaining))
    try:
        client.remove(target.id)
    except CommandFailed:
        # A removal whose answer was lost may have been committed: the member list decides.
        after = client.read()
        if any(member.id == target.id for member in after.members):
            raise
        return Removal(changed=True, before=before, after=after)
    return Removal(changed=True, before=before, after=client.read())
