# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbooks and roles replace a master of a stand-in cluster, whole: kubeadm and K3s.

The cluster and the programs of its machines are stand-ins (tests/playbooks/stand_in); Ansible, roles and modules are the real ones.
MinIO is left out: it would have to be healed. The bed and the unit tests have it.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudpods.ha.tests.playbooks import invariants
from ansible_collections.cloudpods.ha.tests.playbooks.replacing import LOST, SPARE, world


@pytest.mark.parametrize("provider", ["kubeadm", "k3s"])
def test_a_whole_replacement_is_safe_and_a_second_run_changes_nothing(provider: str) -> None:
    with world(provider=provider) as made:
        allowed = invariants.lost_objects(made.state(), made)
        first = made.play("replace_master", "--diff", "-vvv")
        assert first.code == 0, first.output[-8000:]
        state = made.state()
        assert invariants.unsafe(state, allowed) == []
        assert invariants.secrets_found(made, first.output) == []
        end = invariants.end_state(made)
        assert [item[0] for item in end["nodes"]] == ["master-2", "master-3", SPARE]
        assert [item[0] for item in end["members"]] == ["master-2", "master-3", SPARE]
        assert {node for _claim, node, _phase in end["volumes"]} == {"master-2", "master-3", SPARE} - {"master-3"}
        assert not any(item["metadata"]["uid"] in allowed for item in state["objects"])
        assert end["journals"] == [["kube-system/cloudpods-ha-" + LOST, True]]
        assert end["locks"] == []
        report = json.loads((made.reports / LOST / "report.json").read_text(encoding="utf-8"))
        assert report
        second = made.play()
        assert second.code == 0, second.output[-8000:]
        assert second.changed == 0
        assert invariants.end_state(made) == end
        assert invariants.unsafe(made.state(), allowed) == []
