# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told when K3s did not join."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._join import k3s_log
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[3] / "fixtures" / "k3s"
TOKEN = (FIXTURES / "token" / "server-token").read_text(encoding="utf-8").strip()
LOGS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FIXTURES / "log").glob("*.log"))}
STOPPED = {"state": "stopped", "changed": True}

WHY = {
    "already-initialized": "Starting etcd for existing cluster member",
    "ca-hash-mismatch": "token CA hash does not match the Cluster CA certificate hash",
    "critical-mismatch": "critical configuration value mismatch between servers",
    "critical-mismatch-newer": "critical configuration value mismatch between servers",
    "duplicate-node-name": "etcd cluster join failed: duplicate node name found, please use a unique name for this node",
    "joining": "etcd data store connection OK",
    "new-cluster": "Starting etcd for new cluster",
    "node-password-rejected": "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password'",
    "not-managed-etcd": "server-bootstrap: 400 Bad Request",
    "removed-member": "This node has been removed from the cluster - please restart k3s to rejoin the cluster",
    "reset-with-server-url": "cannot perform cluster-reset while server URL is set",
    "restore-without-token": "/var/lib/rancher/k3s/server/token does not exist",
    "snapshot-save": "Reconciliation of ETCDSnapshotFile resources complete",
    "survivor-annotations-missing": "node name annotation for node lzx-ha-env not found, requeuing",
    "survivor-learner-evicted": "Removed learner lzx-test-add-node-b2f22de0 from etcd cluster",
    "survivor-member-removed": "Removing name=lzx-ha-env-6b5275f6 id=6768101570577684203",
    "token-different": "bootstrap data already found and encrypted with different token",
    "token-rejected": "401 Unauthorized",
    "tombstone": "tombstone file has been detected, removing data dir to rejoin the cluster",
    "tombstone-newer-no-server": "tombstone file has been detected but --server is empty",
    "waiting-for-other-learner": "Waiting for other members to finish joining etcd cluster",
}


@pytest.mark.parametrize("name", sorted({*WHY, *LOGS}))
def test_the_log_says_why_k3s_stopped(name: str) -> None:
    said = k3s_log.why(LOGS[name], [TOKEN, "mytoken@yunionio"])
    assert WHY[name] in said
    assert "\n" not in said
    # systemd's and logrus's own words are left out, but where a line has another form.
    assert name == "snapshot-save" or "level=" not in said


def test_a_fatal_line_counts_more_than_a_later_error_and_that_more_than_the_last_line() -> None:
    lines = ['level=fatal msg="the reason"', 'level=error msg="a consequence"', 'level=info msg="bye"']
    assert k3s_log.why("\n".join(lines), []) == "the reason"
    assert k3s_log.why("\n".join(lines[1:]), []) == "a consequence"
    assert k3s_log.why("\n".join(lines[2:]), []) == "bye"
    assert k3s_log.why("panic: no logger\n\n", []) == "panic: no logger"
    assert k3s_log.why("", []) == ""
    assert len(k3s_log.why("x" * 5000, [])) == 400


SECRETS = st.text("abc:@\"\\ '$", min_size=3, max_size=12).map(str.strip).filter(lambda text: len(text) > 2)


@given(st.sampled_from(sorted(LOGS)), st.lists(SECRETS, min_size=1, max_size=3), st.sampled_from(["fatal", "info"]))
def test_no_secret_is_told(name: str, secrets: list[str], level: str) -> None:
    quoted = " and ".join(secrets).replace("\\", "\\\\").replace('"', '\\"')
    log = LOGS[name] + 'time="2024-01-15T08:40:09Z" level={0} msg="bad value <{1}>"\n'.format(level, quoted)
    log += "level={0} plain <{1}>\n".format(level, " and ".join(secrets))
    for text in (log, log + 'level={0} msg="bad value <{1}>"\n'.format(level, quoted)):
        said = k3s_log.why(text, ["", *secrets])
        assert not [secret for secret in secrets if secret in said]
        assert not [secret for secret in secrets if json.dumps(secret)[1:-1] in said]


def journal(*messages: Any) -> str:
    return "\n".join(json.dumps({"PRIORITY": "6", "MESSAGE": item}) for item in messages)


def test_entries_of_the_journal_are_read_and_a_byte_that_is_not_utf_8_loses_nothing() -> None:
    fatal = list(b'level=fatal msg="bad \xff\x1b[31m token mytoken"')
    said = k3s_log.why(journal("starting", fatal, "level=info bye", None), ["mytoken"])
    assert said == r"bad \xff\x1b[31m token ***"
    assert k3s_log.why(journal(["level=info a", "level=error b"], "bye"), []) == "level=error b"
    assert k3s_log.why(journal("one"), []) == "one"
    assert k3s_log.why('7\n"x"', []) == '"x"'


def test_it_is_told_whether_k3s_is_stopped() -> None:
    log = {"rc": 0, "stdout": journal('level=fatal msg="the reason"')}
    assert k3s_log.failure(log, STOPPED, {}, []) == "the reason. K3s is stopped."
    said = k3s_log.failure(log, {"msg": "Connection to {0} lost".format(TOKEN), "unreachable": True}, {}, [TOKEN])
    assert said == "the reason. K3s COULD NOT BE STOPPED and may go on trying to join: Connection to *** lost"
    assert "COULD NOT" in k3s_log.failure(log, {**STOPPED, "unreachable": True}, {}, [])
    assert "COULD NOT" in k3s_log.failure(log, {}, {}, [])


@pytest.mark.parametrize(("rc", "words"), [(0, "it logged nothing"), (1, "its log could not be read")])
def test_without_a_log_the_failure_of_the_start_is_told(rc: int, words: str) -> None:
    said = k3s_log.failure({"rc": rc, "stdout": ""}, STOPPED, {"msg": "timed out after 600 s"}, [])
    assert said == "{0}; starting it failed: timed out after 600 s. K3s is stopped.".format(words)
    assert "could not be read" in k3s_log.failure({"unreachable": True}, STOPPED, {}, [])


FATAL = "F0101 03:05:07.000000    1234 c.go:210] no cloud provider"
ERROR = 'E0101 03:05:07.000000    1234 server.go:302] "leaderelection lost"'
STACK = [
    "goroutine 1 [running]:",
    "k8s.io/klog/v2.(*loggingT).output(0xc0004b2000, {0x1, 0x2})",
    "/go/pkg/mod/k8s.io/klog/v2@v2.100.1/klog.go:1038 +0x8a",
    "sync.(*Pool[...]).Get(...)",
    "main.main()",
    "created by main.main in goroutine 1",
    "rax    0x0",
]
END = ["k3s.service: Main process exited, code=exited, status=255/EXCEPTION", "Failed to start Lightweight Kubernetes."]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            [
                'time="x" level=error msg="earlier"',
                "panic: runtime error: invalid memory address or nil pointer dereference",
                "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]",
                "goroutine 1 [running]:",
                "main.main()",
                "k3s.service: Main process exited, code=exited, status=2/INVALIDARGUMENT",
                "Failed to start Lightweight Kubernetes.",
            ],
            "panic: runtime error: invalid memory address or nil pointer dereference",
        ),
        (
            [
                "k3s.service: Failed at step EXEC spawning /usr/local/bin/k3s: Exec format error",
                "k3s.service: Main process exited, code=exited, status=203/EXEC",
                "k3s.service: Failed with result 'exit-code'.",
                "Failed to start Lightweight Kubernetes.",
            ],
            "k3s.service: Failed at step EXEC spawning /usr/local/bin/k3s: Exec format error",
        ),
        (
            ["fatal error: runtime: out of memory", "Failed to start k3s.service - Lightweight Kubernetes."],
            "fatal error: runtime: out of memory",
        ),
        (
            [
                "k3s.service: A process of this unit has been killed by the OOM killer.",
                "Stopped Lightweight Kubernetes.",
            ],
            "k3s.service: A process of this unit has been killed by the OOM killer.",
        ),
        (
            ["Incorrect Usage: flag provided but not defined: -foo", "Failed to start x."],
            "Incorrect Usage: flag provided but not defined: -foo",
        ),
        (["waiting for something", "Failed to start Lightweight Kubernetes."], "waiting for something"),
        (["E0101 03:05:07.000000 1234 c.go:1] harmless", FATAL, *STACK, *END], FATAL),
        (['time="x" level=error msg="boring"', FATAL, *END], FATAL),
        (['time="x" level=error msg="boring"', ERROR, *END], ERROR),
        ([ERROR, "I0101 03:05:08.000000 1234 c.go:1] bye", *STACK, *END], ERROR),
        (
            ["unexpected signal during runtime execution", "[signal SIGSEGV: segmentation violation]", *STACK, *END],
            "unexpected signal during runtime execution",
        ),
        (["waiting for something", *STACK, *END], "waiting for something"),
        (["Failed to start Lightweight Kubernetes."], "Failed to start Lightweight Kubernetes."),
    ],
)
def test_a_crash_or_a_program_that_can_not_run_is_the_reason(lines: list[str], reason: str) -> None:
    assert k3s_log.why("\n".join(json.dumps({"MESSAGE": line}) for line in lines), []) == reason
    assert k3s_log.why("\n".join("Jan 15 08:41:02 m k3s[7]: " + line for line in lines), []).endswith(reason)


@pytest.mark.parametrize(
    "entry", ["[" * 200000, '{"MESSAGE": {"a": 1}}', '{"MESSAGE": null}', "null", '{"MESSAGE": [[300]]}']
)
def test_an_entry_that_is_none_is_no_crash(entry: str) -> None:
    assert len(k3s_log.why(entry, [])) <= 400
