"""Running ocboot: its own process group, an own time limit, a private umask, and nothing of its output that is secret."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checkout import ENTRY
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.output import masked, secrets_in, verdict

# What ocboot leaves in its checkout; both hold passwords in clear.
GENERATED = ("host_inventory.yml", "oc_vars.yml")
TAIL = 60
# Ansible and Python of whoever runs this module would otherwise be those of ocboot's Ansible.
_NOT_INHERITED = ("ANSIBLE_", "PYTHON", "VIRTUAL_ENV", "_MITOGEN")
_GRACE = 10


@dataclasses.dataclass(frozen=True)
class Ran:
    """How a run ended: `problem` is empty for a success as far as ocboot tells, `lines` are the last ones it printed, masked."""

    rc: int
    problem: str
    lines: t.Tuple[str, ...]
    seconds: int


def run(
    folder: str,
    config: str,
    *,
    command: t.Sequence[str] = (),
    python: str = "python3",
    environment: t.Optional[t.Mapping[str, str]] = None,
    timeout: int = 7200,
    keep: bool = False,
) -> Ran:
    """Run `command` (else `python ocboot.py install`) with the configuration's path as last argument, in the checkout.

    The configuration and the files ocboot generates are removed at the end, whatever it was, unless they are to be kept. Raises HaError when it
    can't be started.
    """
    try:
        with open(config, encoding="utf-8") as stream:
            secrets = secrets_in(stream.read())
    except OSError as exc:
        raise HaError("{0} can't be read: {1}".format(config, exc.strerror or exc)) from exc
    if not secrets:
        raise HaError(
            "{0} is not what this collection renders: no password was found in it to be masked".format(config)
        )
    # Files of an earlier run keep their mode when they are written again.
    _remove(folder, GENERATED)
    started = time.monotonic()
    try:
        argv = [*(command or (python, ENTRY, "install")), config]
        rc, output = _call(argv, folder, _environment(python, environment or {}), timeout)
    finally:
        if not keep:
            _remove(folder, [*GENERATED, config])
    problem = "ocboot did not end within {0} s and was stopped".format(timeout) if rc is None else verdict(rc, output)
    lines = masked(output, secrets).splitlines()[-TAIL:]
    return Ran(-1 if rc is None else rc, problem, tuple(lines), int(time.monotonic() - started))


def _call(
    argv: t.Sequence[str], folder: str, environment: t.Mapping[str, str], timeout: int
) -> t.Tuple[t.Optional[int], str]:
    """Return (exit code, output); the code is None when the time was over."""
    # For what ocboot generates; Popen's own argument for it came with Python 3.9.
    umask = os.umask(0o077)
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        raise HaError("{0} can't be started: {1}".format(argv[0], exc.strerror or exc)) from exc
    finally:
        os.umask(umask)
    try:
        output = process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        return None, _text(_stop(process))
    except BaseException:
        _stop(process)
        raise
    return process.returncode, _text(output)


def _stop(process: t.Any) -> bytes:
    """End the whole group, so that no part of ocboot goes on unseen."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            return bytes(process.communicate(timeout=_GRACE)[0])
        except subprocess.TimeoutExpired:
            continue
    return b""


def _environment(python: str, given: t.Mapping[str, str]) -> t.Dict[str, str]:
    found = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
    path = [item for item in found.get("PATH", "/usr/bin:/bin").split(":") if item]
    if "/usr/local/bin" not in path:
        # ocboot would put it first, before the ansible-playbook of its own environment.
        path.append("/usr/local/bin")
    if os.path.dirname(python):
        path.insert(0, os.path.dirname(python))
    found.update(PATH=":".join(path), PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1")
    found.update({str(key): str(value) for key, value in given.items()})
    return found


def _remove(folder: str, names: t.Iterable[str]) -> None:
    for name in names:
        try:
            os.unlink(os.path.join(folder, name))
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise HaError("{0} can't be removed: {1}".format(name, exc.strerror or exc)) from exc


def _text(output: t.Optional[bytes]) -> str:
    return (output or b"").decode("utf-8", "replace")
