# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server, a program or an object says reaches a terminal as text only, also by the message of a failed task, which Ansible shows as it is."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils import _errors
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import pod_hint
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import findings, proof, report

NASTY = "\x1b[31mred\x1b]0;title\x07\x9b"


@pytest.mark.parametrize(
    "error",
    [
        _errors.HaError(NASTY),
        _errors.ApiUnavailable("https://192.0.2.12:6443", NASTY),
        _errors.ApiRefused("GET", NASTY, 500, NASTY),
        _errors.CommandFailed("kubeadm", 1, NASTY),
        _errors.Unsafe("NODE_READY", NASTY, NASTY),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_holds_nothing_that_controls_a_terminal(error: _errors.HaError) -> None:
    assert "?[31mred?]0;title??" in str(error)
    assert str(error).isprintable()


def test_an_error_keeps_its_lines() -> None:
    assert str(_errors.HaError("one\ttwo\nthree")) == "one two\nthree"


def test_why_a_pod_does_not_run_is_text() -> None:
    waiting = {"status": {"containerStatuses": [{"state": {"waiting": {"reason": "Error", "message": NASTY}}}]}}
    unscheduled = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": NASTY}]}}
    assert pod_hint(waiting).isprintable()
    assert pod_hint(unscheduled).isprintable()


def test_what_a_minio_names_is_text() -> None:
    assert findings.Finding("no_answer", NASTY).sentence.isprintable()
    assert proof.label((NASTY, NASTY, NASTY)).isprintable()
    # The name that approves a loss is the object's, whatever it is.
    assert NASTY in proof.name("a/b", ("bucket", NASTY, ""))
    result = {"gone": [NASTY], "fewer": [{"bucket": NASTY, "before": 2, "after": 1}]}
    assert report.about_objects(result).isprintable()
    assert report.recovered(result)["reason"].isprintable()
