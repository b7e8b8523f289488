# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Documentation shared by all modules that use the Kubernetes API."""

from __future__ import annotations


class ModuleDocFragment:
    """The option O(kubeconfig) and its requirements; the specification is KUBECONFIG_ARGUMENT in module_utils/_k8s/client.py."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of the kubeconfig file on the host where the module runs. Its current context is used.
      - The file should have mode V(0600). Its content is never returned or logged.
      - The module fails without it. The action group C(cloudpods.ha.cluster) sets it for all modules of a play or block.
    type: path
requirements:
  - "kubernetes (Python package) >= 24.2.0"
"""
