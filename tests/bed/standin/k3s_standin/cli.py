# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: server, kubectl, etcd-snapshot, --version."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import flags, server

VERSION = "k3s version v1.30.4+k3s1 (standin)\ngo version none (a Python program)"
USAGE = "k3s-standin (not k3s). Commands: server, kubectl, etcd-snapshot save|ls, --version."


def _kubectl(arguments: Sequence[str]) -> int:
    os.environ.setdefault("KUBECONFIG", "/etc/rancher/k3s/k3s.yaml")
    program = server.LIB / "bin/kubectl"
    os.execv(program, ["kubectl", *arguments])


def _snapshot(arguments: Sequence[str]) -> int:
    verb, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    rest = [f"--etcd-snapshot-{w[2:]}" if w.startswith(("--name", "--dir")) else w for w in rest]
    given = flags.parse(rest)
    # As k3s does, the flags of this command that config.yaml holds are in force, too; the others are passed over.
    known = flags.load((), {**os.environ})
    settings = flags.Settings({**known.values, **given}, ())
    one = server.Server(settings, os.environ)
    folder = Path(settings.text("etcd-snapshot-dir")) if settings.text("etcd-snapshot-dir") else None
    if verb == "save":
        made = one.etcd.snapshot(settings.text("etcd-snapshot-name") or "on-demand", folder)
        server.log("info", f"Snapshot {made.name} saved.")
        return 0
    if verb in ("ls", "list", "l"):
        print(f"{'Name':<45} {'Location':<90} {'Size':<10} Created")
        for path in sorted((folder or one.etcd.snapshots).glob("*")):
            shown = subprocess.check_output(["date", "-u", "-Is", "-r", str(path)], text=True).strip()
            print(f"{path.name:<45} {f'file://{path}':<90} {path.stat().st_size:<10} {shown}")
        return 0
    print(USAGE, file=sys.stderr)
    return 1


def main(argv: Sequence[str]) -> int:
    words = list(argv[1:])
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    try:
        if Path(argv[0]).name == "kubectl":
            return _kubectl(words)
        verb, rest = (words[0], words[1:]) if words else ("", [])
        if verb in ("--version", "-v"):
            print(VERSION)
            return 0
        if verb == "kubectl":
            return _kubectl(rest)
        if verb == "etcd-snapshot":
            return _snapshot(rest)
        if verb == "server":
            settings = flags.load(rest, os.environ)
            server.log("info", "Starting k3s v1.30.4+k3s1 (standin): this is a stand-in, not k3s")
            server.Server(settings, os.environ).run()
    except (flags.Refused, OSError, subprocess.SubprocessError) as why:
        server.log("fatal", str(why))
        return 1
    print(USAGE, file=sys.stderr)
    return 0 if verb in ("", "--help", "-h", "help") else 1
