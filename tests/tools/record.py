# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what a command shows on a terminal, for asciinema: record.py FILE COMMAND...

The FILE is an asciicast of version 2: a header, then one line for each piece of output, [seconds, "o", text]. The command's exit code is passed on.
"""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import struct
import sys
import termios
import time
from pathlib import Path
from typing import TextIO

WIDTH, HEIGHT = 100, 30


def record(out: TextIO, command: list[str], *, title: str) -> int:
    """Run a command on a terminal of its own, show its output here too, and write the recording. Returns its exit code."""
    environment = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": str(HEIGHT)}
    header = {
        "version": 2,
        "width": WIDTH,
        "height": HEIGHT,
        "timestamp": int(time.time()),
        "title": title,
        "env": {"TERM": environment["TERM"]},
    }
    out.write(json.dumps(header) + "\n")
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        try:
            os.execvpe(command[0], command, {**os.environ, **environment})  # noqa: S606  the command is what is asked for
        except OSError as exc:
            os.write(2, "{0}: {1}\n".format(command[0], exc.strerror).encode())
            os._exit(127)
    started = time.monotonic()
    # A piece may end within a character.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux says so when the command has closed its terminal
            data = b""
        text = decoder.decode(data, final=not data)
        if text:
            out.write(json.dumps([round(time.monotonic() - started, 3), "o", text], ensure_ascii=False) + "\n")
            out.flush()
            os.write(1, data)
        if not data:
            break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    target, *command = sys.argv[1:]
    if not command:
        raise SystemExit(__doc__)
    with Path(target).open("w", encoding="utf-8") as out:
        code = record(out, command, title=" ".join(command))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
