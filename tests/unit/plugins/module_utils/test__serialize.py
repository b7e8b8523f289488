# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.cloudpods.ha.plugins.module_utils._models.etcd import Etcd, Member
from ansible_collections.cloudpods.ha.plugins.module_utils._models.refusal import Refusal
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json


def test_records_become_mappings_at_every_depth_and_other_tuples_lists() -> None:
    found = to_json({"etcd": Etcd(members=(Member("1", "m", ("u",), ()),)), 2: ("a", ["b"], None)})
    assert found["etcd"]["members"][0]["peer_urls"] == ["u"]
    assert found["2"] == ["a", ["b"], None]
    assert to_json([Refusal("NODE_READY", "o", "r")]) == [{"code": "NODE_READY", "observed": "o", "remedy": "r"}]


def test_a_class_of_records_is_no_record() -> None:
    assert to_json(Member) is Member
