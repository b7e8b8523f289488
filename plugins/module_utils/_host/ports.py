"""Probes which TCP ports of other machines accept a connection from this host, in parallel."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import errno
import socket
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import host_port

# Any other error, such as no free descriptor or no IPv6 on this host, proves nothing about the other machine.
_CLOSED = (
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ETIMEDOUT,
)
_AT_ONCE = 64


def probe(addresses: t.Sequence[str], ports: t.Sequence[int], *, timeout: float) -> t.Tuple[t.List[str], t.List[str]]:
    """Try every port of every address for at most `timeout` seconds; return (open, closed), each entry as ADDRESS:PORT or [ADDRESS]:PORT.

    Closed ports refused, did not answer in time or were unreachable. A probe that failed on this host itself is in neither list.
    """
    pairs = list(dict.fromkeys((address, port) for address in addresses for port in ports))
    if not pairs:
        return [], []
    with ThreadPoolExecutor(max_workers=min(len(pairs), _AT_ONCE)) as pool:
        answers = list(pool.map(lambda pair: _accepts(pair, timeout), pairs))
    found = [(host_port(*pair), answer) for pair, answer in zip(pairs, answers)]
    return [name for name, answer in found if answer], [name for name, answer in found if answer is False]


def _accepts(pair: t.Tuple[str, int], timeout: float) -> t.Optional[bool]:
    """Whether a connection was accepted; None if the probe failed on this host."""
    try:
        socket.create_connection(pair, timeout).close()
    # One class since Python 3.10.
    except (socket.timeout, TimeoutError):
        return False
    except OSError as exc:
        return False if exc.errno in _CLOSED else None
    return True
