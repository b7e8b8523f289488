"""Every code of a refusal, with what is checked. A code that is not here can't be used; docs/runbook.md and docs/ocboot.md have a section for each."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t

# Of a plan, and of roles before they act.
REPLACING: t.Mapping[str, str] = {
    "NO_SURVIVORS": "the inventory names survivors",
    "SURVIVOR_UNREACHABLE": "every survivor can be reached over SSH",
    "REPLACEMENT_UNREACHABLE": "the replacement can be reached over SSH",
    "HOST_UNREADABLE": "the files of each host can be understood",
    "ETCD_EXTERNAL": "etcd runs on the masters themselves",
    "QUORUM_LOST": "a surviving etcd member answers a linearizable read",
    "API_UNREACHABLE": "an API server answers",
    "NODE_UNKNOWN": "the cluster knows the lost node",
    "LOST_IS_SURVIVOR": "the lost node is none of the survivors",
    "SURVIVOR_MISSING": "every control-plane Node is a host of the inventory",
    "NOT_A_MASTER": "the lost node is a control-plane node",
    "PROVIDER_MISMATCH": "the survivors run the provider that was asserted",
    "NODE_READY": "the lost Node is not Ready",
    "NODE_ANSWERS": "the lost machine accepts no connection",
    "NODE_UNPROBED": "an address of the lost machine could be probed",
    "NODE_DOWN_TOO_SHORT": "the lost Node has been down long enough",
    "LOST_NODE_RETURNED": "the lost machine has not registered a new Node",
    "NODE_RETURNED": "the Node to delete is the one that was planned",
    "MORE_THAN_ONE_LOST": "nothing else of the control plane is lost",
    "ETCD_UNREADABLE": "etcd can be read",
    "ETCD_SPLIT": "the survivors are in one etcd cluster",
    "ETCD_ALARM": "etcd has raised no alarm",
    "ETCDCTL_MISSING": "K3s: a survivor has etcdctl",
    "ETCDCTL_CHECKSUM": "K3s: the given etcdctl has the given checksum",
    "QUORUM_UNSAFE": "etcd keeps its quorum without the member",
    "MEMBER_HEALTHY": "the member to remove is not healthy",
    "MEMBER_IS_EXECUTOR": "the member to remove is not the executor's",
    "MEMBER_MISMATCH": "the member to remove has the planned name and peer URLs",
    "MEMBER_LEARNER": "no member is a learner",
    "MEMBER_UNSTARTED": "every member has started",
    "PLAN_CHANGED": "the plan made now is the one that was agreed to",
    "CONSENT_MISSING": "somebody agreed to the plan",
    "CLUSTER_STATUS_LAST": "kubeadm's ClusterStatus keeps an endpoint",
    "NO_EXECUTOR": "a survivor has a healthy etcd member and a ready API server",
    "K3S_CA_MISMATCH": "K3s: the survivors share one server CA",
    "K3S_NODE_HELD": "K3s: the lost Node has the annotations its finalizer needs",
    "K3S_CONFIG": "K3s: the replacement's configuration can be made from a survivor's",
    "NO_REPLACEMENT": "the inventory names one replacement",
    "REPLACEMENT_IS_LOST": "the replacement is not the lost machine",
    "REPLACEMENT_NO_ADDRESS": "the replacement has an address of each family that the survivors' Nodes have",
    "REPLACEMENT_IS_NODE": "the replacement is no Node yet",
    "REPLACEMENT_IS_MEMBER": "the replacement is no etcd member yet",
    "REPLACEMENT_NOT_CLEAN": "the replacement has joined no cluster",
    "REPLACEMENT_HAS_DATA": "no folder of a lost volume is on the replacement",
    "PORT_CLOSED": "the replacement reaches the survivors' ports",
    "JOIN_RUNNING": "no join is under way on the replacement",
    "VERSION_MISMATCH": "the replacement has the survivors' versions",
    "CLOCK_SKEW": "the clocks of all hosts agree",
    "DISK_SPACE": "the replacement has room for the new volumes",
    "CLAIM_UNDECIDED": "a policy decides about every lost claim",
    "DISCARD_UNAPPROVED": "every loss of data is approved by name",
    "CLAIM_HELD": "no finalizer holds a claim that is to be deleted",
    "VOLUME_AMBIGUOUS": "the only copy of each lost volume was on the lost node",
    "VIP_IDENTITY_DIFFERS": "the survivors' keepalived share VIP, router ID and password",
    "VIP_TWO_MASTERS": "one keepalived manifest says MASTER",
    "VIP_PRIORITY": "the MASTER has the highest priority",
    "VIP_NO_MASTER": "a survivor is or becomes MASTER",
    "VIP_PROMOTE": "the host to promote is a survivor",
    "VIP_MANIFEST": "every survivor has a keepalived manifest",
    "VIP_COPY": "a keepalived manifest for the replacement can be made from a survivor's",
    "VIP_ADDRESS": "the manifests are for this VIP",
    "VIP_DUPLICATE": "one host carries the VIP",
    "KUBEADM_CONFIG_DEAD": "kubeadm: kubeadm-config does not name the lost node",
    "KUBEADM_UNKNOWN": "kubeadm: the configuration API of this Kubernetes release is known, and the phases to skip are its own",
    "CLUSTER_INFO_DEAD": "kubeadm: cluster-info does not name the lost node",
    "LOCK_HELD": "no other run holds the lock",
    "JOURNAL_UNREADABLE": "the journal of an earlier run can be read",
    "JOURNAL_CHANGED": "no other run has written the journal since the plan was made",
    "MINIO_UNREADABLE": "the state of each MinIO can be read",
    "MINIO_UNSAFE": "a lost drive of each MinIO may be replaced",
    "MINIO_UNPROVEN": "each object of each MinIO is readable from the remaining drives",
}
# Of the recovery of one claim, as the module workload_claims returns them.
RECOVERY: t.Mapping[str, str] = {
    "lost_node_present": "the lost Node is deleted",
    "lost_node_returned": "the lost machine has not registered a new Node",
    "no_replacement": "the replacement is a Node",
    "replacement_cordoned": "the replacement is schedulable",
    "claim_in_use": "no pod on a live node uses the claim",
    "other_volume": "the claim is bound to the planned volume",
    "claim_mismatch": "the volume is bound to this claim",
    "not_on_lost_node": "the volume was on the lost node alone",
    "nobody_recreates": "something recreates the Deployment and its claim",
    "no_workload": "the StatefulSet exists",
    "scaled_down": "the StatefulSet has the pod that mounts the claim",
    "held_by_finalizer": "no finalizer holds the claim or its pod for long",
    "new_claim_lost": "the new claim has a volume",
    "landed_elsewhere": "the new volume is on the replacement",
}
# Of retire_node.
RETIRING: t.Mapping[str, str] = {
    "CURRENT_MEMBER": "the machine is no etcd member",
    "ETCD_UNKNOWN": "the etcd members can be listed",
    "ETCD_ELSEWHERE": "the masters are etcd members",
    "AMBIGUOUS_NODE": "the machine fits one Node",
    "OTHER_CLUSTER": "the machine was a master of this cluster",
}
RUNBOOK: t.Mapping[str, str] = {**REPLACING, **RECOVERY, **RETIRING}
# The setting that lets a run pass a refusal although nothing else changed. Every other refusal ends only when its cause is gone.
OVERRIDES: t.Mapping[str, str] = {
    "NODE_READY": "replace_master_fenced",
    "NODE_ANSWERS": "replace_master_fenced",
    "NODE_UNPROBED": "replace_master_fenced",
    "NODE_DOWN_TOO_SHORT": "replace_master_minimum_down",
    "REPLACEMENT_IS_LOST": "replace_master_fenced",
    "CLOCK_SKEW": "replace_master_maximum_skew",
    "DISK_SPACE": "replace_master_storage_path",
    "CLAIM_UNDECIDED": "replace_master_claim_policies",
    "DISCARD_UNAPPROVED": "replace_master_discard",
    "LOCK_HELD": "replace_master_take_over_lock",
}
# The rules of ocboot's configuration have codes of their own, all with this prefix; see _ocboot/refusals.
OCBOOT = "OCBOOT_"


def known(code: str) -> str:
    """Return the code. Raises ValueError for one that is documented nowhere."""
    if code not in RUNBOOK and not code.startswith(OCBOOT):
        raise ValueError("there is no refusal {0}".format(code))
    return code
