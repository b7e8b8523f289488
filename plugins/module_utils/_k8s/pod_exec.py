"""Runs a command in a container of a pod, through the API server."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, ApiUnavailable
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi, first_line

with contextlib.suppress(ImportError):  # reported by connect() of client
    import yaml
    from kubernetes import client
    from kubernetes.stream import ws_client


def exec_in_pod(
    api: KubeApi,
    namespace: str,
    pod: str,
    *,
    container: str,
    command: t.Sequence[str],
    idle: float,
    deadline: float,
) -> t.Iterator[str]:
    """Run a command in a container, and yield the lines of its output as they come. `idle` is the most seconds between two of
    them, `deadline` a time of the monotonic clock.

    Raises ApiRefused when the API server does not allow it or can't run it, and ApiUnavailable for a connection that breaks, a limit of
    time, or a command that fails.
    """
    configuration = api.configuration
    url = "{0}/api/v1/namespaces/{1}/pods/{2}/exec".format(configuration.host, namespace, pod)
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), ("command", list(command))]
    settings = configuration.auth_settings().values()
    headers = {item["key"]: item["value"] for item in settings if item["in"] == "header"}
    # The protocol, which the client for exec adds itself and this call does not.
    headers["sec-websocket-protocol"] = "v4.channel.k8s.io"
    where = "{0}/{1}".format(namespace, pod)
    try:
        stream = ws_client.websocket_call(
            configuration,
            "GET",
            url,
            query_params=query,
            headers=headers,
            _preload_content=False,
            capture_all=False,
        )
    except client.ApiException as exc:
        raise ApiRefused("exec", where, exc.status or 0, first_line(exc.reason)) from exc
    try:
        yield from _lines(api, stream, where, idle, deadline)
    except _broken() as exc:
        raise ApiUnavailable(api.server, first_line(exc)) from exc
    finally:
        stream.close()


def _lines(api: KubeApi, stream: t.Any, where: str, idle: float, deadline: float) -> t.Iterator[str]:
    rest, errors, last = "", "", time.monotonic()
    while stream.is_open():
        stream.update(timeout=1)
        errors = (errors + stream.read_channel(ws_client.STDERR_CHANNEL))[:1000]
        text = stream.read_channel(ws_client.STDOUT_CHANNEL)
        now = time.monotonic()
        if text:
            last = now
            lines = (rest + text).split("\n")
            rest = lines.pop()
            yield from lines
        elif now - last > idle or now > deadline:
            raise ApiUnavailable(api.server, "the command in {0} gave no output in time".format(where))
        if now > deadline:
            raise ApiUnavailable(api.server, "the command in {0} did not end in time".format(where))
    if rest:
        yield rest
    told = yaml.safe_load(stream.read_channel(ws_client.ERROR_CHANNEL) or "{}")
    if not isinstance(told, dict) or told.get("status") != "Success":
        message = errors or (told.get("message") if isinstance(told, dict) else "") or "the connection broke"
        raise ApiRefused("exec", where, 0, first_line(message))


def _broken() -> t.Tuple[t.Type[BaseException], ...]:
    """What a websocket raises when it breaks."""
    from websocket import WebSocketException

    return (WebSocketException, OSError, yaml.YAMLError)
