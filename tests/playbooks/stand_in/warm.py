#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that has imported what modules import: each module runs in a fork of it, which spares a second for each task.

As a program it is the interpreter that Ansible calls: it hands its files, arguments and environment to the server on /run/warm.sock.
With `serve ROOT MODULE ...` it is that server; it imports, changes its root, and then serves.
"""

import array
import atexit
import importlib
import json
import os
import socket
import sys

SOCKET = "/run/warm.sock"


def call() -> int:
    """Let the server run this call; returns its exit code."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(SOCKET)
        head = json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}).encode()
        files = array.array("i", [0, 1, 2])
        server.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
        server.sendall(head)
        server.shutdown(socket.SHUT_WR)
        answer = server.recv(16)
        return int(answer) if answer else 70


def serve(root: str, modules: list) -> None:
    """Serve for ever. A module that can't be imported is no error: a machine may have no Kubernetes client."""
    sys.path.pop(0)
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    if root != "/":
        os.chroot(root)
    os.chdir("/")
    server = socket.socket(socket.AF_UNIX)
    server.bind(SOCKET)
    server.listen(64)
    while True:
        connection, _address = server.accept()
        if os.fork() == 0:
            server.close()
            if os.fork() == 0:
                answer(connection)
            os._exit(0)
        connection.close()
        os.wait()


def answer(connection: socket.socket) -> None:
    """Run one call in a process of its own, and say how it ended."""
    files = array.array("i")
    _data, ancillary, _flags, _address = connection.recvmsg(1, socket.CMSG_SPACE(3 * files.itemsize))
    files.frombytes(ancillary[0][2])
    head = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    child = os.fork()
    if child == 0:
        connection.close()
        for number, given in enumerate(files):
            os.dup2(given, number)
            os.close(given)
        run(head)
    for given in files:
        os.close(given)
    status = os.waitpid(child, 0)[1]
    connection.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())
    os._exit(0)


def run(head: dict) -> None:
    """Run a program as __main__, and end this process."""
    os.environ.clear()
    os.environ.update(head["environment"])
    os.chdir(head["cwd"])
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))
    code = 0
    try:
        if head["argv"]:
            sys.argv = head["argv"]
            with open(head["argv"][0], encoding="utf-8") as stream:
                source = stream.read()
        else:
            sys.argv = ["-"]
            source = sys.stdin.buffer.read().decode()
        main = type(sys)("__main__")
        sys.modules["__main__"] = main
        exec(compile(source, sys.argv[0], "exec"), main.__dict__)  # noqa: S102  what an interpreter does
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001  as the interpreter: the trace, and 1
        sys.excepthook(*sys.exc_info())
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(call())
