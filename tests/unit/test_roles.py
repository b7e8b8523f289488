# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every role and playbook, read from their files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import PROVIDERS
from ansible_collections.cloudpods.ha.plugins.module_utils._models.plan import Phase
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.phases import ordered
from ansible_collections.cloudpods.ha.plugins.module_utils._plan.settings import MADE
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.rights import Rights
from ansible_collections.cloudpods.ha.tests.tools import role_readmes
from jinja2 import ChainableUndefined, StrictUndefined, nodes
from jinja2.nativetypes import NativeEnvironment

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
TASK_FILES = sorted(
    path for folder in ("tasks", "handlers") for path in (ROOT / "roles").glob("*/{0}/**/*.yml".format(folder))
)
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
CALLS = {
    "{0}{1}".format(prefix, call)
    for prefix in ("", "ansible.builtin.")
    for call in ("include_role", "import_role", "include_tasks", "import_tasks")
}
# What the playbooks hand to roles, each under one name everywhere.
RECORDS = {"ha_settings", "ha_plan", "ha_connection", "ha_journal", "ha_backup"}
TASK_FILE_LINES = 80
README_LINES = 80

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
each_task_file = pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: str(path.relative_to(ROOT)))
each_yaml_file = pytest.mark.parametrize("path", TASK_FILES + PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def specs_of(role: Path) -> dict[str, Any]:
    return dict(read(role / "meta" / "argument_specs.yml")["argument_specs"])


def defaults_of(role: Path) -> dict[str, Any]:
    path = role / "defaults" / "main.yml"
    return dict(read(path) or {}) if path.exists() else {}


def options_of(role: Path) -> dict[str, Any]:
    """Every option of every entry point: the same name is the same variable, required when one of them requires it."""
    found: dict[str, Any] = {}
    for spec in specs_of(role).values():
        for name, option in (spec.get("options") or {}).items():
            found[name] = {**option, "required": option.get("required") or found.get(name, {}).get("required", False)}
    return found


def tasks_of(path: Path) -> Iterator[dict[str, Any]]:
    """Every task of a file, those in blocks and plays too, and the blocks and plays themselves."""
    rest = list(read(path) or [])
    while rest:
        task = rest.pop(0)
        yield task
        for key in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks", "handlers"):
            rest += task.get(key) or []


def entry_points_called() -> set[tuple[str, str]]:
    """(role, entry point) for each role called anywhere in the roles and playbooks."""
    found = set()
    for path in TASK_FILES + PLAYBOOKS:
        for task in tasks_of(path):
            calls = [task[key] for key in CALLS & set(task) if key.endswith("role")] + list(task.get("roles") or [])
            for call in calls:
                call = {"name": call} if isinstance(call, str) else call
                name = str(call.get("name") or call.get("role")).rpartition(".")[2]
                found.add((name, str(call.get("tasks_from", "main")).removesuffix(".yml")))
    return found


def test_there_are_roles_and_playbooks() -> None:
    assert ROLES
    assert TASK_FILES
    assert PLAYBOOKS


@each_role
def test_role_has_its_files(role: Path) -> None:
    for name in ("README.md", "meta/main.yml", "meta/argument_specs.yml"):
        assert (role / name).is_file(), name
    before, made = (role / "README.md").read_text(encoding="utf-8").split(role_readmes.BEGIN)
    written = before + made.split(role_readmes.END)[1]
    assert len(written.splitlines()) <= README_LINES


@each_role
def test_a_role_has_a_main_or_nothing_but_named_entry_points(role: Path) -> None:
    files = set((role / "tasks").glob("*.yml"))
    assert files
    included = {
        found
        for path in files
        for task in tasks_of(path)
        for key in ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks")
        if key in task
        for name in [task[key]["file"] if isinstance(task[key], dict) else task[key]]
        # A file of the operator's is none of the role.
        if not re.fullmatch(r"\{\{.*\}\}", name)
        for found in (role / "tasks").glob(re.sub(r"\{\{.*?\}\}", "*", name))
    }
    entry_points = set(specs_of(role))
    # Nothing stands there that nobody can reach.
    assert {path.stem for path in files - included} <= entry_points
    assert "main" in entry_points or entry_points == {path.stem for path in files - included}


@each_role
def test_every_option_has_a_default_or_is_required(role: Path) -> None:
    options = options_of(role)
    required = {name for name, option in options.items() if option.get("required")}
    assert set(defaults_of(role)) == set(options) - required


@each_role
def test_a_default_shown_in_the_documentation_is_the_one_in_force(role: Path) -> None:
    defaults = defaults_of(role)
    for name, option in options_of(role).items():
        assert "default" not in option or option["default"] == defaults.get(name), name


@each_role
def test_public_variables_are_records_that_all_roles_share_or_begin_with_the_role_name(role: Path) -> None:
    assert not [name for name in options_of(role) if name not in RECORDS and not name.startswith(role.name + "_")]


def test_the_playbooks_hand_roles_nothing_but_the_records_and_what_one_role_alone_takes() -> None:
    handed = set(read(ROOT / "playbooks" / "vars" / "records.yml"))
    assert handed == RECORDS | {"ocboot_config_user_password", "report_results"}


@each_role
def test_every_entry_point_is_described(role: Path) -> None:
    for name, spec in specs_of(role).items():
        assert (role / "tasks" / (name + ".yml")).is_file(), name
        assert spec.get("short_description"), name
        assert spec.get("description"), name
        for option_name, option in (spec.get("options") or {}).items():
            assert option.get("description"), option_name
            assert option.get("type"), option_name


def test_every_entry_point_called_has_a_spec_and_every_spec_is_of_a_role() -> None:
    specs = {(role.name, name) for role in ROLES for name in specs_of(role)}
    assert entry_points_called() <= specs


@each_yaml_file
def test_no_task_waits_blindly_or_ignores_errors(path: Path) -> None:
    for task in tasks_of(path):
        assert not {"pause", "ansible.builtin.pause", "ignore_errors"} & set(task), task.get("name")


# What these return without a failure has a reason, which Ansible shows when the time is over.
TELL_WHY = {"cloudpods.ha.workload_claims", "cloudpods.ha.recovered_claim_info"}


def unexplained(tasks: list[dict[str, Any]]) -> Iterator[str]:
    """Waits whose end without success would be Ansible's `Unknown error`, which is shown although a rescue follows."""
    for task in tasks or []:
        for part in ("block", "rescue", "always", "tasks"):
            yield from unexplained(task.get(part) or [])
        # A module that fails has said why.
        if "until" in task and not TELL_WHY & set(task) and not str(task["until"]).endswith(" is not failed"):
            count = re.search(re.escape(str(task.get("register"))) + r"\.attempts\b", str(task["until"]))
            if count is None:
                yield str(task.get("name"))


@each_yaml_file
def test_a_wait_that_runs_out_is_told_by_what_follows(path: Path) -> None:
    assert list(unexplained(read(path))) == []


EVERY_KEY = "*"


def read_key(node: nodes.Node, register: str) -> str:
    """The key of a registered result that an expression reads, also on the way to what is below it; empty where it reads none."""
    keys = []
    while isinstance(node, nodes.Getattr):
        keys.append(node.attr)
        node = node.node
    return keys[-1] if keys and isinstance(node, nodes.Name) and node.name == register else ""


def shown(node: nodes.Node, register: str, *, truth: bool) -> set[str]:
    """The keys that are known to be there where a condition is true, or false; EVERY_KEY where the result is no failure."""
    if isinstance(node, nodes.Not):
        return shown(node.node, register, truth=not truth)
    if isinstance(node, nodes.And if truth else nodes.Or):
        return shown(node.left, register, truth=truth) | shown(node.right, register, truth=truth)
    if isinstance(node, nodes.Test) and node.name == ("defined" if truth else "failed"):
        return {read_key(node.node, register)} if truth else {EVERY_KEY}
    return set()


def unguarded(node: nodes.Node, register: str, known: set[str]) -> Iterator[str]:
    """The keys of a registered result that an expression reads, although they are not there when the module fails."""
    key = read_key(node, register)
    if key:
        if key not in known and EVERY_KEY not in known:
            yield key
    elif isinstance(node, (nodes.And, nodes.Or)):
        yield from unguarded(node.left, register, known)
        first = shown(node.left, register, truth=isinstance(node, nodes.And))
        yield from unguarded(node.right, register, known | first)
    elif not (isinstance(node, nodes.Test) and node.name == "defined"):
        has_default = isinstance(node, nodes.Filter) and node.name == "default"
        for child in node.iter_child_nodes(exclude=["node"] if has_default and read_key(node.node, register) else ()):
            yield from unguarded(child, register, known)


def read_although_failed(task: dict[str, Any]) -> list[str]:
    """What an `until` reads of a result that failed: the first hiccup would be a template error, and no further try."""
    known = {"attempts", "failed", "changed"}
    for key in task:
        if key.startswith("cloudpods.ha."):
            module = importlib.import_module(
                "ansible_collections.cloudpods.ha.plugins.modules." + key.rpartition(".")[2]
            )
            returned = yaml.safe_load(module.RETURN) or {}
            known |= {name for name, item in returned.items() if item["returned"] == "always"}
    until = str(task["until"])
    texts = ["{{ " + until + " }}", *(str(text) for name, text in (task.get("vars") or {}).items() if name in until)]
    found = [
        name for text in texts for name in unguarded(NativeEnvironment().parse(text), str(task["register"]), known)
    ]
    # A result that a task's own condition calls no failure is none for `until` either.
    if "failed_when" in task and re.search(r"\bis (not )?failed\b", until):
        found.append("failed")
    return found


@each_yaml_file
def test_a_wait_reads_nothing_of_a_failed_result_that_is_not_there(path: Path) -> None:
    found = {task["name"]: read_although_failed(task) for task in tasks_of(path) if "until" in task}
    assert {name: keys for name, keys in found.items() if keys} == {}


@pytest.mark.parametrize(
    ("until", "keys"),
    [
        ("r.a.b | length == 0 or r.attempts > 3", ["a"]),
        ("(r is not failed and r.a) or r.attempts > 3", []),
        ("(r is not failed and r.a) or r.b", ["b"]),
        ("r is failed or r.a", []),
        ("r is failed and r.a", ["a"]),
        ("r is not failed or r.a", ["a"]),
        ("r.a is defined and (r.a.b or r.c)", ["c"]),
        ("r.a is defined or r.a", ["a"]),
        ("not (r.a.b | default(true)) and r.b | default(r.c)", ["c"]),
        ("(r | cloudpods.ha.objects_left) == []", []),
        ("given", ["d"]),
    ],
)
def test_such_a_read_is_found(until: str, keys: list[str]) -> None:
    task = {"until": until, "register": "r", "vars": {"given": "{{ r.d }}", "other": "{{ r.e }}"}}
    assert read_although_failed(task) == keys
    given = {**task, "cloudpods.ha.recovered_claim_info": {}, "until": "r.ok and r.lost"}
    assert read_although_failed(given) == ["lost"]
    assert read_although_failed({**task, "until": "r is not failed and r.a", "failed_when": False}) == ["failed"]


@each_yaml_file
def test_no_task_asks_a_server_by_ansible_s_own_module(path: Path) -> None:
    # It can't read a CA on Python 3.6 and 3.7 with OpenSSL 3, which hosts may have; https_probe can.
    for task in tasks_of(path):
        assert not {prefix + name for prefix in ("", "ansible.builtin.") for name in ("uri", "get_url")} & set(task)


@each_yaml_file
def test_no_task_has_a_shell(path: Path) -> None:
    for task in tasks_of(path):
        assert not {prefix + name for prefix in ("", "ansible.builtin.") for name in ("shell", "raw", "script")} & set(
            task
        )
        for name in ("command", "ansible.builtin.command"):
            if name in task:
                assert set(task[name]) >= {"argv"}, task.get("name")


def first(role: Path, file: str = "main.yml") -> tuple[dict[str, Any], list[str]]:
    """The first task of a role that does something, and the conditions on the way to it: blocks are entered, and files that are included."""
    task: dict[str, Any] = read(role / "tasks" / file)[0]
    conditions = []
    while True:
        conditions += [task["when"]] if "when" in task else []
        included = [task[key] for key in CALLS & set(task) if key.endswith("tasks")]
        if not included and "block" not in task:
            return task, conditions
        task = read(role / "tasks" / included[0])[0] if included else task["block"][0]


@pytest.mark.parametrize("phase", [phase for phase in ordered("kubeadm") if phase.acts], ids=lambda phase: phase.name)
def test_the_first_that_an_acting_role_does_is_to_ask_for_its_permission(phase: Phase) -> None:
    task, conditions = first(ROOT / "roles" / phase.role)
    made = task["ansible.builtin.assert"]
    permit = "__{0}_permit".format(phase.role)
    assert made["that"] == permit + ".ok"
    assert task["vars"] == {permit: "{{{{ ha_plan | cloudpods.ha.permit('{0}', ha_backup) }}}}".format(phase.name)}
    # In retire_node no survivor is promoted, and the VIP is only looked at.
    assert conditions == (["__vip_promote | length > 0"] if phase.role == "vip" else [])


@each_task_file
def test_registered_and_loop_variables_are_internal(path: Path) -> None:
    prefix = "__{0}_".format(path.relative_to(ROOT / "roles").parts[0])
    for task in tasks_of(path):
        names = [task.get("register"), (task.get("loop_control") or {}).get("loop_var")]
        assert not [name for name in names if name and not name.startswith(prefix)], task.get("name")


@each_task_file
def test_no_default_filter_repairs_a_variable_that_has_a_default(path: Path) -> None:
    role = ROOT / "roles" / path.relative_to(ROOT / "roles").parts[0]
    text = path.read_text(encoding="utf-8")
    for name in options_of(role):
        assert not re.search(r"\b{0}\s*\|\s*(default|d)\(".format(name), text), name


def roles_included_by(role: Path) -> set[str]:
    """Whose variables a role sets, since it includes them."""
    calls = [
        task[key]
        for path in (role / "tasks").rglob("*.yml")
        for task in tasks_of(path)
        for key in CALLS & set(task)
        if key.endswith("role")
    ]
    return {str(call["name"]).rpartition(".")[2] for call in calls}


@each_role
def test_a_role_reads_no_other_role_s_variables(role: Path) -> None:
    strangers = [other for other in ROLES if other != role and other.name not in roles_included_by(role)]
    others = {name for other in strangers for name in options_of(other)} | {
        other.name + "_result" for other in strangers
    }
    folders = ("tasks", "templates", "handlers", "defaults", "vars")
    files = [path for folder in folders for path in (role / folder).rglob("*")]
    for path in filter(Path.is_file, files):
        text = re.sub(r"^\s*#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        # Messages name what the operator may set; expressions do not read it.
        text = re.sub(r"(?<![{\w])replace_master_\w+(?= (?:says|names))", "", text)
        words = set(re.findall(r"(?<![\w.'\"])[a-z]\w+", text))
        assert not {word for word in words & others if word not in options_of(role)}, path


@each_task_file
def test_a_task_file_is_read_at_one_sight(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TASK_FILE_LINES


def documented_options(kind: str, name: str) -> set[str]:
    """The options of a module or filter of this collection, those of its documentation fragments too."""
    module = importlib.import_module("ansible_collections.cloudpods.ha.plugins.{0}.{1}".format(kind, name))
    documents = [yaml.safe_load(module.DOCUMENTATION)]
    for fragment in documents[0].get("extends_documentation_fragment") or []:
        file, _dot, variant = str(fragment).removeprefix("cloudpods.ha.").partition(".")
        found = importlib.import_module("ansible_collections.cloudpods.ha.plugins.doc_fragments." + file)
        documents.append(yaml.safe_load(getattr(found.ModuleDocFragment, (variant or "DOCUMENTATION").upper())))
    return {option for document in documents for option in document.get("options") or {}}


@each_yaml_file
def test_a_task_gives_our_modules_no_option_that_they_do_not_have(path: Path) -> None:
    for task in tasks_of(path):
        for key in task:
            if key.startswith("cloudpods.ha."):
                given = set(task[key] or {})
                assert given <= documented_options("modules", key.rpartition(".")[2]), task.get("name")


def on_the_way_out(path: Path) -> Iterator[dict[str, Any]]:
    """The tasks of a file's `always` and `rescue`, with those of the files that these include."""
    for task in tasks_of(path):
        for part in ("always", "rescue"):
            yield from included(path, task.get(part) or [])


def included(path: Path, tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from included(path, task.get(part) or [])
        for key in CALLS & set(task):
            if key.endswith("tasks"):
                # A name that is made when the play runs stands for each that fits.
                name = re.sub(r"\{\{.*?\}\}", "*", str(task[key])).removeprefix("*/tasks/")
                for other in sorted((path.parents[1] / "tasks").rglob(name)):
                    yield from included(other, read(other))


@each_task_file
def test_a_host_that_has_gone_away_does_not_end_the_way_out(path: Path) -> None:
    # An unreachable host ends the run of localhost, without what is left of `always`: no report, no reason.
    asked = [task for task in on_the_way_out(path) if task.get("delegate_to") not in (None, "localhost")]
    assert [task["name"] for task in asked if not task.get("ignore_unreachable")] == []


def stopped_by(path: Path, **known: Any) -> list[str]:
    """The asserts of a task file that fail with these variables, by their names' ends. Only Jinja's own filters and tests are known."""
    jinja = NativeEnvironment(undefined=StrictUndefined)
    found = []
    for task in tasks_of(path):
        check = task.get("ansible.builtin.assert")
        if check is None:
            continue
        own = {name: jinja.from_string(text).render(known) for name, text in (task.get("vars") or {}).items()}

        def holds(condition: Any, variables: dict[str, Any]) -> bool:
            every = condition if isinstance(condition, list) else [condition]
            return all(jinja.compile_expression(str(text))(**variables) for text in every)

        if holds(task.get("when", True), {**known, **own}) and not holds(check["that"], {**known, **own}):
            found.append(task["name"].partition("Assert that ")[2])
    return found


@pytest.mark.parametrize(("ok", "stopped"), [(True, []), (False, ["the next drives may be replaced"])])
def test_no_drive_is_replaced_without_gate_and_proof(ok: bool, stopped: list[str]) -> None:
    role = ROOT / "roles" / "stateful_recovery"
    assert stopped_by(role / "tasks" / "check_minio.yml", __stateful_recovery_gate={"ok": ok, "reason": "x"}) == stopped
    # The check comes before the cordon and the claims of its round.
    names = [task["name"] for task in tasks_of(role / "tasks" / "round.yml")]
    assert names[0] == "round | Check that the next drives may be replaced"


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        ({"undecided": [], "starting": []}, 1),
        # A fault that no pod explains is asked about three times, a pod that starts is waited for two minutes.
        ({"undecided": ["ns/a"], "starting": []}, 3),
        ({"undecided": ["ns/a", "ns/b"], "starting": ["ns/b"]}, 13),
        ({"msg": "MODULE FAILURE"}, 13),
    ],
)
def test_the_plan_waits_until_each_minio_is_decided(answer: dict[str, Any], attempts: int) -> None:
    task = next(iter(tasks_of(ROOT / "roles" / "discovery" / "tasks" / "plan.yml")))
    ended = NativeEnvironment().compile_expression(task["until"])
    tried = (count for count in range(1, 99) if ended(**{task["register"]: {**answer, "attempts": count}}))
    assert next(tried) == attempts
    assert task["retries"] + 1 == 13


# From what these files already have, by vip_info; and from the filter k3s_join_files.
MODES_OF_OTHERS = {
    "{{ __join_vip.vip.manifest_mode }}",
    "{{ __vip_host_info.manifest_mode }}",
    "{{ __join_content.mode }}",
}


@each_yaml_file
def test_what_is_hidden_is_written_for_its_owner_alone_and_nothing_for_others_to_write(path: Path) -> None:
    for task in tasks_of(path):
        for name in ("copy", "template", "file"):
            given = task.get("ansible.builtin." + name) or {}
            if name == "file" and given.get("state") in ("absent", "link"):
                continue
            if given and given["mode"] not in MODES_OF_OTHERS:
                open_to_others = 0o077 if task.get("no_log") else 0o022
                assert int(given["mode"], 8) & open_to_others == 0, task["name"]


def test_a_k3s_that_did_not_join_is_stopped_before_anything_else_can_fail() -> None:
    (block,) = read(ROOT / "roles" / "join" / "tasks" / "k3s" / "start.yml")
    service = block["block"][0]["ansible.builtin.systemd_service"]["name"]
    assert block["rescue"][0]["ansible.builtin.systemd_service"] == {"name": service, "state": "stopped"}
    # With a byte that is no UTF-8 the text of the log could not be decoded; JSON has it as numbers.
    (log,) = (task["ansible.builtin.command"]["argv"] for task in block["rescue"] if "ansible.builtin.command" in task)
    assert log[log.index("-o") + 1] == "json"
    # The last one tells why.
    for task in block["rescue"][:-1]:
        assert (task["failed_when"], task["ignore_unreachable"]) == (False, True), task["name"]


@pytest.mark.parametrize(
    ("annotations", "socket"),
    [({"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/a.sock"}, "unix:///run/a.sock"), ({}, ""), (None, "")],
)
def test_a_half_joined_machine_is_reset_through_the_survivors_runtime(annotations: Any, socket: str) -> None:
    tasks = list(tasks_of(ROOT / "roles/join/tasks/kubeadm/reset.yml"))
    (reset,) = [task for task in tasks if "reset" in str(task.get("ansible.builtin.command"))]
    environment = NativeEnvironment(undefined=ChainableUndefined)
    metadata = {} if annotations is None else {"annotations": annotations}
    found = {"__join_reset_survivor": {"resources": [{"metadata": metadata}]}}
    known = environment.from_string(reset["vars"]["__join_socket"]).render(found)
    argv = environment.from_string(reset["ansible.builtin.command"]["argv"]).render(__join_socket=known)
    assert argv[:4] == ["kubeadm", "reset", "--force", "--skip-phases=remove-etcd-member"]
    assert argv[4:] == (["--cri-socket", socket] if socket else [])


def test_nothing_of_a_removed_member_is_left_where_the_next_one_starts() -> None:
    tasks = read(ROOT / "roles/join/tasks/kubeadm/reset.yml")
    (at,) = [number for number, task in enumerate(tasks) if "block" in task]
    stop, data = tasks[at]["block"][-2:]
    folder = read(ROOT / "roles/join/vars/main.yml")["__join_etcd_data"]
    assert folder == PROVIDERS["kubeadm"].etcd_data
    # etcd no longer writes, and kubeadm would join no host whose Node is Ready.
    assert stop["cloudpods.ha.pod_processes"] == {"state": "absent"}
    assert data["ansible.builtin.file"] == {"path": "{{ __join_etcd_data }}/member", "state": "absent"}
    assert [task["name"].rpartition(" | ")[2].partition(" the Node of")[0] for task in tasks[at + 1 :]] == [
        "Wait until",
        "Assert that",
    ]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_no_configuration_of_ansible_changes_the_order_of_a_play_or_ends_its_clean_up(path: Path) -> None:
    # Without these words ANSIBLE_STRATEGY and ANSIBLE_ANY_ERRORS_FATAL decide.
    for play in read(path):
        if "hosts" in play:
            assert play["strategy"] == "ansible.builtin.linear"
            assert play["any_errors_fatal"] is False


def test_what_a_run_makes_can_be_given_by_nobody() -> None:
    made = set(RECORDS)
    for path in [*TASK_FILES, *PLAYBOOKS, *(ROOT / "playbooks/tasks").glob("*.yml")]:
        for task in tasks_of(path):
            made |= {*(task.get("ansible.builtin.set_fact") or {}), task.get("register", "__")}
    # Ansible has names of its own, and retirement checks its own input.
    public = {name for name in made if not name.startswith(("__", "ansible_", "retire_"))}
    assert public <= MADE, sorted(public - MADE)


@pytest.mark.parametrize("name", ["inspect_master", "retire_node"])
def test_the_first_that_a_playbook_does_is_to_stay_who_it_is_on_the_controller(name: str) -> None:
    first = read(ROOT / "playbooks" / (name + ".yml"))[0]
    assert first["hosts"] == "localhost"
    assert first["tasks"][0]["ansible.builtin.set_fact"] == {"ansible_become": False}


def objects_read() -> set[tuple[str, str]]:
    """(API group, kind) of the objects that tasks read, those in a list of such objects too."""
    found = set()
    for path in TASK_FILES:
        for task in tasks_of(path):
            for module in ("kubernetes.core.k8s_info", "kubernetes.core.k8s"):
                asked = task.get(module) or {}
                if isinstance(asked.get("definition"), dict):
                    asked = {"api_version": asked["definition"].get("apiVersion", "v1"), **asked["definition"]}
                if "{{" not in asked.get("kind", "{{"):
                    found.add((asked.get("api_version", "v1"), asked["kind"]))
    listed = read(ROOT / "roles/ocboot_config/vars/main.yml")["__ocboot_config_objects"]
    found |= {(item["api"], item["kind"]) for item in listed}
    return {(version.rpartition("/")[0], kind) for version, kind in found}


@pytest.mark.parametrize(("group", "kind"), sorted(objects_read()))
def test_the_cluster_role_lets_a_run_read_what_its_tasks_read(group: str, kind: str) -> None:
    assert ".".join(filter(None, ("get {0}s".format(kind.lower()), group))) in Rights().granted
