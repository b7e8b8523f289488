"""Runs programs on this host through one callable, which tests can replace."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import CommandFailed

# argv -> (exit code, standard output, standard error)
Runner = t.Callable[[t.Sequence[str]], t.Tuple[int, str, str]]


def module_runner(module: t.Any) -> Runner:
    """A runner over an AnsibleModule. A program that is not installed is exit code 127, as in a shell."""

    def run(argv: t.Sequence[str]) -> t.Tuple[int, str, str]:
        # C.UTF-8: programs' messages are shown to the operator.
        try:
            rc, out, err = module.run_command(list(argv), environ_update={"LC_ALL": "C.UTF-8"}, handle_exceptions=False)
        except OSError as exc:
            return 127, "", str(exc)
        return rc, out, err

    return run


def output_of(run: Runner, argv: t.Sequence[str], *, program: str) -> str:
    """Return the standard output of a program. Raises CommandFailed with the last line it wrote on standard error."""
    rc, out, err = run(argv)
    if rc != 0:
        lines = [line for line in (err or out).strip().splitlines() if line.strip()]
        raise CommandFailed(program, rc, lines[-1][:400] if lines else "no output")
    return out
