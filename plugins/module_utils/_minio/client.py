"""Ask each pod of a MinIO StatefulSet, through the API server's port-forward, and read objects back.

Each connection is one port-forward into one pod, so that the answer is that pod's own: a Service would answer with any
of them. Credentials come from the pods' environment and stay in this process.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import hashlib
import heapq
import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused, HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.parse import pod_hint
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.health import PodView
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Credentials, Server, Tunnel, server
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.info import OK, parse_info

try:
    import urllib3
    from minio import Minio
    from minio.error import MinioException

    IMPORT_ERROR: t.Optional[str] = None
except ImportError as exc:  # reported by check_imports(), so that documentation works without the packages
    IMPORT_ERROR = str(exc)

Json = t.Dict[str, t.Any]

# The first pair is of 2021 and later, the second of before; a chart may still set the second.
_CREDENTIAL_NAMES = (("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"))
_DEFAULT_PORT = 9000
_SCHEMES = ("http://", "https://")
_CERTS = ".minio/certs"
_SAMPLE_OF_FAILURES = 20
# Seconds, by MinIO's source of 2026.
_DIALS_A_PEER = 5
_WAITS_FOR_PEERS = 10


@dataclass(frozen=True)
class Deployment:
    """A MinIO StatefulSet: its pods by name (None: not there), the port they listen on, whether they speak TLS there,
    and the pods of which a drive is lost."""

    namespace: str
    name: str
    port: int
    pods: t.Dict[str, t.Optional[Json]]
    lost_pods: t.Tuple[str, ...]
    nodes: t.Tuple[str, ...]
    credentials: Credentials
    tls: bool = False

    def server(self, pod: str, *, tunnel: Tunnel, timeout: int) -> Server:
        """The server of one of its pods."""
        return server(tunnel, pod=pod, port=self.port, tls=self.tls, credentials=self.credentials, timeout=timeout)


def check_imports() -> None:
    """Raise HaError with one sentence when a package is missing."""
    if IMPORT_ERROR is not None:
        raise HaError(
            "the Python package 'minio' is missing where this runs ({0}); see requirements.txt".format(IMPORT_ERROR)
        )


def find(api: KubeApi, *, namespace: str, name: str, lost_claims: t.Sequence[Json]) -> Deployment:
    """Read the StatefulSet, its pods and its credentials. Raises HaError when it is none."""
    core = "/api/v1/namespaces/" + namespace
    workload = api.get("/apis/apps/v1/namespaces/{0}/statefulsets/{1}".format(namespace, name))
    if workload is None:
        raise HaError("there is no StatefulSet {0}/{1}".format(namespace, name))
    replicas = workload["spec"].get("replicas")
    start = int((workload["spec"].get("ordinals") or {}).get("start") or 0)
    names = ["{0}-{1}".format(name, start + i) for i in range(1 if replicas is None else int(replicas))]
    by_name = {pod["metadata"]["name"]: pod for pod in api.items(core + "/pods")}
    pods: t.Dict[str, t.Optional[Json]] = {pod: by_name.get(pod) for pod in names}
    spec = next(
        (pod["spec"] for pod in pods.values() if pod is not None and is_ready(pod)),
        workload["spec"]["template"]["spec"],
    )
    container = _container(spec)
    templates = [item["metadata"]["name"] for item in workload["spec"].get("volumeClaimTemplates") or []]
    return Deployment(
        namespace=namespace,
        name=name,
        port=_port(container),
        pods=pods,
        nodes=tuple(item["metadata"]["name"] for item in api.items("/api/v1/nodes") if is_ready(item)),
        lost_pods=_lost_pods(api, core=core, pods=pods, templates=templates, lost_claims=lost_claims),
        credentials=_credentials(api, core=core, container=container),
        tls=_speaks_tls(spec, container),
    )


def is_ready(obj: Json) -> bool:
    """Whether a pod, or a node, is Ready and stays."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and "deletionTimestamp" not in obj["metadata"]


def probe(deployment: Deployment, *, tunnel: Tunnel, timeout: int) -> t.Tuple[PodView, ...]:
    """Ask every pod. A pod that can't be asked has no answer and an error; nothing is raised for it."""

    def ask(item: t.Tuple[str, t.Optional[Json]]) -> PodView:
        return _probe_pod(deployment, item[0], item[1], tunnel=tunnel, timeout=timeout)

    # At once: after a loss each server answers late, since it waits for the dead ones.
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(deployment.pods))) as pool:
        return tuple(pool.map(ask, deployment.pods.items()))


def read_objects(
    deployment: Deployment,
    pod: str,
    *,
    tunnel: Tunnel,
    timeout: int,
    count_max: int,
    read_max: int,
    read_max_bytes: int,
) -> Json:
    """Count the objects of each bucket (up to count_max in all), and read the newest ones whole, compared with length
    and ETag."""
    target = deployment.server(pod, tunnel=tunnel, timeout=timeout)
    client = Minio(
        endpoint=target.host,
        access_key=target.credentials.user,
        secret_key=target.credentials.password,
        secure=target.tls,
        http_client=target.http,
    )
    buckets: t.List[Json] = []
    newest: t.List[t.Tuple[float, str, str, int]] = []
    left = count_max
    try:
        for bucket in client.list_buckets():
            count = size = 0
            complete = True
            for item in client.list_objects(bucket_name=bucket.name, recursive=True):
                if left <= 0:
                    complete = False
                    break
                left, count, size = left - 1, count + 1, size + (item.size or 0)
                if read_max:
                    entry = (
                        item.last_modified.timestamp() if item.last_modified else 0.0,
                        bucket.name,
                        item.object_name,
                        item.size or 0,
                    )
                    (heapq.heappush if len(newest) < read_max else heapq.heappushpop)(newest, entry)
            buckets.append({"name": bucket.name, "objects": count, "bytes": size, "complete": complete})
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise HaError(
            "the objects of {0}/{1} can't be listed: {2}".format(deployment.namespace, deployment.name, _brief(exc))
        ) from exc
    return {"buckets": buckets, "readback": _read_back(client, sorted(newest, reverse=True), limit=read_max_bytes)}


def _read_back(client: t.Any, entries: t.Sequence[t.Tuple[float, str, str, int]], *, limit: int) -> Json:
    done: Json = {"objects": 0, "bytes": 0, "hashed": 0, "failed": 0, "failures": []}
    for _modified, bucket, name, size in entries:
        if done["bytes"] + size > limit:
            continue
        try:
            hashed = _read_one(client, bucket, name, size)
            done["objects"], done["bytes"], done["hashed"] = (
                done["objects"] + 1,
                done["bytes"] + size,
                done["hashed"] + int(hashed),
            )
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            done["failed"] += 1
            if len(done["failures"]) < _SAMPLE_OF_FAILURES:
                done["failures"].append({"bucket": bucket, "object": name, "error": _brief(exc)})
    return done


def _read_one(client: t.Any, bucket: str, name: str, size: int) -> bool:
    """Read an object whole. Returns whether its ETag could be compared: that of a multipart or encrypted object is no
    MD5."""
    response = client.get_object(bucket_name=bucket, object_name=name)
    try:
        digest = hashlib.md5(usedforsecurity=False)  # an ETag is an MD5
        length = 0
        for chunk in response.stream(1024 * 1024):
            digest.update(chunk)
            length += len(chunk)
        etag = (response.headers.get("ETag") or "").strip('"')
        encrypted = any(key.lower().startswith("x-amz-server-side-encryption") for key in response.headers)
    finally:
        response.close()
        response.release_conn()
    if length != size:
        raise ValueError("{0} bytes were read of {1}".format(length, size))
    if encrypted or len(etag) != 32:
        return False
    if digest.hexdigest() != etag:
        raise ValueError("its content does not match its ETag")
    return True


def _probe_pod(deployment: Deployment, name: str, pod: t.Optional[Json], *, tunnel: Tunnel, timeout: int) -> PodView:
    if pod is None:
        return PodView(name, error="there is no such pod")
    node, ready = pod["spec"].get("nodeName") or "", is_ready(pod)
    if "deletionTimestamp" in pod["metadata"]:
        return PodView(name, node, ready, error="the pod is being deleted")
    if (pod.get("status") or {}).get("phase") != "Running":
        why = pod_hint(pod)[:200]
        return PodView(name, node, ready, error="the pod is not running" + (": " + why if why else ""))
    if node not in deployment.nodes:
        return PodView(name, node, ready, error="its node {0} is gone or not Ready".format(node))
    asked = deployment.server(name, tunnel=tunnel, timeout=timeout)
    # Before it tells of itself a server dials each dead peer, one after the other, and then waits for its live peers,
    # which do the same.
    patience = timeout + _DIALS_A_PEER * len(deployment.pods) + _WAITS_FOR_PEERS
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            live = asked.status("/minio/health/live")
            checks = [pool.submit(asked.status, "/minio/health/cluster" + query) for query in ("", "?maintenance=true")]
            told = pool.submit(asked.admin, "GET", "info", timeout=patience)
            cluster, maintenance = (check.result() for check in checks)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            return PodView(name, node, ready, error=_brief(exc), timed_out=isinstance(exc, _late()))
        try:
            answer = told.result()
            info = parse_info(answer)
        except (HaError, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            late = isinstance(exc, _late())
            return PodView(name, node, ready, live, cluster, maintenance, error=_brief(exc), timed_out=late)
    if info.erasure and not (info.pools and all(drive.state == OK for drive in info.drives)):
        with contextlib.suppress(HaError, urllib3.exceptions.HTTPError, OSError, ValueError):
            info = parse_info(answer, asked.admin("GET", "storageinfo"))
    if not info.deployment_id:
        return PodView(name, node, ready, live, cluster, maintenance, error="the server is still starting")
    return PodView(name, node, ready, live, cluster, maintenance, info)


def _late() -> t.Tuple[t.Type[BaseException], ...]:
    return (urllib3.exceptions.TimeoutError, TimeoutError)


def _container(spec: Json) -> Json:
    containers = t.cast("t.List[Json]", spec["containers"])
    wanted = {name for pair in _CREDENTIAL_NAMES for name in pair}
    return next(
        (item for item in containers if any(env["name"] in wanted for env in item.get("env") or [])), containers[0]
    )


def _port(container: Json) -> int:
    """The port of --address, of the URLs served, or of the container's port list."""
    words = _words(container)
    addresses = [word.split("=", 1)[1] for word in words if word.startswith("--address=")]
    addresses += [following for word, following in zip(words, words[1:]) if word == "--address"]
    addresses += [word.split("/")[2] for word in words if word.startswith(_SCHEMES)]
    for address in addresses:
        tail = address.rsplit(":", 1)[-1]
        if tail.isdigit():
            return int(tail)
    ports = container.get("ports") or []
    names = ("http", "https", "api", "minio", "service")
    named = [item["containerPort"] for item in ports if item.get("name") in names]
    return int(named[0] if named else ports[0]["containerPort"] if len(ports) == 1 else _DEFAULT_PORT)


def _speaks_tls(spec: Json, container: Json) -> bool:
    """The URLs that are served tell it. Without URLs, on a single server: certificates mounted where it looks for them.
    What is mounted below that, in CAs, are authorities it trusts."""
    words = _words(container)
    schemes = {word.split(":", 1)[0] for word in words if word.startswith(_SCHEMES)}
    if schemes:
        return "https" in schemes
    given = [word.split("=", 1)[1] for word in words if word.startswith(("--certs-dir=", "-S="))]
    given += [following for word, following in zip(words, words[1:]) if word in ("--certs-dir", "-S")]
    secret = {item["name"] for item in spec.get("volumes") or [] if "secret" in item or "projected" in item}
    mounts = [item["mountPath"].rstrip("/") for item in container.get("volumeMounts") or [] if item["name"] in secret]
    return any(path in [folder.rstrip("/") for folder in given] or path.endswith(_CERTS) for path in mounts)


def _words(container: Json) -> t.List[str]:
    arguments = (container.get("command") or []) + (container.get("args") or [])
    return [word for argument in arguments for word in str(argument).split()]


def _credentials(api: KubeApi, *, core: str, container: Json) -> Credentials:
    values: t.Dict[str, str] = {}
    for source in container.get("envFrom") or []:
        if source.get("secretRef"):
            for key, value in _secret(api, core, source["secretRef"]["name"]).items():
                values[(source.get("prefix") or "") + key] = value
    for item in container.get("env") or []:
        reference = (item.get("valueFrom") or {}).get("secretKeyRef")
        if reference:
            values[item["name"]] = _secret(api, core, reference["name"]).get(reference["key"], "")
        elif item.get("value"):
            values[item["name"]] = item["value"]
    for user, password in _CREDENTIAL_NAMES:
        if values.get(user) and values.get(password):
            return Credentials(values[user], values[password])
    raise HaError("the pods of this StatefulSet carry no MinIO credentials in their environment: is it MinIO?")


def _secret(api: KubeApi, core: str, name: str) -> t.Dict[str, str]:
    found = api.get("{0}/secrets/{1}".format(core, name))
    return {key: base64.b64decode(value).decode("utf-8") for key, value in ((found or {}).get("data") or {}).items()}


def _lost_pods(
    api: KubeApi,
    *,
    core: str,
    pods: t.Dict[str, t.Optional[Json]],
    templates: t.Sequence[str],
    lost_claims: t.Sequence[Json],
) -> t.Tuple[str, ...]:
    """The pods of lost claims that are not replaced: of any of them no new claim is bound, or the pod is not Ready yet.

    A pod may have several drives. They are in one folder of one node, so one that is not replaced keeps the pod lost.
    """
    lost = {claim["name"]: claim["uid"] for claim in lost_claims}

    def renewed(name: str) -> bool:
        claim = api.get("{0}/persistentvolumeclaims/{1}".format(core, name))
        return claim is not None and claim["metadata"]["uid"] != lost[name] and claim["status"].get("phase") == "Bound"

    result = []
    for name, pod in pods.items():
        claims = ["{0}-{1}".format(template, name) for template in templates]
        claims = [claim for claim in claims if claim in lost]
        if claims and (pod is None or not is_ready(pod) or not all(renewed(claim) for claim in claims)):
            result.append(name)
    return tuple(result)


def tunnel_to(api: KubeApi, namespace: str) -> Tunnel:
    """Return what opens a connection to a port of a pod of this namespace."""

    def connect(pod: str, port: int) -> t.Any:
        try:
            return api.socket_to_pod(namespace, pod, port)
        except ApiRefused as exc:
            raise OSError(str(exc)) from exc

    return connect


def _brief(exc: BaseException) -> str:
    if isinstance(exc, (OSError, urllib3.exceptions.HTTPError)):
        cause = exc.args[-1] if exc.args and isinstance(exc.args[-1], BaseException) else exc
        return "{0}".format(getattr(cause, "strerror", None) or cause)[:200]
    text = str(exc).strip().splitlines()
    return "{0}: {1}".format(type(exc).__name__, text[0][:200] if text else "no reason given")
