# SPDX-License-Identifier: GPL-3.0-or-later
"""When ocboot must not be run, over all subjects, and what its operator has to know."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import refusals
from ansible_collections.cloudpods.ha.tests.unit.plugins.ocboot_answers import K3S, each_provider, facts, outcome

ROOT = Path(__file__).resolve().parents[5]


def test_every_code_is_documented_and_none_besides() -> None:
    text = (ROOT / "docs" / "ocboot.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (OCBOOT_\w+)\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    assert set(sections) == {*refusals.PRECONDITIONS, *refusals.RULES}
    assert all("**Do**" in section for section in sections.values())


@each_provider
def test_no_refusal_or_warning_quotes_a_password(provider: str) -> None:
    found = facts(provider)
    found["cluster"]["spec"]["mysql"]["password"] = "zq{{7'\""
    found["options"].update(onecloud_user_password="vw'8", skip_cloud=False)
    found["checkout"] = {}
    told = str([outcome(found)[key] for key in ("refusals", "warnings", "reason")])
    assert "OCBOOT_PASSWORD_UNSAFE" in told
    assert "zq{{" not in told
    assert "vw'8" not in told


def test_an_unknown_release_is_treated_as_the_one_that_fails() -> None:
    found = {**facts(K3S), "checkout": {}}
    assert "host_networks" not in outcome(found)["configuration"]["primary_master_node"]
    assert any("release of ocboot is unknown" in line for line in outcome(found)["warnings"])
