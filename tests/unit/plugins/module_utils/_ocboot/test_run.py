# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ocboot, by the stand-in that records how it is called, and what is left of its output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot import output
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.checkout import branch_of, look
from ansible_collections.cloudpods.ha.plugins.module_utils._ocboot.run import Ran, run, secrets_given
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[5]
STAND_IN = ROOT / "molecule" / "ocboot-recording-standin"
DATABASE, WEB = "0neC1oudDB#'\"\\ü", "yes{{ x }}"
CONFIG = "primary_master_node:\n  db_password: {0}\n  onecloud_user_password: {1}\nmaster_nodes:\n".format(
    output.yaml_value(DATABASE), output.yaml_value(WEB)
)


def lay(folder: Path, *words: str) -> Path:
    subprocess.run([sys.executable, str(STAND_IN), "lay", str(folder), *words], check=True)
    return folder


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    return lay(tmp_path / "ocboot")


def ran(checkout: Path, mode: str = "success", **arguments: Any) -> Ran:
    config = checkout.parent / "config.yml"
    config.write_text(CONFIG, encoding="utf-8")
    config.chmod(0o600)
    # The value is masked in the output, so the mode that is the default is not given.
    environment = {**({} if mode == "success" else {"STANDIN_MODE": mode}), **arguments.pop("environment", {})}
    return run(str(checkout), str(config), python=sys.executable, environment=environment, **arguments)


def recorded(checkout: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (checkout / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_is_called_as_ocboot_wants_it_and_leaves_no_password(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", "/of/the/caller")
    (checkout / "oc_vars.yml").write_text("of a run before", encoding="utf-8")
    (checkout / "oc_vars.yml").chmod(0o644)
    found = ran(checkout, environment={"SKIP_TAGS": "cloud", "K8S_V115": "TRUE"})
    assert (found.rc, found.problem) == (0, "")
    (record,) = recorded(checkout)
    assert record["argv"] == ["install", str(checkout.parent / "config.yml")]
    assert record["cwd"] == str(checkout)
    assert (record["skip_tags"], record["k8s_v115"], record["ansible_variables"]) == ("cloud", "TRUE", [])
    assert record["groups"] == ["primary_master_node", "master_nodes"]
    assert set(record["modes"].values()) == {"0o600"}
    left = {path.name for path in [*checkout.iterdir(), *checkout.parent.iterdir()]}
    assert not left & {"host_inventory.yml", "oc_vars.yml", "config.yml"}
    assert "Initialized successfully!" in found.lines


def test_what_is_to_be_kept_is_kept_for_its_owner_alone(checkout: Path) -> None:
    ran(checkout, keep=True)
    for path in (checkout / "host_inventory.yml", checkout / "oc_vars.yml", checkout.parent / "config.yml"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("mode", "rc", "problem"),
    [
        ("silent", 0, "without its line"),
        ("missing_key", 0, "without its line"),
        ("traceback", 1, "exit code 1"),
        ("failed", 2, "exit code 2"),
    ],
)
def test_a_failure_is_told_also_when_ocboot_ends_with_0_and_tells_no_password(
    checkout: Path, mode: str, rc: int, problem: str
) -> None:
    found = ran(checkout, mode)
    assert found.rc == rc
    assert problem in found.problem
    told = "\n".join(found.lines)
    assert "stand-in" in told
    for part in ("0neC1oudDB", "yes{{"):
        assert part not in told
    assert not (checkout / "oc_vars.yml").exists()


def test_a_run_that_takes_too_long_is_ended_with_its_children(checkout: Path) -> None:
    started = time.monotonic()
    found = ran(checkout, "hang", timeout=1)
    assert (found.rc, time.monotonic() - started < 30) == (-1, True)
    assert "1 s" in found.problem
    assert any("stand-in" in line for line in found.lines)
    children = [
        pid
        for pid in filter(str.isdigit, os.listdir("/proc"))
        if b"sleep\x00600" in (_bytes(Path("/proc") / pid / "cmdline"))
        and str(checkout).encode() in os.fsencode(_link(Path("/proc") / pid / "cwd"))
    ]
    assert children == []
    assert not (checkout / "oc_vars.yml").exists()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def test_what_can_not_be_masked_is_not_run(checkout: Path) -> None:
    config = checkout.parent / "other.yml"
    config.write_text("primary_master_node: {db_password: x}\n", encoding="utf-8")
    with pytest.raises(HaError, match="was not rendered by this collection"):
        run(str(checkout), str(config))
    with pytest.raises(HaError, match="can't be read"):
        run(str(checkout), str(config) + "x")
    assert not (checkout / "recorded.jsonl").exists()


def test_a_command_that_is_not_there_is_told_and_the_file_is_removed(checkout: Path) -> None:
    with pytest.raises(HaError, match="can't be started"):
        ran(checkout, command=["/no/such/program"])
    assert not (checkout.parent / "config.yml").exists()


def test_program_options_and_plain_words_are_no_secrets() -> None:
    command = ["/opt/run", "ocboot.py", "install", "--verbose", "--key=abcd", "A=efgh", "ijkl", "xyz"]
    environment = {
        "K8S_V115": "TRUE",
        "SKIP_TAGS": "cloud",
        "NO_REBOOT": "1",
        "FLAG": True,
        "NUMBER": 12345,
        "URL": "http://p",
    }
    assert set(secrets_given(command, environment)) == {"abcd", "A=efgh", "efgh", "ijkl", "12345", "http://p"}
    assert secrets_given([], {}) == ()


SPELLINGS = [
    lambda secret: secret,
    repr,
    ascii,
    json.dumps,
    lambda secret: json.dumps(secret, ensure_ascii=False),
    lambda secret: json.dumps({"out": json.dumps({"x": secret})}),
    lambda secret: repr({"x": repr(secret)}),
    lambda secret: yaml.safe_dump({"x": secret}, width=10**6),
    lambda secret: yaml.safe_dump({"x": secret}, width=10**6, allow_unicode=True),
    lambda secret: yaml.safe_dump({"x": secret + " tail of words"}, width=10),
    lambda secret: "'" + secret.replace("'", "'\\''") + "'",
    lambda secret: urllib.parse.quote(secret, safe=""),
    urllib.parse.quote_plus,
]


@given(
    st.one_of(
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=4),
        st.text(alphabet="aä€😀'\"\\{}% #$&+/", min_size=4),
    ),
    st.sampled_from(range(len(SPELLINGS))),
)
@settings(max_examples=300, deadline=None)
def test_a_secret_is_masked_however_it_is_spelled(secret: str, spelling: int) -> None:
    assume(secret.strip() == secret and len(set(secret)) > 2)
    text = SPELLINGS[spelling](secret)
    assume(text not in ("", secret[:1]))
    shown = output.masked("before " + text + " after", [secret])
    assert output.MASK in shown
    assert secret not in shown.replace(output.MASK, "")
    assert shown.startswith("before")
    assert shown.endswith("after")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("db_password: s3cret words", "s3cret words"),
        ("{'db_password': 's3\\'cret', 'x': 1}", "s3"),
        ('{"ch_password": "s3cret", "y": 2}', "s3cret"),
        ('  - name: KEEPALIVED_PASSWORD\n    value: "s3cret"\n', "s3cret"),
        ("ExecStart=k3s server --token \\\n 's3cret' \\\n --disable servicelb", "s3cret"),
        ("K3S_TOKEN=s3cret", "s3cret"),
        ("token: s3cret\ntoken-file: /x", "s3cret"),
        ('out: {\\"db_password\\": \\"s3cret\\"}', "s3cret"),
        ("\x1b[0;31mdb_password: s3cret\x1b[0m", "s3cret"),
        ("kubeadm join --certificate-key s3cret", "s3cret"),
    ],
)
def test_what_stands_after_a_word_for_a_secret_is_masked(text: str, hidden: str) -> None:
    assert hidden not in output.masked(text)


def test_what_is_no_secret_is_left_readable() -> None:
    text = "TASK [Get token for the node]\nok: [192.0.2.14]\nthe password was not accepted\ncluster-cidr: 10.40.0.0/16"
    assert output.masked(text, ["other"]) == text


def test_a_masked_file_is_still_yaml() -> None:
    text = 'token: abc\nnode-label:\n  - a=b\nkube-apiserver-arg: ["token-auth-file=/x"]\ncluster-cidr: 10.40.0.0/16\n'
    found = yaml.safe_load(output.masked(text))
    assert found["token"] == output.MASK
    assert found["cluster-cidr"] == "10.40.0.0/16"


def test_passwords_are_found_in_what_is_rendered() -> None:
    assert output.secrets_in(CONFIG) == (DATABASE, WEB)


def test_differences_tell_what_changed_and_no_secret() -> None:
    def file(text: str, digest: str) -> dict[str, str]:
        return {"path": "/x", "sha256": digest, "text": text}

    before = {
        "/a": file("one\ntwo", "1"),
        "/b": file("same", "2"),
        "/c": file("token: (hidden)", "3"),
        "/d": file("x", "4"),
    }
    after = {
        "/a": file("one\n2", "5"),
        "/b": file("same", "2"),
        "/c": file("token: (hidden)", "6"),
        "/e": file("y", "7"),
    }
    found = {item["path"]: (item["change"], item["lines"][1:]) for item in output.differences(before, after)}
    assert found == {
        "/a": ("changed", ["-two", "+2"]),
        "/c": ("changed", []),
        "/d": ("removed", ["-x"]),
        "/e": ("new", ["+y"]),
    }


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["kubeadm"], (False, False, False)), (["k3s"], (True, True, False)), (["k3s", "regression"], (True, True, True))],
)
def test_a_checkout_is_known_by_its_files(tmp_path: Path, words: list[str], wanted: tuple[bool, ...]) -> None:
    found = look(str(lay(tmp_path / "x", *words)))
    assert (found.k3s_role, found.k8s_v115, found.host_networks_regression) == wanted
    assert (found.version, found.branch) == ("v0.0.0-standin", "")


def test_a_release_that_looks_for_the_address_and_goes_on_without_is_no_regression(tmp_path: Path) -> None:
    checkout = lay(tmp_path / "x", "k3s", "regression")
    (tasks,) = checkout.rglob("set-hostnetworks/tasks/main.yml")
    lines = tasks.read_text(encoding="utf-8").splitlines()
    tasks.write_text("\n".join(line for line in lines if "failed_when" not in line), encoding="utf-8")
    assert look(str(checkout)).host_networks_regression is False


def test_what_is_no_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(HaError, match="no checkout of ocboot"):
        look(str(tmp_path))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("annotated", [False, True])
def test_branch_and_tag_are_read_without_git(tmp_path: Path, packed: bool, annotated: bool) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "release/3.11")
    git("commit", "--allow-empty", "-m", "x")
    assert branch_of(str(tmp_path)) == "release/3.11"
    git("checkout", "--detach")
    assert branch_of(str(tmp_path)) == ""
    git("tag", *(["-a", "-m", "x"] if annotated else []), "master-v4.0.3-6")
    if packed:
        git("pack-refs", "--all")
    # A tag with a message that is not packed names an object, which is not read.
    assert branch_of(str(tmp_path)) == ("" if annotated and not packed else "master-v4.0.3-6")
