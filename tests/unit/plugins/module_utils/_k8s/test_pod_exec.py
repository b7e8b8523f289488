# SPDX-License-Identifier: GPL-3.0-or-later
"""Against a stand-in of the API server's exec: a websocket that speaks v4.channel.k8s.io."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import struct
import threading
import time
import typing as t
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, ApiUnavailable
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.pod_exec import exec_in_pod
from kubernetes import client

DONE = b'{"metadata":{},"status":"Success"}'


class StandInExec(threading.Thread):
    """Answers one websocket with frames of (channel, data); a number is a pause in seconds, `cut` ends without a farewell."""

    def __init__(
        self, *frames: tuple[int, bytes] | float, status: str = "101 Switching Protocols", cut: bool = False
    ) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.frames, self.status, self.cut = frames, status, cut
        self.request = ""
        self.start()

    def run(self) -> None:
        sock, _address = self.listener.accept()
        # The client may go before the end.
        with sock, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(65536)
            self.request = head.decode()
            key = next(
                line.split(": ")[1]
                for line in self.request.splitlines()
                if line.lower().startswith("sec-websocket-key")
            )
            digest = hashlib.sha1(
                (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode(), usedforsecurity=False
            ).digest()
            sock.sendall(
                f"HTTP/1.1 {self.status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            if not self.status.startswith("101"):
                return
            for frame in self.frames:
                if isinstance(frame, float):
                    time.sleep(frame)
                    continue
                data = bytes([frame[0]]) + frame[1]
                length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
                sock.sendall(b"\x82" + length + data)
            if not self.cut:
                sock.sendall(b"\x88\x00")
                time.sleep(0.2)


def lines(server: StandInExec, *, idle: float = 20, seconds: float = 20) -> list[str]:
    configuration = client.Configuration()
    configuration.host = "http://127.0.0.1:{0}".format(server.listener.getsockname()[1])
    configuration.api_key = {"authorization": "Bearer a-token"}
    api = KubeApi(api_client=client.ApiClient(configuration))
    deadline = time.monotonic() + seconds
    command = ["sh", "-c", "echo 'a b'"]
    return list(exec_in_pod(api, "ns", "minio-0", container="minio", command=command, idle=idle, deadline=deadline))


def test_the_lines_come_whole_however_they_are_cut() -> None:
    server = StandInExec(
        (1, b"one\nt"), 0.1, (1, b"wo\n"), (2, b"warning"), (1, b"x" * 500), (1, b"\nend\n"), (3, DONE)
    )
    assert lines(server) == ["one", "two", "x" * 500, "end"]


def test_it_asks_for_the_container_the_command_and_no_input() -> None:
    server = StandInExec((3, DONE))
    assert lines(server) == []
    url = urlsplit(server.request.split()[1])
    assert url.path == "/api/v1/namespaces/ns/pods/minio-0/exec"
    assert parse_qs(url.query) == {
        "container": ["minio"],
        "stdout": ["true"],
        "stderr": ["true"],
        "command": ["sh", "-c", "echo 'a b'"],
    }
    assert "authorization: Bearer a-token" in server.request


@pytest.mark.parametrize(
    ("server", "error", "words"),
    [
        ({"status": "403 Forbidden"}, ApiRefused, "403"),
        (
            {
                "frames": [
                    (1, b"+\n"),
                    (2, b"there is no program stat\n"),
                    (3, b'{"status":"Failure","message":"exit 3"}'),
                ]
            },
            ApiRefused,
            "no program stat",
        ),
        ({"frames": [(3, b'{"status":"Failure","message":"no such container"}')]}, ApiRefused, "no such container"),
        ({"frames": [(1, b"one\n")]}, ApiRefused, "the connection broke"),
        ({"frames": [(1, b"one\n")], "cut": True}, ApiUnavailable, "does not answer"),
        ({"frames": [(1, b"one\n"), 4.0]}, ApiUnavailable, "no output in time"),
    ],
)
def test_what_does_not_end_well_is_an_error(server: dict[str, t.Any], error: type[Exception], words: str) -> None:
    frames = server.pop("frames", [])
    with pytest.raises(error, match=words):
        lines(StandInExec(*frames, **server), idle=1)


def test_a_command_that_does_not_end_is_stopped_at_the_deadline() -> None:
    endless: list[t.Any] = [part for _ in range(100) for part in ((1, b"line\n"), 0.1)]
    with pytest.raises(ApiUnavailable, match="in time"):
        lines(StandInExec(*endless), seconds=1)
