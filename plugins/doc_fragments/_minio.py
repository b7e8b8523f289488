# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Documentation shared by all modules that read a MinIO."""

from __future__ import annotations


class ModuleDocFragment:
    """The options that hold for each StatefulSet."""

    DOCUMENTATION = r"""
options:
  settle_seconds:
    description: Seconds that each server must have been up, by its own report. MinIO's monitor for new drives runs every 10 seconds.
    type: int
    default: 20
  timeout:
    description: Seconds to wait for one answer. A server that reports on its peers gets 5 more seconds for each of
      them, and another 10, since it dials dead ones one after another before it answers.
    type: int
    default: 15
requirements:
  - "minio (Python package) >= 7.2"
"""
