# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import at_once

GATE = {"ok": True, "decided": True, "starting": False}
# Seconds until a stand-in gives up on one that does not begin.
_PATIENCE = 5


class Connection:
    """A stand-in for a connection to the API server."""


def read(names: t.Sequence[str] = ("minio", "monitor-minio"), **params: t.Any) -> dict:
    asked = [{"namespace": "ns", "name": name, "prove_readable": False, "accept_unproven": False} for name in names]
    return at_once.read(Connection, {"deployments": asked, "progress_file": "", **params})  # type: ignore[arg-type]


def test_each_is_read_while_the_others_are_and_over_its_own_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    met = threading.Barrier(2, timeout=_PATIENCE)
    used: list[t.Any] = []

    def run(api: t.Any, params: dict, _progress: t.Any) -> dict:
        used.append(api)
        # Broken where no second read begins before this one has ended.
        met.wait()
        return {"msg": params["name"], "gate": GATE}

    monkeypatch.setattr(at_once, "run", run)
    result = read()
    assert [(item["name"], item["error"]) for item in result["deployments"]] == [("minio", ""), ("monitor-minio", "")]
    assert result["msg"] == "minio; monitor-minio"
    assert len({id(api) for api in used}) == 2


def test_connections_are_made_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Kubernetes client's files with certificates are not made for threads."""
    alone = threading.Lock()
    found: list[bool] = []

    def connect() -> Connection:
        found.append(alone.acquire(blocking=False))
        threading.Event().wait(0.05)
        if found[-1]:
            alone.release()
        return Connection()

    monkeypatch.setattr(at_once, "run", lambda *_args: {"msg": "", "gate": GATE})
    asked = [{"namespace": "ns", "name": str(n), "prove_readable": False, "accept_unproven": False} for n in range(3)]
    at_once.read(connect, {"deployments": asked, "progress_file": ""})  # type: ignore[arg-type]
    assert found == [True, True, True]


@pytest.mark.parametrize(
    ("raised", "told"),
    [(at_once.HaError("no pod answers"), "no pod answers"), (KeyError("spec"), "KeyError: 'spec'")],
)
def test_one_that_raises_hides_no_other(monkeypatch: pytest.MonkeyPatch, raised: Exception, told: str) -> None:
    def run(_api: t.Any, params: dict, _progress: t.Any) -> dict:
        if params["name"] == "minio":
            raise raised
        return {"msg": "well", "gate": GATE, "buckets": []}

    monkeypatch.setattr(at_once, "run", run)
    result = read()
    first, second = result["deployments"]
    assert (first["error"], first["msg"], first["gate"]["ok"], first["settled"]) == (told, told, False, False)
    assert first["gate"]["sentences"] == [told]
    # What nobody foresaw is a fault of the program, which has to be found.
    assert ("raise raised" in first.get("traceback", "")) is isinstance(raised, KeyError)
    assert second == {
        "namespace": "ns",
        "name": "monitor-minio",
        "error": "",
        "msg": "well",
        "gate": GATE,
        "buckets": [],
    }
    assert (result["undecided"], result["starting"]) == (["ns/minio"], [])


def test_what_ends_the_program_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_args: t.Any) -> dict:
        raise KeyboardInterrupt

    monkeypatch.setattr(at_once, "run", run)
    with pytest.raises(KeyboardInterrupt):
        read()


def test_those_that_are_not_decided_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {
        "a": {"decided": False, "starting": True},
        "b": {"decided": False, "starting": False},
        "c": {"decided": True, "starting": True},
    }
    monkeypatch.setattr(at_once, "run", lambda _api, params, _progress: {"msg": "", "gate": gates[params["name"]]})
    result = read(["a", "b", "c"])
    assert (result["undecided"], result["starting"]) == (["ns/a", "ns/b"], ["ns/a"])


def test_each_has_its_own_line_in_the_file_of_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    met = threading.Barrier(2, timeout=_PATIENCE)

    def run(_api: t.Any, params: dict, progress: t.Any) -> dict:
        for count in range(200):
            progress("files on {0}-1:/export".format(params["name"]), count)
            progress("files on {0}-2:/{1}".format(params["name"], count % 7), count)
        met.wait()
        return {"msg": "", "gate": GATE}

    monkeypatch.setattr(at_once, "run", run)
    path = tmp_path / "progress"
    assert not any(item["error"] for item in read(progress_file=str(path))["deployments"])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["ns/minio", "ns/monitor-minio"]
    assert lines[0].startswith("ns/minio: 196 files on minio-2:/0; ") or "199 files on minio-1:/export" in lines[0]
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_of_progress_is_written_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = threading.Lock()
    found: list[bool] = []

    def write(*_args: t.Any) -> None:
        found.append(alone.acquire(blocking=False))
        threading.Event().wait(0.05)
        if found[-1]:
            alone.release()

    monkeypatch.setattr(at_once.progress_file, "_write", write)
    monkeypatch.setattr(
        at_once, "run", lambda _api, _params, progress: progress("read", 1) or {"msg": "", "gate": GATE}
    )
    read(["a", "b", "c"], progress_file="/nowhere")
    assert found == [True, True, True]


def test_a_file_that_cannot_be_written_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        at_once, "run", lambda _api, _params, progress: progress("read", 1) or {"msg": "", "gate": GATE}
    )
    result = read(progress_file=str(tmp_path / "nowhere" / "progress"))
    assert not any(item["error"] for item in result["deployments"])
