#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: minio_health_info
short_description: Judge whether MinIO StatefulSets are healthy, and whether a lost drive of them may be replaced
version_added: 0.1.0
author:
  - The cloudpods.ha authors (@yunionio)
description:
  - Reads the health endpoints of every pod of each StatefulSet separately, through the API server's port-forward, and
    its view of all drives. Sets, drives per set, parity and quorum are computed from what the servers report.
  - "A deployment is healthy (RV(deployments[].converged)) if every pod answers C(/minio/health/live) and C(/minio/health/cluster)
    with 200, has been up for O(settle_seconds), reaches its peers, lists every drive as C(ok) and none as healing, and
    answers 200 with C(maintenance=true)."
  - After a heal, a pod may answer 412 to the maintenance check for minutes although no drive heals. Such pods
    are listed in RV(deployments[].false_412) and do not count against RV(deployments[].converged).
  - The credentials are read from the environment of the live pods, and from the Secrets it names. They are not
    returned.
options:
  deployments:
    description: The StatefulSets to read. They are read at the same time, so that none waits for another one. For none it ends at once.
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description: Namespace of the StatefulSet.
        type: str
        required: true
      name:
        description: Name of the StatefulSet.
        type: str
        required: true
      lost_claims:
        description:
          - The claims whose drives are lost, each with C(name) and its former C(uid); other keys are ignored.
          - As long as no Ready pod replaces such a drive, the check passes without it, and it is not waited for.
        type: list
        elements: dict
        default: []
      expected_deployment_id:
        description: The former deployment ID. A different one is a finding that ends the recovery.
        type: str
        default: ""
      count_objects:
        description: Whether to list all buckets and count their objects.
        type: bool
        default: false
      before_buckets:
        description: The earlier counts, as RV(deployments[].buckets). Missing buckets and lower counts are returned in RV(deployments[].gone) and
          RV(deployments[].fewer). Implies O(deployments[].count_objects).
        type: list
        elements: dict
        default: []
      prove_readable:
        description:
          - Whether to prove that each object can be read from the remaining drives. RV(deployments[].proof) is the verdict.
          - What each remaining drive holds is listed through C(exec) in its pod, with the metadata of each object, C(xl.meta) or C(xl.json). The
            parts of each version are counted against its erasure layout, and compared with what S3 lists.
          - Of what S3 lists and the drives did not prove, as where C(exec) is not possible, one byte is read, and also the last byte of an object
            that was uploaded in parts; of an empty object, its metadata. What S3 does not list is not seen then.
          - Nothing is asked while RV(deployments[].gate) is not C(ok). At a limit, or after an error, the verdict is negative.
        type: bool
        default: false
      given_up:
        description: Objects whose loss is approved, each by the C(name) that C(lost) in RV(deployments[].proof) gives it. They do not count in proof and scan.
        type: list
        elements: str
        default: []
      accept_unproven:
        description: Whether the loss of what can't be proven readable is approved. Objects that are known to have too few parts must still be named in
          O(deployments[].given_up).
        type: bool
        default: false
  readings:
    description: How many consecutive readings must agree before RV(deployments[].settled) or RV(deployments[].converged) is true.
    type: int
    default: 1
  interval:
    description: Seconds between two readings.
    type: int
    default: 10
  count_max_objects:
    description: Stop counting after this many objects.
    type: int
    default: 100000
  readback_max_objects:
    description: Read up to this many of the newest objects in full, and check length and, if there is one, the MD5 in
      the ETag.
    type: int
    default: 0
  readback_max_bytes:
    description: Maximum number of bytes to read in total, of each deployment.
    type: int
    default: 268435456
  scan:
    description:
      - Whether to check that all drives have each object, by a dry run of healing each bucket. Implies
        O(deployments[].count_objects). Only a deployment that is healthy and has no lost drive is scanned.
      - Versions that the quick scan of a release of 2021 can't judge are scanned again with their data.
      - Releases after July 2021 delete an object with too few parts even in a dry run, as they do when they
        heal or read it. They are scanned only with O(scan_any_release).
    type: bool
    default: false
  scan_max_objects:
    description: Most objects, versions counted singly, of a scan or a proof. More end a scan, and make a proof negative.
    type: int
    default: 20000
  scan_timeout:
    description: Most seconds for a scan, for the look at the drives with S3's list, and for the reads, each, of each deployment.
    type: int
    default: 600
  scan_any_release:
    description: Whether to scan also releases whose dry run deletes unrecoverable objects.
    type: bool
    default: false
  progress_file:
    description: A file on the host of the task that tells how far the look at the drives has come. Each deployment has a line there that begins
      with C(NAMESPACE/NAME) and a colon.
    type: path
    default: ""
extends_documentation_fragment:
  - cloudpods.ha._kubeconfig
  - cloudpods.ha._minio
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Reads only.
    support: none
  idempotent:
    description: Reads only.
    support: full
notes:
  - Needs permission to read pods, Secrets and claims of the namespace and to create C(pods/portforward), and C(pods/exec) to look at the drives.
  - If the servers have C(https://) URLs, or certificates are mounted in MinIO's folder, TLS is used
    inside the port-forward. The certificate is not verified; the tunnel ends in the pod itself, which authenticates the peer.
seealso:
  - module: cloudpods.ha.workload_claims
"""

EXAMPLES = r"""
---
- name: Refuse unless the lost drives may be replaced
  cloudpods.ha.minio_health_info:
    kubeconfig: /root/.kube/config
    deployments:
      - namespace: onecloud-minio
        name: minio
        lost_claims:
          - name: export-minio-0
            uid: 0b9e6f0e-63e3-4a55-9b5e-1f6c7e7a8d01
      - namespace: onecloud-monitoring
        name: monitor-minio
  register: minio
  failed_when: minio.deployments is not defined or minio.deployments | rejectattr('gate.ok') | length > 0

- name: Wait until MinIO is healthy
  cloudpods.ha.minio_health_info:
    kubeconfig: /root/.kube/config
    deployments:
      - namespace: onecloud-minio
        name: minio
    readings: 2
  register: minio
  until: minio.deployments is defined and minio.deployments[0].converged
  retries: 360
  delay: 10

- name: Read the newest objects back, and check each object on all drives
  cloudpods.ha.minio_health_info:
    kubeconfig: /root/.kube/config
    deployments:
      - namespace: onecloud-minio
        name: minio
        count_objects: true
    readback_max_objects: 200
    scan: true
"""

RETURN = r"""
---
msg:
  description: The state of each deployment in one sentence.
  type: str
  returned: always
  sample: "onecloud-minio/minio: not healthy: http://minio-0.minio-svc:9000/export is healing (40 %)"
undecided:
  description: The deployments, as NAMESPACE/NAME, whose RV(deployments[].gate) is not decided, also since they could not be read. Asking again may help.
  type: list
  elements: str
  returned: always
  sample: []
starting:
  description: Those of RV(undecided) of which a pod is starting.
  type: list
  elements: str
  returned: always
  sample: []
deployments:
  description: What was read of each, in the order of O(deployments). One that could not be read makes the module fail, and hides none of the others.
  type: list
  elements: dict
  returned: always
  contains:
    namespace:
      description: Namespace of the StatefulSet.
      type: str
      returned: always
      sample: onecloud-minio
    name:
      description: Name of the StatefulSet.
      type: str
      returned: always
      sample: minio
    error:
      description: Why it could not be read; empty if it was. RV(deployments[].settled), RV(deployments[].converged), RV(deployments[].gate) and
        RV(deployments[].proof) are negative then, and other values are not returned.
      type: str
      returned: always
      sample: ""
    traceback:
      description: Where an error that nobody foresaw came from.
      type: str
      returned: after such an error
    msg:
      description: The state in one sentence.
      type: str
      returned: always
      sample: "onecloud-minio/minio: not healthy: http://minio-0.minio-svc:9000/export is healing (40 %)"
    deployment_id:
      description: ID of the deployment; empty when no pod answers.
      type: str
      returned: if it could be read
    parity:
      description: Parity drives of a set, for the standard storage class.
      type: int
      returned: if it could be read
      sample: 2
    sets:
      description: Each erasure set. C(healthy) drives are formatted, online and not healing.
      type: list
      elements: dict
      returned: if it could be read
      sample:
        - {pool: 0, index: 0, total: 4, healthy: 2, healing: 0, missing: 2, read_quorum: 2, write_quorum: 3, readable:
          true, writable: false}
    drives:
      description:
        - Each drive, as the most pessimistic pod sees it. C(progress) exists while it heals; newer releases keep it after
          the end, with C(finished). C(retries) counts the passes that had failures and were restarted; their numbers are
          not kept. C(queued) and C(healed) are buckets, null if the release does not report them.
      type: list
      elements: dict
      returned: if it could be read
      sample:
        - endpoint: http://minio-0.minio-svc:9000/export
          state: ok
          healing: true
          pool: 0
          set: 0
          progress: {objects_done: 12, objects_failed: 0, objects_skipped: 0, objects_total: 40, bytes_done: 400,
            bytes_failed: 0, bytes_total: 1000, percent: 40, started: "2026-02-12T13:41:31Z", retries: 0, finished: false,
            queued: [images], healed: [logs]}
    healing:
      description: Endpoints of the drives that heal.
      type: list
      elements: str
      returned: if it could be read
    pods:
      description: The answers of each pod, as HTTP statuses, or null without an answer. C(uptime) is in seconds.
      type: list
      elements: dict
      returned: if it could be read
      sample:
        - {name: minio-0, node: master-4, ready: true, live: 200, cluster: 200, maintenance: 200, uptime: 61, error: ""}
    readable:
      description: Whether every set has enough complete drives to read all objects.
      type: bool
      returned: if it could be read
    writable:
      description: Whether every set has its write quorum.
      type: bool
      returned: if it could be read
    may_lose_one_more:
      description: Whether all objects could still be read after the loss of one more drive of any set.
      type: bool
      returned: if it could be read
    settled:
      description: Whether the deployment is healthy except for the drives in RV(deployments[].lost_pods), in each of O(readings).
      type: bool
      returned: always
    converged:
      description: Whether the deployment is healthy, in each of O(readings), and no drive is lost.
      type: bool
      returned: always
    lost_pods:
      description: The pods of O(deployments[].lost_claims) whose drive is not yet replaced.
      type: list
      elements: str
      returned: if it could be read
    maintenance_ok:
      description: Whether every pod answered 200 to the maintenance check.
      type: bool
      returned: if it could be read
    false_412:
      description: Pods that answer 412 to the maintenance check although no drive heals. If this lasts, restart that one
        pod.
      type: list
      elements: str
      returned: if it could be read
    findings:
      description: Why RV(deployments[].converged) is not true, each with C(code) and C(sentence).
      type: list
      elements: dict
      returned: always
    gate:
      description:
        - Whether a lost drive may be replaced now (C(ok)), and if not, why. C(fatal) means that no waiting helps,
          C(healing) that a drive heals. C(decided) is true in these three cases.
        - The codes are V(no_answer), V(below_read_quorum), V(healing), V(drive_offline), V(drives_missing),
          V(drive_unplaced), V(root_drive), V(drive_refused), V(heal_failed), V(standalone), V(layout_unknown),
          V(deployment_ids_differ) and V(other_deployment).
        - C(starting) is true while a pod that is not lost is starting, so that its drives may be back soon.
      type: dict
      returned: always
      sample: {ok: false, fatal: false, healing: true, decided: true, starting: false, codes: [healing], sentences: ["http://minio-0.minio-svc:9000/export
        is healing"]}
    recovered:
      description:
        - Whether this MinIO is recovered (C(ok)), and if not, why (C(reason)), by everything that was asked for. No drive heals, every object was read
          back, no bucket is gone, the scan found nothing incomplete, and the proof holds. A scan that could not be made needs the proof by reads.
      type: dict
      returned: if it could be read
      sample: {ok: true, reason: ""}
    buckets:
      description: Objects and bytes of each bucket; C(complete) is false when counting stopped at O(count_max_objects).
      type: list
      elements: dict
      returned: when O(deployments[].count_objects) is given and RV(deployments[].readable), or with O(readback_max_objects), O(deployments[].before_buckets)
        or O(scan)
      sample:
        - {name: onecloud-images, objects: 40, bytes: 1756978429, complete: true}
    readback:
      description: Objects read in full, those whose MD5 could be checked, and failures with bucket, object and error (20 at
        most are listed).
      type: dict
      returned: when O(deployments[].count_objects), O(readback_max_objects), O(deployments[].before_buckets) or O(scan) is given
      sample: {objects: 40, bytes: 1756978429, hashed: 38, failed: 0, failures: []}
    gone:
      description: Buckets of O(deployments[].before_buckets) that no longer exist.
      type: list
      elements: str
      returned: when O(deployments[].before_buckets) is given
    fewer:
      description: Buckets with fewer objects than before. Applications may have deleted them.
      type: list
      elements: dict
      returned: when O(deployments[].before_buckets) is given
      sample:
        - {bucket: onecloud-images, before: 41, after: 40}
    scan:
      description:
        - Objects scanned, how many of them lack a part on some drive or can't be judged, 20 of those at most, and whether all objects were scanned.
          Incomplete objects were scanned twice. C(deep) of them were scanned with their data.
        - With C(error) the scan was refused or broke off, which proves nothing either way.
      type: dict
      returned: when O(scan) is given
      sample:
        objects: 40
        incomplete: 1
        sample: [{bucket: onecloud-images, object: a, version: "null", error: "1 of 4 drives: missing"}]
        complete: true
        deep: 0
    proof:
      description:
        - Whether every object is proven readable from the remaining drives (C(ok)), and why or why not (C(reason)).
        - C(permitted) says whether a lost drive may be replaced by that, with everything that was approved (C(ok), C(reason)).
        - C(how) is V(drives), V(reads), V(drives and reads), or empty when neither could be done. C(drives) are the drives, each with C(error) if it could
          not be looked at, which C(not_looked) has in words.
        - C(objects) is how many objects and versions are known, of which C(listed) by S3, C(counted) on the drives, and C(read).
        - C(lost) are the versions with too few parts, or that could not be read, C(lost_count) of them, 1000 at most with their C(name); C(parts)
          and C(needed) are null where they were not counted. C(given_up) are the names of those whose loss is approved.
        - C(incomplete) are 20 at most of C(incomplete_count) versions that can be read and lack a part on some drive that was looked at; C(unlisted) 20 at
          most of C(unlisted_count) that can be read and are not listed by S3.
      type: dict
      returned: when O(deployments[].prove_readable) is given
      sample:
        ok: false
        how: drives
        objects: 212
        listed: 211
        counted: 212
        read: 0
        drives:
          - {pod: minio-1, path: /export, files: 318, error: ""}
          - {pod: minio-2, path: /export, files: 316, error: ""}
        not_looked: []
        lost:
          - bucket: onecloud-images
            key: a
            version: ""
            size: 3145745
            parts: 1
            needed: 2
            why: 1 of the 2 parts needed to read it are left
            name: onecloud-minio/minio/onecloud-images/a
        lost_count: 1
        given_up: []
        unlisted: []
        unlisted_count: 0
        incomplete: []
        incomplete_count: 0
        error: ""
        reason: "1 of 212 objects are not proven readable from the remaining drives: onecloud-images/a (3.0 MiB, 1 of the 2 parts needed to
          read it are left); the parts of 212 versions were counted on 2 drives; S3 lists 211"
        permitted: {ok: false, reason: 1 of 212 objects are not proven readable from the remaining drives}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KUBECONFIG_ARGUMENT, connect
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.at_once import read
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.deployment import EACH, ONE


def main() -> t.NoReturn:
    """Read and judge."""
    one = {
        **ONE,
        "count_objects": {"type": "bool", "default": False},
        "before_buckets": {"type": "list", "elements": "dict", "default": []},
        "prove_readable": {"type": "bool", "default": False},
        "given_up": {"type": "list", "elements": "str", "default": []},
        "accept_unproven": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            **KUBECONFIG_ARGUMENT,
            **EACH,
            "deployments": {"type": "list", "elements": "dict", "required": True, "options": one},
            "readings": {"type": "int", "default": 1},
            "interval": {"type": "int", "default": 10},
            "count_max_objects": {"type": "int", "default": 100000},
            "readback_max_objects": {"type": "int", "default": 0},
            "readback_max_bytes": {"type": "int", "default": 268435456},
            "scan": {"type": "bool", "default": False},
            "scan_max_objects": {"type": "int", "default": 20000},
            "scan_timeout": {"type": "int", "default": 600},
            "scan_any_release": {"type": "bool", "default": False},
            "progress_file": {"type": "path", "default": ""},
        },
        supports_check_mode=True,
    )
    result = read(lambda: connect(module.params["kubeconfig"], check_mode=True), module.params)
    if any(item["error"] for item in result["deployments"]):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
