"""Find a MinIO StatefulSet in the cluster: its pods, port and credentials, and which of its drives are lost.

Credentials come from the environment of the pods and stay in this process.
"""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import contextlib
import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._minio.http import Credentials, Json, Server, Tunnel, server

# The options that say which StatefulSet, and those of the documentation fragment `_minio`, which hold for each.
ONE: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "lost_claims": {"type": "list", "elements": "dict", "default": []},
    "expected_deployment_id": {"type": "str", "default": ""},
}
EACH: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "settle_seconds": {"type": "int", "default": 20},
    "timeout": {"type": "int", "default": 15},
}
# The first pair is for releases since 2021, the second for older ones; a chart may still set the second.
_CREDENTIAL_NAMES = (("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"))
_DEFAULT_PORT = 9000
# Some times what the largest installations have. A number of the cluster's is never counted to before it was looked at.
_MOST_PODS = 2000
_SCHEMES = ("http://", "https://")
_CERTS = ".minio/certs"


@dataclass(frozen=True)
class Deployment:
    """A MinIO StatefulSet: its pods by name (None: not there), the port they listen on, whether they speak TLS there,
    the pods with a lost drive, and the name of MinIO's container."""

    namespace: str
    name: str
    port: int
    pods: t.Dict[str, t.Optional[Json]]
    lost_pods: t.Tuple[str, ...]
    nodes: t.Tuple[str, ...]
    credentials: Credentials
    tls: bool = False
    container: str = ""

    def server(self, pod: str, *, tunnel: Tunnel, timeout: int) -> Server:
        """The server of one of its pods."""
        return server(tunnel, pod=pod, port=self.port, tls=self.tls, credentials=self.credentials, timeout=timeout)


def find(api: KubeApi, *, namespace: str, name: str, lost_claims: t.Sequence[Json]) -> Deployment:
    """Read the StatefulSet, its pods and its credentials. Raises HaError if it is not a MinIO."""
    core = "/api/v1/namespaces/" + namespace
    workload = api.get("/apis/apps/v1/namespaces/{0}/statefulsets/{1}".format(namespace, name))
    if workload is None:
        raise HaError("there is no StatefulSet {0}/{1}".format(namespace, name))
    replicas = workload["spec"].get("replicas")
    replicas = 1 if replicas is None else int(replicas)
    if replicas > _MOST_PODS:
        raise HaError(
            "the StatefulSet {0}/{1} asks for {2} pods, which no MinIO has: correct its spec.replicas".format(
                namespace, name, replicas
            )
        )
    start = int((workload["spec"].get("ordinals") or {}).get("start") or 0)
    names = ["{0}-{1}".format(name, start + i) for i in range(replicas)]
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
        container=str(container.get("name") or ""),
    )


def is_ready(obj: Json) -> bool:
    """Whether a pod, or a node, is Ready and not being deleted."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and "deletionTimestamp" not in obj["metadata"]


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
    """Whether the served URLs use TLS. Without URLs, on a single server: whether certificates are mounted in MinIO's folder.
    Its subfolder CAs only holds trusted authorities."""
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
    """The values of a Secret that are text. Others are no credentials: a Secret that is used as a whole may hold a keystore too."""
    found = api.get("{0}/secrets/{1}".format(core, name))
    values = {}
    for key, value in ((found or {}).get("data") or {}).items():
        with contextlib.suppress(ValueError):
            values[key] = base64.b64decode(value or "").decode("utf-8")
    return values


def _lost_pods(
    api: KubeApi,
    *,
    core: str,
    pods: t.Dict[str, t.Optional[Json]],
    templates: t.Sequence[str],
    lost_claims: t.Sequence[Json],
) -> t.Tuple[str, ...]:
    """The pods whose lost claims are not replaced yet: a new claim is not bound, or the pod is not Ready.

    A pod may have several drives on one node; one drive that is not replaced keeps the pod lost.
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
