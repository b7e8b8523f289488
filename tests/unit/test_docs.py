# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents say what the code says: its records, its refusals, its variables."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils import _codes, _restore, _serialize
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import Unsafe
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.findings import FINDINGS, Finding
from ansible_collections.cloudpods.ha.plugins.module_utils._models import cluster as cluster_records
from ansible_collections.cloudpods.ha.plugins.module_utils._models import etcd as etcd_records
from ansible_collections.cloudpods.ha.plugins.module_utils._models import host as host_records
from ansible_collections.cloudpods.ha.plugins.module_utils._models import kubernetes as kubernetes_records
from ansible_collections.cloudpods.ha.plugins.module_utils._models import plan as plan_records
from ansible_collections.cloudpods.ha.plugins.module_utils._models import refusal as refusal_records
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.plan import plan
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.settings import BOUNDS, from_text
from ansible_collections.cloudpods.ha.plugins.module_utils._report.report import report
from ansible_collections.cloudpods.ha.tests.tools import role_readmes

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def fields_of(kind: Any) -> list[str]:
    """The fields of a record, a named tuple or a dataclass."""
    return list(getattr(kind, "_fields", None) or getattr(kind, "__dataclass_fields__", ()))


RECORDS = {
    name: kind
    for records in (cluster_records, etcd_records, host_records, kubernetes_records, plan_records, refusal_records)
    for name, kind in vars(records).items()
    if isinstance(kind, type) and fields_of(kind) and kind.__module__ == records.__name__
}
INVENTORIES = sorted(path for path in (ROOT / "inventories").iterdir() if path.is_dir())
NETWORKS = [ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
ROLES = sorted((ROOT / "roles").iterdir())
CODE_FORM = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z]+)+")

# What only one provider has is in the inventory of that provider alone.
ONLY = {
    "example_kubeadm": {"replace_master_join_skip_phases"},
    "example_k3s": {"replace_master_etcdctl", "replace_master_etcdctl_checksum", "replace_master_k3s_config"},
}

each_inventory = pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.name)


def sections(name: str, level: str = "##") -> dict[str, str]:
    """The text under each heading of a level, up to the next heading of that level or above."""
    found: dict[str, str] = {}
    title = ""
    for part in re.split(r"^(?=#{1,4} )", (DOCS / name).read_text(encoding="utf-8"), flags=re.MULTILINE):
        heading = re.match(r"(#+) (.+)\n", part)
        if heading and len(heading.group(1)) <= len(level):
            title = heading.group(2) if heading.group(1) == level else ""
            assert title not in found, "a heading occurs twice in {0}".format(name)
        if title:
            found[title] = found.get(title, "") + part
    return found


def rows(text: str) -> list[str]:
    """The first cell of each row of the tables in a text, where it is in backticks."""
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


def tasks_in(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        yield task
        for key in ("block", "rescue", "always"):
            yield from tasks_in(task.get(key) or [])


def samples(text: str) -> list[Any]:
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)]


def codes_of_roles() -> set[str]:
    """The codes that roles and playbooks refuse with by themselves: `CODE: sentence`."""
    files = [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml")]
    return {
        code
        for path in files
        for code in re.findall(
            r"(?<![\w.])([A-Z][A-Z0-9]{2,}(?:_[A-Z0-9]+)+): [A-Z{]", path.read_text(encoding="utf-8")
        )
    }


def replace_master_variables() -> set[str]:
    """What the operator may set."""
    specs = yaml.safe_load(
        (ROOT / "roles" / "replace_master" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    )
    return set(specs["argument_specs"]["main"]["options"])


def sample_plan() -> plan_records.Plan:
    """The plan for the Cluster and the Request that are shown."""
    texts = sections("contracts.md", "###")
    cluster, request = (
        _restore.from_json(kind, samples(texts[kind.__name__])[0])
        for kind in (cluster_records.Cluster, plan_records.Request)
    )
    return plan(cluster, request)


def test_the_runbook_has_a_section_for_every_refusal_and_none_besides() -> None:
    assert codes_of_roles() <= set(_codes.RUNBOOK)
    assert {title for title in sections("runbook.md") if CODE_FORM.fullmatch(title)} == set(_codes.RUNBOOK)


def test_a_refusal_that_is_documented_nowhere_can_not_be_made() -> None:
    for refuse in (plan_records.Refusal, Unsafe):
        with pytest.raises(ValueError, match="there is no refusal NO_SUCH_CODE"):
            refuse("NO_SUCH_CODE", "Observed.", "Remedy.")


def test_a_section_of_the_runbook_says_what_it_means_and_what_to_do() -> None:
    for title, text in sections("runbook.md").items():
        if CODE_FORM.fullmatch(title):
            for part in ("**Means**", "**Look**", "**Do**"):
                assert part in text, (title, part)


def test_the_runbook_lists_every_finding_about_minio_and_none_besides() -> None:
    assert set(rows(sections("runbook.md")["Findings about MinIO"])) == FINDINGS
    with pytest.raises(ValueError, match="there is no finding no_such_code"):
        Finding("no_such_code", "A sentence.")


def test_links_of_the_documents_lead_somewhere() -> None:
    for path in sorted(
        [*DOCS.glob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("roles/*/README.md"), *ROOT.glob("inventories/*.md")]
    ):
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
            file = path.parent / target if target else path
            assert file.exists(), (path.name, target)
            if anchor:
                headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
                slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
                assert anchor in slugs, (path.name, anchor)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_contracts_name_every_field_of_a_record_and_none_besides(name: str) -> None:
    assert rows(sections("contracts.md", "###")[name]) == fields_of(RECORDS[name])


def test_samples_of_records_can_be_read() -> None:
    found = 0
    for name, text in sections("contracts.md", "###").items():
        for sample in samples(text) if name in RECORDS else []:
            found += 1
            _restore.from_json(RECORDS[name], sample)
    assert found >= len(("Cluster", "Plan", "Request"))


def test_the_plan_shown_is_the_plan_of_the_cluster_shown() -> None:
    shown = samples(sections("contracts.md", "###")["Plan"])[0]
    made = _serialize.to_json(sample_plan())
    assert made["refusals"] == []
    assert {key: made[key] for key in shown} == shown


def test_contracts_name_every_key_of_the_journal() -> None:
    # What the roles journal and join add to the plan's entry.
    added = {"backup", "phases", "joining", "credentials", "finished"}
    assert set(rows(sections("contracts.md")["The journal"])) == set(sample_plan().journal) | added


def test_contracts_name_every_key_of_the_report() -> None:
    written = report(sample_plan(), {}, {})["json"]
    assert rows(sections("contracts.md")["report.json"]) == list(written)
    assert set(samples(sections("contracts.md")["report.json"])[0]) == set(written)


def test_contracts_name_every_key_of_the_result_of_a_backup() -> None:
    (published,) = [
        task["ansible.builtin.set_fact"]["backup_result"]
        for task in yaml.safe_load((ROOT / "roles" / "backup" / "tasks" / "verify.yml").read_text(encoding="utf-8"))
        if "backup_result" in (task.get("ansible.builtin.set_fact") or {})
    ]
    outer = re.sub(r"(?<=: )\{[^{}]*\}", "", published)
    told = re.search(r"`backup` \{([^}]*)\}", sections("contracts.md")["report.json"])
    assert told
    assert told.group(1).split(", ") == re.findall(r"'(\w+)':", outer)
    assert re.findall(r"'(\w+)':", published)[-2:] == ["started", "finished"]


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_a_role_s_table_is_made_from_its_argument_specification(role: Path) -> None:
    text = (role / "README.md").read_text(encoding="utf-8")
    assert "{0}\n\n{1}\n\n{2}".format(role_readmes.BEGIN, role_readmes.made(role), role_readmes.END) in text, (
        "make readmes"
    )


def test_a_made_table_has_every_option_its_default_and_no_markup() -> None:
    made = role_readmes.made(ROOT / "roles" / "replace_master")
    assert set(rows(made)) == replace_master_variables()
    assert "| `replace_master_lost` | str | required | Name or internal address" in made
    assert "| `replace_master_directory` | path | `~/.cloudpods-ha` |" in made
    assert role_readmes.plain("Like C(a|b), O(x=1)\nand RV(n.c.m#module:y).") == "Like `a\\|b`, `x=1` and `n.c.m`."


def test_the_readme_is_two_screens_and_shows_no_name_that_is_not_to_be_had() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    assert "ansible-galaxy collection install cloudpods.ha" not in text


def test_the_survey_for_awx_asks_for_settings_as_the_role_has_them() -> None:
    specs = yaml.safe_load(
        (ROOT / "roles" / "replace_master" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    )["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROOT / "roles" / "replace_master" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    questions = json.loads((DOCS / "awx-survey.json").read_text(encoding="utf-8"))["spec"]
    asked = {question["variable"]: question for question in questions}
    assert len(asked) == len(questions)
    assert {name for name, option in specs.items() if option.get("required")} <= set(asked) <= set(specs)
    kinds = {"int": "integer", "float": "float", "bool": "multiplechoice"}
    for name, question in asked.items():
        option = specs[name]
        kind = "multiplechoice" if option.get("choices") else kinds.get(option["type"], "text")
        assert (question["type"], question["required"]) == (kind, bool(option.get("required"))), name
        if kind == "multiplechoice":
            offered = option.get("choices") or ["false", "true"]
            assert question["choices"] == [one for one in offered if one], name
        if name.removeprefix("replace_master_") in BOUNDS:
            low, high = BOUNDS[name.removeprefix("replace_master_")]
            assert low <= question["min"] <= question["max"] <= high, name
        # An answer is text; an empty one is left out by AWX.
        if question["default"] != "":
            given = from_text(name, option, question["default"], parse=yaml.safe_load)
            assert str(given).lower() == str(defaults[name]).lower(), name


def test_the_page_for_contributors_has_a_place_for_each_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    places = re.findall(r"^\| [^|]+ \| ((?:`_\w+`(?:, )?)+) \|$", text, flags=re.MULTILINE)
    told = re.findall(r"`(_\w+)`", " ".join(places))
    there = {path.stem for path in (ROOT / "plugins" / "module_utils").glob("_[a-z]*")}
    assert sorted(told) == sorted(there)


def test_what_galaxy_and_the_builder_of_execution_environments_look_for_is_there() -> None:
    collection = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    for key in ("repository", "documentation", "homepage", "issues"):
        assert collection[key].startswith("https://"), key
    environment = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    # Both take the paths as from the collection's folder.
    for path in (environment["dependencies"][kind] for kind in ("python", "system")):
        assert (ROOT / path).is_file(), path
    assert "v{0}\n".format(collection["version"]) in (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8")


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_of_somebody_else_is_pinned_by_its_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    yaml.safe_load(text)
    used = re.findall(r"uses: *(\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) or action.startswith("./"), action
        assert re.search(r"# v\d", comment) or action.startswith("./"), action


def test_there_is_an_inventory_for_each_provider() -> None:
    assert {path.name for path in INVENTORIES} == set(ONLY)


@each_inventory
def test_an_inventory_documents_every_variable_of_the_playbook_and_none_besides(inventory: Path) -> None:
    text = (inventory / "group_vars" / "all.yml").read_text(encoding="utf-8")
    others = set().union(*(only for name, only in ONLY.items() if name != inventory.name))
    assert others < replace_master_variables()
    assert (
        set(re.findall(r"^#? ?(replace_master_\w+):", text, flags=re.MULTILINE)) == replace_master_variables() - others
    )


def test_variations_of_the_inventories_set_known_variables_and_no_address_of_somebody_s() -> None:
    text = (ROOT / "inventories" / "README.md").read_text(encoding="utf-8")
    blocks = [
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    ]
    assert {"all"} < {key for block in blocks for key in block} <= {"all"} | replace_master_variables()
    for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text):
        assert any(ipaddress.ip_address(address) in network for network in NETWORKS), address


@each_inventory
def test_an_inventory_has_the_groups_and_no_address_of_somebody_s(inventory: Path) -> None:
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))
    groups = hosts["all"]["children"]
    assert len(groups["survivors"]["hosts"]) >= 2
    assert len(groups["replacement"]["hosts"]) == 1
    variables = yaml.safe_load((inventory / "group_vars" / "all.yml").read_text(encoding="utf-8"))
    lost = variables["replace_master_lost"]
    assert lost not in groups["survivors"]["hosts"]
    assert lost not in groups["replacement"]["hosts"]
    for path in inventory.rglob("*.yml"):
        for text in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", path.read_text(encoding="utf-8")):
            assert any(ipaddress.ip_address(text) in network for network in NETWORKS), (path, text)


@pytest.mark.parametrize("name", ["contracts.md", "runbook.md", "architecture.md", "testing.md"])
def test_addresses_in_the_documents_are_nobody_s(name: str) -> None:
    loopback = ipaddress.ip_network("127.0.0.0/8")
    for text in re.findall(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", (DOCS / name).read_text(encoding="utf-8")):
        assert any(ipaddress.ip_address(text) in network for network in [*NETWORKS, loopback]), text
