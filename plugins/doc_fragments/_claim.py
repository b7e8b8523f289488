# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""What the modules that recover one claim have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of one claim, the lost node and the replacement."""

    DOCUMENTATION = r"""
options:
  namespace:
    description: Namespace of the claim.
    type: str
    required: true
  name:
    description: Name of the claim.
    type: str
    required: true
  uid:
    description: UID of the claim whose volume is lost. A claim of that name with another UID counts as the recreated
      one.
    type: str
    required: true
  pv_name:
    description: Name of the lost volume.
    type: str
    required: true
  pv_uid:
    description: UID of the lost volume.
    type: str
    required: true
  workload:
    description: Name of the workload that mounts the claim, of the kind that the module is for.
    type: str
    required: true
  workload_uid:
    description: UID of the workload when the plan was made. A Deployment with another UID counts as created again and
      stays; for a StatefulSet it decides nothing, and is taken so that both kinds are called alike.
    type: str
    default: ""
  lost_node:
    description: The node that took the volume with it, as it was before its Node object was deleted.
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
  replacement:
    description: Name of the Node on which the new volume must be.
    type: str
    required: true
attributes:
  check_mode:
    description: Says what the next act would be, and does nothing.
    support: full
  diff_mode:
    description: Names the object that is deleted, or would be, by kind, namespace, name and UID.
    support: full
  idempotent:
    description: A claim that is recovered stays as it is, and RV(ignore:changed=false) is returned.
    support: full
notes:
  - A finalizer is never removed and no pod is ever deleted by force. A claim or pod that finalizers hold for more than
    60 seconds is refused as C(held_by_finalizer), with their names.
  - Where a volume is follows from its affinity, whatever its kind, by the rules of M(cloudpods.ha.lost_volumes_info).
seealso:
  - module: cloudpods.ha.lost_volume_leftovers_info
  - module: cloudpods.ha.lost_volumes_info
"""
