# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of this machine, and connection attempts that end as a test wants."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._host import ports


def listener(address: str) -> socket.socket:
    """A listening socket. socket.create_server() came with Python 3.8."""
    found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    found.bind((address, 0))
    found.listen(5)
    return found


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), listener("::1"):
        return True
    return False


def free_port() -> int:
    with listener("127.0.0.1") as server:
        return int(server.getsockname()[1])


def test_a_port_that_listens_is_open_and_another_is_closed_each_once() -> None:
    with listener("127.0.0.1") as server:
        listening, closed = server.getsockname()[1], free_port()
        found = ports.probe(["127.0.0.1", "127.0.0.1"], [listening, closed, closed], timeout=2)
    assert found == (["127.0.0.1:{0}".format(listening)], ["127.0.0.1:{0}".format(closed)])


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    with listener("::1") as server:
        port = server.getsockname()[1]
        assert ports.probe(["::1"], [port], timeout=2) == (["[::1]:{0}".format(port)], [])


def test_without_addresses_or_ports_there_is_nothing_to_say() -> None:
    assert ports.probe([], [22], timeout=2) == ports.probe(["192.0.2.1"], [], timeout=2) == ([], [])


@pytest.mark.parametrize(
    ("error", "closed"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), True),
        (TimeoutError("timed out"), True),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), True),
        (OSError(errno.EMFILE, "Too many open files"), False),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), False),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), False),
    ],
)
def test_only_what_the_other_side_did_makes_a_port_closed(
    error: OSError, *, closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: object) -> None:
        raise error

    monkeypatch.setattr(ports.socket, "create_connection", fails)
    assert ports.probe(["192.0.2.11"], [22], timeout=2) == ([], ["192.0.2.11:22"] if closed else [])


def test_all_are_tried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(10, timeout=20)

    def waits(_pair: object, timeout: float) -> None:
        assert timeout == 3
        together.wait()
        raise TimeoutError

    monkeypatch.setattr(ports.socket, "create_connection", waits)
    start = time.monotonic()
    found = ports.probe(["192.0.2.11", "2001:db8::11"], [22, 6443, 2379, 2380, 10250], timeout=3)
    assert (len(found[0]), len(found[1])) == (0, 10)
    assert time.monotonic() - start < 20
