# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""What every module that talks to the Kubernetes API has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The option O(kubeconfig), and what it needs."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of the kubeconfig file to reach the cluster with, where the module runs. Its current context is used.
      - The file should have mode V(0600). Nothing of it is returned or logged.
    type: path
    required: true
requirements:
  - "kubernetes (Python package) >= 24.2.0"
"""
