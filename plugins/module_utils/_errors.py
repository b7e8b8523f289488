"""Errors by meaning. Each has its facts as fields; only a module's main() turns it into a message for Ansible."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.cloudpods.ha.plugins.module_utils._codes import known
from ansible_collections.cloudpods.ha.plugins.module_utils._format import printable


class HaError(Exception):
    """Base of every error this collection raises on purpose. Its text may quote a server or a program, so it can't control a terminal."""

    def __init__(self, text: str) -> None:
        super().__init__("\n".join(printable(line) for line in text.split("\n")))


class ApiUnavailable(HaError):
    """The API server did not answer (refused, timed out, or reported that it is not ready)."""

    def __init__(self, server: str, reason: str) -> None:
        self.server = server
        self.reason = reason
        super().__init__("the API server at {0} does not answer: {1}".format(server, reason))


class ApiRefused(HaError):
    """The API server answered with an error status."""

    def __init__(self, verb: str, path: str, status: int, reason: str) -> None:
        self.verb = verb
        self.path = path
        self.status = status
        self.reason = reason
        super().__init__("{0} {1} was answered with {2}: {3}".format(verb, path, status, reason))


class ObjectChanged(HaError):
    """An object is no longer the planned one: its UID differs."""

    def __init__(self, path: str, uid: str) -> None:
        self.path = path
        self.uid = uid
        super().__init__("{0} is no longer the object with UID {1}; nothing was deleted".format(path, uid))


class CommandFailed(HaError):
    """A program on this host failed or printed invalid output."""

    def __init__(self, program: str, rc: int, detail: str) -> None:
        self.program = program
        self.rc = rc
        self.detail = detail
        super().__init__("{0} failed (exit code {1}): {2}".format(program, rc, detail))


class Unsafe(HaError):
    """An action is refused because the observed state does not allow it."""

    def __init__(self, code: str, observed: str, remedy: str) -> None:
        self.code = known(code)
        self.observed = observed
        self.remedy = remedy
        super().__init__("{0}: {1} {2}".format(code, observed, remedy))
