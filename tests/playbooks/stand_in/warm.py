#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that has imported what modules import: each module runs in a fork of it, which spares a second for each task.

As a program it is the interpreter that Ansible calls: it hands its files, arguments and environment to the server on /run/warm.sock.
With `serve ROOT MODULE ...` it is that server; it imports, changes its root, and then serves.
"""

# Called for each task: what takes time to import is imported by the server alone.
import _socket
import marshal
import os
import sys

SOCKET = os.environ.get("STAND_IN_WARM") or "/run/warm.sock"
# A folder that keeps what was compiled once, for all machines: modules come as an archive of source, which Python would compile for each task.
COMPILED = os.environ.get("STAND_IN_COMPILED") or ""


def call() -> int:
    """Let the server run this call; returns its exit code."""
    server = _socket.socket(_socket.AF_UNIX)
    server.connect(SOCKET)
    head = marshal.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    server.sendmsg([b"f"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
    server.sendall(head)
    server.shutdown(_socket.SHUT_WR)
    answer = server.recv(16)
    return int(answer) if answer else 70


def serve(root: str, modules: list) -> None:
    """Serve for ever. A module that can't be imported is no error: a machine may have no Kubernetes client."""
    import gc
    import importlib
    import signal

    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    if COMPILED:
        keep_compiled(os.open(COMPILED, os.O_RDONLY | os.O_DIRECTORY))
    if root != "/":
        os.chroot(root)
    os.chdir("/")
    server = _socket.socket(_socket.AF_UNIX)
    server.bind(SOCKET)
    server.listen(64)
    gc.collect()
    # Else each collection in a fork would copy every page.
    gc.freeze()
    # Nobody waits for those that answer.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        descriptor, _address = server._accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            answer(_socket.socket(fileno=descriptor))
        os.close(descriptor)


def keep_compiled(folder: int) -> None:
    """Let zipimport look into a folder, given as a descriptor that stays open behind a change of root, before it compiles a source."""
    import hashlib
    import zipimport

    compile_source = zipimport._compile_source

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600, dir_fd=folder)

    def compiled(path: str, source: bytes) -> object:
        name = hashlib.sha256(repr(sys.version_info).encode() + source).hexdigest()
        try:
            with open(name, "rb", opener=opener) as stream:
                return marshal.loads(stream.read())
        except (OSError, EOFError, ValueError, TypeError):
            code = compile_source(path, source)
            own = "{0}.{1}.{2}".format(name, os.getpid(), os.urandom(4).hex())
            with open(own, "wb", opener=opener) as stream:
                stream.write(marshal.dumps(code))
            os.rename(own, name, src_dir_fd=folder, dst_dir_fd=folder)
            return code

    zipimport._compile_source = compiled


def answer(connection: _socket.socket) -> None:
    """Run one call in a process of its own, and say how it ended."""
    _data, ancillary, _flags, _address = connection.recvmsg(1, _socket.CMSG_SPACE(12))
    files = [int.from_bytes(ancillary[0][2][at : at + 4], sys.byteorder) for at in (0, 4, 8)]
    head = marshal.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    child = os.fork()
    if child == 0:
        connection.close()
        for number, given in enumerate(files):
            os.dup2(given, number)
            os.close(given)
        run(*head)
    for given in files:
        os.close(given)
    status = os.waitpid(child, 0)[1]
    connection.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())
    os._exit(0)


def run(argv: list, folder: str, environment: dict) -> None:
    """Run a program as __main__, and end this process."""
    import atexit

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))
    code = 0
    try:
        if argv:
            sys.argv = argv
            with open(argv[0], encoding="utf-8") as stream:
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
        sys.path.pop(0)
        serve(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(call())
