# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection to a scratch machine of the stand-in world: its namespaces are entered, its files are those of its root."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: scratch_machine
short_description: A scratch machine of the tests
description: Runs commands in the namespaces of a machine that is a folder.
author: cloudpods.ha authors
options:
  machine:
    description: The folder of the machine.
    vars:
      - name: scratch_machine
extends_documentation_fragment:
  - connection_pipelining
"""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Connection(LocalConnection):
    """The n-th connection of a run fails if STAND_IN_CUT says n, as an SSH that is cut."""

    transport = "scratch_machine"
    has_pipelining = True
    _counted = False

    def _holder(self) -> str:
        folder = self.get_option("machine")
        with open(folder + "/holder.pid", encoding="utf-8") as stream:
            holder = stream.read().strip()
        if not self._counted:
            self._counted = True
            self._count(folder)
        if not os.path.exists("/proc/{0}/root".format(holder)):
            raise AnsibleConnectionFailure("the machine is off")
        return holder

    def _count(self, folder: str) -> None:
        counter = os.environ.get("STAND_IN_CONNECTIONS")
        if not counter:
            return
        with open(counter, "a+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            number = len(stream.readlines()) + 1
            stream.write("{0} {1}\n".format(number, os.path.basename(folder)))
        if os.environ.get("STAND_IN_CUT") == str(number):
            raise AnsibleConnectionFailure("the stand-in cut connection {0}".format(number))

    def exec_command(self, cmd: str, in_data: t.Any = None, sudoable: bool = True) -> t.Any:  # noqa: ARG002
        argv = ["nsenter", "-t", self._holder(), "-m", "-n", "-u", "-r", "-w", "env", "-i", "PATH=" + PATH]
        shell = [*argv, "HOME=/root", "LANG=C.UTF-8", "/bin/sh", "-c", cmd]
        return super().exec_command(shlex.join(shell), in_data=in_data, sudoable=False)

    def _inside(self, path: str) -> str:
        return "/proc/{0}/root/{1}".format(self._holder(), path.lstrip("/"))

    def put_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(in_path, self._inside(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(self._inside(in_path), out_path)
