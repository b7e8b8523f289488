# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Documentation shared by the modules that recover the claims of a lost node."""

from __future__ import annotations


class ModuleDocFragment:
    """The option O(lost_node); the specification is LOST_NODE_ARGUMENT in module_utils/_recovery/client.py."""

    DOCUMENTATION = r"""
options:
  lost_node:
    description: The lost node of the volumes, as it was before its Node object was deleted.
    type: dict
    required: true
    suboptions:
      name:
        description: Name of the Node.
        type: str
        required: true
      uid:
        description: UID of the Node object.
        type: str
        required: true
      hostname_label:
        description: Value of its label C(kubernetes.io/hostname); the volume's affinity names this, not the node's
          name.
        type: str
        required: true
"""
