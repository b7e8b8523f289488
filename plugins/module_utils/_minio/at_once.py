"""Reads several MinIOs at the same time: while a peer is lost each takes many seconds to answer, and none waits for another one."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import threading
import traceback
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._format import qualified
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import progress_file
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Json, check_imports
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.report import together
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.run import failed, run


def read(connection: t.Callable[[], KubeApi], params: Json) -> Json:
    """Read each of `deployments`, in a thread and over a connection of its own. Returns the result of module minio_health_info.

    Nothing is raised for one that can't be read: its item says why, and the others are there.
    """
    asked = [{**params, **item} for item in params["deployments"]]
    tells = progress_file.tellers(
        params["progress_file"], [qualified(item["namespace"], item["name"]) for item in asked]
    )
    lock = threading.Lock()

    def one(item: Json, tell: progress_file.Tell) -> Json:
        check_imports()
        # The client keeps a kubeconfig's certificates in files that its connections share, and hands one out before it is written.
        with lock:
            api = connection()
        return run(api, item, tell)

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
        readings = [pool.submit(one, item, tell) for item, tell in zip(asked, tells)]
    return together([_told(item, reading) for item, reading in zip(asked, readings)])


def _told(item: Json, reading: concurrent.futures.Future[Json]) -> Json:
    """What is said of one MinIO: what was read, or why it could not be. An error that nobody foresaw comes with its traceback."""
    name = {"namespace": item["namespace"], "name": item["name"]}
    exc = reading.exception()
    if exc is None:
        return {**reading.result(), **name, "error": ""}
    if not isinstance(exc, Exception):
        raise exc
    if isinstance(exc, HaError):
        reason, more = str(exc) or "no reason given", {}
    else:
        reason = "{0}: {1}".format(type(exc).__name__, exc)
        more = {"traceback": "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))}
    return {**failed(reason, item), **name, "msg": reason, "error": reason, **more}
