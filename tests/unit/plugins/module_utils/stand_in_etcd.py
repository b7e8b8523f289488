# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for kubectl and etcdctl: a runner that plays an etcd cluster from the answers in fixtures/etcd."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).parents[2] / "fixtures" / "etcd"
DEAD = (1, "", (ANSWERS / "dead-endpoint.stderr").read_text(encoding="utf-8") + "command terminated with exit code 1\n")


def answer(name: str) -> Any:
    return json.loads((ANSWERS / name).read_text(encoding="utf-8"))


class StandInEtcd:
    """Call it like a Runner. `dead` holds names of members whose endpoint does not answer; `calls` is what was run."""

    def __init__(self, *, members: str = "member-list.json", dead: Sequence[str] = (), me: str = "master-2") -> None:
        self.listing = answer(members)
        self.dead = set(dead)
        self.calls: list[list[str]] = []
        self.me = me
        self.alarms = answer("alarm-list.json")
        self.remove_rc = 0
        self.removal_happens = True
        self.has_snapshot_status = True
        self.snapshot_bytes = snapshot_bytes()
        self.snapshot_revision = 21

    def __call__(self, argv: Sequence[str]) -> tuple[int, str, str]:
        assert all(isinstance(word, str) for word in argv)
        self.calls.append(list(argv))
        inner = list(argv[argv.index("--") + 1 :])
        if inner[0] == "etcdutl":
            return self._said({"revision": self.snapshot_revision})
        words = [word for word in inner if not word.startswith("-")]
        endpoint = inner[inner.index("--endpoints") + 1]
        # etcdctl, endpoint, three paths, then the command; -w takes "json".
        return self._command(words[5:], endpoint)

    def member(self, name: str) -> dict[str, Any]:
        return next(item for item in self.listing["members"] if item.get("name") == name)

    def id_of(self, name: str) -> str:
        return "{0:x}".format(self.member(name)["ID"])

    def commands(self) -> list[str]:
        found = []
        for argv in self.calls:
            words = [word for word in argv[argv.index("--") + 1 :] if not word.startswith("-")]
            found.append(" ".join(words[5:7] if words[0] == "etcdctl" else words[:3]))
        return found

    def _command(self, words: list[str], endpoint: str) -> tuple[int, str, str]:
        if words[:2] == ["member", "list"]:
            return self._said(self.listing)
        if words[:2] == ["alarm", "list"]:
            return self._said(self.alarms)
        if words[:2] == ["endpoint", "status"]:
            return self._said(answer("endpoint-status.json"))
        if words[:2] == ["member", "remove"]:
            return self._remove(words[2])
        if words[:2] == ["snapshot", "save"]:
            Path(words[2]).write_bytes(self.snapshot_bytes)
            return 0, "Snapshot saved at {0}\n".format(words[2]), ""
        if words[:2] == ["snapshot", "status"]:
            if not self.has_snapshot_status:
                return 1, "", 'Error: unknown command "status" for "etcdctl snapshot"\n'
            return self._said({**answer("snapshot-status.json"), "revision": self.snapshot_revision})
        assert words[:2] == ["get", "health"]
        return self._read(endpoint)

    def _read(self, endpoint: str) -> tuple[int, str, str]:
        own = "127.0.0.1" in endpoint
        item = self.member(self.me) if own else self._behind(endpoint)
        if item.get("name") in self.dead:
            return DEAD
        body = copy.deepcopy(answer("get-health.json"))
        body["header"]["member_id"] = item["ID"]
        return self._said(body)

    def _behind(self, endpoint: str) -> dict[str, Any]:
        return next(item for item in self.listing["members"] if endpoint in item.get("clientURLs", ()))

    def _remove(self, member_id: str) -> tuple[int, str, str]:
        if self.removal_happens:
            left = [item for item in self.listing["members"] if "{0:x}".format(item["ID"]) != member_id]
            self.listing = {**self.listing, "members": left}
        if self.remove_rc:
            return self.remove_rc, "", "Error: etcdserver: request timed out\n"
        return self._said(answer("member-remove.json"))

    @staticmethod
    def _said(body: Any) -> tuple[int, str, str]:
        return 0, json.dumps(body) + "\n", ""


def snapshot_bytes(pages: int = 40) -> bytes:
    """A file of the shape of a snapshot: so many pages and the hash of them."""
    database = bytes(range(256)) * 2 * pages
    return database + hashlib.sha256(database).digest()
