# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module control_plane_info in this process, once: discover.py KUBECONFIG LOST. Prints what it took, and how much was found."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from pathlib import Path

from ansible.module_utils.testing import patch_module_args

started = time.monotonic()

from ansible_collections.cloudpods.ha.plugins.modules import control_plane_info  # noqa: E402  its import is measured


def peak_bytes() -> int:
    """The most memory this process ever had; rusage would include that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main() -> None:
    kubeconfig, lost = sys.argv[1:]
    written = io.StringIO()
    with (
        patch_module_args({"kubeconfig": kubeconfig, "lost": lost}),
        contextlib.redirect_stdout(written),
        contextlib.suppress(SystemExit),
    ):
        control_plane_info.main()
    read, cpu, peak = time.monotonic(), time.process_time(), peak_bytes()
    answer = json.loads(written.getvalue())
    cluster = answer["cluster"]
    if cluster["api_error"]:
        raise SystemExit(cluster["api_error"])
    print(
        json.dumps(
            {
                "seconds": read - started,
                "cpu_seconds": cpu,
                "peak_bytes": peak,
                "answer_bytes": len(written.getvalue()),
                "claims": len(cluster["claims"]),
                "pods": len(cluster["pods"]),
            }
        )
    )


main()
