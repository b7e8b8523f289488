# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip.py that ansible-test would download to put pip into its environments.

ansible-test takes a file it finds in its cache instead of downloading one, and calls it with pip's options, the
version of pip it wants and two options of get-pip.py. Python's own ensurepip gives a pip that can install that version
from the package index, so the tests need no other host.
"""

from __future__ import annotations

import subprocess
import sys

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
# In a process of its own: it switches pip's settings off in the one it runs in.
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *arguments]))
