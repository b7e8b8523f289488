"""Running ocboot in its own process group, with a time limit and a private umask; its output is returned without secrets."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import signal
import subprocess
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checkout import ENTRY
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.models import VARIABLES
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.output import masked, secrets_in, verdict

# Files that ocboot generates in its checkout; both hold passwords in clear text.
GENERATED = ("host_inventory.yml", "oc_vars.yml")
TAIL = 60
# Variables of the Ansible that runs this module, which ocboot's own Ansible must not see.
_NOT_INHERITED = ("ANSIBLE_", "PYTHON", "VIRTUAL_ENV", "_MITOGEN")
# A shorter value is masked in the echo of the arguments only: masking every "1" of the output would hide why a run failed.
_SHORTEST_SECRET = 4
_PLAIN = (ENTRY, "install", "true", "false", "none")
_GRACE = 10


class Ran(t.NamedTuple):
    """How a run ended: `problem` is empty when ocboot reports success, `lines` are the last it printed, masked; `rc` is -1 after the time limit."""

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

    `timeout` is in seconds. With `keep`, the configuration and the files that ocboot generates stay; otherwise they are removed, after a failure too.
    Raises HaError when the configuration has no password to mask, when ocboot can't be started, or when a file can't be removed.
    """
    try:
        with open(config, encoding="utf-8") as stream:
            secrets = secrets_in(stream.read())
    except OSError as exc:
        raise HaError("{0} can't be read: {1}".format(config, exc.strerror or exc)) from exc
    if not secrets:
        raise HaError("{0} was not rendered by this collection: no password to mask was found in it".format(config))
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
    lines = masked(output, [*secrets, *secrets_given(command, environment or {})]).splitlines()[-TAIL:]
    return Ran(-1 if rc is None else rc, problem, tuple(lines), int(time.monotonic() - started))


def secrets_given(command: t.Sequence[str], environment: t.Mapping[str, t.Any]) -> t.Tuple[str, ...]:
    """The values of `command` and `environment` that may be secrets: all but the program, options without a value, and short or plain words."""
    given = [value for value in command[1:] if not value.startswith("-")]
    given += [str(value) for name, value in environment.items() if name not in VARIABLES]
    # --token=VALUE, and VARIABLE=VALUE for env(1).
    given += [value.partition("=")[2] for value in [*command[1:], *given]]
    return tuple(value for value in given if len(value) >= _SHORTEST_SECRET and value.lower() not in _PLAIN)


def _call(
    argv: t.Sequence[str], folder: str, environment: t.Mapping[str, str], timeout: int
) -> t.Tuple[t.Optional[int], str]:
    """Return (exit code, output); the code is None when the time limit was reached."""
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
    """End the process group, so that no child of ocboot goes on, and return its output."""
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
