# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the lock of the cluster for this run, or keeps it, or releases it. While the run lives, a process beside it renews the lock."""

from __future__ import annotations

import getpass
import os
import socket
import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import (
    ApiRefused,
    ApiUnavailable,
    HaError,
    ObjectChanged,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._guard import ended, guard, identity
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import lock as rules
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, KubeApi, connect

_PATH = "{0}/{1}".format(rules.PATH, rules.NAME)
# Somebody else wrote the Lease between reading and writing it.
_ATTEMPTS = 5
# Seconds that an API server may be away at the start of a phase, as one that restarts is. Between them the process beside the run renews the lock.
_AWAY, _PAUSE = 45.0, 3.0


class ActionModule(ActionBase):
    """Runs on the controller only. The run is the parent of the process that carries out the task."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        spec = {
            **KUBECONFIG_ARGUMENT,
            "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
            "take_over": {"type": "bool", "default": False},
        }
        _validation, given = self.validate_argument_spec(spec)  # type: ignore[no-untyped-call]
        process = identity(os.getppid())
        holder = holder_of(os.getppid(), process)
        try:
            api = connect(given["kubeconfig"], check_mode=self._task.check_mode)
            if given["state"] == "released":
                return {"changed": release(api, holder), "holder": holder}
            taken = patiently(lambda: take(api, holder, process, take_over=given["take_over"]))
            if taken and not self._task.check_mode:
                _watch_over(given["kubeconfig"], holder, process)
        except HaError as exc:
            return {"failed": True, "changed": False, "msg": str(exc)}
        return {"changed": taken, "holder": holder}


def holder_of(pid: int, process: str) -> str:
    """USER@CONTROLLER and the run's number, as a person should read it."""
    number = "-".join(process.split("/")[2:]) or str(pid)
    return "{0}@{1} (run {2})".format(getpass.getuser(), socket.gethostname(), number)


def take(api: KubeApi, holder: str, process: str, *, take_over: bool = False) -> bool:
    """Take the lock, or renew it. Returns whether it was taken. Raises HaError if somebody else holds it, or the cluster can't be asked."""
    for _attempt in range(_ATTEMPTS):
        found = api.get(_PATH)
        now = api.server_time or time.time()
        known = rules.parse(found)
        has_ended = known is not None and ended(known.process)
        mine = rules.check(known, holder, now=now, has_ended=has_ended, take_over=take_over)
        acquired = known.acquired if mine and known else None
        version = str(found["metadata"]["resourceVersion"]) if found else ""
        body = rules.lease(holder, process, now=now, acquired=acquired, version=version)
        try:
            if found:
                api.replace(_PATH, body)
            else:
                api.create(rules.PATH, body)
        except ApiRefused as exc:
            if exc.status not in (404, 409):
                raise
            continue
        return not mine
    raise HaError("the lock {0} changed {1} times while it was taken; run again".format(_PATH, _ATTEMPTS))


def patiently(taking: t.Callable[[], bool], *, seconds: float = _AWAY, pause: float = _PAUSE) -> bool:
    """Take the lock, asking an API server that does not answer again for so long. Raises what `taking` raises."""
    deadline, unsure = time.monotonic() + seconds, False
    while True:
        try:
            # A try whose answer was lost may have taken the lock, and then nothing renews it yet.
            return taking() or unsure
        except ApiUnavailable:
            if time.monotonic() + pause > deadline:
                raise
        unsure = True
        time.sleep(pause)


def release(api: KubeApi, holder: str) -> bool:
    """Release the lock if it is this run's, or a dead run's of this controller. Returns whether it was. Raises HaError if the cluster can't be asked."""
    for _attempt in range(_ATTEMPTS):
        found = api.get(_PATH)
        known = rules.parse(found)
        if found is None or known is None or not (known.holder == holder or ended(known.process)):
            return False
        try:
            # In the version that was read: a takeover by another run keeps the UID. A renewal changes the version too, so it is read again.
            return api.delete(_PATH, uid=found["metadata"]["uid"], version=known.version)
        except ObjectChanged:
            continue
    return False


def _watch_over(kubeconfig: str, holder: str, process: str) -> None:
    """Renew the lock while this run lives, and release it when the run ends without having done so."""

    def renew() -> bool:
        try:
            api = connect(kubeconfig)
            found = api.get(_PATH)
            known = rules.parse(found)
            if found is None or known is None or known.holder != holder:
                return False
            version = str(found["metadata"]["resourceVersion"])
            now = api.server_time or time.time()
            api.replace(_PATH, rules.lease(holder, process, now=now, acquired=known.acquired, version=version))
        except HaError:
            # The API server may be away for a moment. Whoever needs the lock asks for it again.
            return True
        return True

    def let_go() -> None:
        release(connect(kubeconfig), holder)

    guard(os.getppid(), beat=renew, every=rules.RENEWAL, clean=let_go)
